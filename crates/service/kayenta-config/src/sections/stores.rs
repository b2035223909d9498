//! The kinds of account whose adapters do not read their own section yet: what each is, and its reader.

use kayenta_accounts::{
    AccountKind, AccountSettings, LeftOutMessage, Registered, Section, Service,
};
use kayenta_model::AccountType;

use super::{cloud, configbin as bin, http_json as any_json, metric_stores};
use crate::settings::{
    AtlasAccount, AwsAccount, ConfigBinAccount, DatadogAccount, GoogleAccount, GraphiteAccount,
    HttpJsonAccount, InfluxDbAccount, NewRelicAccount, PrometheusAccount, SignalFxAccount,
    WavefrontAccount,
};

/// ConfigBin.
pub static CONFIGBIN: AccountKind = AccountKind::new("configbin", "ConfigBin");
/// Atlas.
pub static ATLAS: AccountKind = AccountKind::new("atlas", "Atlas");
/// AWS (S3).
pub static AWS: AccountKind = AccountKind {
    services: &[Service {
        name: "s3",
        account_type: AccountType::ObjectStore,
    }],
    registered: Registered::LateUnless("s3"),
    ..AccountKind::new("aws", "AWS")
};
/// Datadog.
pub static DATADOG: AccountKind = AccountKind::new("datadog", "Datadog");
/// Graphite.
pub static GRAPHITE: AccountKind = AccountKind::new("graphite", "Graphite");
/// InfluxDB.
pub static INFLUXDB: AccountKind = AccountKind::new("influxdb", "influxDb");
/// New Relic Insights.
pub static NEWRELIC: AccountKind = AccountKind {
    unique_names: true,
    ..AccountKind::new("newrelic", "New Relic")
};
/// Prometheus.
pub static PROMETHEUS: AccountKind = AccountKind {
    left_out: LeftOutMessage::ProblemRegistering,
    ..AccountKind::new("prometheus", "Prometheus")
};
/// SignalFx.
pub static SIGNALFX: AccountKind = AccountKind {
    unique_names: true,
    ..AccountKind::new("signalfx", "SignalFx")
};
/// Wavefront.
pub static WAVEFRONT: AccountKind = AccountKind::new("wavefront", "Wavefront");
/// Any server that answers with JSON.
pub static HTTP_JSON: AccountKind = AccountKind::new("http-json", "http-json");
/// Google Cloud (Cloud Monitoring, Cloud Storage).
pub static GOOGLE: AccountKind = AccountKind {
    services: &[
        Service {
            name: "gcs",
            account_type: AccountType::ObjectStore,
        },
        Service {
            name: "stackdriver",
            account_type: AccountType::MetricsStore,
        },
    ],
    registered: Registered::Late,
    ..AccountKind::new("google", "Google")
};

/// Readers of sections, each of which repeats name and types beside the rest of an account.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $account:ty = $read:expr;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(section: &Section<'_>) -> Vec<AccountSettings<$account>> {
                section
                    .accounts($read)
                    .into_iter()
                    .map(|account| {
                        AccountSettings::new(
                            account.name.clone(),
                            account.supported_types.clone(),
                            account,
                        )
                    })
                    .collect()
            }
        )*
    };
}

readers! {
    /// Accounts of ConfigBin.
    configbin: ConfigBinAccount = bin::configbin;
    /// Accounts of Atlas.
    atlas: AtlasAccount = metric_stores::atlas;
    /// Accounts of AWS.
    aws: AwsAccount = cloud::aws;
    /// Accounts of Datadog.
    datadog: DatadogAccount = metric_stores::datadog;
    /// Accounts of Graphite.
    graphite: GraphiteAccount = metric_stores::graphite;
    /// Accounts of InfluxDB.
    influxdb: InfluxDbAccount = metric_stores::influxdb;
    /// Accounts of New Relic.
    newrelic: NewRelicAccount = metric_stores::newrelic;
    /// Accounts of Prometheus.
    prometheus: PrometheusAccount = metric_stores::prometheus;
    /// Accounts of SignalFx.
    signalfx: SignalFxAccount = metric_stores::signalfx;
    /// Accounts of Wavefront.
    wavefront: WavefrontAccount = metric_stores::wavefront;
    /// Accounts of any server that answers with JSON.
    http_json: HttpJsonAccount = any_json::account;
    /// Accounts of Google Cloud.
    google: GoogleAccount = cloud::google;
}

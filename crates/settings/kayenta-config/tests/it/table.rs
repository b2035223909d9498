//! The kinds of account the service has, for the tests.

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_atlas::AtlasAccount;
use kayenta_azure::AzureAccount;
use kayenta_config::{Diagnostic, EnvironmentView, Settings, SkippedAccount};
use kayenta_configbin::ConfigBinAccount;
use kayenta_datadog::DatadogAccount;
use kayenta_gcs::GcsSection;
use kayenta_graphite::GraphiteAccount;
use kayenta_http_json::HttpJsonAccount;
use kayenta_influxdb::InfluxDbAccount;
use kayenta_newrelic::NewRelicAccount;
use kayenta_prometheus::PrometheusAccount;
use kayenta_s3::S3Section;
use kayenta_signalfx::SignalFxAccount;
use kayenta_stackdriver::section::GoogleMetrics;
use kayenta_storage::DiskAccount;
use kayenta_wavefront::WavefrontAccount;

/// What an account of one of the kinds has.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Azure(Option<AzureAccount>),
    Memory,
    Disk(DiskAccount),
    ConfigBin(ConfigBinAccount),
    Atlas(AtlasAccount),
    Aws(Option<S3Section>),
    Datadog(DatadogAccount),
    Graphite(GraphiteAccount),
    InfluxDb(InfluxDbAccount),
    NewRelic(NewRelicAccount),
    Prometheus(PrometheusAccount),
    SignalFx(SignalFxAccount),
    Wavefront(WavefrontAccount),
    HttpJson(HttpJsonAccount),
    Google(Box<(Option<GcsSection>, GoogleMetrics)>),
}

type Reader = fn(&Section<'_>) -> Vec<AccountSettings<Store>>;

#[derive(Debug)]
pub(crate) struct Kind(&'static AccountKind, Reader);

impl AccountSection for Kind {
    type Store = Store;

    fn kind(&self) -> &'static AccountKind {
        self.0
    }

    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
        (self.1)(section)
    }
}

fn all<T>(accounts: Vec<AccountSettings<T>>, store: fn(T) -> Store) -> Vec<AccountSettings<Store>> {
    accounts
        .into_iter()
        .map(|account| account.map(store))
        .collect()
}

pub(crate) static TABLE: &[Kind] = &[
    Kind(&kayenta_azure::DESCRIPTION.kind, |section| {
        all(kayenta_azure::accounts(section), Store::Azure)
    }),
    Kind(&kayenta_configbin::DESCRIPTION.kind, |section| {
        all(kayenta_configbin::accounts(section), Store::ConfigBin)
    }),
    Kind(&kayenta_storage::MEMORY.kind, |section| {
        all((kayenta_storage::MEMORY.read)(section), |_| Store::Memory)
    }),
    Kind(&kayenta_storage::DISK.kind, |section| {
        all(kayenta_storage::disk_accounts(section), Store::Disk)
    }),
    Kind(kayenta_atlas::SECTION.kind, |section| {
        all(kayenta_atlas::section::read(section), Store::Atlas)
    }),
    Kind(&kayenta_s3::DESCRIPTION.kind, |section| {
        all(kayenta_s3::accounts(section), Store::Aws)
    }),
    Kind(kayenta_datadog::SECTION.kind, |section| {
        all(kayenta_datadog::section::read(section), Store::Datadog)
    }),
    Kind(kayenta_graphite::SECTION.kind, |section| {
        all(kayenta_graphite::section::read(section), Store::Graphite)
    }),
    Kind(kayenta_influxdb::SECTION.kind, |section| {
        all(kayenta_influxdb::section::read(section), Store::InfluxDb)
    }),
    Kind(kayenta_newrelic::SECTION.kind, |section| {
        all(kayenta_newrelic::section::read(section), Store::NewRelic)
    }),
    Kind(kayenta_prometheus::SECTION.kind, |section| {
        all(
            kayenta_prometheus::section::read(section),
            Store::Prometheus,
        )
    }),
    Kind(kayenta_signalfx::SECTION.kind, |section| {
        all(kayenta_signalfx::section::read(section), Store::SignalFx)
    }),
    Kind(kayenta_wavefront::SECTION.kind, |section| {
        all(kayenta_wavefront::section::read(section), Store::Wavefront)
    }),
    Kind(kayenta_http_json::SECTION.kind, |section| {
        all(kayenta_http_json::section::read(section), Store::HttpJson)
    }),
    Kind(&kayenta_gcs::DESCRIPTION.kind, |section| {
        let metrics = kayenta_stackdriver::section::read(section);
        let both = kayenta_gcs::accounts(section).into_iter().zip(metrics);
        both.map(|(objects, metrics)| {
            objects.map(|gcs| Store::Google(Box::new((gcs, metrics.store))))
        })
        .collect()
    }),
];

/// What was loaded, accounts by kind.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) environment: EnvironmentView,
    pub(crate) files: Vec<String>,
}

impl Loaded {
    /// The warnings about what the files say, without those about what they leave out.
    pub(crate) fn oddities(&self) -> Vec<&Diagnostic> {
        let left_out = [Some("kayenta"), Some("kayenta.disk.enabled")];
        self.warnings
            .iter()
            .filter(|warning| {
                warning.severity != kayenta_config::Severity::Note
                    && !left_out.contains(&warning.property.as_deref())
            })
            .collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) azure: Vec<AccountSettings<Option<AzureAccount>>>,
    pub(crate) configbin: Vec<AccountSettings<ConfigBinAccount>>,
    pub(crate) memory: Vec<AccountSettings<()>>,
    pub(crate) disk: Vec<DiskAccount>,
    pub(crate) atlas: Vec<AccountSettings<AtlasAccount>>,
    pub(crate) aws: Vec<AccountSettings<Option<S3Section>>>,
    pub(crate) datadog: Vec<AccountSettings<DatadogAccount>>,
    pub(crate) graphite: Vec<AccountSettings<GraphiteAccount>>,
    pub(crate) influxdb: Vec<AccountSettings<InfluxDbAccount>>,
    pub(crate) newrelic: Vec<AccountSettings<NewRelicAccount>>,
    pub(crate) prometheus: Vec<AccountSettings<PrometheusAccount>>,
    pub(crate) signalfx: Vec<AccountSettings<SignalFxAccount>>,
    pub(crate) wavefront: Vec<AccountSettings<WavefrontAccount>>,
    pub(crate) http_json: Vec<AccountSettings<HttpJsonAccount>>,
    pub(crate) google: Vec<AccountSettings<(Option<GcsSection>, GoogleMetrics)>>,
    pub(crate) registration_order: Vec<(&'static str, String)>,
    pub(crate) enabled: Vec<String>,
    pub(crate) skipped: Vec<SkippedAccount>,
}

impl Accounts {
    pub(crate) fn store_enabled(&self, name: &str) -> bool {
        self.enabled.iter().any(|enabled| enabled == name)
    }
}

impl From<kayenta_config::Loaded<Store>> for Loaded {
    fn from(loaded: kayenta_config::Loaded<Store>) -> Self {
        let mut accounts = Accounts {
            enabled: loaded.accounts.enabled,
            skipped: loaded.accounts.skipped,
            ..Accounts::default()
        };
        for (kind, account) in loaded.accounts.registered {
            let name = account.name.clone();
            accounts.registration_order.push((kind.name, name));
            let facts = account.clone().map(|_| ());
            match account.store {
                Store::Azure(azure) => accounts.azure.push(facts.map(|()| azure)),
                Store::ConfigBin(store) => accounts.configbin.push(facts.map(|()| store)),
                Store::Memory => accounts.memory.push(facts),
                Store::Disk(account) => accounts.disk.push(account),
                Store::Atlas(store) => accounts.atlas.push(facts.map(|()| store)),
                Store::Aws(store) => accounts.aws.push(facts.map(|()| store)),
                Store::Datadog(store) => accounts.datadog.push(facts.map(|()| store)),
                Store::Graphite(store) => accounts.graphite.push(facts.map(|()| store)),
                Store::InfluxDb(store) => accounts.influxdb.push(facts.map(|()| store)),
                Store::NewRelic(store) => accounts.newrelic.push(facts.map(|()| store)),
                Store::Prometheus(store) => accounts.prometheus.push(facts.map(|()| store)),
                Store::SignalFx(store) => accounts.signalfx.push(facts.map(|()| store)),
                Store::Wavefront(store) => accounts.wavefront.push(facts.map(|()| store)),
                Store::HttpJson(store) => accounts.http_json.push(facts.map(|()| store)),
                Store::Google(store) => accounts.google.push(facts.map(|()| *store)),
            }
        }
        Self {
            settings: loaded.settings,
            accounts,
            warnings: loaded.warnings,
            environment: loaded.environment,
            files: loaded.files,
        }
    }
}

//! The kinds of account this service has: the only list of them.

use std::sync::Arc;

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_config::{
    settings::{
        AtlasAccount, AwsAccount, ConfigBinAccount, DatadogAccount, GoogleAccount, GraphiteAccount,
        HttpJsonAccount, InfluxDbAccount, NewRelicAccount, PrometheusAccount, SignalFxAccount,
        WavefrontAccount,
    },
    stores,
};
use kayenta_storage::{ObjectAccount, ObjectStoreDescription};

/// What accounts of one kind have.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    ConfigBin(ConfigBinAccount),
    Objects(Option<Arc<dyn ObjectAccount>>),
    Atlas(AtlasAccount),
    Aws(AwsAccount),
    Datadog(DatadogAccount),
    Graphite(GraphiteAccount),
    InfluxDb(InfluxDbAccount),
    NewRelic(NewRelicAccount),
    Prometheus(PrometheusAccount),
    SignalFx(SignalFxAccount),
    Wavefront(WavefrontAccount),
    HttpJson(HttpJsonAccount),
    Google(GoogleAccount),
}

/// Every configured account.
pub(crate) type Accounts = kayenta_config::Accounts<Store>;

/// A configuration with the accounts of this service.
pub(crate) type Loaded = kayenta_config::Loaded<Store>;

/// One kind of account.
#[derive(Debug)]
pub(crate) enum Kind {
    /// An object store.
    Objects(&'static ObjectStoreDescription),
    /// A kind whose adapter does not describe itself yet.
    Other(
        &'static AccountKind,
        fn(&Section<'_>) -> Vec<AccountSettings<Store>>,
    ),
}

impl AccountSection for Kind {
    type Store = Store;

    fn kind(&self) -> &'static AccountKind {
        match self {
            Self::Objects(description) => &description.kind,
            Self::Other(kind, _) => kind,
        }
    }

    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
        match self {
            Self::Objects(description) => all((description.read)(section), Store::Objects),
            Self::Other(_, read) => read(section),
        }
    }
}

impl Kind {
    /// The crate that logs for the kind, and the loggers of the reference that stand for it.
    pub(crate) fn loggers(&self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Objects(description) => Some((description.log_target, description.java_loggers)),
            Self::Other(..) => None,
        }
    }
}

/// Every kind, in the order the reference registers them.
pub(crate) static KINDS: &[Kind] = &[
    Kind::Objects(&kayenta_azure::DESCRIPTION),
    Kind::Other(&stores::CONFIGBIN, |section| {
        all(stores::configbin(section), Store::ConfigBin)
    }),
    Kind::Objects(&kayenta_storage::MEMORY),
    Kind::Objects(&kayenta_storage::DISK),
    Kind::Other(&stores::ATLAS, |section| {
        all(stores::atlas(section), Store::Atlas)
    }),
    Kind::Other(&stores::AWS, |section| {
        all(stores::aws(section), Store::Aws)
    }),
    Kind::Other(&stores::DATADOG, |section| {
        all(stores::datadog(section), Store::Datadog)
    }),
    Kind::Other(&stores::GRAPHITE, |section| {
        all(stores::graphite(section), Store::Graphite)
    }),
    Kind::Other(&stores::INFLUXDB, |section| {
        all(stores::influxdb(section), Store::InfluxDb)
    }),
    Kind::Other(&stores::NEWRELIC, |section| {
        all(stores::newrelic(section), Store::NewRelic)
    }),
    Kind::Other(&stores::PROMETHEUS, |section| {
        all(stores::prometheus(section), Store::Prometheus)
    }),
    Kind::Other(&stores::SIGNALFX, |section| {
        all(stores::signalfx(section), Store::SignalFx)
    }),
    Kind::Other(&stores::WAVEFRONT, |section| {
        all(stores::wavefront(section), Store::Wavefront)
    }),
    Kind::Other(&stores::HTTP_JSON, |section| {
        all(stores::http_json(section), Store::HttpJson)
    }),
    Kind::Other(&stores::GOOGLE, |section| {
        all(stores::google(section), Store::Google)
    }),
];

fn all<T>(accounts: Vec<AccountSettings<T>>, store: fn(T) -> Store) -> Vec<AccountSettings<Store>> {
    accounts
        .into_iter()
        .map(|account| account.map(store))
        .collect()
}

impl Store {
    /// What keeps objects, of an account that describes itself.
    pub(crate) fn objects(&self) -> Option<&Arc<dyn ObjectAccount>> {
        match self {
            Self::Objects(objects) => objects.as_ref(),
            _ => None,
        }
    }

    /// Whether accounts of this kind cannot do anything yet.
    pub(crate) fn is_not_built_in(&self) -> bool {
        matches!(self, Self::Aws(_) | Self::ConfigBin(_))
    }

    /// Whether accounts of this kind cannot keep objects yet, whatever else they can do.
    pub(crate) fn keeps_no_objects_yet(&self) -> bool {
        self.is_not_built_in() || matches!(self, Self::Google(_))
    }
}

//! The kinds of account this service has: the only list of them.

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_config::{
    settings::{
        AtlasAccount, AwsAccount, AzureAccount, ConfigBinAccount, DatadogAccount, DiskAccount,
        GoogleAccount, GraphiteAccount, HttpJsonAccount, InfluxDbAccount, MemoryAccount,
        NewRelicAccount, PrometheusAccount, SignalFxAccount, WavefrontAccount,
    },
    stores,
};

/// What accounts of one kind have.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Azure(AzureAccount),
    ConfigBin(ConfigBinAccount),
    Memory(MemoryAccount),
    Disk(DiskAccount),
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

/// One kind, and how its accounts are read.
#[derive(Debug)]
pub(crate) struct Kind {
    kind: &'static AccountKind,
    read: fn(&Section<'_>) -> Vec<AccountSettings<Store>>,
}

impl AccountSection for Kind {
    type Store = Store;

    fn kind(&self) -> &'static AccountKind {
        self.kind
    }

    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
        (self.read)(section)
    }
}

/// Every kind, in the order the reference registers them.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        kind: &stores::AZURE,
        read: |section| all(stores::azure(section), Store::Azure),
    },
    Kind {
        kind: &stores::CONFIGBIN,
        read: |section| all(stores::configbin(section), Store::ConfigBin),
    },
    Kind {
        kind: &stores::MEMORY,
        read: |section| all(stores::memory(section), Store::Memory),
    },
    Kind {
        kind: &stores::DISK,
        read: |section| all(stores::disk(section), Store::Disk),
    },
    Kind {
        kind: &stores::ATLAS,
        read: |section| all(stores::atlas(section), Store::Atlas),
    },
    Kind {
        kind: &stores::AWS,
        read: |section| all(stores::aws(section), Store::Aws),
    },
    Kind {
        kind: &stores::DATADOG,
        read: |section| all(stores::datadog(section), Store::Datadog),
    },
    Kind {
        kind: &stores::GRAPHITE,
        read: |section| all(stores::graphite(section), Store::Graphite),
    },
    Kind {
        kind: &stores::INFLUXDB,
        read: |section| all(stores::influxdb(section), Store::InfluxDb),
    },
    Kind {
        kind: &stores::NEWRELIC,
        read: |section| all(stores::newrelic(section), Store::NewRelic),
    },
    Kind {
        kind: &stores::PROMETHEUS,
        read: |section| all(stores::prometheus(section), Store::Prometheus),
    },
    Kind {
        kind: &stores::SIGNALFX,
        read: |section| all(stores::signalfx(section), Store::SignalFx),
    },
    Kind {
        kind: &stores::WAVEFRONT,
        read: |section| all(stores::wavefront(section), Store::Wavefront),
    },
    Kind {
        kind: &stores::HTTP_JSON,
        read: |section| all(stores::http_json(section), Store::HttpJson),
    },
    Kind {
        kind: &stores::GOOGLE,
        read: |section| all(stores::google(section), Store::Google),
    },
];

fn all<T>(accounts: Vec<AccountSettings<T>>, store: fn(T) -> Store) -> Vec<AccountSettings<Store>> {
    accounts
        .into_iter()
        .map(|account| account.map(store))
        .collect()
}

impl Store {
    /// Whether accounts of this kind cannot do anything yet.
    pub(crate) fn is_not_built_in(&self) -> bool {
        matches!(self, Self::Aws(_) | Self::ConfigBin(_))
    }

    /// Whether accounts of this kind cannot keep objects yet, whatever else they can do.
    pub(crate) fn keeps_no_objects_yet(&self) -> bool {
        self.is_not_built_in() || matches!(self, Self::Google(_))
    }
}

//! The kinds of account the service has, for the tests.

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_azure::AzureAccount;
use kayenta_config::{Diagnostic, EnvironmentView, Settings, SkippedAccount, settings::*, stores};
use kayenta_storage::DiskAccount;

/// What an account of one of the kinds has.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Azure(Option<AzureAccount>),
    Memory,
    Disk(DiskAccount),
    ConfigBin(ConfigBinAccount),
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
    Kind(&stores::CONFIGBIN, |section| {
        all(stores::configbin(section), Store::ConfigBin)
    }),
    Kind(&kayenta_storage::MEMORY.kind, |section| {
        all((kayenta_storage::MEMORY.read)(section), |_| Store::Memory)
    }),
    Kind(&kayenta_storage::DISK.kind, |section| {
        all(kayenta_storage::disk_accounts(section), Store::Disk)
    }),
    Kind(&stores::ATLAS, |section| {
        all(stores::atlas(section), Store::Atlas)
    }),
    Kind(&stores::AWS, |section| {
        all(stores::aws(section), Store::Aws)
    }),
    Kind(&stores::DATADOG, |section| {
        all(stores::datadog(section), Store::Datadog)
    }),
    Kind(&stores::GRAPHITE, |section| {
        all(stores::graphite(section), Store::Graphite)
    }),
    Kind(&stores::INFLUXDB, |section| {
        all(stores::influxdb(section), Store::InfluxDb)
    }),
    Kind(&stores::NEWRELIC, |section| {
        all(stores::newrelic(section), Store::NewRelic)
    }),
    Kind(&stores::PROMETHEUS, |section| {
        all(stores::prometheus(section), Store::Prometheus)
    }),
    Kind(&stores::SIGNALFX, |section| {
        all(stores::signalfx(section), Store::SignalFx)
    }),
    Kind(&stores::WAVEFRONT, |section| {
        all(stores::wavefront(section), Store::Wavefront)
    }),
    Kind(&stores::HTTP_JSON, |section| {
        all(stores::http_json(section), Store::HttpJson)
    }),
    Kind(&stores::GOOGLE, |section| {
        all(stores::google(section), Store::Google)
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

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) azure: Vec<AccountSettings<Option<AzureAccount>>>,
    pub(crate) configbin: Vec<ConfigBinAccount>,
    pub(crate) memory: Vec<AccountSettings<()>>,
    pub(crate) disk: Vec<DiskAccount>,
    pub(crate) atlas: Vec<AtlasAccount>,
    pub(crate) aws: Vec<AwsAccount>,
    pub(crate) datadog: Vec<DatadogAccount>,
    pub(crate) graphite: Vec<GraphiteAccount>,
    pub(crate) influxdb: Vec<InfluxDbAccount>,
    pub(crate) newrelic: Vec<NewRelicAccount>,
    pub(crate) prometheus: Vec<PrometheusAccount>,
    pub(crate) signalfx: Vec<SignalFxAccount>,
    pub(crate) wavefront: Vec<WavefrontAccount>,
    pub(crate) http_json: Vec<HttpJsonAccount>,
    pub(crate) google: Vec<GoogleAccount>,
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
                Store::ConfigBin(account) => accounts.configbin.push(account),
                Store::Memory => accounts.memory.push(facts),
                Store::Disk(account) => accounts.disk.push(account),
                Store::Atlas(account) => accounts.atlas.push(account),
                Store::Aws(account) => accounts.aws.push(account),
                Store::Datadog(account) => accounts.datadog.push(account),
                Store::Graphite(account) => accounts.graphite.push(account),
                Store::InfluxDb(account) => accounts.influxdb.push(account),
                Store::NewRelic(account) => accounts.newrelic.push(account),
                Store::Prometheus(account) => accounts.prometheus.push(account),
                Store::SignalFx(account) => accounts.signalfx.push(account),
                Store::Wavefront(account) => accounts.wavefront.push(account),
                Store::HttpJson(account) => accounts.http_json.push(account),
                Store::Google(account) => accounts.google.push(account),
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

//! The kinds of account this service has: the only list of them.

use std::sync::Arc;

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_config::{
    settings::{AwsAccount, ConfigBinAccount, GoogleAccount},
    stores,
};
use kayenta_metrics::{
    StoreDescription,
    account::{MetricsAccount, StoreSection},
};
use kayenta_storage::{ObjectAccount, ObjectStoreDescription};

/// What accounts of one kind have.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    ConfigBin(ConfigBinAccount),
    Objects(Option<Arc<dyn ObjectAccount>>),
    Metrics(Arc<dyn MetricsAccount>),
    Aws(AwsAccount),
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
    /// A metric store.
    Metrics(&'static StoreSection),
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
            Self::Metrics(store) => store.kind,
            Self::Other(kind, _) => kind,
        }
    }

    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
        match self {
            Self::Objects(description) => all((description.read)(section), Store::Objects),
            Self::Metrics(store) => all((store.read)(section), Store::Metrics),
            Self::Other(_, read) => read(section),
        }
    }
}

impl Kind {
    /// The crate that logs for the kind, and the loggers of the reference that stand for it.
    pub(crate) fn loggers(&self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Objects(description) => Some((description.log_target, description.java_loggers)),
            Self::Metrics(_) | Self::Other(..) => {
                let store = self.metrics()?;
                Some((store.log_target, store.java_loggers))
            }
        }
    }

    /// The metric store whose queries accounts of the kind understand.
    fn metrics(&self) -> Option<&'static StoreDescription> {
        match self {
            Self::Metrics(store) => Some(store.description),
            Self::Other(kind, _) if kind.name == stores::GOOGLE.name => {
                Some(&kayenta_stackdriver::DESCRIPTION)
            }
            Self::Objects(_) | Self::Other(..) => None,
        }
    }

    /// The metric stores whose queries accounts understand.
    pub(crate) fn metric_stores() -> impl Iterator<Item = &'static StoreDescription> {
        KINDS.iter().filter_map(Self::metrics)
    }

    /// The metric store that is switched on by `kayenta.<name>.enabled`.
    pub(crate) fn metrics_enabled_by(name: &str) -> Option<&'static StoreDescription> {
        KINDS.iter().find_map(|kind| {
            let store = kind.metrics()?;
            (kind.kind().name == name || store.service_type == name).then_some(store)
        })
    }

    /// The metric store whose queries accounts of a kind understand.
    pub(crate) fn metrics_of(kind: &AccountKind) -> Option<&'static StoreDescription> {
        let known = KINDS.iter().find(|known| known.kind().name == kind.name)?;
        known.metrics()
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
    Kind::Metrics(&kayenta_atlas::SECTION),
    Kind::Other(&stores::AWS, |section| {
        all(stores::aws(section), Store::Aws)
    }),
    Kind::Metrics(&kayenta_datadog::SECTION),
    Kind::Metrics(&kayenta_graphite::SECTION),
    Kind::Metrics(&kayenta_influxdb::SECTION),
    Kind::Metrics(&kayenta_newrelic::SECTION),
    Kind::Metrics(&kayenta_prometheus::SECTION),
    Kind::Metrics(&kayenta_signalfx::SECTION),
    Kind::Metrics(&kayenta_wavefront::SECTION),
    Kind::Metrics(&kayenta_http_json::SECTION),
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

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
    };

    use kayenta_config::{Environment, load};

    use super::*;

    #[test]
    fn the_model_knows_the_queries_of_every_store_by_the_name_in_its_description() {
        for store in Kind::metric_stores() {
            let query = serde_json::json!({"type": store.service_type});
            let query: kayenta_model::QueryConfig = serde_json::from_value(query).unwrap();
            assert_eq!(query.service_type(), store.service_type);
        }
    }

    #[test]
    fn names_that_must_differ_do() {
        let mut seen = BTreeSet::new();
        for store in Kind::metric_stores() {
            for name in [store.service_type, store.scope_class, store.log_target] {
                assert!(!name.is_empty() && seen.insert(name), "{name}");
            }
            assert!(!store.java_loggers.is_empty(), "{}", store.service_type);
        }
    }

    #[test]
    fn every_crate_of_a_metric_store_is_in_the_table() {
        let listed: BTreeSet<String> = KINDS
            .iter()
            .filter_map(Kind::metrics)
            .map(|store| store.log_target.replace('_', "-"))
            .collect();
        let metrics = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../metrics");
        let crates: BTreeSet<String> = folders(&metrics)
            .iter()
            .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "kayenta-metrics")
            .collect();
        assert_eq!(listed, crates);
    }

    /// Accounts of every metric store with a password in their base URL.
    #[test]
    fn no_account_shows_the_secrets_of_its_base_url() {
        let mut seen = 0;
        for kind in KINDS.iter().filter(|kind| matches!(kind, Kind::Metrics(_))) {
            let account = format!("kayenta.{}.accounts[0]", kind.kind().name);
            let url = "http://user:url-s3cret@host/?token=url-t0ken";
            let environment = [
                "redis.connection=redis://r".to_owned(),
                format!("kayenta.{}.enabled=true", kind.kind().name),
                format!("{account}.name=a"),
                format!("{account}.supportedTypes=METRICS_STORE"),
                format!("{account}.endpoint.baseUrl={url}"),
                format!("{account}.backendsJsonBaseUrl={url}"),
                format!("{account}.url={url}"),
                format!("{account}.valuesPath=$.v"),
                format!("{account}.apiToken=k3y"),
            ]
            .iter()
            .fold(Environment::empty("/nonexistent"), |environment, line| {
                environment.argument(format!("--{line}"))
            });
            let loaded = load(&environment, KINDS).unwrap();
            for (of, account) in &loaded.accounts.registered {
                if of.name != kind.kind().name {
                    continue;
                }
                let shown = format!("{account:?}");
                assert!(shown.contains("host"), "{shown}");
                assert!(
                    !shown.contains("s3cret") && !shown.contains("t0ken"),
                    "{shown}"
                );
                seen += 1;
            }
        }
        assert_eq!(seen, 9);
    }

    fn folders(of: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(of).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }
}

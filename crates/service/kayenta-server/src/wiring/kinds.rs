//! The kinds of account this service has: the only list of them.

use std::{collections::HashMap, sync::Arc};

use kayenta_accounts::{AccountKind, AccountSection, AccountSettings, Section};
use kayenta_metrics::{
    StoreDescription,
    account::{MetricsAccount, StoreSection},
};
use kayenta_model::AccountType;
use kayenta_storage::{ObjectAccount, ObjectStoreDescription};

/// What an account can be opened as.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) objects: Option<Arc<dyn ObjectAccount>>,
    pub(crate) metrics: Option<Arc<dyn MetricsAccount>>,
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
    /// Accounts that both stores work with, each of which reads its own settings.
    Both(&'static ObjectStoreDescription, &'static StoreSection),
}

impl AccountSection for Kind {
    type Store = Store;

    fn kind(&self) -> &'static AccountKind {
        match self {
            Self::Objects(objects) | Self::Both(objects, _) => &objects.kind,
            Self::Metrics(metrics) => metrics.kind,
        }
    }

    fn read(&self, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
        match self {
            Self::Objects(objects) => keeping(objects, section),
            Self::Metrics(metrics) => measuring(metrics, section),
            Self::Both(objects, metrics) => {
                together(keeping(objects, section), measuring(metrics, section))
            }
        }
    }
}

fn keeping(
    description: &ObjectStoreDescription,
    section: &Section<'_>,
) -> Vec<AccountSettings<Store>> {
    all((description.read)(section), |objects| Store {
        objects,
        metrics: None,
    })
}

fn measuring(store: &StoreSection, section: &Section<'_>) -> Vec<AccountSettings<Store>> {
    all((store.read)(section), |metrics| Store {
        objects: None,
        metrics: Some(metrics),
    })
}

fn all<T>(accounts: Vec<AccountSettings<T>>, store: fn(T) -> Store) -> Vec<AccountSettings<Store>> {
    accounts
        .into_iter()
        .map(|account| account.map(store))
        .collect()
}

/// The accounts that both readers accept: what one leaves out cannot be used. Of several with one name
/// the last counts, as everywhere.
fn together(
    keeping: Vec<AccountSettings<Store>>,
    measuring: Vec<AccountSettings<Store>>,
) -> Vec<AccountSettings<Store>> {
    let mut measuring: HashMap<String, Store> = measuring
        .into_iter()
        .map(|account| (account.name, account.store))
        .collect();
    keeping
        .into_iter()
        .rev()
        .filter_map(|account| {
            let metrics = measuring.remove(&account.name)?.metrics;
            Some(account.map(|store| Store { metrics, ..store }))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

impl Kind {
    /// The crates that log for the kind, and the loggers of the reference that stand for each.
    pub(crate) fn loggers(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static [&'static str])> + use<> {
        let objects = match self {
            Self::Objects(objects) | Self::Both(objects, _) => {
                Some((objects.log_target, objects.java_loggers))
            }
            Self::Metrics(_) => None,
        };
        let metrics = self
            .metrics()
            .map(|metrics| (metrics.log_target, metrics.java_loggers));
        objects.into_iter().chain(metrics)
    }

    /// The metric store whose queries accounts of the kind understand.
    fn metrics(&self) -> Option<&'static StoreDescription> {
        match self {
            Self::Metrics(store) | Self::Both(_, store) => Some(store.description),
            Self::Objects(_) => None,
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
            let switch = match kind {
                // The provider's own switch does not switch its metrics on.
                Self::Both(..) => store.service_type,
                Self::Objects(_) | Self::Metrics(_) => kind.kind().name,
            };
            (switch == name || store.service_type == name).then_some(store)
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
    Kind::Objects(&kayenta_configbin::DESCRIPTION),
    Kind::Objects(&kayenta_storage::MEMORY),
    Kind::Objects(&kayenta_storage::DISK),
    Kind::Objects(&kayenta_sql::DESCRIPTION),
    Kind::Metrics(&kayenta_atlas::SECTION),
    Kind::Objects(&kayenta_s3::DESCRIPTION),
    Kind::Metrics(&kayenta_datadog::SECTION),
    Kind::Metrics(&kayenta_graphite::SECTION),
    Kind::Metrics(&kayenta_influxdb::SECTION),
    Kind::Metrics(&kayenta_newrelic::SECTION),
    Kind::Metrics(&kayenta_prometheus::SECTION),
    Kind::Metrics(&kayenta_signalfx::SECTION),
    Kind::Metrics(&kayenta_wavefront::SECTION),
    Kind::Metrics(&kayenta_http_json::SECTION),
    Kind::Both(&kayenta_gcs::DESCRIPTION, &kayenta_stackdriver::SECTION),
];

impl Store {
    /// What keeps the account's objects, where the account is for objects and the service that works
    /// with them is on.
    pub(crate) fn objects(
        &self,
        configured: &Accounts,
        kind: &AccountKind,
        types: &[AccountType],
    ) -> Option<&Arc<dyn ObjectAccount>> {
        let objects = self.objects.as_ref()?;
        serves(configured, kind, types, AccountType::ObjectStore).then_some(objects)
    }

    /// What the account's metrics are read with, by the same rule.
    pub(crate) fn metrics(
        &self,
        configured: &Accounts,
        kind: &AccountKind,
        types: &[AccountType],
    ) -> Option<&Arc<dyn MetricsAccount>> {
        let metrics = self.metrics.as_ref()?;
        serves(configured, kind, types, AccountType::MetricsStore).then_some(metrics)
    }
}

/// Whether accounts of a kind serve as this type: where a service of its own works with them, it has to
/// be on and the account to be meant for it.
fn serves(
    configured: &Accounts,
    kind: &AccountKind,
    types: &[AccountType],
    wanted: AccountType,
) -> bool {
    let mut services = kind.services.iter();
    services
        .find(|service| service.account_type == wanted)
        .is_none_or(|service| configured.is_enabled(service.name) && types.contains(&wanted))
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
        let mut seen = BTreeSet::new();
        let stores = || KINDS.iter().filter(|kind| matches!(kind, Kind::Metrics(_)));
        for kind in stores() {
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
                seen.insert(of.name);
            }
        }
        assert_eq!(seen, stores().map(|kind| kind.kind().name).collect());
    }

    fn folders(of: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(of).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }
}

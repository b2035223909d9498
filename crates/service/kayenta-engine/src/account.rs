//! The accounts of a service: what each can be used for, and which one is meant when a caller names
//! none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use indexmap::IndexMap;
use kayenta_metrics::MetricsStore;
use kayenta_model::{
    AccountType, CanaryConfig, JsonMap,
    java_hash::{TableGrowth, in_table_order, java_string_hash},
};
use kayenta_storage::{ObjectKind, ObjectRepository};

use crate::error::EngineError;

/// One configured account. Nothing in it is secret: adapters keep their credentials to themselves.
pub struct Account {
    /// The name callers use.
    pub name: String,
    /// Kind of account, as `/credentials` names it (`prometheus`, `azure`, `memory`, …).
    pub kind: String,
    /// What it was configured for; decides only which account is the default.
    pub supported_types: Vec<AccountType>,
    /// Everything `/credentials` shows, in order, `name` and `type` included; locations a store finds
    /// out itself are put in by [`Account::shown_details`].
    pub details: JsonMap,
    /// Where metrics come from, if it is a metric store.
    pub metrics: Option<Arc<dyn MetricsStore>>,
    /// Where objects are kept, if it is an object store.
    pub objects: Option<Arc<ObjectRepository>>,
    /// Places it is configured with; see [`Account::known_locations`].
    pub locations: Vec<String>,
    /// Places user interfaces should offer first.
    pub recommended_locations: Vec<String>,
    /// The page of the store's own user interface for a query, with placeholders such as `{query}`.
    pub ui_url: Option<String>,
}

impl Account {
    /// An account that can do nothing yet.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            supported_types: Vec::new(),
            details: JsonMap::new(),
            metrics: None,
            objects: None,
            locations: Vec::new(),
            recommended_locations: Vec::new(),
            ui_url: None,
        }
    }

    /// Places it knows of: those its store has found out, else those it is configured with.
    #[must_use]
    pub fn known_locations(&self) -> Vec<String> {
        self.metrics
            .as_ref()
            .and_then(|metrics| metrics.locations())
            .unwrap_or_else(|| self.locations.clone())
    }

    /// What `/credentials` shows now.
    #[must_use]
    pub fn shown_details(&self) -> JsonMap {
        let mut details = self.details.clone();
        if let Some(found) = self.metrics.as_ref().and_then(|m| m.locations()) {
            details.insert("locations".to_owned(), found.into());
        }
        details
    }

    /// Whether it was configured for the type.
    #[must_use]
    pub fn supports(&self, wanted: AccountType) -> bool {
        self.supported_types.contains(&wanted)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("supported_types", &self.supported_types)
            .finish_non_exhaustive()
    }
}

/// The accounts by name. Cheap to share; accounts may be removed while in use.
#[derive(Debug, Default)]
pub struct Accounts {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    by_name: IndexMap<String, Arc<Account>>,
    /// Query types some module of this service understands; an account's removal leaves its own.
    service_types: BTreeSet<String>,
    /// Why a configured account is not there, by its name.
    absent: BTreeMap<String, String>,
}

impl Accounts {
    /// No accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account; one of the same name is replaced in its place.
    pub fn add(&self, account: Account) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &account.metrics {
            state
                .service_types
                .insert(metrics.description().service_type.to_owned());
        }
        state
            .by_name
            .insert(account.name.clone(), Arc::new(account));
    }

    /// Says that a metric store module is on, even without an account of its own: metrics of this
    /// query type are then accepted at submission and fail only when the run queries.
    pub fn enable_service_type(&self, service_type: impl Into<String>) {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .service_types
            .insert(service_type.into());
    }

    /// Says why an account that users may name is not there.
    pub fn explain_absence(&self, name: impl Into<String>, reason: impl Into<String>) {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .absent
            .insert(name.into(), reason.into());
    }

    /// The accounts that are configured and not there, in alphabetical order, each with the reason.
    #[must_use]
    pub fn absent(&self) -> Vec<(String, String)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let absent = state.absent.iter();
        absent
            .map(|(name, reason)| (name.clone(), reason.clone()))
            .collect()
    }

    /// Whether some module understands queries of this type.
    #[must_use]
    pub fn knows_service_type(&self, service_type: &str) -> bool {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .service_types
            .contains(service_type)
    }

    /// The types of queries that some module understands.
    #[must_use]
    pub fn service_types(&self) -> Vec<String> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.service_types.iter().cloned().collect()
    }

    /// Removes an account; whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .by_name
            .shift_remove(name)
            .is_some()
    }

    /// The account of exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Account>> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_name
            .get(name)
            .cloned()
    }

    /// The account a caller means: the named one, whatever it supports; with no or an empty name the
    /// first that supports the type, in the hash order of the reference's registry.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) when there is none.
    pub fn resolve(
        &self,
        name: Option<&str>,
        wanted: AccountType,
    ) -> Result<Arc<Account>, EngineError> {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return self.get(name).ok_or_else(|| EngineError {
                known_accounts: self.names_for(wanted),
                ..EngineError::invalid(self.unresolved(name))
            });
        }
        let candidates: Vec<_> = self
            .in_registry_order()
            .into_iter()
            .filter(|account| account.supports(wanted))
            .collect();
        let Some(chosen) = candidates.first() else {
            return Err(EngineError::invalid(format!(
                "Unable to resolve account of type {}.",
                wanted.as_str()
            )));
        };
        if candidates.len() > 1 {
            tracing::debug!(
                account = %chosen.name,
                r#type = wanted.as_str(),
                candidates = candidates.len(),
                "no account was named; using the first in hash order"
            );
        }
        Ok(Arc::clone(chosen))
    }

    fn unresolved(&self, name: &str) -> String {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match state.absent.get(name) {
            None => format!("Unable to resolve account {name}."),
            Some(reason) => format!("Unable to resolve account {name}: {reason}."),
        }
    }

    /// The accounts a caller may name for the type, in alphabetical order (C-API-18).
    fn names_for(&self, wanted: AccountType) -> Vec<String> {
        let mut names: Vec<String> = self
            .in_configured_order()
            .iter()
            .filter(|account| account.supports(wanted))
            .map(|account| account.name.clone())
            .collect();
        names.sort_unstable();
        names
    }

    /// Refuses an account that has no store for a type, with those that have (C-ENG-22).
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) when it has not, or does not exist.
    pub(crate) fn check_usable(&self, name: &str, wanted: AccountType) -> Result<(), EngineError> {
        let account = self.resolve(Some(name), wanted)?;
        let usable = |account: &Account| match wanted {
            AccountType::MetricsStore => account.metrics.is_some(),
            _ => account.objects.is_some(),
        };
        if usable(&account) {
            return Ok(());
        }
        let mut known_accounts: Vec<String> = self
            .in_configured_order()
            .iter()
            .filter(|account| usable(account))
            .map(|account| account.name.clone())
            .collect();
        known_accounts.sort_unstable();
        let missing = match wanted {
            AccountType::MetricsStore => self.metrics_store(&account).err(),
            _ => self.object_store(&account).err(),
        };
        let message = missing.map_or_else(String::new, |error| error.message);
        let instead = match known_accounts.as_slice() {
            [] => "There is no account that can be used for this.".to_owned(),
            names => format!("Accounts that can be used: {}.", names.join(", ")),
        };
        Err(EngineError {
            known_accounts,
            ..EngineError::invalid(format!("{message} {instead}"))
        })
    }

    /// The metric store of an account.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) when it is none.
    pub fn metrics_store(&self, account: &Account) -> Result<Arc<dyn MetricsStore>, EngineError> {
        account.metrics.clone().ok_or_else(|| {
            EngineError::invalid(format!(
                "Unable to resolve metrics service {}.",
                account.name
            ))
        })
    }

    /// The object store of an account.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) when it is none.
    pub fn object_store(&self, account: &Account) -> Result<Arc<ObjectRepository>, EngineError> {
        account.objects.clone().ok_or_else(|| {
            EngineError::invalid(format!(
                "Unable to resolve storage service {}.",
                account.name
            ))
        })
    }

    /// A stored config, and the name of the account it was found in.
    pub(crate) async fn load_config(
        &self,
        account: Option<&str>,
        id: &str,
    ) -> Result<(String, CanaryConfig), EngineError> {
        let account = self.resolve(account, AccountType::ConfigurationStore)?;
        let objects = self.object_store(&account)?;
        let config = objects.load(ObjectKind::CanaryConfig, id).await?;
        Ok((account.name.clone(), config))
    }

    /// The object store of an account that an execution recorded by name.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) when there is no such account, or it
    /// is no object store.
    pub(crate) fn recorded_object_store(
        &self,
        name: &str,
    ) -> Result<Arc<ObjectRepository>, EngineError> {
        self.object_store(&*self.resolve(Some(name), AccountType::ObjectStore)?)
    }

    /// Every account in the order `/credentials` lists them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Account>> {
        let accounts = self.in_configured_order();
        in_table_order(accounts, TableGrowth::AtLoad, |account| {
            59_i32.wrapping_add(java_string_hash(&account.name))
        })
    }

    /// Every account in the order they were added.
    #[must_use]
    pub fn in_configured_order(&self) -> Vec<Arc<Account>> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_name
            .values()
            .cloned()
            .collect()
    }

    fn in_registry_order(&self) -> Vec<Arc<Account>> {
        in_table_order(self.in_configured_order(), TableGrowth::AtLoad, |account| {
            java_string_hash(&account.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(names: &[&str]) -> Accounts {
        let accounts = Accounts::new();
        for name in names {
            let mut account = Account::new(*name, "memory");
            account.supported_types = vec![AccountType::ObjectStore];
            accounts.add(account);
        }
        accounts
    }

    #[test]
    fn default_account_is_the_first_in_hash_order() {
        let accounts = accounts(&["minio-store-account", "my-s3-account"]);
        let chosen = accounts.resolve(None, AccountType::ObjectStore).unwrap();
        assert_eq!(chosen.name, "my-s3-account");
        let chosen = accounts
            .resolve(Some(""), AccountType::ObjectStore)
            .unwrap();
        assert_eq!(chosen.name, "my-s3-account");
    }

    #[test]
    fn colliding_names_keep_the_order_they_were_added_in() {
        for names in [["metrics", "storage"], ["storage", "metrics"]] {
            let chosen = accounts(&names)
                .resolve(None, AccountType::ObjectStore)
                .unwrap();
            assert_eq!(chosen.name, names[0]);
        }
    }

    #[test]
    fn a_named_account_is_taken_whatever_it_supports_and_fails_where_the_service_is_needed() {
        let accounts = accounts(&["a"]);
        let account = accounts
            .resolve(Some("a"), AccountType::MetricsStore)
            .unwrap();
        assert_eq!(
            accounts.metrics_store(&account).unwrap_err().message,
            "Unable to resolve metrics service a."
        );
        assert_eq!(
            accounts.object_store(&account).unwrap_err().message,
            "Unable to resolve storage service a."
        );
        assert_eq!(
            accounts
                .resolve(Some("b"), AccountType::MetricsStore)
                .unwrap_err()
                .message,
            "Unable to resolve account b."
        );
        assert_eq!(
            accounts
                .resolve(None, AccountType::MetricsStore)
                .unwrap_err()
                .message,
            "Unable to resolve account of type METRICS_STORE."
        );
    }

    #[test]
    fn c_api_18_an_unknown_account_comes_with_the_ones_there_are() {
        let accounts = accounts(&["b", "a"]);
        let error = accounts
            .resolve(Some("nope"), AccountType::ObjectStore)
            .unwrap_err();
        assert_eq!(error.known_accounts, ["a", "b"]);
        let error = accounts
            .resolve(Some("nope"), AccountType::MetricsStore)
            .unwrap_err();
        assert!(error.known_accounts.is_empty());
    }

    #[test]
    fn removal_is_reported_and_the_same_name_replaces() {
        let accounts = accounts(&["a", "b", "a"]);
        assert_eq!(accounts.all().len(), 2);
        assert!(accounts.remove("a"));
        assert!(!accounts.remove("a"));
        assert_eq!(accounts.all().len(), 1);
    }
}

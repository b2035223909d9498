//! Accounts from settings: what each can do, and what `/credentials` shows of it.

use std::sync::Arc;

use kayenta_accounts::{AccountKind, AccountSettings};
use kayenta_config::Settings;
use kayenta_engine::{Account, Accounts};
use kayenta_errors::with_causes;
use kayenta_metrics::{
    Metered as MeteredMetrics, MetricsStore,
    account::{MetricsAccount, Surroundings},
};
use kayenta_model::{AccountType, JsonMap};
use kayenta_secrets::BaseUrl;
use kayenta_storage::{
    Bounded, Metered, ObjectAccount, ObjectRepository, ObjectStore, OpenError, Opening, Place,
    RetryPolicy, Retrying,
};
use serde_json::{Value, json};

use super::{
    kinds::{self, Kind, Store},
    not_built_in, stackdriver,
};
use crate::startup_failure::StartupFailure;

/// Operations one remote object store works on at a time.
const REMOTE_OPERATIONS: usize = 64;

/// What accounts are made with.
#[derive(Clone, Debug)]
pub(crate) struct Ingredients {
    /// What metric stores are opened with.
    pub(crate) surroundings: Surroundings,
}

impl Ingredients {
    /// What object stores are opened with.
    pub(crate) fn opening(&self) -> Opening {
        Opening {
            transport: self.surroundings.transport.clone(),
            clock: Arc::clone(&self.surroundings.clock),
        }
    }
}

/// Opens and registers every configured account, in the reference's order. One that cannot be loaded is
/// logged and left out where the reference starts without it too.
///
/// # Errors
/// When an account cannot be made where the reference would not start either.
pub(crate) async fn register(
    settings: &Settings,
    configured: &kinds::Accounts,
    ingredients: &Ingredients,
) -> anyhow::Result<Accounts> {
    let accounts = Accounts::new();
    for store in &configured.enabled {
        if let Some(store) = Kind::metrics_enabled_by(store) {
            accounts.enable_service_type(store.service_type);
        }
    }
    for skipped in &configured.skipped {
        tracing::error!(cause = %skipped.cause, "{}", skipped.message);
    }
    for (kind, account) in &configured.registered {
        let name = &account.name;
        let store = &account.store;
        let Some(made) = make(settings, configured, (kind, account), ingredients).await? else {
            continue;
        };
        let types: Vec<&str> = made.supported_types.iter().map(|t| t.as_str()).collect();
        tracing::info!(
            "Registering {} account {name} with supported types [{}].",
            kind.label,
            types.join(", ")
        );
        if not_built_in::part_of(store, &made) {
            tracing::warn!("object storage of account {name} is configured but not built in yet");
        }
        if store.is_not_built_in() {
            tracing::warn!(
                "account {name} of type {} is configured but not built in yet",
                kind.name
            );
        }
        accounts.add(made);
    }
    Ok(accounts)
}

/// The account, opened; `None` when it cannot be used, which was logged.
async fn make(
    settings: &Settings,
    configured: &kinds::Accounts,
    (kind, account): (&AccountKind, &AccountSettings<Store>),
    ingredients: &Ingredients,
) -> anyhow::Result<Option<Account>> {
    Ok(match &account.store {
        Store::Objects(objects) => {
            object_account(kind, account, objects.as_ref(), ingredients).await?
        }
        Store::ConfigBin(account) => Some(not_built_in::configbin(account)),
        Store::Aws(account) => Some(not_built_in::aws(account)),
        Store::Metrics(store) => {
            metrics_account(kind, account, store.as_ref(), &ingredients.surroundings)
        }
        Store::Google(account) => {
            let enabled = configured.is_enabled("stackdriver");
            stackdriver::account(settings, enabled, account, ingredients)
        }
    })
}

/// An account of a metric store; logged and left out when the store cannot be opened, as in the
/// reference.
fn metrics_account(
    kind: &AccountKind,
    account: &AccountSettings<Store>,
    store: &dyn MetricsAccount,
    surroundings: &Surroundings,
) -> Option<Account> {
    let name = &account.name;
    match store.open(surroundings) {
        Ok(opened) => {
            let mut entry = Entry::new(name, kind, &account.supported_types);
            entry.locations(&account.locations, &account.recommended_locations);
            entry.shown = store.shown();
            Some(entry.with_metrics(opened).finish())
        }
        Err(error) => {
            tracing::error!(%error, "Problem registering {} account {name}:", kind.label);
            None
        }
    }
}

/// An account in the making: members of `/credentials` in the reference's order.
pub(super) struct Entry {
    account: Account,
    shown: JsonMap,
}

impl Entry {
    pub(super) fn new(name: &str, kind: &AccountKind, supported_types: &[AccountType]) -> Self {
        let mut account = Account::new(name, kind.name);
        account.supported_types = supported_types.to_vec();
        Self {
            account,
            shown: JsonMap::new(),
        }
    }

    /// One more member of its own.
    pub(super) fn show(&mut self, name: &str, value: impl Into<Value>) {
        self.shown.insert(name.to_owned(), value.into());
    }

    /// One more member of its own, if there is a value.
    pub(super) fn show_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.show(name, value);
        }
    }

    /// The member `endpoint`; C-API-20: without secrets, where the reference shows a password.
    pub(super) fn show_endpoint(&mut self, base_url: &BaseUrl) {
        self.show("endpoint", json!({"baseUrl": base_url.to_string()}));
    }

    pub(super) fn locations(&mut self, locations: &[String], recommended: &[String]) {
        self.account.locations = locations.to_vec();
        self.account.recommended_locations = recommended.to_vec();
    }

    pub(super) fn with_metrics(mut self, store: Box<dyn MetricsStore>) -> Self {
        let metered = MeteredMetrics::new(self.account.name.clone(), store);
        self.account.metrics = Some(Arc::new(metered));
        self
    }

    /// An object store of this process.
    fn with_objects(self, store: impl ObjectStore + 'static) -> Self {
        let metered = Metered::new(store, self.account.name.as_str());
        self.repository(Arc::new(metered))
    }

    /// A remote object store: limited, and retried. One attempt is measured.
    fn with_remote_objects(self, store: impl ObjectStore + 'static) -> Self {
        let name = self.account.name.clone();
        let measured = Metered::new(store, name.as_str());
        let retried = Retrying::new(measured, name.as_str(), RetryPolicy::default());
        self.repository(Arc::new(Bounded::new(retried, REMOTE_OPERATIONS)))
    }

    fn repository(mut self, store: Arc<dyn ObjectStore>) -> Self {
        let repository = ObjectRepository::new(self.account.name.as_str(), store);
        self.account.objects = Some(Arc::new(repository));
        self
    }

    pub(super) fn finish(mut self) -> Account {
        let account = &self.account;
        let mut details = JsonMap::new();
        details.insert("name".to_owned(), json!(account.name));
        details.insert("supportedTypes".to_owned(), json!(account.supported_types));
        details.insert("locations".to_owned(), json!(account.locations));
        details.insert(
            "recommendedLocations".to_owned(),
            json!(account.recommended_locations),
        );
        details.extend(self.shown);
        details.insert("type".to_owned(), json!(account.kind));
        self.account.details = details;
        self.account
    }
}

/// An account of an object store; logged and left out when its settings are of no use, where the
/// reference does so.
async fn object_account(
    kind: &AccountKind,
    account: &AccountSettings<Store>,
    objects: Option<&Arc<dyn ObjectAccount>>,
    ingredients: &Ingredients,
) -> anyhow::Result<Option<Account>> {
    let mut entry = Entry::new(&account.name, kind, &account.supported_types);
    entry.locations(&account.locations, &account.recommended_locations);
    let Some(objects) = objects else {
        return Ok(Some(entry.finish()));
    };
    entry.shown = objects.shown();
    let opened = match objects.open(&ingredients.opening()).await {
        Ok(opened) => opened,
        Err(OpenError::LeftOut(error)) => {
            let cause = with_causes(error.to_string(), &error);
            tracing::error!(error = cause, "{}", kind.left_out(&account.name));
            return Ok(None);
        }
        Err(OpenError::Fatal { message, remedy }) => {
            return Err(StartupFailure::new(message, remedy).into());
        }
    };
    let entry = match objects.place() {
        Place::Network => entry.with_remote_objects(opened),
        Place::Process | Place::Machine => entry.with_objects(opened),
    };
    Ok(Some(entry.finish()))
}

//! Accounts from settings: what each can do, and what `/credentials` shows of it.

use std::sync::Arc;

use kayenta_accounts::{AccountKind, AccountSettings};
use kayenta_engine::{Account, Accounts};
use kayenta_errors::with_causes;
use kayenta_http::HttpSettings;
use kayenta_metrics::{Metered as MeteredMetrics, MetricsStore, account::Surroundings};
use kayenta_model::JsonMap;
use kayenta_storage::{
    Bounded, Metered, ObjectRepository, ObjectStore, OpenError, Opening, Place, RetryPolicy,
    Retrying,
};
use serde_json::json;

use super::kinds::{self, Kind, Store};
use crate::startup_failure::StartupFailure;

/// Operations one remote object store works on at a time.
const REMOTE_OPERATIONS: usize = 64;

/// What accounts are made with.
#[derive(Clone, Debug)]
pub(crate) struct Ingredients {
    /// How servers are reached.
    pub(crate) http: HttpSettings,
    /// What metric stores are opened with.
    pub(crate) surroundings: Surroundings,
}

impl Ingredients {
    /// What object stores are opened with.
    pub(crate) fn opening(&self) -> Opening {
        Opening {
            http: self.http.clone(),
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
        let Some(made) = make(configured, (kind, account), ingredients).await? else {
            continue;
        };
        let types: Vec<&str> = made.supported_types.iter().map(|t| t.as_str()).collect();
        tracing::info!(
            "Registering {} account {name} with supported types [{}].",
            kind.label,
            types.join(", ")
        );
        accounts.add(made);
    }
    for unknown in &configured.unknown {
        if let Some(name) = &unknown.name {
            accounts.explain_absence(name, unknown.to_string());
        }
    }
    Ok(accounts)
}

/// The account, opened; `None` when it cannot be used, which was logged: the reference starts without
/// it too.
async fn make(
    configured: &kinds::Accounts,
    (kind, account): (&AccountKind, &AccountSettings<Store>),
    ingredients: &Ingredients,
) -> anyhow::Result<Option<Account>> {
    let AccountSettings {
        name,
        supported_types: types,
        store,
        ..
    } = account;
    let mut entry = Entry::new(account, kind);
    let left_out = |error: &(dyn std::error::Error + 'static)| {
        let cause = with_causes(error.to_string(), error);
        tracing::error!(error = cause, "{}", kind.left_out(name));
    };
    if let Some(objects) = store.objects(configured, kind, types) {
        let opened = match objects.open(&ingredients.opening()).await {
            Ok(opened) => opened,
            Err(OpenError::LeftOut(error)) => {
                left_out(&error);
                return Ok(None);
            }
            Err(OpenError::Fatal { message, remedy }) => {
                return Err(StartupFailure::new(message, remedy).into());
            }
        };
        entry = match objects.place() {
            Place::Network => entry.with_remote_objects(opened),
            Place::Process | Place::Machine => entry.with_objects(opened),
        };
    }
    if let Some(metrics) = store.metrics(configured, kind, types) {
        match metrics.open(&ingredients.surroundings) {
            Ok(opened) => entry = entry.with_metrics(opened),
            Err(error) => {
                left_out(&*error);
                return Ok(None);
            }
        }
    }
    Ok(Some(entry.finish()))
}

/// An account in the making.
struct Entry {
    account: Account,
    /// Its own members of `/credentials`, in the reference's order.
    shown: JsonMap,
}

impl Entry {
    fn new(settings: &AccountSettings<Store>, kind: &AccountKind) -> Self {
        let mut account = Account::new(&settings.name, kind.name);
        account
            .supported_types
            .clone_from(&settings.supported_types);
        account.locations.clone_from(&settings.locations);
        account
            .recommended_locations
            .clone_from(&settings.recommended_locations);
        account.ui_url.clone_from(&settings.ui_url);
        let store = &settings.store;
        let of_objects = store.objects.iter().flat_map(|objects| objects.shown());
        let of_metrics = store.metrics.iter().flat_map(|metrics| metrics.shown());
        Self {
            account,
            shown: of_objects.chain(of_metrics).collect(),
        }
    }

    fn with_metrics(mut self, store: Box<dyn MetricsStore>) -> Self {
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

    fn finish(mut self) -> Account {
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

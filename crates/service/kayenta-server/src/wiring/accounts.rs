//! Accounts from settings: what each can do, and what `/credentials` shows of it.

use std::sync::Arc;

use anyhow::Context;
use kayenta_accounts::AccountKind;
use kayenta_azure::AzureStore;
use kayenta_config::{
    Settings,
    settings::{self, AzureCredential},
    stores,
};
use kayenta_engine::{Account, Accounts};
use kayenta_http::Transport;
use kayenta_metrics::Metered as MeteredMetrics;
use kayenta_model::{AccountType, Clock, JsonMap};
use kayenta_secrets::BaseUrl;
use kayenta_storage::{
    Bounded, DiskStore, Durability, MemoryStore, Metered, ObjectRepository, ObjectStore,
    RetryPolicy, Retrying,
};
use serde_json::{Value, json};

use super::{
    kinds::{self, Store},
    metric_stores, not_built_in,
};
use crate::startup_failure::StartupFailure;

/// Operations one remote object store works on at a time.
const REMOTE_OPERATIONS: usize = 64;

/// What accounts are made with.
#[derive(Clone, Debug)]
pub(crate) struct Ingredients {
    /// The connections metric stores are reached through.
    pub(crate) transport: Transport,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
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
        if let Some(service_type) = service_type(store) {
            accounts.enable_service_type(service_type);
        }
    }
    for skipped in &configured.skipped {
        tracing::error!(cause = %skipped.cause, "{}", skipped.message);
    }
    for (kind, account) in &configured.registered {
        let name = &account.name;
        let store = &account.store;
        let Some(made) = make(settings, configured, store, ingredients).await? else {
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

/// The query type the module `kayenta.<store>` understands.
fn service_type(store: &str) -> Option<&'static str> {
    const METRIC_STORES: [&str; 11] = [
        "atlas",
        "datadog",
        "graphite",
        "http-json",
        "influxdb",
        "newrelic",
        "prometheus",
        "signalfx",
        "stackdriver",
        "wavefront",
        "google",
    ];
    METRIC_STORES
        .into_iter()
        .find(|known| *known == store)
        .map(|known| {
            if known == "google" {
                "stackdriver"
            } else {
                known
            }
        })
}

/// The account, opened; `None` when it cannot be used, which was logged.
async fn make(
    settings: &Settings,
    configured: &kinds::Accounts,
    store: &Store,
    ingredients: &Ingredients,
) -> anyhow::Result<Option<Account>> {
    use metric_stores as metrics;
    Ok(match store {
        Store::Azure(account) => azure(account),
        Store::Memory(account) => {
            let store = MemoryStore::with_clock(Arc::clone(&ingredients.clock));
            let mut entry = Entry::new(&account.name, &stores::MEMORY, &account.supported_types);
            entry.show("objects", json!({}));
            entry.show("metadata", json!({}));
            Some(entry.with_objects(store).finish())
        }
        Store::Disk(account) => Some(disk(account).await?),
        Store::ConfigBin(account) => Some(not_built_in::configbin(account)),
        Store::Aws(account) => Some(not_built_in::aws(account)),
        Store::Atlas(account) => metrics::atlas::account(account, ingredients),
        Store::Datadog(account) => metrics::datadog::account(settings, account, ingredients),
        Store::Graphite(account) => metrics::graphite::account(account, ingredients),
        Store::InfluxDb(account) => metrics::influxdb::account(account, ingredients),
        Store::NewRelic(account) => metrics::newrelic::account(account, ingredients),
        Store::Prometheus(account) => metrics::prometheus::account(settings, account, ingredients),
        Store::SignalFx(account) => metrics::signalfx::account(account, ingredients),
        Store::Wavefront(account) => metrics::wavefront::account(account, ingredients),
        Store::HttpJson(account) => metrics::http_json::account(account, ingredients),
        Store::Google(account) => {
            let enabled = configured.is_enabled("stackdriver");
            metrics::stackdriver::account(settings, enabled, account, ingredients)
        }
    })
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

    pub(super) fn with_metrics<S: kayenta_metrics::MetricsStore + 'static>(
        mut self,
        store: S,
    ) -> Self {
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

async fn disk(account: &settings::DiskAccount) -> anyhow::Result<Account> {
    let store = DiskStore::open(
        account.path.join(&account.root_folder),
        Durability::default(),
    )
    .await
    .map_err(|error| {
        StartupFailure::new(
            format!(
                "The disk store of account {} cannot be opened: {error}",
                account.name
            ),
            format!(
                "Make sure that {} can be written, or set kayenta.disk.accounts[].path or \
                     --data-dir to a folder that can.",
                account.path.display()
            ),
        )
    })?;
    let mut entry = Entry::new(&account.name, &stores::DISK, &account.supported_types);
    entry.show("rootFolder", account.root_folder.as_str());
    Ok(entry.with_objects(store).finish())
}

/// An Azure account; logged and left out when its settings are of no use, as in the reference.
fn azure(account: &settings::AzureAccount) -> Option<Account> {
    let mut entry = Entry::new(&account.name, &stores::AZURE, &account.supported_types);
    if !account.supported_types.contains(&AccountType::ObjectStore) {
        return Some(entry.finish());
    }
    entry.show_some("rootFolder", account.root_folder.as_deref());
    match azure_store(account) {
        Ok(store) => Some(entry.with_remote_objects(store).finish()),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "Could not load Azure account {}.",
                account.name
            );
            None
        }
    }
}

fn azure_store(account: &settings::AzureAccount) -> anyhow::Result<AzureStore> {
    Ok(AzureStore::new(&azure_settings(account)?)?)
}

/// What the store has to know, from the settings.
///
/// # Errors
/// When endpoint or credential are missing.
pub(super) fn azure_settings(
    account: &settings::AzureAccount,
) -> anyhow::Result<kayenta_azure::AzureAccount> {
    let endpoint = account
        .endpoint
        .as_ref()
        .context("no blob endpoint is configured")?;
    let mut azure = kayenta_azure::AzureAccount {
        name: account.name.clone(),
        storage_account_name: account.storage_account_name.clone().unwrap_or_default(),
        container: account.container.clone().unwrap_or_default(),
        root_folder: account.root_folder.clone().unwrap_or_default(),
        blob_endpoint: Some(endpoint.url.to_string()),
        ..kayenta_azure::AzureAccount::default()
    };
    match account
        .credential
        .as_ref()
        .context("no credential is configured")?
    {
        AzureCredential::SharedKey(key) => azure.account_access_key = Some(key.clone()),
        AzureCredential::SasToken(token) => azure.sas_token = Some(token.clone()),
        AzureCredential::WorkloadIdentity => azure.workload_identity = true,
    }
    Ok(azure)
}

//! Accounts of metric stores: how their settings are read, and how they become stores.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use kayenta_accounts::{AccountKind, AccountSettings, Section};
use kayenta_http::Transport;
use kayenta_model::{AccountType, Clock, IdSource, JsonMap};
use kayenta_properties::{Diagnostic, Group, Severity};
use kayenta_secrets::{BaseUrl, Secret};
use serde_json::json;

use crate::{description::StoreDescription, store::MetricsStore};

/// What accounts of a metric store are for.
pub const METRICS: &[AccountType] = &[AccountType::MetricsStore];

/// What a store is opened with beside its settings.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The connections stores are reached through.
    pub transport: Transport,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identities of requests.
    pub ids: Arc<dyn IdSource>,
}

/// An account of a metric store, as configured. `Debug` shows no secret.
pub trait MetricsAccount: fmt::Debug + Send + Sync {
    /// Its own members of `/credentials`, in the reference's order; never a secret.
    fn shown(&self) -> JsonMap;

    /// The store, ready to be asked; nothing is sent yet.
    ///
    /// # Errors
    /// When the settings are of no use.
    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>>;
}

/// The accounts of a section, of whatever store.
pub type MetricsAccounts = Vec<AccountSettings<Arc<dyn MetricsAccount>>>;

/// A metric store as the service's table of stores lists it: what it is, and how its settings are read.
#[derive(Debug)]
pub struct StoreSection {
    /// What it is.
    pub description: &'static StoreDescription,
    /// Its accounts.
    pub kind: &'static AccountKind,
    /// Reads `kayenta.<kind>`.
    pub read: fn(&Section<'_>) -> MetricsAccounts,
}

/// Accounts of one store as those of any.
pub fn any_store<A: MetricsAccount + 'static>(
    accounts: Vec<AccountSettings<A>>,
) -> MetricsAccounts {
    accounts
        .into_iter()
        .map(|account| account.map(|store| Arc::new(store) as Arc<dyn MetricsAccount>))
        .collect()
}

/// The member `endpoint` of `/credentials`; C-API-20: without secrets, where the reference shows a
/// password.
#[must_use]
pub fn shown_endpoint(base_url: &BaseUrl) -> JsonMap {
    let endpoint = json!({"baseUrl": base_url.to_string()});
    JsonMap::from_iter([("endpoint".to_owned(), endpoint)])
}

/// A base URL a store cannot do without. One that is none does not stop the start: the account is listed,
/// and its queries fail with the reason, as in the reference. An account that is not for metrics is left out without it:
/// nothing could be done with it.
#[must_use]
pub fn needed_url(
    group: &Group<'_>,
    property: &str,
    types: &[AccountType],
    shape: &str,
) -> Option<BaseUrl> {
    let url = group.base_url_or_flawed(property);
    if url.is_none() && !group.is_given(property) {
        let mut lacking = group.lacking(property, shape);
        if !types.contains(&AccountType::MetricsStore) {
            lacking.severity = Severity::Warning;
            lacking.message.push_str("; the account is left out");
        }
        group.report(lacking);
    }
    url
}

/// `endpoint.baseUrl`, which the store cannot do without.
#[must_use]
pub fn endpoint(group: &Group<'_>, types: &[AccountType], example: &str) -> Option<BaseUrl> {
    let shape = format!("a URL such as {example}");
    needed_url(group, "endpoint.baseUrl", types, &shape)
}

/// `endpoint.baseUrl`, or the public service.
#[must_use]
pub fn endpoint_or(group: &Group<'_>, default: &str) -> Option<BaseUrl> {
    match group.get("endpoint.baseUrl") {
        Some(value) if !value.text.is_empty() => group.base_url_or_flawed("endpoint.baseUrl"),
        _ => group.text_or("endpoint.baseUrl", default).parse().ok(),
    }
}

/// A credential without which every call fails, though the reference starts.
#[must_use]
pub fn wanted_secret(group: &Group<'_>, property: &str) -> Option<Secret> {
    let secret = group.secret(property);
    if secret.is_none() && !group.is_given(property) {
        group.report(
            Diagnostic::warning(format!(
                "{} is not set: every query will fail",
                group.full(property)
            ))
            .property(group.full(property))
            .at(group.at(property)),
        );
    }
    secret
}

/// `metadataCachingIntervalMS` beside the accounts: how often the list of metrics is refreshed, at most
/// once a second.
#[must_use]
pub fn metadata_interval(section: &Section<'_>, default: Duration) -> Duration {
    let millis = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
    let interval = section.group().millis("metadataCachingIntervalMS", millis);
    interval.max(Duration::from_secs(1))
}

//! The accounts of metric stores.

use std::sync::Arc;

use kayenta_config::{
    Settings,
    settings::{AccountKind, PrometheusAccount, PrometheusAuth},
};
use kayenta_engine::Account;
use kayenta_metrics::http::Credentials;
use kayenta_prometheus::PrometheusStore;

use super::accounts::{Entry, Ingredients};

/// Every configured account of a metric store.
pub(super) fn accounts(settings: &Settings, ingredients: &Ingredients) -> Vec<Account> {
    settings
        .accounts
        .prometheus
        .iter()
        .filter_map(|account| prometheus(settings, account, ingredients))
        .collect()
}

/// A Prometheus account; logged and left out when it cannot be set up, as in the reference.
fn prometheus(
    settings: &Settings,
    account: &PrometheusAccount,
    ingredients: &Ingredients,
) -> Option<Account> {
    let credentials = match &account.auth {
        PrometheusAuth::Anonymous => Credentials::None,
        PrometheusAuth::Basic { username, password } => Credentials::Basic {
            username: username.clone(),
            password: password.clone(),
        },
        PrometheusAuth::Bearer(token) => Credentials::Bearer(token.clone()),
    };
    let store = PrometheusStore::new(
        kayenta_prometheus::PrometheusAccount {
            credentials,
            metadata_interval: settings.metadata.prometheus,
            scope_label: settings.prometheus.scope_label.clone(),
            ..kayenta_prometheus::PrometheusAccount::new(
                account.name.as_str(),
                account.base_url.text.as_str(),
            )
        },
        &ingredients.transport,
        Arc::clone(&ingredients.clock),
    );
    let mut entry = Entry::new(
        &account.name,
        AccountKind::Prometheus,
        &account.supported_types,
    );
    entry.locations(&account.locations, &account.recommended_locations);
    entry.show_endpoint(&account.base_url);
    entry.show_some("username", account.username.as_deref());
    entry.show_some(
        "usernamePasswordFile",
        account.username_password_file.as_deref(),
    );
    match store {
        Ok(store) => Some(entry.with_metrics(store).finish()),
        Err(error) => {
            tracing::error!(%error, "Problem registering Prometheus account {}:", account.name);
            None
        }
    }
}

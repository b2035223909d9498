//! Prometheus.

use std::sync::Arc;

use kayenta_config::{
    Settings,
    settings::{PrometheusAccount, PrometheusAuth},
    stores,
};
use kayenta_engine::Account;
use kayenta_http::Credentials;
use kayenta_prometheus::PrometheusStore;

use super::registered;
use crate::wiring::accounts::{Entry, Ingredients};

pub(in crate::wiring) fn account(
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
                account.base_url.clone(),
            )
        },
        &ingredients.transport,
        Arc::clone(&ingredients.clock),
    );
    let mut entry = Entry::new(&account.name, &stores::PROMETHEUS, &account.supported_types);
    entry.locations(&account.locations, &account.recommended_locations);
    entry.show_endpoint(&account.base_url);
    entry.show_some("username", account.username.as_deref());
    entry.show_some(
        "usernamePasswordFile",
        account.username_password_file.as_deref(),
    );
    registered(entry, &stores::PROMETHEUS, &account.name, store)
}

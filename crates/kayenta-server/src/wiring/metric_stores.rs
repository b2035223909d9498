//! The accounts of metric stores.

use std::sync::Arc;

use kayenta_config::{
    Settings,
    settings::{AccountKind, BaseUrl, PrometheusAccount, PrometheusAuth},
};
use kayenta_engine::Account;
use kayenta_metrics::http::Credentials;
use kayenta_model::AccountType;
use kayenta_prometheus::PrometheusStore;

use super::accounts::{Entry, Ingredients};

/// Every configured account of a metric store.
///
/// # Errors
/// When one cannot be set up.
pub(super) fn accounts(
    settings: &Settings,
    ingredients: &Ingredients,
) -> anyhow::Result<Vec<Account>> {
    let configured = &settings.accounts;
    let mut made = Vec::new();
    // Accounts whose store is a crate of its own that is not here yet: listed, and said at start.
    let mut only_listed = |kind, name: &str, base_url: Option<&BaseUrl>, types: &[AccountType]| {
        let mut entry = Entry::new(name, kind, types);
        if let Some(base_url) = base_url {
            entry.show_endpoint(base_url);
        }
        made.push(entry.finish());
    };
    for a in &configured.graphite {
        only_listed(
            AccountKind::Graphite,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.influxdb {
        only_listed(
            AccountKind::InfluxDb,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.datadog {
        only_listed(
            AccountKind::Datadog,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.newrelic {
        only_listed(
            AccountKind::NewRelic,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.signalfx {
        only_listed(
            AccountKind::SignalFx,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.wavefront {
        only_listed(
            AccountKind::Wavefront,
            &a.name,
            Some(&a.base_url),
            &a.supported_types,
        );
    }
    for a in &configured.http_json {
        only_listed(AccountKind::HttpJson, &a.name, None, &a.supported_types);
    }
    for account in &configured.prometheus {
        made.extend(prometheus(settings, account, ingredients));
    }
    Ok(made)
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
    for (member, value) in [
        ("username", &account.username),
        ("usernamePasswordFile", &account.username_password_file),
    ] {
        if let Some(value) = value {
            entry.show(member, value.as_str());
        }
    }
    match store {
        Ok(store) => Some(entry.with_metrics(store).finish()),
        Err(error) => {
            tracing::error!(%error, "Problem registering Prometheus account {}:", account.name);
            None
        }
    }
}

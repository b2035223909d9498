//! The accounts of metric stores: one file a store.

mod atlas;
mod datadog;
mod graphite;
mod http_json;
mod influxdb;
mod newrelic;
mod prometheus;
mod signalfx;
mod stackdriver;
mod wavefront;

use std::fmt::Display;

use kayenta_config::{Settings, settings::AccountKind};
use kayenta_engine::Account;
use kayenta_metrics::MetricsStore;

use super::accounts::{Entry, Ingredients};

/// Every configured account of a metric store.
pub(super) fn accounts(settings: &Settings, ingredients: &Ingredients) -> Vec<Account> {
    let configured = &settings.accounts;
    let mut made = Vec::new();
    for account in &configured.atlas {
        made.extend(atlas::account(account, ingredients));
    }
    for account in &configured.datadog {
        made.extend(datadog::account(settings, account, ingredients));
    }
    for account in &configured.graphite {
        made.extend(graphite::account(account, ingredients));
    }
    for account in &configured.prometheus {
        made.extend(prometheus::account(settings, account, ingredients));
    }
    for account in &configured.signalfx {
        made.extend(signalfx::account(account, ingredients));
    }
    for account in &configured.google {
        made.extend(stackdriver::account(settings, account, ingredients));
    }
    for account in &configured.newrelic {
        made.extend(newrelic::account(account, ingredients));
    }
    for account in &configured.wavefront {
        made.extend(wavefront::account(account, ingredients));
    }
    for account in &configured.influxdb {
        made.extend(influxdb::account(account, ingredients));
    }
    for account in &configured.http_json {
        made.extend(http_json::account(account, ingredients));
    }
    made
}

/// The account with its store; logged and left out when the store cannot be set up, as in the
/// reference.
fn registered<S: MetricsStore + 'static>(
    entry: Entry,
    kind: AccountKind,
    name: &str,
    store: Result<S, impl Display>,
) -> Option<Account> {
    match store {
        Ok(store) => Some(entry.with_metrics(store).finish()),
        Err(error) => {
            tracing::error!(%error, "Problem registering {} account {name}:", kind.label());
            None
        }
    }
}

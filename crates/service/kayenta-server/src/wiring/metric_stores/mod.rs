//! The accounts of metric stores: one file a store.

pub(super) mod atlas;
pub(super) mod datadog;
pub(super) mod graphite;
pub(super) mod http_json;
pub(super) mod influxdb;
pub(super) mod newrelic;
pub(super) mod prometheus;
pub(super) mod signalfx;
pub(super) mod stackdriver;
pub(super) mod wavefront;

use std::fmt::Display;

use kayenta_accounts::AccountKind;
use kayenta_engine::Account;
use kayenta_metrics::MetricsStore;

use super::accounts::Entry;

/// The account with its store; logged and left out when the store cannot be set up, as in the
/// reference.
fn registered<S: MetricsStore + 'static>(
    entry: Entry,
    kind: &AccountKind,
    name: &str,
    store: Result<S, impl Display>,
) -> Option<Account> {
    match store {
        Ok(store) => Some(entry.with_metrics(store).finish()),
        Err(error) => {
            tracing::error!(%error, "Problem registering {} account {name}:", kind.label);
            None
        }
    }
}

//! One attempt of a metric store, asked in the JSON that configs and requests are written in.

use kayenta_metrics::{FetchError, MetricQuery, MetricsStore};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet};
use serde_json::Value;

/// Fetches a metric (`{"name", "query"}`) over a scope, once.
///
/// # Errors
/// The store's.
///
/// # Panics
/// When metric or scope are none.
pub async fn fetch_once(
    store: &dyn MetricsStore,
    metric: Value,
    scope: Value,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric: MetricConfig = serde_json::from_value(metric).unwrap();
    let scope: CanaryScope = serde_json::from_value(scope).unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    store.fetch(&query).await
}

//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on New Relic Insights.
//!
//! [`query`] builds NRQL from a metric's settings, [`answer`] reads the time series a query gives,
//! [`NewRelicStore`] puts the two together over HTTP. Retries, templates, encoding and bounds are the
//! seam's. There is no list of metrics: Insights knows event types, not metrics.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_newrelic::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "newrelic", "select": "SELECT count(*) FROM TransactionError"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({
//!     "scope": "canary", "location": "eu", "step": 60,
//!     "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z",
//! }))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let defaults = query::DefaultKeys {
//!     scope: Some("version".to_owned()),
//!     location: Some("region".to_owned()),
//! };
//! let text = query::text(&query, query::settings(&query)?, &defaults)?;
//! assert_eq!(text, "SELECT count(*) FROM TransactionError TIMESERIES 60 seconds \
//!      SINCE 1704067200 UNTIL 1704070800 WHERE version LIKE 'canary' AND region LIKE 'eu'");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{NewRelicAccount, NewRelicStore};

//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on InfluxDB's 1.x query API, which 2.x speaks too.
//!
//! [`query`] builds InfluxQL from a metric's settings, [`answer`] reads the rows straight into one series
//! of doubles a column, [`InfluxDbStore`] puts the two together over HTTP. Retries, encoding and bounds
//! are the seam's. The store lists no metrics.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_influxdb::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "influxdb", "metricName": "requests", "fields": ["errors"]},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({
//!     "scope": "version:canary",
//!     "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60,
//! }))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let text = query::text(&query, query::settings(&query)?)?;
//! assert_eq!(text, "SELECT errors FROM requests WHERE time >= '2024-01-01T00:00:00Z' \
//!      AND time < '2024-01-01T01:00:00Z' AND version = 'canary'");
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
pub use store::{InfluxDbAccount, InfluxDbCredentials, InfluxDbStore};

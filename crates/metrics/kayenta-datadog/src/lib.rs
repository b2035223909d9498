//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Datadog.
//!
//! [`query`] builds the query's text from a metric's settings, [`answer`] lays the points of an answer
//! on the grid the answer itself tells, [`DatadogStore`] puts the two together over HTTP. Retries,
//! templates, encoding and bounds are the seam's.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_datadog::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "datadog", "metricName": "sum:app.errors"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "version:canary"}))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let text = query::text(&query, query::settings(&query)?)?;
//! assert_eq!(text, "sum:app.errors{version:canary}");
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
pub use store::{DatadogAccount, DatadogStore};

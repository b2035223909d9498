//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Graphite.
//!
//! [`query`] puts scope and location into a target, [`answer`] reads the data points of a rendering,
//! [`GraphiteStore`] puts the two together over HTTP and completes paths for
//! `/metadata/metricsService`. Retries, encoding and bounds are the seam's.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_graphite::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "graphite", "metricName": "app.$location.$scope.errors"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "canary", "location": "eu"}))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let text = query::text(&query, query::settings(&query)?)?;
//! assert_eq!(text, "app.eu.canary.errors");
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
pub use store::{GraphiteAccount, GraphiteStore};

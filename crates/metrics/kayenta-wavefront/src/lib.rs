//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Wavefront.
//!
//! [`query`] builds the `ts(…)` expression from a metric's settings, [`answer`] reads a chart straight
//! into series of doubles and puts them on the grid of the step, [`WavefrontStore`] puts the two together
//! over HTTP. Retries, encoding and bounds are the seam's; Wavefront metrics have no templates, and the
//! store lists no metrics.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_wavefront::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "wavefront", "metricName": "app.errors", "aggregate": "sum"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "version=canary"}))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let text = query::text(&query, query::settings(&query)?)?;
//! assert_eq!(text, "sum(ts(app.errors, version=canary))");
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
pub use store::{WavefrontAccount, WavefrontStore};

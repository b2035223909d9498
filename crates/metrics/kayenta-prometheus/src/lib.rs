//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Prometheus.
//!
//! [`query`] builds PromQL from a metric's settings, [`answer`] reads the matrix a range query gives
//! straight into series of doubles, [`PrometheusStore`] puts the two together over HTTP. Retries,
//! templates, encoding and bounds are the seam's.
//!
//! ```
//! use kayenta_metrics::MetricQuery;
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_prometheus::query;
//! use serde_json::json;
//!
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "prometheus", "customInlineTemplate": "PromQL:sum(errors{version=\"${scope}\"})"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "canary"}))?;
//! let config = CanaryConfig::default();
//! let query = MetricQuery { config: &config, metric: &metric, scope: &scope };
//! let text = query::text(&query, query::settings(&query)?, "instance")?;
//! assert_eq!(text, r#"sum(errors{version="canary"})"#);
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
pub use store::{PrometheusAccount, PrometheusStore, QueryMethod};

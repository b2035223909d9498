//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Prometheus.
//!
//! [`query`] builds PromQL from a metric's settings, [`answer`] reads the matrix a range query gives
//! straight into series of doubles, [`PrometheusStore`] puts the two together over HTTP. Retries,
//! templates, encoding and bounds are the seam's.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{PrometheusAccount, PrometheusStore};

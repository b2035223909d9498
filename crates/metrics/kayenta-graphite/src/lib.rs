//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Graphite.
//!
//! [`query`] puts scope and location into a target, [`answer`] reads the data points of a rendering,
//! [`GraphiteStore`] puts the two together over HTTP and completes paths for
//! `/metadata/metricsService`. Retries, encoding and bounds are the seam's.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{GraphiteAccount, GraphiteStore};

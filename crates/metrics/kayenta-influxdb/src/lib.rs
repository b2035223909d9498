//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on InfluxDB's 1.x query API, which 2.x speaks too.
//!
//! [`query`] builds InfluxQL from a metric's settings, [`answer`] reads the rows straight into one series
//! of doubles a column, [`InfluxDbStore`] puts the two together over HTTP. Retries, encoding and bounds
//! are the seam's. The store lists no metrics.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{InfluxDbAccount, InfluxDbCredentials, InfluxDbStore};

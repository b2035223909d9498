//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on New Relic Insights.
//!
//! [`query`] builds NRQL from a metric's settings, [`answer`] reads the time series a query gives,
//! [`NewRelicStore`] puts the two together over HTTP. Retries, templates, encoding and bounds are the
//! seam's. There is no list of metrics: Insights knows event types, not metrics.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{NewRelicAccount, NewRelicStore};

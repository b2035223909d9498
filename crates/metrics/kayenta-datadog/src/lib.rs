//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Datadog.
//!
//! [`query`] builds the query's text from a metric's settings, [`answer`] lays the points of an answer
//! on the grid the answer itself tells, [`DatadogStore`] puts the two together over HTTP. Retries,
//! templates, encoding and bounds are the seam's.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{DatadogAccount, DatadogStore};

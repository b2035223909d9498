//! The metrics seam: what a metric store must do, how query templates expand, when a failed fetch is
//! tried again, and how control and experiment are mixed into pairs.

mod error;
mod store;

pub use error::{FetchError, FetchErrorKind};
pub use store::{MetricQuery, MetricsStore};

//! The metrics seam: what a metric store must do, how query templates expand, when a failed fetch is
//! tried again, and how control and experiment are mixed into pairs.

mod error;
pub mod mixing;
pub mod retry;
mod store;

pub use error::{FetchError, FetchErrorKind};
pub use mixing::{MixError, Side};
pub use retry::{RetryPolicy, StatusSeries, fetch_with_retries, status_by_name};
pub use store::{MetricQuery, MetricsStore};

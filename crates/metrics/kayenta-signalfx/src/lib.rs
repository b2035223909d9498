//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on SignalFx: SignalFlow programs from metric
//! settings, and the event stream of their execution read as it arrives.
//!
//! Retries, bounds, HTTP and templates are the seam's (`kayenta_metrics`); only what is SignalFx's own
//! is here. SignalFx has no `/fetch` route and no list of metrics in the reference, hence none here.

mod description;
mod program;
pub mod section;
mod store;
mod stream;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{SignalFxAccount, SignalFxStore};

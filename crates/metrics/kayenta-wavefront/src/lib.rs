//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Wavefront.
//!
//! [`query`] builds the `ts(…)` expression from a metric's settings, [`answer`] reads a chart straight
//! into series of doubles and puts them on the grid of the step, [`WavefrontStore`] puts the two together
//! over HTTP. Retries, encoding and bounds are the seam's; Wavefront metrics have no templates, and the
//! store lists no metrics.

pub mod answer;
mod description;
mod fetch;
pub mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{WavefrontAccount, WavefrontStore};

//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Atlas: clusters found by location in lists that
//! are refreshed in the background, stack-language queries, and chunked answers read as they arrive.
//!
//! HTTP, bounds and the retry policy are the seam's (`kayenta_metrics`); only what is Atlas' own is
//! here.

mod answer;
mod backends;
mod description;
mod fetch;
mod lists;
mod query;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{AtlasAccount, AtlasStore};

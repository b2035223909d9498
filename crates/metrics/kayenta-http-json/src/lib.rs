//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on any server that answers with JSON over HTTP.
//!
//! The configuration of an account says where to ask and how to find the numbers: [`template`] fills a
//! query's values into the account's URL and body so that they cannot become more than values,
//! [`answer`] finds timestamps, values and tags by JSONPath (RFC 9535), [`HttpJsonStore`] puts the two
//! together. What a request can choose is a query, never a host, a path or a header.

pub mod answer;
mod bindings;
mod description;
mod fetch;
pub mod section;
mod store;
pub mod template;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{HttpJsonAccount, HttpJsonStore, Method, SetupError};

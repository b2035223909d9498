//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on any server that answers with JSON over HTTP.
//!
//! The configuration of an account says where to ask and how to find the numbers: [`template`] fills a
//! query's values into the account's URL and body so that they cannot become more than values,
//! [`answer`] finds timestamps, values and tags by JSONPath (RFC 9535), [`HttpJsonStore`] puts the two
//! together. What a request can choose is a query, never a host, a path or a header.
//!
//! ```
//! use kayenta_http_json::template::Template;
//!
//! let url = "https://metrics.example.com/query?q=latency{version=${scope}}&from=${start:-0}";
//! let value_of = |name: &str| (name == "scope").then(|| "1.1&admin=true".to_owned());
//! // A value stays a value, whatever is in it.
//! assert_eq!(
//!     Template::url(url)?.fill(&value_of)?,
//!     "https://metrics.example.com/query?q=latency{version=1.1%26admin%3Dtrue}&from=0"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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

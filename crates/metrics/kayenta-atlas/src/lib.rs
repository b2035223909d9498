//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Atlas: clusters found by location in lists that
//! are refreshed in the background, stack-language queries, and chunked answers read as they arrive.
//!
//! HTTP, bounds and the retry policy are the seam's (`kayenta_metrics`); only what is Atlas' own is
//! here.
//!
//! ```
//! use std::sync::Arc;
//!
//! use kayenta_atlas::{AtlasAccount, AtlasStore};
//! use kayenta_http::{HttpSettings, Transport};
//! use kayenta_metrics::{MetricQuery, MetricsStore};
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_testkit::{ManualClock, RandomUuids};
//! use serde_json::json;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let account = AtlasAccount {
//!     name: "atlas".to_owned(),
//!     backends_json_base_url: "http://atlas-backends.example.com".parse()?,
//!     fetch_id: None,
//! };
//! let transport = Transport::new(&HttpSettings::default())?;
//! let clock = Arc::new(ManualClock::at("2025-01-01T00:00:00Z".parse()?));
//! let store = AtlasStore::new(account, &transport, clock, Arc::new(RandomUuids))?;
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "cpu",
//!     "query": {"type": "atlas", "q": "name,CpuRawUser,:eq,:sum"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "web-main", "type": "cluster"}))?;
//! let config = CanaryConfig::default();
//! let query = store.query_text(&MetricQuery { config: &config, metric: &metric, scope: &scope })?;
//! assert!(query.starts_with("name,CpuRawUser,:eq,:sum"), "{query}");
//! # Ok(())
//! # }
//! ```

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

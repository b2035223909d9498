//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on SignalFx: SignalFlow programs from metric
//! settings, and the event stream of their execution read as it arrives.
//!
//! Retries, bounds, HTTP and templates are the seam's (`kayenta_metrics`); only what is SignalFx's own
//! is here. SignalFx has no `/fetch` route and no list of metrics in the reference, hence none here.
//!
//! ```
//! use kayenta_http::{HttpSettings, Transport};
//! use kayenta_metrics::{MetricQuery, MetricsStore};
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_signalfx::{SignalFxAccount, SignalFxStore};
//! use serde_json::json;
//!
//! let account = SignalFxAccount {
//!     name: "signalfx".to_owned(),
//!     base_url: "https://stream.signalfx.com".parse()?,
//!     access_token: None,
//!     default_scope_key: Some("version".to_owned()),
//!     default_location_key: None,
//! };
//! let store = SignalFxStore::new(account, &Transport::new(&HttpSettings::default())?)?;
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "errors",
//!     "query": {"type": "signalfx", "metricName": "app.errors", "aggregationMethod": "sum"},
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "canary"}))?;
//! let config = CanaryConfig::default();
//! let program = store.query_text(&MetricQuery { config: &config, metric: &metric, scope: &scope })?;
//! assert!(program.starts_with("data('app.errors', filter="), "{program}");
//! assert!(program.contains("filter('version', 'canary')"), "{program}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod description;
mod program;
pub mod section;
mod store;
mod stream;

pub use description::DESCRIPTION;
pub use section::SECTION;
pub use store::{SignalFxAccount, SignalFxStore};

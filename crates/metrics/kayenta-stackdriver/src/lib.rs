//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Google Cloud Monitoring, formerly Stackdriver:
//! filters from metric settings and time series from answers.
//!
//! Retries, bounds, HTTP and templates are the seam's (`kayenta_metrics`); only what is Google's own is
//! here. Tokens are those of `kayenta_google`.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use kayenta_http::{HttpSettings, Transport};
//! use kayenta_metrics::{MetricQuery, MetricsStore};
//! use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
//! use kayenta_stackdriver::{GoogleCredentials, MONITORING_URL, StackdriverAccount, StackdriverStore};
//! use kayenta_testkit::ManualClock;
//! use serde_json::json;
//!
//! let account = StackdriverAccount {
//!     name: "google".to_owned(),
//!     project: "shop".to_owned(),
//!     // Those of the machine the service runs on.
//!     credentials: GoogleCredentials::find(None, None)?,
//!     base_url: MONITORING_URL.parse()?,
//!     metadata_interval: Duration::from_secs(60),
//! };
//! let clock = Arc::new(ManualClock::at("2025-01-01T00:00:00Z".parse()?));
//! let store = StackdriverStore::new(account, &Transport::new(&HttpSettings::default())?, clock)?;
//! let metric: MetricConfig = serde_json::from_value(json!({
//!     "name": "cpu",
//!     "query": {
//!         "type": "stackdriver",
//!         "metricType": "compute.googleapis.com/instance/cpu/utilization",
//!         "resourceType": "global",
//!     },
//! }))?;
//! let scope: CanaryScope = serde_json::from_value(json!({"scope": "canary"}))?;
//! let config = CanaryConfig::default();
//! let filter = store.query_text(&MetricQuery { config: &config, metric: &metric, scope: &scope })?;
//! assert!(filter.contains("metric.type=\"compute.googleapis.com/instance/cpu/utilization\""), "{filter}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod description;
mod fetch;
mod filter;
pub mod section;
mod store;

pub use description::DESCRIPTION;
pub use kayenta_google::{CredentialsError, GoogleCredentials};
pub use section::SECTION;
pub use store::{MONITORING_URL, StackdriverAccount, StackdriverStore};

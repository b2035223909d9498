//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Google Cloud Monitoring, formerly Stackdriver:
//! filters from metric settings and time series from answers.
//!
//! Retries, bounds, HTTP and templates are the seam's (`kayenta_metrics`); only what is Google's own is
//! here. Tokens are those of `kayenta_google`.

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

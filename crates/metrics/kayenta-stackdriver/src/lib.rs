//! A [`MetricsStore`](kayenta_metrics::MetricsStore) on Google Cloud Monitoring, formerly Stackdriver:
//! filters from metric settings, time series from answers, and the tokens Google asks for.
//!
//! Retries, bounds, HTTP and templates are the seam's (`kayenta_metrics`); only what is Google's own is
//! here. Tokens are fetched through the same client as everything else, so that its proxies and
//! certificates apply to them too.

mod answer;
mod credentials;
mod filter;
mod store;
mod tokens;

pub use credentials::{CredentialsError, GoogleCredentials};
pub use store::{MONITORING_URL, StackdriverAccount, StackdriverStore};

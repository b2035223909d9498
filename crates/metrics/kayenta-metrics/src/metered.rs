//! Fetch times, measured around any store.

use async_trait::async_trait;
use kayenta_model::MetricSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    description::StoreDescription,
    error::FetchError,
    metadata::Metadata,
    store::{MetricQuery, MetricsStore, Prerequisite},
};

/// A store whose attempts are timed in the histogram `<store>.fetchTime` (seconds), labelled with the
/// account and whether the attempt succeeded.
#[derive(Debug)]
pub struct Metered {
    account: String,
    store: Box<dyn MetricsStore>,
}

impl Metered {
    /// Measures `store` under the name of its account.
    pub fn new(account: impl Into<String>, store: Box<dyn MetricsStore>) -> Self {
        Self {
            account: account.into(),
            store,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl MetricsStore for Metered {
    fn description(&self) -> &'static StoreDescription {
        self.store.description()
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        self.store.query_text(query)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let started = Instant::now();
        let outcome = self.store.fetch(query).await;
        metrics::histogram!(
            format!("{}.fetchTime", self.description().service_type),
            "account" => self.account.clone(),
            "success" => if outcome.is_ok() { "true" } else { "false" }
        )
        .record(started.elapsed());
        outcome
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        self.store.metadata(filter).await
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.store.check().await
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.store.keep_fresh(canceled).await;
    }

    fn locations(&self) -> Option<Vec<String>> {
        self.store.locations()
    }

    fn prerequisites(&self) -> Vec<Prerequisite> {
        self.store.prerequisites()
    }
}

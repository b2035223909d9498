//! The trait every metric store implements.

use async_trait::async_trait;
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet, QueryConfig};
use tokio_util::sync::CancellationToken;

use crate::{description::StoreDescription, error::FetchError, metadata::Metadata};

/// One metric of a config to be fetched over one scope.
#[derive(Clone, Copy, Debug)]
pub struct MetricQuery<'a> {
    /// The config, for its templates.
    pub config: &'a CanaryConfig,
    /// The metric.
    pub metric: &'a MetricConfig,
    /// Where and when.
    pub scope: &'a CanaryScope,
}

impl<'a> MetricQuery<'a> {
    /// How the metric is fetched.
    ///
    /// # Errors
    /// When the metric has no query.
    pub fn query_config(&self) -> Result<&'a QueryConfig, FetchError> {
        self.metric.query.as_ref().ok_or_else(|| {
            FetchError::invalid(format!("Metric '{}' has no query.", self.metric.name()))
        })
    }
}

/// One account of a metric store. An adapter builds query texts, makes one attempt at a fetch and
/// reads the answer; retries, bounds and mixing are the seam's.
#[async_trait]
pub trait MetricsStore: Send + Sync + std::fmt::Debug {
    /// What kind of store it is.
    fn description(&self) -> &'static StoreDescription;

    /// The text the store would be sent, for dry runs and for `attributes.query`.
    ///
    /// # Errors
    /// [`Invalid`](crate::FetchErrorKind::Invalid) when it cannot be built.
    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError>;

    /// Makes one attempt to fetch the series: one metric set per distinct set of tags, and what the
    /// reference returns for this store when there is no series (mostly one placeholder).
    ///
    /// # Errors
    /// See [`FetchErrorKind`](crate::FetchErrorKind).
    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError>;

    /// Metrics the store knows, as `/metadata/metricsService` lists them; `filter` is a
    /// case-insensitive part of the name, empty for all. Stores without such a list answer
    /// `Metadata::default()`.
    ///
    /// # Errors
    /// When a store that is asked live does not answer.
    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError>;

    /// Whether the store answers, for `/health` and account diagnosis.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), FetchError>;

    /// Keeps what the store answers from memory (its list of metrics) fresh until canceled. Returns
    /// at once when there is nothing to keep.
    async fn keep_fresh(&self, _canceled: &CancellationToken) {}

    /// Locations the store has found out itself; `None` when it does not look for any.
    fn locations(&self) -> Option<Vec<String>> {
        None
    }

    /// What the store has to learn in the background before it can fetch everything.
    fn prerequisites(&self) -> Vec<Prerequisite> {
        Vec::new()
    }
}

/// Something a store has to learn before it can fetch everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// The health component that reports it, one for all accounts.
    pub component: &'static str,
    /// Whether it was learned at least once.
    pub met: bool,
}

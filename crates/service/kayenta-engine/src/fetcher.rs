//! Fetching one metric over one scope: bounded, tried again, stored under a planned key.

use std::{error::Error as _, sync::Arc};

use async_trait::async_trait;
use kayenta_http::RetryPolicy;
use kayenta_limits::NoMemory;
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, Prerequisite, StoreDescription,
};
use kayenta_model::{
    AccountType, CanaryConfig, CanaryScope, Clock, IdSource, MetricConfig, MetricSet,
};
use kayenta_storage::{ObjectKind, ObjectRepository, WriteCondition};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    account::Accounts,
    documents::to_json,
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    memory,
    options::{EngineOptions, EngineParts},
    request::{FetchOneMetric, FetchOutcome},
};

/// The step of scopes without a usable one, in seconds.
const DEFAULT_STEP: i64 = 60;

/// A metric store that has only so many queries under way at a time. The bound holds for an attempt,
/// not for the pause before the next, so that a dead store does not keep others from being asked.
#[derive(Debug)]
struct Bounded {
    inner: Arc<dyn MetricsStore>,
    permits: Arc<Semaphore>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl MetricsStore for Bounded {
    fn description(&self) -> &'static StoreDescription {
        self.inner.description()
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        self.inner.query_text(query)
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        // Never closed, so a permit always comes.
        let _permit = self.permits.acquire().await.ok();
        self.inner.fetch(query).await
    }

    async fn metadata(&self, filter: &str) -> Result<Metadata, FetchError> {
        self.inner.metadata(filter).await
    }

    async fn check(&self) -> Result<(), FetchError> {
        self.inner.check().await
    }

    async fn keep_fresh(&self, canceled: &CancellationToken) {
        self.inner.keep_fresh(canceled).await;
    }

    fn locations(&self) -> Option<Vec<String>> {
        self.inner.locations()
    }

    fn prerequisites(&self) -> Vec<Prerequisite> {
        self.inner.prerequisites()
    }
}

/// Where a run fetches from and stores to.
#[derive(Clone, Debug)]
pub(crate) struct RunStores {
    metrics: Arc<dyn MetricsStore>,
    /// Name of the account they belong to.
    metrics_account: String,
    pub(crate) objects: Arc<ObjectRepository>,
}

/// Fetches metrics, so many at a time in this process, and stores what came.
#[derive(Debug)]
pub(crate) struct Fetcher {
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    retry: RetryPolicy,
    permits: Arc<Semaphore>,
}

impl Fetcher {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
            retry: options.retry.clone(),
            permits: Arc::new(Semaphore::new(options.fetches_total.max(1))),
        }
    }

    /// Both stores by account name, checked in the reference's order.
    pub(crate) fn stores(&self, metrics: &str, storage: &str) -> Result<RunStores, EngineError> {
        let accounts = &self.accounts;
        let metrics = accounts.resolve(Some(metrics), AccountType::MetricsStore)?;
        let storage = accounts.resolve(Some(storage), AccountType::ObjectStore)?;
        Ok(RunStores {
            metrics: Arc::new(Bounded {
                inner: accounts.metrics_store(&metrics)?,
                permits: Arc::clone(&self.permits),
            }),
            metrics_account: metrics.name.clone(),
            objects: accounts.object_store(&storage)?,
        })
    }

    /// Fetches a metric over a scope, tries again as the policy says, and stores what came under the
    /// key.
    pub(crate) async fn fetch_and_store(
        &self,
        stores: &RunStores,
        config: &CanaryConfig,
        metric: &MetricConfig,
        scope: &CanaryScope,
        key: &str,
    ) -> Result<Arc<Vec<MetricSet>>, FetchFailure> {
        let scope = with_usable_step(scope, stores.metrics.description());
        let query = MetricQuery {
            config,
            metric,
            scope: &scope,
        };
        let span = tracing::debug_span!(
            "fetch",
            store = stores.metrics.description().service_type,
            account = %stores.metrics_account,
            metric = metric.name(),
            tries = tracing::field::Empty,
            points = tracing::field::Empty,
            http.response.status_code = tracing::field::Empty,
            http.response.body.size = tracing::field::Empty,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty,
        );
        let mut sets = kayenta_metrics::fetch_with_retries(
            stores.metrics.as_ref(),
            &query,
            &self.retry,
            self.clock.as_ref(),
            // A cancel drops this whole future instead.
            &CancellationToken::new(),
        )
        .instrument(span.clone())
        .await
        .inspect_err(|error| {
            span.record("tries", i64::from(error.attempts));
            span.record("otel.status_code", "error");
            span.record("otel.status_description", tracing::field::display(error));
        })
        .map_err(|error| FetchFailure::Fetch {
            asked: Asked {
                metric: metric.name().to_owned(),
                account: stores.metrics_account.clone(),
                query: stores.metrics.query_text(&query).ok(),
            },
            error,
        })?;
        // Mostly it is one series, with room for more that would be kept until the run has fetched everything.
        sets.shrink_to_fit();
        let sets = Arc::new(sets);
        let values = sets
            .iter()
            .map(|set| set.values.as_ref().map_or(0, Vec::len))
            .sum();
        span.record("points", i64::try_from(values).unwrap_or(i64::MAX));
        // It ends with the fetch, not with the storing of what came.
        drop(span);
        memory::hold_series(sets.len(), values).await?;
        let written = memory::reserve_text(sets.len(), values).await?;
        let bytes = to_json(&sets, values).await?;
        stores
            .objects
            .store_bytes(
                ObjectKind::MetricSetList,
                key,
                None,
                bytes,
                WriteCondition::Always,
            )
            .await
            .map_err(EngineError::from)?;
        // A store in memory keeps the bytes, which would keep the reservation for as long.
        drop(written);
        Ok(sets)
    }

    /// Fetches one metric for a caller who waits, or tells what the store would be sent.
    pub(crate) async fn fetch_one_metric(
        &self,
        request: FetchOneMetric,
    ) -> Result<FetchOutcome, EngineError> {
        let accounts = &self.accounts;
        let metrics = accounts.resolve(
            request.metrics_account.as_deref(),
            AccountType::MetricsStore,
        )?;
        let storage =
            accounts.resolve(request.storage_account.as_deref(), AccountType::ObjectStore)?;
        let config = request.config;
        let Some(metric) = config.metrics().get(request.metric_index) else {
            return Err(EngineError::invalid(format!(
                "The canary config has no metric number {}.",
                request.metric_index
            )));
        };
        if request.dry_run {
            let store = accounts.metrics_store(&metrics)?;
            let query = MetricQuery {
                config: &config,
                metric,
                scope: &request.scope,
            };
            return Ok(FetchOutcome::Query(store.query_text(&query)?));
        }
        let stores = self.stores(&metrics.name, &storage.name)?;
        let id = self.ids.uuid();
        self.fetch_and_store(&stores, &config, metric, &request.scope, &id)
            .await
            .map_err(|failure| match failure {
                FetchFailure::Fetch { error, .. } => error.into(),
                FetchFailure::Other(error) => error,
            })?;
        Ok(FetchOutcome::Stored(id))
    }
}

/// Why a metric set list did not come to be.
#[derive(Debug)]
pub(crate) enum FetchFailure {
    /// The store was asked, or the question could not be put together.
    Fetch {
        asked: Asked,
        error: FetchError,
    },
    Other(EngineError),
}

/// What was asked of whom.
#[derive(Debug)]
pub(crate) struct Asked {
    metric: String,
    account: String,
    query: Option<String>,
}

impl From<FetchFailure> for Failure {
    fn from(failure: FetchFailure) -> Self {
        match failure {
            FetchFailure::Fetch { asked, error } if error.kind == FetchErrorKind::Invalid => {
                Self::from(&error).before_fetch(asked.metric, asked.account, error.source())
            }
            FetchFailure::Fetch { asked, error } => Self::from(&error).of_fetch(
                asked.metric,
                asked.account,
                asked.query,
                error.attempts,
            ),
            FetchFailure::Other(error) => Self::from(&error),
        }
    }
}

/// What the process has too little memory for just now is no failure: the run waits.
impl From<NoMemory> for FetchFailure {
    fn from(error: NoMemory) -> Self {
        Self::Other(error.into())
    }
}

impl FetchFailure {
    /// The error of a run that has to wait for memory.
    pub(crate) fn waits(self) -> Result<EngineError, Box<Self>> {
        match self {
            Self::Other(error) if NoMemory::is_cause_of(&error) => Ok(error),
            Self::Fetch { error, .. } if NoMemory::is_cause_of(&error) => Ok(EngineError::new(
                EngineErrorKind::Unavailable,
                error.to_string(),
            )
            .caused_by(error)),
            failure => Err(Box::new(failure)),
        }
    }
}

impl From<EngineError> for FetchFailure {
    fn from(error: EngineError) -> Self {
        Self::Other(error)
    }
}

/// C-ENG-10: a step of 0 or none would hang or fail most stores; those that take 0 as their own choice
/// say so.
fn with_usable_step(scope: &CanaryScope, store: &StoreDescription) -> CanaryScope {
    let mut scope = scope.clone();
    if !store.accepts_step_zero && scope.step.unwrap_or_default() <= 0 {
        scope.step = Some(DEFAULT_STEP);
    }
    scope
}

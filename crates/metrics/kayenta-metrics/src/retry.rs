//! Repeats failed fetches.

use std::time::Duration;

use chrono::TimeDelta;
use kayenta_http::RetryPolicy;
use kayenta_limits::NoMemory;
use kayenta_model::{Clock, MetricSet};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{FetchError, FetchErrorKind},
    store::{MetricQuery, MetricsStore},
};

impl FetchErrorKind {
    /// Whether a failure of this kind is worth another attempt under `policy`.
    #[must_use]
    pub fn is_retried_by(&self, policy: &RetryPolicy) -> bool {
        match self {
            Self::Http { status, .. } => policy.retries_status(*status),
            Self::Network { .. } | Self::Incomplete => true,
            Self::Invalid | Self::Answer { .. } | Self::Refused { .. } | Self::Canceled => false,
        }
    }
}

/// Fetches with retries. No thread is blocked; cancelling ends a wait or a running attempt at once.
///
/// Counts every attempt in `canary.telemetry.query` with the labels `metricsStore` and `retries`
/// (failures so far), as the reference does.
///
/// # Errors
/// The failure of the last attempt, with the number of attempts and the time they took together;
/// [`FetchErrorKind::Canceled`] when canceled.
pub async fn fetch_with_retries(
    store: &dyn MetricsStore,
    query: &MetricQuery<'_>,
    policy: &RetryPolicy,
    clock: &dyn Clock,
    canceled: &CancellationToken,
) -> Result<Vec<MetricSet>, FetchError> {
    let started = clock.now();
    let elapsed = || (clock.now() - started).to_std().unwrap_or_default();
    let mut attempts = 0;
    loop {
        count(store.description().service_type, attempts);
        attempts += 1;
        let failure = tokio::select! {
            biased;
            () = canceled.cancelled() => return Err(cancellation(attempts, elapsed(), None)),
            outcome = store.fetch(query) => match outcome {
                Ok(sets) => {
                    tracing::Span::current().record("tries", i64::from(attempts));
                    return Ok(sets);
                }
                Err(failure) => FetchError { attempts, elapsed: elapsed(), ..failure },
            },
        };
        // The whole run waits for memory, with nothing in hand.
        let lacks_memory = NoMemory::is_cause_of(&failure);
        if lacks_memory || attempts >= policy.attempts || !failure.kind.is_retried_by(policy) {
            return Err(failure);
        }
        let wait = policy.wait(attempts, failure.retry_after);
        tracing::warn!(
            metric = query.metric.name(),
            store = store.description().service_type,
            attempts,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            error = %failure,
            "fetch failed; retrying"
        );
        let deadline = clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero());
        tokio::select! {
            biased;
            () = canceled.cancelled() => {
                return Err(cancellation(attempts, elapsed(), Some(failure)));
            }
            () = clock.sleep_until(deadline) => {}
        }
    }
}

fn cancellation(attempts: u32, elapsed: Duration, last_failure: Option<FetchError>) -> FetchError {
    FetchError {
        attempts,
        elapsed,
        source: last_failure.map(Into::into),
        ..FetchError::new(FetchErrorKind::Canceled, "canceled while fetching")
    }
}

fn count(store: &'static str, failures: u32) {
    metrics::counter!(
        "canary.telemetry.query",
        "metricsStore" => store,
        "retries" => failures.to_string()
    )
    .increment(1);
}

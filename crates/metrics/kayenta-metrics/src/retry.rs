//! When a failed fetch is tried again, and the wait in between.

use std::{str::FromStr, time::Duration};

use chrono::TimeDelta;
use kayenta_model::{Clock, MetricSet, http_status::NAMED_STATUSES};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{FetchError, FetchErrorKind},
    store::{MetricQuery, MetricsStore},
};

/// Longest wait between two attempts, whatever policy or server ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The hundreds of an HTTP status, by the names `kayenta.metrics.retry.series` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusSeries {
    /// 1xx.
    Informational,
    /// 2xx.
    Successful,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
}

impl StatusSeries {
    /// The series a status belongs to; `None` for numbers outside 100 to 599.
    #[must_use]
    pub fn of(status: u16) -> Option<Self> {
        match status / 100 {
            1 => Some(Self::Informational),
            2 => Some(Self::Successful),
            3 => Some(Self::Redirection),
            4 => Some(Self::ClientError),
            5 => Some(Self::ServerError),
            _ => None,
        }
    }
}

/// A name that is no series or no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is not {wanted}")]
pub struct UnknownStatus {
    /// The name as configured.
    pub name: String,
    /// What would be accepted.
    pub wanted: &'static str,
}

fn canonical(name: &str) -> String {
    name.trim().replace(['-', ' '], "_").to_ascii_uppercase()
}

impl FromStr for StatusSeries {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        match canonical(name).as_str() {
            "INFORMATIONAL" => Ok(Self::Informational),
            "SUCCESSFUL" => Ok(Self::Successful),
            "REDIRECTION" => Ok(Self::Redirection),
            "CLIENT_ERROR" => Ok(Self::ClientError),
            "SERVER_ERROR" => Ok(Self::ServerError),
            _ => Err(UnknownStatus {
                name: name.to_owned(),
                wanted: "a series of HTTP statuses (INFORMATIONAL, SUCCESSFUL, REDIRECTION, \
                         CLIENT_ERROR, SERVER_ERROR)",
            }),
        }
    }
}

/// The number of a status as `kayenta.metrics.retry.statuses` names it (`TOO_MANY_REQUESTS`); a plain
/// number is taken as well.
///
/// # Errors
/// When there is no status of that name.
pub fn status_by_name(name: &str) -> Result<u16, UnknownStatus> {
    let wanted = canonical(name);
    NAMED_STATUSES
        .iter()
        .find(|(known, status)| *known == wanted || wanted.parse() == Ok(*status))
        .map(|(_, status)| *status)
        .ok_or_else(|| UnknownStatus {
            name: name.to_owned(),
            wanted: "the name of an HTTP status such as TOO_MANY_REQUESTS",
        })
}

/// `kayenta.metrics.retry`: which failures are tried again, how often and with what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a fetch is tried in all; 0 and 1 both mean once.
    pub attempts: u32,
    /// The wait after the first failure; each further wait is twice the one before.
    pub multiplier: Duration,
    /// Series of statuses that are tried again.
    pub series: Vec<StatusSeries>,
    /// Single statuses that are tried again.
    pub statuses: Vec<u16>,
}

/// Ten attempts, waits of 1, 2, 4, … seconds, for every 5xx, 408 and 429.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            multiplier: Duration::from_secs(1),
            series: vec![StatusSeries::ServerError],
            statuses: vec![408, 429],
        }
    }
}

impl RetryPolicy {
    /// Whether a failure of this kind may be tried again.
    #[must_use]
    pub fn retries(&self, kind: &FetchErrorKind) -> bool {
        match kind {
            FetchErrorKind::Http { status, .. } => {
                NAMED_STATUSES.iter().any(|(_, known)| known == status)
                    && (self.statuses.contains(status)
                        || StatusSeries::of(*status).is_some_and(|s| self.series.contains(&s)))
            }
            FetchErrorKind::Network { .. } | FetchErrorKind::Incomplete => true,
            FetchErrorKind::Invalid
            | FetchErrorKind::Answer { .. }
            | FetchErrorKind::Refused { .. }
            | FetchErrorKind::Canceled => false,
        }
    }

    /// How long to wait after the `failures`-th failure (from 1): `2^(failures-1) · multiplier`, or
    /// what the server asked for when that is longer, never more than [`LONGEST_WAIT`].
    #[must_use]
    pub fn wait(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = 2_u32
            .checked_pow(failures.saturating_sub(1))
            .and_then(|factor| self.multiplier.checked_mul(factor))
            .unwrap_or(LONGEST_WAIT);
        doubled.max(asked.unwrap_or_default()).min(LONGEST_WAIT)
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
        count(store.service_type(), attempts);
        attempts += 1;
        let failure = tokio::select! {
            biased;
            () = canceled.cancelled() => return Err(cancellation(attempts, elapsed(), None)),
            outcome = store.fetch(query) => match outcome {
                Ok(sets) => return Ok(sets),
                Err(failure) => FetchError { attempts, elapsed: elapsed(), ..failure },
            },
        };
        if attempts >= policy.attempts || !policy.retries(&failure.kind) {
            return Err(failure);
        }
        let wait = policy.wait(attempts, failure.retry_after);
        tracing::warn!(
            metric = query.metric.name(),
            store = store.service_type(),
            attempts,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            error = %failure,
            "fetch failed, trying again"
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

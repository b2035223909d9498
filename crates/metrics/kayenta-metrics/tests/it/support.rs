//! A clock that jumps, a store that follows a script.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, StoreDescription,
};
use kayenta_model::{CanaryConfig, CanaryScope, Clock, MetricConfig, MetricSet, Sleep};

/// Jumps to the next time that is waited for.
#[derive(Debug)]
pub(crate) struct JumpingClock {
    now: Mutex<DateTime<Utc>>,
    waits: Mutex<Vec<TimeDelta>>,
}

impl JumpingClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new(DateTime::UNIX_EPOCH),
            waits: Mutex::default(),
        })
    }

    /// The waits so far in milliseconds.
    pub(crate) fn waits(&self) -> Vec<i64> {
        let waits = self.waits.lock().unwrap();
        waits.iter().map(TimeDelta::num_milliseconds).collect()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(async move {
            let mut now = self.now.lock().unwrap();
            self.waits.lock().unwrap().push(deadline - *now);
            *now = deadline;
        })
    }
}

/// Never advances.
#[derive(Debug)]
pub(crate) struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn sleep_until(&self, _: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(std::future::pending())
    }
}

static SCRIPTED: StoreDescription = StoreDescription::new("scripted", "ScriptedCanaryScope");

/// Answers by a script; an empty one means success.
#[derive(Debug, Default)]
pub(crate) struct ScriptedStore {
    pub(crate) script: Mutex<VecDeque<FetchError>>,
    pub(crate) repeat_last: Option<FetchErrorKind>,
    pub(crate) calls: AtomicUsize,
}

#[async_trait]
impl MetricsStore for ScriptedStore {
    fn description(&self) -> &'static StoreDescription {
        &SCRIPTED
    }

    fn query_text(&self, _: &MetricQuery<'_>) -> Result<String, FetchError> {
        Ok("q".to_owned())
    }

    async fn fetch(&self, _: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = self.script.lock().unwrap().pop_front() {
            return Err(error);
        }
        match &self.repeat_last {
            Some(kind) => Err(FetchError::new(kind.clone(), "again")),
            None => Ok(vec![MetricSet::default()]),
        }
    }

    async fn metadata(&self, _: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        Ok(())
    }
}

/// A failure with this status.
pub(crate) fn http(status: u16) -> FetchErrorKind {
    FetchErrorKind::Http {
        status,
        url: "http://store/".to_owned(),
        reason: String::new(),
    }
}

/// Runs `body` with some query.
pub(crate) async fn with_query<T>(body: impl AsyncFnOnce(&MetricQuery<'_>) -> T) -> T {
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &MetricConfig::default(),
        scope: &CanaryScope::default(),
    };
    body(&query).await
}

//! The suite.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use kayenta_http::{HttpSettings, RetryPolicy, Transport};
use kayenta_metrics::{FetchError, FetchErrorKind, MetricQuery, MetricsStore, fetch_with_retries};
use kayenta_model::{CanaryConfig, CanaryScope, Clock, MetricConfig, MetricSet, Sleep};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::server::{Behaviour, MisbehavingStore, Stored};
use crate::free_port::free_port;

/// Longest error text that is still one to read.
const LONGEST_MESSAGE: usize = 4096;

/// What the suite needs to know of a store.
pub struct BadBackEnds<'a> {
    /// Makes the store for a base URL.
    pub store: &'a dyn Fn(&str, &Transport) -> Arc<dyn MetricsStore>,
    /// A metric, `{"name", "query"}`.
    pub metric: Value,
    /// A scope.
    pub scope: Value,
    /// What a healthy back end answers to the metric over the scope.
    pub healthy: Stored,
    /// What is asked before the data, by the end of its path.
    pub preliminaries: Vec<(&'static str, Stored)>,
    /// Secrets of the account.
    pub secrets: &'a [&'a str],
}

impl std::fmt::Debug for BadBackEnds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BadBackEnds")
            .field("metric", &self.metric)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Time that passes by itself; it notes how long it was slept.
#[derive(Debug, Default)]
struct NotingClock {
    waits: Mutex<Vec<Duration>>,
}

impl Clock for NotingClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
        let wait = (deadline - self.now()).to_std().unwrap_or_default();
        self.waits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(wait);
        Box::pin(ready(()))
    }
}

impl BadBackEnds<'_> {
    async fn back_end(&self, behaviours: &[Behaviour]) -> (MisbehavingStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let server = MisbehavingStore::start(
            folder.path(),
            behaviours,
            self.healthy.clone(),
            self.preliminaries.clone(),
        )
        .await
        .unwrap();
        (server, folder)
    }

    async fn fetch(
        &self,
        base_url: &str,
        authority: &str,
        settings: HttpSettings,
        policy: &RetryPolicy,
        clock: &NotingClock,
    ) -> Result<Vec<MetricSet>, FetchError> {
        let transport = Transport::new(&HttpSettings {
            extra_ca_pem: vec![authority.as_bytes().to_vec()],
            ..settings
        })
        .unwrap();
        let store = (self.store)(base_url, &transport);
        let metric: MetricConfig = serde_json::from_value(self.metric.clone()).unwrap();
        let scope: CanaryScope = serde_json::from_value(self.scope.clone()).unwrap();
        let query = MetricQuery {
            config: &CanaryConfig::default(),
            metric: &metric,
            scope: &scope,
        };
        let canceled = CancellationToken::new();
        fetch_with_retries(store.as_ref(), &query, policy, clock, &canceled).await
    }

    /// One attempt against one behaviour: the error, checked for what every error has to be.
    async fn error(&self, behaviour: Behaviour, settings: HttpSettings) -> FetchError {
        let (server, _folder) = self.back_end(&[behaviour]).await;
        let once = RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        };
        let authority = server.authority_pem();
        let clock = NotingClock::default();
        let error = self
            .fetch(&server.base_url(), authority, settings, &once, &clock)
            .await
            .err()
            .unwrap_or_else(|| panic!("{behaviour:?} is not noticed"));
        assert_eq!(
            server.asked(),
            1,
            "{behaviour:?}: one attempt is one request"
        );
        self.assert_reported(&format!("{behaviour:?}"), &error);
        error
    }

    #[expect(clippy::print_stdout, reason = "the texts are worth a look")]
    fn assert_reported(&self, what: &str, error: &FetchError) {
        let message = error.to_string();
        println!("{what}: {message}");
        assert!(
            message.contains("://localhost:"),
            "{what} does not say who: {message}"
        );
        assert!(
            message.len() <= LONGEST_MESSAGE,
            "{what}: {} bytes",
            message.len()
        );
        let everything = format!("{error:?} {message}");
        for secret in self.secrets {
            assert!(!everything.contains(secret), "{what} tells a secret");
        }
    }
}

fn may_pass_by_itself(error: &FetchError) -> bool {
    matches!(
        error.kind,
        FetchErrorKind::Network { .. } | FetchErrorKind::Incomplete
    )
}

/// Runs the suite against a store.
///
/// # Panics
/// When the store does not pass.
pub async fn assert_bad_back_ends_are_reported(case: BadBackEnds<'_>) {
    assert_broken_answers_are_reported(&case).await;

    let error = case
        .error(Behaviour::TooManyRequests, HttpSettings::default())
        .await;
    let refused = matches!(error.kind, FetchErrorKind::Http { status: 429, .. });
    assert!(refused, "{:?}", error.kind);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));

    what_passes_is_tried_again(&case).await;
}

/// The part of the suite that also a store has to pass which tells of refusals in a way of its own:
/// answers that are late, cut off, something else or too large, and none at all.
///
/// # Panics
/// When the store does not pass.
pub async fn assert_broken_answers_are_reported(case: &BadBackEnds<'_>) {
    let impatient = || HttpSettings {
        read_timeout: Duration::from_millis(150),
        total_timeout: Duration::from_millis(400),
        ..HttpSettings::default()
    };
    for slow in [Behaviour::Silent, Behaviour::Drip] {
        let error = case.error(slow, impatient()).await;
        assert!(may_pass_by_itself(&error), "{slow:?}: {:?}", error.kind);
    }
    for cut in [Behaviour::CutLength, Behaviour::CutChunks] {
        let error = case.error(cut, HttpSettings::default()).await;
        assert!(may_pass_by_itself(&error), "{cut:?}: {:?}", error.kind);
    }
    for useless in [Behaviour::WebPage, Behaviour::TenMegabytes] {
        let error = case.error(useless, HttpSettings::default()).await;
        let terminal = matches!(error.kind, FetchErrorKind::Answer { .. });
        assert!(terminal, "{useless:?}: {:?}", error.kind);
    }
    let small = HttpSettings {
        max_answer_bytes: 1 << 20,
        ..HttpSettings::default()
    };
    let error = case.error(Behaviour::TenMegabytes, small).await;
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(
        error.to_string().contains("larger than 1048576 bytes"),
        "{error}"
    );

    nobody_listens(case).await;
}

async fn nobody_listens(case: &BadBackEnds<'_>) {
    let (authority, _folder) = {
        let (server, folder) = case.back_end(&[Behaviour::Healthy]).await;
        (server.authority_pem().to_owned(), folder)
    };
    let base_url = format!("http://localhost:{}", free_port().unwrap());
    let once = RetryPolicy {
        attempts: 1,
        ..RetryPolicy::default()
    };
    let clock = NotingClock::default();
    let error = case
        .fetch(
            &base_url,
            &authority,
            HttpSettings::default(),
            &once,
            &clock,
        )
        .await
        .expect_err("nobody listens there");
    assert!(may_pass_by_itself(&error), "{:?}", error.kind);
    case.assert_reported("refused connection", &error);
}

/// A cut and a 429 pass; the second is waited for as long as the back end asked.
async fn what_passes_is_tried_again(case: &BadBackEnds<'_>) {
    let behaviours = [
        Behaviour::CutChunks,
        Behaviour::TooManyRequests,
        Behaviour::Healthy,
    ];
    let (server, _folder) = case.back_end(&behaviours).await;
    let clock = NotingClock::default();
    let authority = server.authority_pem();
    let sets = case
        .fetch(
            &server.base_url(),
            authority,
            HttpSettings::default(),
            &RetryPolicy::default(),
            &clock,
        )
        .await
        .unwrap_or_else(|error| panic!("it passes the third time: {error}"));
    assert!(
        sets.iter()
            .any(|set| set.values.as_ref().is_some_and(|values| !values.is_empty())),
        "the healthy answer has values: {sets:?}"
    );
    assert_eq!(server.asked(), 3);
    let waits = clock.waits.lock().unwrap().clone();
    assert_eq!(waits, [Duration::from_secs(1), Duration::from_secs(7)]);
}

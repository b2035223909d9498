use std::{sync::atomic::Ordering, time::Duration};

use kayenta_http::{RetryPolicy, StatusSeries};
use kayenta_metrics::{FetchError, FetchErrorKind, fetch_with_retries};
use tokio_util::sync::CancellationToken;

use crate::support::{JumpingClock, ScriptedStore, StoppedClock, http, with_query};

/// The policy of the reference's own test.
fn pinned_policy() -> RetryPolicy {
    RetryPolicy {
        attempts: 5,
        multiplier: Duration::from_secs(1),
        series: vec![StatusSeries::ServerError, StatusSeries::Redirection],
        statuses: vec![423],
    }
}

async fn run(store: &ScriptedStore, policy: &RetryPolicy) -> (Result<usize, FetchError>, Vec<i64>) {
    let clock = JumpingClock::new();
    let outcome = with_query(async |query| {
        fetch_with_retries(store, query, policy, &*clock, &CancellationToken::new()).await
    })
    .await;
    (outcome.map(|sets| sets.len()), clock.waits())
}

#[tokio::test]
async fn failures_are_tried_again_as_the_reference_tries_them() {
    let network = || FetchErrorKind::Network {
        url: "http://store/".to_owned(),
    };
    let answer = || FetchErrorKind::Answer {
        url: "http://store/".to_owned(),
    };
    // Script, what follows it, calls, success.
    let cases = [
        (vec![], Some(http(500)), 5, false),
        (vec![http(500), http(502), http(307)], None, 4, true),
        (vec![http(423), http(423), http(423)], None, 4, true),
        (vec![], Some(http(400)), 1, false),
        (vec![], Some(network()), 5, false),
        (vec![FetchErrorKind::Incomplete], None, 2, true),
        (vec![], Some(answer()), 1, false),
        (vec![], Some(FetchErrorKind::Invalid), 1, false),
        // Not a status Spring knows, whatever its series.
        (vec![], Some(http(599)), 1, false),
        (vec![], Some(http(520)), 1, false),
    ];
    for (script, repeat_last, calls, success) in cases {
        let case = format!("{script:?} then {repeat_last:?}");
        let store = ScriptedStore {
            script: std::sync::Mutex::new(
                script
                    .into_iter()
                    .map(|kind| FetchError::new(kind, "no"))
                    .collect(),
            ),
            repeat_last,
            ..ScriptedStore::default()
        };
        let (outcome, _) = run(&store, &pinned_policy()).await;
        assert_eq!(store.calls.load(Ordering::Relaxed), calls, "{case}");
        assert_eq!(outcome.is_ok(), success, "{case}");
    }
}

/// C-RETRY-01.
#[tokio::test]
async fn ten_attempts_wait_511_seconds_and_the_error_tells() {
    let store = ScriptedStore {
        repeat_last: Some(http(503)),
        ..ScriptedStore::default()
    };
    let (outcome, waits) = run(&store, &RetryPolicy::default()).await;
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256].map(|s| s * 1000));
    let error = outcome.unwrap_err();
    assert_eq!(error.attempts, 10);
    assert_eq!(error.elapsed, Duration::from_secs(511));
}

/// C-HTTP-03.
#[tokio::test]
async fn a_server_that_names_a_wait_gets_it_within_bounds() {
    let asked = |seconds| FetchError {
        retry_after: Some(Duration::from_secs(seconds)),
        ..FetchError::new(http(429), "slow down")
    };
    let store = ScriptedStore {
        script: std::sync::Mutex::new([asked(30), asked(1), asked(1_000_000)].into()),
        ..ScriptedStore::default()
    };
    let (outcome, waits) = run(&store, &RetryPolicy::default()).await;
    assert_eq!(outcome.unwrap(), 1);
    assert_eq!(waits, [30_000, 2_000, 600_000]);
}

#[tokio::test]
async fn canceling_ends_a_wait_at_once_and_keeps_the_cause() {
    let store = ScriptedStore {
        repeat_last: Some(http(503)),
        ..ScriptedStore::default()
    };
    let canceled = CancellationToken::new();
    let token = canceled.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        token.cancel();
    });
    let policy = RetryPolicy::default();
    let error = with_query(async |query| {
        fetch_with_retries(&store, query, &policy, &StoppedClock, &canceled)
            .await
            .unwrap_err()
    })
    .await;
    assert_eq!(error.kind, FetchErrorKind::Canceled);
    assert_eq!(store.calls.load(Ordering::Relaxed), 1);
    assert!(error.source.is_some());
}

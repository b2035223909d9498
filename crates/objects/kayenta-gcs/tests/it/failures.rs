//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use kayenta_gcs::GcsAccount;
use kayenta_storage::{
    MissingBucket, ObjectKind, ObjectStore, RetryPolicy, Retrying, StorageError, StorageErrorKind,
    WriteCondition,
};
use kayenta_testkit::{BucketServer, Fault, FaultProxy, NotedRequest, NotingServer};

use crate::support::{account, open, opened, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn every_operation(store: &dyn ObjectStore) -> Vec<StorageError> {
    let bytes = Bytes::from_static(b"{}");
    let write = store
        .store(KIND, "k", None, bytes, WriteCondition::Always)
        .await;
    vec![
        write.unwrap_err(),
        store.load(KIND, "k").await.unwrap_err(),
        store.list(KIND).await.unwrap_err(),
        store.delete(KIND, "k").await.unwrap_err(),
        store.lock("k", Duration::ZERO).await.unwrap_err(),
        store.check().await.unwrap_err(),
    ]
}

async fn all_say(account: &GcsAccount, kind: StorageErrorKind, word: &str) {
    for error in every_operation(&open(account)).await {
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(word), "{error}");
        assert!(error.message.contains("my-google-account"), "{error}");
    }
}

fn refusal(status: u16, reason: &str) -> axum::response::Response {
    let body = format!(
        "{{\"error\":{{\"code\":{status},\"message\":\"m\",\"errors\":[{{\"reason\":\"{reason}\"}}]}}}}"
    );
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn causes_are_readable() {
    let unavailable = StorageErrorKind::Unavailable;
    all_say(&account("http://127.0.0.1:1"), unavailable, "refused").await;
    let unknown = account("http://no-such-host.invalid");
    all_say(&unknown, unavailable, "cannot connect").await;
    for (status, reason, kind, word) in [
        (
            403,
            "forbidden",
            StorageErrorKind::Denied,
            "lack the permission (403 forbidden)",
        ),
        (
            401,
            "authError",
            StorageErrorKind::Denied,
            "not accepted (401 authError)",
        ),
        (503, "backendError", unavailable, "503 backendError"),
        (429, "rateLimitExceeded", unavailable, "too many requests"),
    ] {
        let server = NotingServer::answering(move |_: &NotedRequest| refusal(status, reason)).await;
        all_say(&account(server.base_url()), kind, word).await;
    }
}

/// C-STORE-09: the reference answers `200 []` to a refused listing, and the first page when the second
/// fails.
#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    let server = NotingServer::answering(|request: &NotedRequest| {
        if request.target.contains("pageToken=") {
            return refusal(403, "forbidden");
        }
        let item = "{\"name\":\"kayenta/metrics/k/metric_sets.json\",\"generation\":\"1\",\
                    \"updated\":\"2026-11-29T10:17:09.967Z\"}";
        format!("{{\"items\":[{item}],\"nextPageToken\":\"t\"}}").into_response()
    })
    .await;
    let account = account(server.base_url());
    let error = open(&account).list(ObjectKind::MetricSetList).await;
    assert_eq!(error.unwrap_err().kind, StorageErrorKind::Denied);
    let endless = NotingServer::start(200, "{\"nextPageToken\":\"t\"}").await;
    let store = open(&GcsAccount {
        endpoint: Some(endless.base_url().into()),
        ..account
    });
    let error = store.list(ObjectKind::MetricSetList).await.unwrap_err();
    assert!(error.message.contains("round in circles"), "{error}");
}

#[test]
fn unusable_settings_are_named() {
    let good = account("http://127.0.0.1:1");
    let refusal = |account: GcsAccount| {
        let error = opened(&account, MissingBucket::Create).unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Invalid);
        error.message
    };
    let no_bucket = GcsAccount {
        bucket: String::new(),
        ..good.clone()
    };
    assert_eq!(
        refusal(no_bucket),
        "Google/GCS account my-google-account is required to specify a bucket."
    );
    let no_root = GcsAccount {
        root_folder: String::new(),
        ..good.clone()
    };
    assert_eq!(
        refusal(no_root),
        "Google/GCS account my-google-account is required to specify a rootFolder."
    );
    let odd_endpoint = GcsAccount {
        endpoint: Some("storage:80".into()),
        ..good
    };
    assert!(refusal(odd_endpoint).contains("endpoint is not the URL"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_missing_bucket_that_is_to_stay_missing_is_told() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let missing = opened(&account(&server.endpoint()), MissingBucket::Leave).unwrap();
    for error in [
        missing.check().await.unwrap_err(),
        missing.list(KIND).await.unwrap_err(),
    ] {
        assert!(error.is_not_found(), "{error}");
        assert!(error.message.contains("does not exist"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_server_down_at_the_start_comes_up_and_a_dead_one_is_given_up_in_time() {
    let mut server = BucketServer::fake_gcs().await.unwrap();
    server.stop().await.unwrap();
    let account = account(&server.endpoint());
    let store = retrying(&account);
    assert!(store.check().await.unwrap_err().is_transient());
    let write = {
        let store = store.clone();
        tokio::spawn(async move {
            let bytes = Bytes::from_static(b"{}");
            store
                .store(KIND, "k", None, bytes, WriteCondition::Absent)
                .await
        })
    };
    server.restart().await.unwrap();
    write.await.unwrap().expect("a write rides out the outage");
    store.check().await.unwrap();

    server.stop().await.unwrap();
    let impatient = Retrying::new(
        open(&account),
        "my-google-account",
        RetryPolicy {
            last_start: Duration::from_secs(2),
            ..RetryPolicy::default()
        },
    );
    let began = Instant::now();
    let errors = every_operation(&impatient).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    for error in &errors[..5] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(error.attempts > 2, "{error:?}");
    }
}

/// Cut connections, answers that break off and slow answers fail or delay an operation; the next one
/// works.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn broken_and_slow_connections_are_told_and_left_behind() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let account = account(&proxy.base_url());
    let store = open(&account);
    let big = Bytes::from(vec![b' '; 1 << 20]);
    let kind = ObjectKind::MetricSetList;
    store
        .store(kind, "big", None, big.clone(), WriteCondition::Always)
        .await
        .unwrap();

    proxy.set(Fault::Cut);
    for error in every_operation(&store).await {
        assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("the connection broke"), "{error}");
    }
    proxy.set(Fault::ResetAfter(200_000));
    let error = store.load(kind, "big").await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("the connection broke"), "{error}");
    proxy.set(Fault::Delay(Duration::from_millis(300)));
    let impatient = Retrying::new(
        open(&account),
        "my-google-account",
        RetryPolicy {
            attempt_timeout: Duration::from_millis(200),
            last_start: Duration::from_millis(300),
            ..RetryPolicy::default()
        },
    );
    let bytes = Bytes::from_static(b"[]");
    let late = impatient.store(kind, "late", None, bytes, WriteCondition::Always);
    let error = late.await.unwrap_err();
    assert!(error.message.contains("gave no answer to store"), "{error}");
    proxy.set(Fault::Pass);
    assert_eq!(store.load(kind, "big").await.unwrap().bytes, big);
    store.check().await.unwrap();
}

//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::sync::Arc;

use axum::response::IntoResponse;
use http::StatusCode;
use kayenta_gcs::GcsAccount;
use kayenta_storage::{MissingBucket, ObjectKind, ObjectStore, StorageErrorKind};
use kayenta_testkit::{
    BucketServer, FaultProxy, NotedRequest, NotingServer,
    failure_suite::{self, Cause},
};

use crate::support::{account, open, opened, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn all_say(account: &GcsAccount, kind: StorageErrorKind, words: &str) {
    let cause = Cause {
        kind,
        words,
        account: "my-google-account",
        secrets: &[],
    };
    failure_suite::every_operation_says(&open(account), cause).await;
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
async fn a_missing_bucket_that_is_to_stay_missing_is_reported() {
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
async fn a_server_down_at_the_start_comes_up_by_itself() {
    let mut server = BucketServer::fake_gcs().await.unwrap();
    let store = retrying(&account(&server.endpoint()));
    failure_suite::a_server_down_at_the_start_comes_up_by_itself(&mut server, store, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_dead_server_is_given_up_in_time() {
    let mut server = BucketServer::fake_gcs().await.unwrap();
    let store = Arc::new(open(&account(&server.endpoint())));
    failure_suite::a_dead_server_is_given_up_in_time(&mut server, store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn broken_and_slow_connections_are_reported_and_left_behind() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let store = Arc::new(open(&account(&proxy.base_url())));
    let broken = "the connection broke";
    failure_suite::broken_and_slow_connections_are_reported_and_left_behind(&proxy, store, broken)
        .await;
}

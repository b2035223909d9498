//! Requests as they are sent, and tokens.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use chrono::Utc;
use http::{Method, StatusCode};
use kayenta_gcs::{GcsAccount, STORAGE_SCOPE};
use kayenta_google::{GoogleCredentials, GoogleTokens};
use kayenta_storage::{ObjectKind, ObjectStore, StorageErrorKind, WriteCondition};
use kayenta_testkit::{NotedRequest, NotingServer};

use crate::support::{account, open, transport};

const KIND: ObjectKind = ObjectKind::MetricSetList;

const STORED: &str = "{\"name\":\"kayenta/metrics/k/metric_sets.json\",\"generation\":\"7\",\
                      \"updated\":\"2026-11-29T10:17:09.967Z\"}";

/// Tokens of a machine whose metadata server is `host`.
fn tokens(host: &str) -> Arc<GoogleTokens> {
    let host = host.strip_prefix("http://").unwrap();
    let credentials = GoogleCredentials::of_this_machine(Some(host)).unwrap();
    let now = Arc::new(Utc::now);
    Arc::new(GoogleTokens::new(credentials, STORAGE_SCOPE, &transport(), now).unwrap())
}

async fn write(account: &GcsAccount) -> String {
    let bytes = Bytes::from_static(b"[]");
    let store = open(account);
    let written = store.store(KIND, "k", None, bytes, WriteCondition::Always);
    written.await.unwrap().version
}

/// A bucket is created as the reference creates it: versioned, in the account's location and project.
#[tokio::test]
async fn a_bucket_is_created_with_versioning_in_its_location() {
    for (location, body) in [
        (
            Some("EU"),
            "{\"name\":\"BUCKET\",\"versioning\":{\"enabled\":true},\"location\":\"EU\"}",
        ),
        (
            None,
            "{\"name\":\"BUCKET\",\"versioning\":{\"enabled\":true}}",
        ),
    ] {
        let created = Arc::new(AtomicBool::new(false));
        let server = NotingServer::answering(move |request: &NotedRequest| {
            match (&request.method, request.target.as_str()) {
                (&Method::POST, "/storage/v1/b?project=my-project") => {
                    created.store(true, Ordering::Relaxed);
                    "{}".into_response()
                }
                (&Method::GET, _) if !created.load(Ordering::Relaxed) => {
                    StatusCode::NOT_FOUND.into_response()
                }
                _ => STORED.into_response(),
            }
        })
        .await;
        let account = GcsAccount {
            bucket_location: location.map(str::to_owned),
            ..account(server.base_url())
        };
        assert_eq!(write(&account).await, "7");
        let seen = server.seen();
        assert_eq!(seen[1].body, body.replace("BUCKET", &account.bucket));
        let put = seen.last().unwrap();
        assert_eq!(
            put.target,
            format!(
                "/upload/storage/v1/b/{}/o?uploadType=media&\
                 name=kayenta%2Fmetrics%2Fk%2Fmetric_sets.json&fields=name%2Cgeneration%2Cupdated%2Csize",
                account.bucket
            )
        );
        assert_eq!(put.headers["content-type"], "application/json");
        assert_eq!(put.body, "[]");
    }
}

#[tokio::test]
async fn requests_carry_a_token_that_is_renewed_once_when_it_is_refused() {
    let granted = Arc::new(AtomicUsize::new(0));
    let server = NotingServer::answering(move |request: &NotedRequest| {
        if request.target.contains("/token?") {
            let number = granted.fetch_add(1, Ordering::Relaxed) + 1;
            let token = format!("{{\"access_token\":\"token-{number}\",\"expires_in\":3600}}");
            return token.into_response();
        }
        match request.headers["authorization"].to_str().unwrap() {
            "Bearer token-2" => STORED.into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    })
    .await;
    let account = GcsAccount {
        tokens: Some(tokens(server.base_url())),
        ..account(server.base_url())
    };
    assert_eq!(write(&account).await, "7");
    let asked: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|request| request.target.contains("/token?"))
        .collect();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[0]
            .target
            .ends_with("scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdevstorage.read_write")
    );
}

#[tokio::test]
async fn that_google_gives_no_token_is_reported_with_its_cause() {
    for (status, kind) in [
        (403, StorageErrorKind::Denied),
        (503, StorageErrorKind::Unavailable),
    ] {
        let server = NotingServer::start(status, "{\"error\":\"why\"}").await;
        let account = GcsAccount {
            tokens: Some(tokens(server.base_url())),
            ..account(server.base_url())
        };
        let error = open(&account).check().await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains("no token from Google"), "{error}");
        assert!(error.message.contains("why"), "{error}");
    }
}

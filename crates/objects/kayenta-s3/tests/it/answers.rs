//! Requests as they are sent, and answers no test server gives.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use kayenta_s3::{CredentialSource, Encryption, S3Account};
use kayenta_storage::{MissingBucket, ObjectKind, ObjectStore, StorageErrorKind, WriteCondition};
use kayenta_testkit::{BucketServer, NotedRequest, NotingServer};

use crate::support::{Heard, account, broken, open, opened, proxy};

const KIND: ObjectKind = ObjectKind::MetricSetList;

fn error(status: u16, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// A server in which the bucket is missing until it is put.
async fn empty_server() -> NotingServer {
    let created = Arc::new(AtomicBool::new(false));
    NotingServer::answering(move |request: &NotedRequest| {
        let bucket = request.target.matches('/').count() == 2 && request.target.ends_with('/');
        match (&request.method, bucket) {
            (&Method::HEAD, true) if !created.load(Ordering::Relaxed) => {
                StatusCode::NOT_FOUND.into_response()
            }
            (&Method::PUT, true) => {
                created.store(true, Ordering::Relaxed);
                StatusCode::OK.into_response()
            }
            (&Method::PUT, _) if request.headers.contains_key("if-none-match") => {
                error(412, "PreconditionFailed")
            }
            _ => ([("etag", "\"e\"")], "").into_response(),
        }
    })
    .await
}

async fn write(account: &S3Account) -> Vec<String> {
    let store = open(account);
    let bytes = Bytes::from_static(b"[]");
    store
        .store(KIND, "k", None, bytes, WriteCondition::Always)
        .await
        .map(|written| vec![written.version])
        .unwrap()
}

/// C-S3-02: Amazon refuses a location constraint that names us-east-1.
#[tokio::test]
async fn a_bucket_is_created_in_the_region_and_us_east_1_is_not_named() {
    for (region, body) in [
        (Some("us-east-1"), ""),
        (None, ""),
        (
            Some("eu-west-1"),
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
        ),
    ] {
        let server = empty_server().await;
        let account = S3Account {
            region: region.map(str::to_owned),
            ..account(server.base_url())
        };
        assert_eq!(write(&account).await, ["e"]);
        let seen = server.seen();
        let target = format!("/{}/", account.bucket);
        assert_eq!((&seen[0].method, &seen[0].target), (&Method::HEAD, &target));
        assert_eq!((&seen[1].method, &seen[1].target), (&Method::PUT, &target));
        assert_eq!(seen[1].body, body);
        let signed_for = format!("/{}/s3/aws4_request", region.unwrap_or("us-east-1"));
        let authorization = seen[1].headers["authorization"].to_str().unwrap();
        assert!(authorization.contains(&signed_for), "{authorization}");
    }
}

#[tokio::test]
async fn what_is_written_is_encrypted_as_the_account_says_and_carries_the_session_token() {
    let server = empty_server().await;
    let account = S3Account {
        encryption: Some(Encryption {
            algorithm: "aws:kms".to_owned(),
            kms_key_id: Some("key-1".to_owned()),
        }),
        credentials: CredentialSource::Keys {
            access_key: "id".into(),
            secret_key: "key".into(),
            session_token: Some("token".into()),
        },
        ..account(server.base_url())
    };
    write(&account).await;
    let seen = server.seen();
    let put = seen.last().unwrap();
    let object = format!("/{}/kayenta/metrics/k/metric_sets.json", account.bucket);
    assert_eq!((&put.method, &put.target), (&Method::PUT, &object));
    let header = |name: &str| put.headers[name].to_str().unwrap();
    assert_eq!(header("x-amz-server-side-encryption"), "aws:kms");
    assert_eq!(
        header("x-amz-server-side-encryption-aws-kms-key-id"),
        "key-1"
    );
    assert_eq!(header("x-amz-security-token"), "token");
    assert_eq!(header("content-type"), "application/octet-stream");
    assert!(header("authorization").contains("x-amz-server-side-encryption;"));
    for odd in ["none", "aws:KMS"] {
        let account = S3Account {
            encryption: Some(Encryption {
                algorithm: odd.to_owned(),
                kms_key_id: None,
            }),
            ..account.clone()
        };
        let error = opened(&account, MissingBucket::Create).unwrap_err();
        assert!(error.message.contains("sse must be AES256"), "{error}");
    }
}

/// A server that has the bucket, and answers the end of an upload with this.
async fn uploading_server(
    end: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> NotingServer {
    NotingServer::answering(move |request: &NotedRequest| {
        let target = request.target.as_str();
        match request.method {
            Method::POST if target.ends_with("?uploads=") => {
                "<InitiateMultipartUploadResult><UploadId>a+b</UploadId>\
                 </InitiateMultipartUploadResult>"
                    .into_response()
            }
            Method::POST => end(),
            Method::PUT if target.contains("partNumber=1") => {
                ([("etag", "\"p1\"")], "").into_response()
            }
            Method::HEAD => {
                let headers = [
                    ("etag", "\"e\""),
                    ("last-modified", "Sun, 29 Nov 2026 10:13:33 GMT"),
                    ("content-length", "9"),
                ];
                (headers, "").into_response()
            }
            _ => ([("etag", "\"e\"")], "").into_response(),
        }
    })
    .await
}

#[tokio::test]
async fn an_upload_is_encrypted_as_its_account_says_from_its_beginning_on() {
    let completed =
        || "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
    let server = uploading_server(move || completed().into_response()).await;
    let account = S3Account {
        encryption: Some(Encryption {
            algorithm: "AES256".to_owned(),
            kms_key_id: None,
        }),
        ..account(server.base_url())
    };
    let store = open(&account);
    let mut upload = store.upload(KIND, "k").unwrap();
    upload.add(Bytes::from_static(b"first")).await.unwrap();
    let written = upload.finish(Bytes::from_static(b"last")).await.unwrap();
    assert_eq!(written.version, "e");
    assert_eq!(written.updated.to_rfc3339(), "2026-11-29T10:13:33+00:00");
    let object = format!("/{}/kayenta/metrics/k/metric_sets.json", account.bucket);
    let steps: Vec<NotedRequest> = server
        .seen()
        .into_iter()
        .filter(|request| request.target.starts_with(&object))
        .collect();
    let expected = [
        (Method::POST, "?uploads=", ""),
        (Method::PUT, "?partNumber=1&uploadId=a%2Bb", "first"),
        (Method::PUT, "?partNumber=2&uploadId=a%2Bb", "last"),
        (
            Method::POST,
            "?uploadId=a%2Bb",
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>\"p1\"</ETag></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"e\"</ETag></Part></CompleteMultipartUpload>",
        ),
        (Method::HEAD, "", ""),
    ];
    assert_eq!(steps.len(), expected.len());
    for (step, (method, query, body)) in steps.iter().zip(expected) {
        assert_eq!(step.method, method);
        assert_eq!(step.target, format!("{object}{query}"));
        assert_eq!(step.body, body);
        let begins = query == "?uploads=";
        let encrypted = step.headers.contains_key("x-amz-server-side-encryption");
        assert_eq!(encrypted, begins, "{query}");
    }
    assert_eq!(steps[0].headers["content-type"], "application/octet-stream");
}

/// Such a server does not read the part, so that the connection can break before its answer is read.
#[tokio::test]
async fn after_a_broken_connection_the_upload_is_asked_for_whether_it_is_complete() {
    for (there, complete) in [("9", true), ("8", false)] {
        let server = NotingServer::answering(move |request: &NotedRequest| {
            let of_upload = request.target.contains("uploadId");
            match request.method {
                Method::POST => "<A><UploadId>7</UploadId></A>".into_response(),
                Method::PUT if request.target.contains("partNumber=2") => broken(),
                Method::GET if of_upload => error(404, "NoSuchUpload"),
                Method::HEAD => {
                    ([("etag", "\"e\""), ("content-length", there)], "").into_response()
                }
                _ => ([("etag", "\"e\"")], "").into_response(),
            }
        })
        .await;
        let store = open(&account(server.base_url()));
        let mut upload = store.upload(KIND, "k").unwrap();
        upload.add(Bytes::from_static(b"first")).await.unwrap();
        let finished = upload.finish(Bytes::from_static(b"last")).await;
        match complete {
            true => assert_eq!(finished.unwrap().version, "e"),
            false => {
                let error = finished.unwrap_err();
                assert!(error.message.contains("the upload is gone"), "{error}");
            }
        }
    }
}

/// Amazon sends the status before it puts the parts together.
#[tokio::test]
async fn an_upload_that_fails_after_its_status_was_sent_has_failed() {
    for (body, kind, words) in [
        (
            "\n\n<Error><Code>InternalError</Code><Message>m</Message></Error>",
            StorageErrorKind::Unavailable,
            "500 InternalError",
        ),
        ("<html>", StorageErrorKind::Other, "the answer is not S3's"),
    ] {
        let server = uploading_server(move || body.into_response()).await;
        let store = open(&account(server.base_url()));
        let mut upload = store.upload(KIND, "k").unwrap();
        upload.add(Bytes::from_static(b"first")).await.unwrap();
        let error = upload
            .finish(Bytes::from_static(b"last"))
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(
            error.message.contains("cannot write an object in parts"),
            "{error}"
        );
        assert!(error.message.contains(words), "{error}");
    }
}

/// Credentials that may only use objects are enough; that the bucket cannot be looked at does not
/// keep anything from working.
#[tokio::test]
async fn a_bucket_that_may_not_be_looked_at_is_used() {
    let server = NotingServer::answering(|request: &NotedRequest| {
        let object = request.target.contains("/kayenta/");
        match (&request.method, object) {
            (&Method::HEAD, false) => StatusCode::FORBIDDEN.into_response(),
            (&Method::GET, false) => "<ListBucketResult/>".into_response(),
            (&Method::PUT, _) if request.headers.contains_key("if-none-match") => {
                error(412, "PreconditionFailed")
            }
            _ => ([("etag", "\"e\"")], "").into_response(),
        }
    })
    .await;
    let account = account(server.base_url());
    write(&account).await;
    open(&account).check().await.unwrap();
    assert_eq!(open(&account).list(KIND).await.unwrap(), []);
}

/// A page that fails fails the listing: never a part of it, and never absence.
#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    let server = NotingServer::answering(|request: &NotedRequest| {
        if request.target.contains("marker=") {
            return error(503, "SlowDown");
        }
        let key = "kayenta%2Fmetrics%2Fk%2Fmetric_sets.json";
        format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>\
             <Contents><Key>{key}</Key><LastModified>2026-11-29T10:13:33Z</LastModified>\
             <ETag>\"e\"</ETag></Contents></ListBucketResult>"
        )
        .into_response()
    })
    .await;
    let account = account(server.base_url());
    let store = open(&account);
    for error in [
        store.list(KIND).await.unwrap_err(),
        store.load(ObjectKind::CanaryConfig, "k").await.unwrap_err(),
    ] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("busy (503 SlowDown)"), "{error}");
    }
    let endless = NotingServer::answering(|_: &NotedRequest| {
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker>\
         </ListBucketResult>"
            .into_response()
    })
    .await;
    let store = open(&S3Account {
        endpoint: Some(endless.base_url().into()),
        ..account
    });
    let error = store.list(KIND).await.unwrap_err();
    assert!(error.message.contains("round in circles"), "{error}");
}

/// A server that ignores conditions is found out, said to be one, and used all the same.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn without_conditional_writes_the_store_looks_before_it_writes() {
    let server = BucketServer::gofakes3().await.unwrap();
    let endpoint = proxy(server.endpoint(), |parts| {
        for ignored in ["if-match", "if-none-match"] {
            parts.headers.remove(ignored);
        }
        Heard::Yes
    })
    .await;
    let account = account(&endpoint);
    let store = open(&account);
    kayenta_testkit::object_store_suite::conditions(&store).await;
    kayenta_testkit::object_store_suite::renames(&store).await;
    // Locks exclude nobody there.
    let wait = std::time::Duration::ZERO;
    let first = store.lock("l", wait).await.unwrap();
    let second = store.lock("l", wait).await.unwrap();
    drop((first, second));
}

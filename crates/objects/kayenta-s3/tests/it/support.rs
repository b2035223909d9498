//! Accounts on test servers, and objects written around the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::request::Parts;
use kayenta_http::HttpSettings;
use kayenta_s3::{AwsEnvironment, CredentialSource, S3Account, S3Bucket, s3_store};
use kayenta_storage::{
    Bucket, BucketState, BucketStore, MissingBucket, ObjectStore, PutCondition, RetryPolicy,
    Retrying, StorageError,
};
use kayenta_testkit::bucket_servers::{ACCESS_KEY, REGION, SECRET_KEY};

static BUCKETS: AtomicUsize = AtomicUsize::new(0);

/// The account of a bucket that does not exist yet.
pub(crate) fn account(endpoint: &str) -> S3Account {
    let number = BUCKETS.fetch_add(1, Ordering::Relaxed);
    S3Account {
        name: "my-s3-account".to_owned(),
        bucket: format!("canary-{number}"),
        root_folder: "kayenta".to_owned(),
        region: Some(REGION.to_owned()),
        endpoint: Some(endpoint.into()),
        credentials: keys(SECRET_KEY),
        proxy: None,
        encryption: None,
    }
}

pub(crate) fn keys(secret_key: &str) -> CredentialSource {
    CredentialSource::Keys {
        access_key: ACCESS_KEY.into(),
        secret_key: secret_key.into(),
        session_token: None,
    }
}

pub(crate) fn environment() -> AwsEnvironment {
    AwsEnvironment::new([], None)
}

/// The store, without retries.
pub(crate) fn open(account: &S3Account) -> BucketStore<S3Bucket> {
    opened(account, MissingBucket::Create).unwrap()
}

pub(crate) fn opened(
    account: &S3Account,
    missing: MissingBucket,
) -> Result<BucketStore<S3Bucket>, StorageError> {
    let settings = HttpSettings::default();
    s3_store(account, &settings, environment(), missing)
}

/// The store as the server uses it.
pub(crate) fn retrying(account: &S3Account) -> Arc<dyn ObjectStore> {
    let (store, policy) = (open(account), RetryPolicy::default());
    Arc::new(Retrying::new(store, account.name.clone(), policy))
}

/// The store as the server uses it, with waits that are too short to notice.
pub(crate) fn retrying_at_once(account: &S3Account) -> Arc<dyn ObjectStore> {
    let policy = RetryPolicy {
        first_delay: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    Arc::new(Retrying::new(open(account), account.name.clone(), policy))
}

/// An answer in which the connection breaks.
pub(crate) fn broken() -> Response {
    let body = async { Err::<Bytes, _>(std::io::Error::other("the answer is lost")) };
    Response::new(Body::from_stream(futures::stream::once(body)))
}

/// Whether the answer to a request arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Yes,
    /// The connection breaks instead.
    No,
}

/// A server that passes every request on to another one, as `change` leaves it. The signature counts there, too: it is for the
/// host that was asked.
pub(crate) async fn proxy<C>(upstream: String, change: C) -> String
where
    C: Fn(&mut Parts) -> Heard + Clone + Send + Sync + 'static,
{
    let client = reqwest::Client::new();
    let forward = move |request: axum::extract::Request| {
        let (upstream, client, change) = (upstream.clone(), client.clone(), change.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let heard = change(&mut parts);
            let answer = client
                .request(parts.method, format!("{upstream}{}", parts.uri))
                .headers(parts.headers)
                .body(body)
                .send()
                .await
                .unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.unwrap();
            if heard == Heard::No {
                return broken();
            }
            let mut passed = Response::new(Body::from(body));
            *passed.status_mut() = status;
            *passed.headers_mut() = headers;
            passed
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(forward)).await });
    endpoint
}

/// Writes an object as another program would.
pub(crate) async fn put(account: &S3Account, name: &str, bytes: Bytes) {
    let store = open(account);
    let bucket = store.bucket();
    if matches!(bucket.look().await.unwrap(), BucketState::Missing) {
        bucket.create().await.unwrap();
    }
    bucket.put(name, bytes, PutCondition::None).await.unwrap();
}

/// The names of all objects.
pub(crate) async fn names(account: &S3Account) -> Vec<String> {
    let entries = open(account).bucket().list("").await.unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

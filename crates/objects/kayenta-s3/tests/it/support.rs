//! Accounts on test servers, and objects written around the store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
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

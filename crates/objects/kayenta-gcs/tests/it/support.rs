//! Accounts on test servers, and objects written around the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kayenta_gcs::{GcsAccount, GcsBucket, gcs_store};
use kayenta_http::{HttpSettings, Transport};
use kayenta_storage::{
    Bucket, BucketState, BucketStore, MissingBucket, ObjectStore, PutCondition, RetryPolicy,
    Retrying, StorageError,
};

static BUCKETS: AtomicUsize = AtomicUsize::new(0);

/// The account of a bucket that does not exist yet.
pub(crate) fn account(endpoint: &str) -> GcsAccount {
    let number = BUCKETS.fetch_add(1, Ordering::Relaxed);
    GcsAccount {
        name: "my-google-account".to_owned(),
        project: "my-project".to_owned(),
        bucket: format!("canary-{number}"),
        bucket_location: Some("EU".to_owned()),
        root_folder: "kayenta".to_owned(),
        endpoint: Some(endpoint.into()),
        tokens: None,
    }
}

pub(crate) fn transport() -> Transport {
    Transport::new(&HttpSettings::default()).unwrap()
}

/// The store, without retries.
pub(crate) fn open(account: &GcsAccount) -> BucketStore<GcsBucket> {
    opened(account, MissingBucket::Create).unwrap()
}

pub(crate) fn opened(
    account: &GcsAccount,
    missing: MissingBucket,
) -> Result<BucketStore<GcsBucket>, StorageError> {
    gcs_store(account, &transport(), missing)
}

/// The store as the server uses it.
pub(crate) fn retrying(account: &GcsAccount) -> Arc<dyn ObjectStore> {
    let (store, policy) = (open(account), RetryPolicy::default());
    Arc::new(Retrying::new(store, account.name.clone(), policy))
}

/// The store as the server uses it, with waits that are too short to notice.
pub(crate) fn retrying_at_once(account: &GcsAccount) -> Arc<dyn ObjectStore> {
    let policy = RetryPolicy {
        first_delay: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    Arc::new(Retrying::new(open(account), account.name.clone(), policy))
}

/// Writes an object as another program would.
pub(crate) async fn put(account: &GcsAccount, name: &str, bytes: Bytes) {
    let store = open(account);
    let bucket = store.bucket();
    if matches!(bucket.look().await.unwrap(), BucketState::Missing) {
        bucket.create().await.unwrap();
    }
    bucket.put(name, bytes, PutCondition::None).await.unwrap();
}

/// The names of all objects.
pub(crate) async fn names(account: &GcsAccount) -> Vec<String> {
    let entries = open(account).bucket().list("").await.unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

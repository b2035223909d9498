//! The suite of the seam, and what is Google's own: names, creation of buckets.

use bytes::Bytes;
use futures::FutureExt;
use kayenta_gcs::GcsAccount;
use kayenta_storage::{ObjectKind, ObjectStore, WriteCondition};
use kayenta_testkit::{BucketServer, object_store_suite};

use crate::support::{account, names, open, put, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn gcs_conforms() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let account = &account(&server.endpoint());
    let store = open(account);
    object_store_suite::run_all(&store).await;
    object_store_suite::shared_locks(&store, &open(account)).await;
    object_store_suite::large_lists(open(account)).await;
    object_store_suite::written_in_parts(&store).await;
    object_store_suite::written_in_parts(&*retrying(account)).await;
    assert_eq!(store.platform(), "google");
    object_store_suite::heals_two_files(&store, &|kind, key, filename, bytes| {
        let name = format!("kayenta/{}/{key}/{filename}", kind.group());
        async move { put(account, &name, bytes).await }.boxed()
    })
    .await;
    object_store_suite::lists_every_page(&*retrying(account), 5_100).await;
}

/// Names are those of the reference, also with an odd root and a name that needs encoding.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn objects_lie_where_the_reference_puts_them() {
    let server = BucketServer::fake_gcs().await.unwrap();
    for root in [
        "kayenta",
        "deep/er",
        "trailing/",
        "a//b/",
        "mit leer & ü+%",
        "~!*'()=,:@$;|^`{}[]\"<>#?",
    ] {
        let account = GcsAccount {
            root_folder: root.to_owned(),
            ..account(&server.endpoint())
        };
        let store = open(&account);
        let bytes = Bytes::from_static(b"{}");
        store
            .store(
                KIND,
                "0e6d",
                Some("my-config.json"),
                bytes,
                WriteCondition::Absent,
            )
            .await
            .unwrap();
        // Beside it lies only our own mark, outside the folders the reference reads.
        let expected = [
            format!("{root}/canary_config/0e6d/my-config.json"),
            format!("{root}/locks/canary_config-changes"),
        ];
        assert_eq!(names(&account).await, expected);
        let listed = store.list(KIND).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].key, "0e6d");
        store.delete(KIND, "0e6d").await.unwrap();
    }
}

/// A bucket that vanishes is created again by the next write or listing, and its absence reported by a
/// read.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server"]
async fn a_missing_bucket_is_created_when_needed() {
    let server = BucketServer::fake_gcs().await.unwrap();
    let account = account(&server.endpoint());
    let store = open(&account);
    for error in [
        store.load(KIND, "k").await.map(|_| ()).unwrap_err(),
        store.delete(KIND, "k").await.unwrap_err(),
    ] {
        assert!(error.is_not_found());
        assert_eq!(
            error.message,
            format!(
                "Google Cloud Storage account 'my-google-account' cannot list objects: the bucket \
                 '{}' does not exist",
                account.bucket
            )
        );
    }
    assert_eq!(store.list(KIND).await.unwrap(), []);
    let error = store.load(KIND, "k").await.unwrap_err();
    assert_eq!(
        error.message,
        format!("Unable to resolve singular {KIND} at kayenta/canary_config/k.")
    );
    let client = reqwest::Client::new();
    let bucket = format!("{}/storage/v1/b/{}", server.endpoint(), account.bucket);
    for write in [true, false] {
        for name in names(&account).await {
            let object = format!("{bucket}/o/{}", name.replace('/', "%2F"));
            client.delete(object).send().await.unwrap();
        }
        let removed = client.delete(&bucket).send().await.unwrap();
        assert!(removed.status().is_success(), "{removed:?}");
        if write {
            let (kind, bytes) = (ObjectKind::MetricSetList, Bytes::from_static(b"[]"));
            store
                .store(kind, "m", None, bytes, WriteCondition::Always)
                .await
                .unwrap();
            store.load(kind, "m").await.unwrap();
        } else {
            assert_eq!(store.list(KIND).await.unwrap(), []);
        }
    }
    store.check().await.unwrap();
}

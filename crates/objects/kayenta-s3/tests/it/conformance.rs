//! The suite of the seam, and what is S3's own: keys, conditions, creation of buckets.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use kayenta_model::MetricSet;
use kayenta_s3::S3Account;
use kayenta_storage::{
    Bucket, ObjectKind, ObjectRepository, ObjectStore, PartialObject, Series, StorageErrorKind,
    UPLOAD_PART, WriteCondition,
};
use kayenta_testkit::{BucketServer, object_store_suite};

use crate::support::{account, names, open, put, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn conforms(account: &S3Account) {
    let store = open(account);
    object_store_suite::run_all(&store).await;
    object_store_suite::shared_locks(&store, &open(account)).await;
    object_store_suite::large_lists(open(account)).await;
    object_store_suite::written_in_parts(&store).await;
    object_store_suite::written_in_parts(&*retrying(account)).await;
    an_upload_that_was_removed_takes_nothing_more(account).await;
    assert_eq!(store.platform(), "aws");
    object_store_suite::heals_two_files(&store, &|kind, key, filename, bytes| {
        let name = format!("kayenta/{}/{key}/{filename}", kind.group());
        async move { put(account, &name, bytes).await }.boxed()
    })
    .await;
}

/// The service does not keep the parts either: nothing can be put together from them.
async fn an_upload_that_was_removed_takes_nothing_more(account: &S3Account) {
    let store = open(account);
    let bucket = store.bucket();
    let name = "kayenta/metrics/removed/metric_sets.json";
    let mut object = PartialObject {
        name: name.to_owned(),
        upload: bucket.begin_parts(name).await.unwrap(),
        parts: Vec::new(),
        size: 0,
    };
    let part = Bytes::from(vec![b' '; UPLOAD_PART]);
    let etag = bucket.put_part(&object, part.clone()).await.unwrap();
    object.parts.push(etag);
    object.size = UPLOAD_PART as u64;
    // The second time there is nothing to remove.
    for _ in 0..2 {
        bucket.remove_parts(&object).await.unwrap();
    }
    let more = bucket.put_part(&object, part).await.unwrap_err();
    let end = bucket.complete_parts(&object, Bytes::from_static(b"x"));
    for error in [more, end.await.unwrap_err()] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("the upload is gone"), "{error}");
    }
    assert_eq!(bucket.version(name).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn an_upload_that_is_given_up_leaves_no_parts() {
    let server = BucketServer::gofakes3().await.unwrap();
    let account = account(&server.endpoint());
    let store = open(&account);
    let uploads = async || {
        let list = format!("{}/{}?uploads", server.endpoint(), account.bucket);
        let answer = reqwest::get(list).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.text().await.unwrap().matches("<UploadId>").count()
    };
    let kind = ObjectKind::MetricSetList;
    let part = Bytes::from(vec![b' '; UPLOAD_PART]);
    let mut upload = store.upload(kind, "k").unwrap();
    upload.add(part.clone()).await.unwrap();
    upload.add(part).await.unwrap();
    assert_eq!(uploads().await, 1);
    upload.abandon().await;
    assert_eq!(uploads().await, 0);
    assert!(store.load(kind, "k").await.unwrap_err().is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn s3_conforms() {
    let server = BucketServer::gofakes3().await.unwrap();
    let account = account(&server.endpoint());
    conforms(&account).await;
    object_store_suite::lists_every_page(&*retrying(&account), 5_100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn a_list_whose_server_ends_while_it_is_passed_on_breaks_off() {
    let server = BucketServer::gofakes3().await.unwrap();
    let store = Arc::new(open(&account(&server.endpoint())));
    let repository = ObjectRepository::new("s3", store);
    let kind = ObjectKind::MetricSetList;
    let sets = vec![MetricSet {
        values: Some(vec![0.123_456_789; 200_000]),
        ..MetricSet::default()
    }];
    repository
        .store(kind, "large", None, sets, WriteCondition::Always)
        .await
        .unwrap();
    let Series::Text(mut stream) = repository
        .load_series::<MetricSet>(kind, "large")
        .await
        .unwrap()
    else {
        panic!("it is read as a whole");
    };
    let first = stream.pieces.next().await.unwrap().unwrap();
    assert!((first.len() as u64) < stream.size);
    drop(server);
    let broken = stream.pieces.next().await.unwrap().unwrap_err();
    assert_eq!(broken.kind, StorageErrorKind::Unavailable, "{broken}");
    assert!(stream.pieces.next().await.is_none());
    // The next one is refused before anything is sent.
    let refused = repository.load_series::<MetricSet>(kind, "large").await;
    assert_eq!(refused.unwrap_err().kind, StorageErrorKind::Unavailable);
}

/// With signatures that are checked, and a bucket that must be created in the server's region.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn s3_conforms_where_signatures_are_checked() {
    let server = BucketServer::versitygw().await.unwrap();
    conforms(&account(&server.endpoint())).await;
}

/// C-S3-02: a server as strict as Amazon, in the one region that has no location constraint.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn a_bucket_in_us_east_1_is_created() {
    let server = BucketServer::versitygw_in("us-east-1").await.unwrap();
    for region in [Some("us-east-1"), None] {
        let account = S3Account {
            region: region.map(str::to_owned),
            ..account(&server.endpoint())
        };
        let bytes = Bytes::from_static(b"{}");
        let store = open(&account);
        store
            .store(KIND, "k", None, bytes, WriteCondition::Absent)
            .await
            .unwrap();
        assert_eq!(store.list(KIND).await.unwrap().len(), 1);
    }
}

/// Keys are those of the reference, also with an odd root and a name that needs encoding.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn objects_lie_where_the_reference_puts_them() {
    let server = BucketServer::gofakes3().await.unwrap();
    for (root, folder) in [
        ("kayenta", "kayenta/"),
        ("deep/er", "deep/er/"),
        // C-S3-01
        ("trailing/", "trailing/"),
        ("a//b///c", "a/b//c/"),
        ("mit leer & ü+%", "mit leer & ü+%/"),
        ("~!*'()=,:@$;|^`{}[]\"<>#?", "~!*'()=,:@$;|^`{}[]\"<>#?/"),
    ] {
        let account = S3Account {
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
        // Beside it lie only our own marks, outside the folders the reference reads.
        let mut expected = [
            format!("{folder}canary_config/0e6d/my-config.json"),
            format!("{folder}locks/canary_config-changes"),
            format!("{folder}locks/conditions"),
        ];
        expected.sort();
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
#[ignore = "needs gofakes3"]
async fn a_missing_bucket_is_created_when_needed() {
    let server = BucketServer::gofakes3().await.unwrap();
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
                "S3 account 'my-s3-account' cannot list objects: the bucket '{}' does not exist",
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
    let bucket = format!("{}/{}", server.endpoint(), account.bucket);
    for write in [true, false] {
        for name in names(&account).await {
            let object = format!("{bucket}/{name}");
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

//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kayenta_s3::{CredentialSource, S3Account};
use kayenta_storage::{
    MissingBucket, ObjectKind, ObjectStore, RetryPolicy, Retrying, StorageError, StorageErrorKind,
    WriteCondition,
};
use kayenta_testkit::{BucketServer, Fault, FaultProxy, bucket_servers::SECRET_KEY};

use crate::support::{account, keys, open, opened, retrying};

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

async fn all_say(account: &S3Account, kind: StorageErrorKind, word: &str) {
    let store = open(account);
    for error in every_operation(&store).await {
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(word), "{error}");
        assert!(error.message.contains("my-s3-account"), "{error}");
        let shown = format!("{error} {error:?} {store:?} {account:?}");
        assert!(!shown.contains(SECRET_KEY), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn causes_are_readable() {
    let server = BucketServer::versitygw().await.unwrap();
    let good = account(&server.endpoint());
    open(&good).check().await.unwrap();
    let unavailable = StorageErrorKind::Unavailable;

    let refused = S3Account {
        endpoint: Some("http://127.0.0.1:1".into()),
        ..good.clone()
    };
    all_say(&refused, unavailable, "refused").await;

    let unknown = S3Account {
        endpoint: Some("http://no-such-host.invalid".into()),
        ..good.clone()
    };
    all_say(&unknown, unavailable, "cannot connect").await;

    let no_tls = S3Account {
        endpoint: Some(server.endpoint().replace("http:", "https:").into()),
        ..good.clone()
    };
    all_say(&no_tls, unavailable, "cannot connect").await;

    let wrong_key = S3Account {
        credentials: keys("wrong"),
        ..good.clone()
    };
    all_say(&wrong_key, StorageErrorKind::Denied, "403").await;
    let store = open(&wrong_key);
    let error = store.load(KIND, "k").await.unwrap_err();
    assert!(error.message.contains("secret key is wrong"), "{error}");

    let nothing = S3Account {
        credentials: CredentialSource::Profile("ops".to_owned()),
        ..good.clone()
    };
    all_say(
        &nothing,
        StorageErrorKind::Denied,
        "no AWS credentials (profile 'ops'",
    )
    .await;

    let wrong_region = S3Account {
        region: Some("eu-west-1".to_owned()),
        ..good.clone()
    };
    let error = open(&wrong_region).load(KIND, "k").await.unwrap_err();
    assert!(error.message.contains("region"), "{error}");

    let missing = opened(&account(&server.endpoint()), MissingBucket::Leave).unwrap();
    for error in [
        missing.check().await.unwrap_err(),
        missing.list(KIND).await.unwrap_err(),
    ] {
        assert!(error.is_not_found(), "{error}");
        assert!(error.message.contains("does not exist"), "{error}");
    }
}

#[test]
fn unusable_settings_are_named() {
    let good = account("http://127.0.0.1:1");
    let refusal = |account: S3Account| {
        let error = opened(&account, MissingBucket::Create).unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Invalid);
        error.message
    };
    let no_bucket = S3Account {
        bucket: String::new(),
        ..good.clone()
    };
    assert_eq!(
        refusal(no_bucket),
        "AWS/S3 account my-s3-account is required to specify a bucket."
    );
    let no_root = S3Account {
        root_folder: String::new(),
        ..good.clone()
    };
    assert_eq!(
        refusal(no_root),
        "AWS/S3 account my-s3-account is required to specify a rootFolder."
    );
    let odd_root = S3Account {
        root_folder: "a/../b".to_owned(),
        ..good.clone()
    };
    assert!(refusal(odd_root).contains("rootFolder must not"));
    let odd_endpoint = S3Account {
        endpoint: Some("minio:9000".into()),
        ..good
    };
    assert!(refusal(odd_endpoint).contains("endpoint is not the URL"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn a_server_down_at_the_start_comes_up_by_itself() {
    let mut server = BucketServer::gofakes3().await.unwrap();
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
    server.restart().await.unwrap();
    let read = store.load(KIND, "k").await.expect("written is written");
    assert_eq!(&read.bytes[..], b"{}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn a_dead_server_is_given_up_in_time() {
    let mut server = BucketServer::gofakes3().await.unwrap();
    let account = account(&server.endpoint());
    let store = Retrying::new(
        open(&account),
        "my-s3-account",
        RetryPolicy {
            last_start: Duration::from_secs(2),
            ..RetryPolicy::default()
        },
    );
    store.check().await.unwrap();
    server.stop().await.unwrap();
    let began = Instant::now();
    let errors = every_operation(&store).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    for error in &errors[..5] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(error.attempts > 2, "{error:?}");
        assert!(error.elapsed > Duration::from_millis(500), "{error:?}");
    }
}

/// Cut connections, answers that break off and slow answers fail or delay an operation; the next one
/// works.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn broken_and_slow_connections_are_told_and_left_behind() {
    let server = BucketServer::gofakes3().await.unwrap();
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
        "my-s3-account",
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

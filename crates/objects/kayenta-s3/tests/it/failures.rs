//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kayenta_s3::{CredentialSource, S3Account};
use kayenta_storage::{MissingBucket, ObjectKind, ObjectStore, StorageErrorKind};
use kayenta_testkit::{
    BucketServer, FaultProxy,
    bucket_servers::SECRET_KEY,
    failure_suite::{self, Cause},
    object_store_suite,
};

use crate::support::{Heard, account, keys, open, opened, proxy, retrying, retrying_at_once};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn all_say(account: &S3Account, kind: StorageErrorKind, words: &str) {
    let cause = Cause {
        kind,
        words,
        account: "my-s3-account",
        secrets: &[SECRET_KEY],
    };
    failure_suite::every_operation_says(&open(account), cause).await;
    assert!(!format!("{account:?}").contains(SECRET_KEY));
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
    let store = retrying(&account(&server.endpoint()));
    failure_suite::a_server_down_at_the_start_comes_up_by_itself(&mut server, store, true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn a_dead_server_is_given_up_in_time() {
    let mut server = BucketServer::gofakes3().await.unwrap();
    let store = Arc::new(open(&account(&server.endpoint())));
    failure_suite::a_dead_server_is_given_up_in_time(&mut server, store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn broken_and_slow_connections_are_reported_and_left_behind() {
    let server = BucketServer::gofakes3().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let store = Arc::new(open(&account(&proxy.base_url())));
    let broken = "the connection broke";
    failure_suite::broken_and_slow_connections_are_reported_and_left_behind(&proxy, store, broken)
        .await;
}

/// The first try of each step arrives, but its answer does not.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3 and versitygw"]
async fn an_upload_whose_answers_are_lost_is_repeated_without_harm() {
    for server in [
        BucketServer::gofakes3().await.unwrap(),
        BucketServer::versitygw().await.unwrap(),
    ] {
        repeats_what_is_lost(&server).await;
    }
}

async fn repeats_what_is_lost(server: &BucketServer) {
    let tried: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let lost = Arc::clone(&tried);
    let endpoint = proxy(server.endpoint(), move |parts| {
        let step = format!("{} {}", parts.method, parts.uri);
        if !step.contains("upload") {
            return Heard::Yes;
        }
        let mut tried = lost.lock().unwrap();
        let tries = tried.entry(step).or_default();
        *tries += 1;
        match *tries % 2 {
            1 => Heard::No,
            _ => Heard::Yes,
        }
    })
    .await;
    let store = retrying_at_once(&account(&endpoint));
    object_store_suite::written_in_parts(&*store).await;
    let tried = tried.lock().unwrap();
    for step in ["POST", "PUT", "DELETE"] {
        let tries = tried.iter().filter(|(name, _)| name.starts_with(step));
        assert!(tries.map(|(_, tries)| tries).sum::<u32>() > 0, "{tried:?}");
    }
    // What was completed unheard is not completed again, and what is not removed in one try is left.
    for (step, tries) in tried.iter() {
        let once =
            step.starts_with("DELETE") || (step.starts_with("POST") && step.contains("uploadId"));
        match once {
            true => assert_eq!(*tries, 1, "{step}"),
            false => assert!(*tries > 1 || step.starts_with("GET"), "{step}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs versitygw"]
async fn a_secret_key_that_is_rotated_in_its_file_is_used_without_a_restart() {
    let server = BucketServer::versitygw().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret-key");
    std::fs::write(&path, "of-yesterday").unwrap();
    let files = kayenta_secrets::SecretFiles::default();
    let account = S3Account {
        credentials: CredentialSource::Keys {
            access_key: kayenta_testkit::bucket_servers::ACCESS_KEY.into(),
            secret_key: files.open(&path).unwrap(),
            session_token: None,
        },
        ..account(&server.endpoint())
    };
    let store = open(&account);
    let error = store.check().await.unwrap_err();
    assert!(error.message.contains("secret key is wrong"), "{error}");
    std::fs::write(&path, kayenta_testkit::bucket_servers::SECRET_KEY).unwrap();
    // The refusal of the first call makes the second one read the file.
    let _ = store.check().await;
    store.check().await.unwrap();
}

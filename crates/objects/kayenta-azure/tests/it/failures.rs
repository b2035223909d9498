//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kayenta_azure::{AzureAccount, AzureCredential, AzureStore};
use kayenta_storage::{
    ObjectKind, ObjectStore, RetryPolicy, Retrying, StorageError, StorageErrorKind, WriteCondition,
};
use kayenta_testkit::azurite::{Azurite, AzuriteOptions};
use url::Url;

use crate::support::{account, retrying};

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

async fn all_say(account: &AzureAccount, kind: StorageErrorKind, word: &str) {
    let store = AzureStore::new(account).unwrap();
    for error in every_operation(&store).await {
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(word), "{error}");
        assert!(error.message.contains("my-azure-account"), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6"));
        assert!(!shown.contains("AccountKey"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn causes_are_readable() {
    let azurite = Azurite::start().await.unwrap();
    let good = account(&azurite);
    let unavailable = StorageErrorKind::Unavailable;

    let refused = AzureAccount {
        endpoint: Url::parse("http://127.0.0.1:1/devstoreaccount1").unwrap(),
        ..good.clone()
    };
    all_say(&refused, unavailable, "refused").await;

    let unknown = AzureAccount {
        endpoint: Url::parse("https://acct.blob.no-such-host.invalid").unwrap(),
        ..good.clone()
    };
    all_say(&unknown, unavailable, "dns error").await;

    let plain = azurite.endpoint().replace("http:", "https:");
    let no_tls = AzureAccount {
        endpoint: Url::parse(&plain).unwrap(),
        ..good.clone()
    };
    all_say(&no_tls, unavailable, "cannot connect").await;

    let wrong_key = AzureAccount {
        credential: AzureCredential::SharedKey("d3Jvbmcga2V5".into()),
        ..good.clone()
    };
    all_say(&wrong_key, StorageErrorKind::Denied, "403").await;

    let bad_name = AzureAccount {
        container: "Not_Allowed".to_owned(),
        ..good
    };
    let store = AzureStore::new(&bad_name).unwrap();
    let error = store.list(KIND).await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Invalid, "{error}");
    assert!(error.message.contains("name"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn an_account_down_at_the_start_comes_up_by_itself() {
    let mut azurite = Azurite::start_with(AzuriteOptions {
        persistent: true,
        ..AzuriteOptions::default()
    })
    .await
    .unwrap();
    azurite.stop().await.unwrap();
    let account = account(&azurite);
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
    tokio::time::sleep(Duration::from_millis(500)).await;
    azurite.restart().await.unwrap();
    write.await.unwrap().expect("a write rides out the outage");
    store.check().await.unwrap();

    azurite.restart().await.unwrap();
    let read = store.load(KIND, "k").await.expect("written is written");
    assert_eq!(&read.bytes[..], b"{}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_dead_account_is_given_up_in_time() {
    let mut azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let store = Retrying::new(
        AzureStore::new(&account).unwrap(),
        "my-azure-account",
        RetryPolicy {
            last_start: Duration::from_secs(2),
            ..RetryPolicy::default()
        },
    );
    store.check().await.unwrap();
    azurite.stop().await.unwrap();
    let began = Instant::now();
    let errors = every_operation(&store).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    for error in &errors[..5] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(error.attempts > 2, "{error:?}");
        assert!(error.elapsed > Duration::from_millis(500), "{error:?}");
    }
}

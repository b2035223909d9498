//! Every failure is an error that says why; nothing is dropped, nothing succeeds in silence.

use std::sync::Arc;

use bytes::Bytes;
use kayenta_azure::{AzureAccount, AzureCredential, azure_store};
use kayenta_http::HttpSettings;
use kayenta_storage::{MissingBucket, ObjectKind, ObjectStore, StorageErrorKind, UPLOAD_PART};
use kayenta_testkit::{
    Fault, FaultProxy, RemoteStore,
    azurite::{ACCOUNT_KEY, Azurite, AzuriteOptions},
    failure_suite::{self, Cause},
};
use url::Url;

use crate::support::{account, retrying};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

async fn all_say(account: &AzureAccount, kind: StorageErrorKind, words: &str) {
    let store = azure_store(account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    let cause = Cause {
        kind,
        words,
        account: "my-azure-account",
        secrets: &[ACCOUNT_KEY, "AccountKey"],
    };
    failure_suite::every_operation_says(&store, cause).await;
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
    let store = azure_store(&bad_name, &HttpSettings::default(), MissingBucket::Create).unwrap();
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
    let store = retrying(&account(&azurite));
    failure_suite::a_server_down_at_the_start_comes_up_by_itself(&mut azurite, store, true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_dead_account_is_given_up_in_time() {
    let mut azurite = Azurite::start().await.unwrap();
    let store = Arc::new(
        azure_store(
            &account(&azurite),
            &HttpSettings::default(),
            MissingBucket::Create,
        )
        .unwrap(),
    );
    failure_suite::a_dead_server_is_given_up_in_time(&mut azurite, store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn broken_and_slow_connections_are_reported_and_left_behind() {
    let azurite = Azurite::start().await.unwrap();
    let address = ([127, 0, 0, 1], azurite.port()).into();
    let proxy = FaultProxy::start(address).await.unwrap();
    let behind = AzureAccount {
        endpoint: Url::parse(&RemoteStore::Azure.endpoint_at(&proxy.base_url())).unwrap(),
        ..account(&azurite)
    };
    let store =
        Arc::new(azure_store(&behind, &HttpSettings::default(), MissingBucket::Create).unwrap());
    let broken = "my-azure-account";
    failure_suite::broken_and_slow_connections_are_reported_and_left_behind(&proxy, store, broken)
        .await;
}

/// The service has done what was asked, and the answer is lost.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn a_step_of_an_upload_whose_answer_is_lost_is_repeated() {
    let azurite = Azurite::start().await.unwrap();
    let address = ([127, 0, 0, 1], azurite.port()).into();
    let proxy = FaultProxy::start(address).await.unwrap();
    let behind = AzureAccount {
        endpoint: Url::parse(&RemoteStore::Azure.endpoint_at(&proxy.base_url())).unwrap(),
        ..account(&azurite)
    };
    let store = azure_store(&behind, &HttpSettings::default(), MissingBucket::Create).unwrap();
    store.check().await.unwrap();
    let kind = ObjectKind::MetricSetPairList;
    let mut upload = store.upload(kind, "k").expect("a store of parts");
    let part = |letter: u8| Bytes::from(vec![letter; UPLOAD_PART]);
    for letter in [b'a', b'b'] {
        proxy.set(Fault::ResetAfter(0));
        let lost = upload.add(part(letter)).await.unwrap_err();
        assert!(lost.is_transient(), "{lost}");
        proxy.set(Fault::Pass);
        upload.add(part(letter)).await.unwrap();
    }
    let last = Bytes::from_static(b"c");
    proxy.set(Fault::ResetAfter(0));
    let lost = upload.finish(last.clone()).await.unwrap_err();
    assert!(lost.is_transient(), "{lost}");
    proxy.set(Fault::Pass);
    let written = upload.finish(last.clone()).await.unwrap();
    let read = store.load(kind, "k").await.unwrap();
    assert_eq!(read.summary, written);
    assert!(read.bytes == [&part(b'a')[..], &part(b'b'), &last].concat());
}

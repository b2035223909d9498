//! One Azurite for all tests, a container for each, and blobs written around the store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use azure_core::http::ClientOptions;
use azure_storage_blob::{
    BlobContainerClient, BlobContainerClientOptions, models::BlockBlobClientUploadOptions,
};
use bytes::Bytes;
use kayenta_azure::{AzureAccount, AzureCredential, azure_store, shared_key::SharedKeyPolicy};
use kayenta_http::HttpSettings;
use kayenta_storage::{MissingBucket, ObjectStore, RetryPolicy, Retrying};
use kayenta_testkit::azurite::{ACCOUNT_KEY, ACCOUNT_NAME, Azurite};
use url::Url;

static CONTAINERS: AtomicUsize = AtomicUsize::new(0);

/// The account of a container that does not exist yet.
pub(crate) fn account(azurite: &Azurite) -> AzureAccount {
    let number = CONTAINERS.fetch_add(1, Ordering::Relaxed);
    AzureAccount {
        name: "my-azure-account".to_owned(),
        storage_account_name: ACCOUNT_NAME.to_owned(),
        container: format!("canary-{number}"),
        root_folder: "kayenta".to_owned(),
        endpoint: Url::parse(&azurite.endpoint()).unwrap(),
        credential: AzureCredential::SharedKey(ACCOUNT_KEY.into()),
    }
}

/// The store as the server uses it.
pub(crate) fn retrying(account: &AzureAccount) -> Arc<dyn ObjectStore> {
    let store = azure_store(account, &HttpSettings::default(), MissingBucket::Create).unwrap();
    Arc::new(Retrying::new(
        store,
        account.name.clone(),
        RetryPolicy::default(),
    ))
}

/// The container, without the store.
pub(crate) fn container(account: &AzureAccount) -> BlobContainerClient {
    let endpoint = account.endpoint.as_str();
    let url = Url::parse(&format!("{endpoint}/{}", account.container)).unwrap();
    let policy = SharedKeyPolicy::new(ACCOUNT_NAME.to_owned(), ACCOUNT_KEY.into());
    let options = BlobContainerClientOptions {
        client_options: ClientOptions {
            per_try_policies: vec![Arc::new(policy)],
            ..ClientOptions::default()
        },
        ..BlobContainerClientOptions::default()
    };
    BlobContainerClient::new(url, None, Some(options)).unwrap()
}

/// Writes a blob as another program would.
pub(crate) async fn put(container: &BlobContainerClient, name: &str, bytes: Bytes) {
    let options = BlockBlobClientUploadOptions {
        blob_content_type: Some("application/json".to_owned()),
        ..BlockBlobClientUploadOptions::default()
    };
    container
        .blob_client(name)
        .upload(bytes.into(), Some(options))
        .await
        .unwrap();
}

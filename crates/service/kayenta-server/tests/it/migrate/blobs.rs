//! The container of an Azurite, written and looked at without the service.

use std::{collections::BTreeMap, sync::Arc};

use azure_core::http::ClientOptions;
use azure_storage_blob::{
    BlobContainerClient, BlobContainerClientOptions, models::BlockBlobClientUploadOptions,
};
use bytes::Bytes;
use futures::TryStreamExt;
use kayenta_azure::shared_key::SharedKeyPolicy;
use kayenta_testkit::azurite::{ACCOUNT_KEY, ACCOUNT_NAME, Azurite};
use serde::Deserialize;

use crate::samples::testdata;

#[derive(Deserialize)]
struct Blob {
    name: String,
    text: String,
}

fn golden() -> Vec<Blob> {
    let file = std::fs::read(testdata("storage/azure-blobs.json")).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// The container the sample configuration names.
pub(super) struct Blobs(BlobContainerClient);

impl Blobs {
    pub(super) fn of(azurite: &Azurite) -> Self {
        let url = format!("{}/canary", azurite.endpoint());
        let policy = Arc::new(SharedKeyPolicy::new(
            ACCOUNT_NAME.to_owned(),
            ACCOUNT_KEY.into(),
        ));
        let options = BlobContainerClientOptions {
            client_options: ClientOptions {
                per_try_policies: vec![policy],
                ..ClientOptions::default()
            },
            ..BlobContainerClientOptions::default()
        };
        Self(BlobContainerClient::new(url.parse().unwrap(), None, Some(options)).unwrap())
    }

    pub(super) async fn create_container(&self) {
        self.0.create(None).await.unwrap();
    }

    pub(super) async fn container_exists(&self) -> bool {
        self.0.get_properties(None).await.is_ok()
    }

    pub(super) async fn put(&self, name: &str, text: &str) {
        let options = BlockBlobClientUploadOptions {
            blob_content_type: Some("application/json".to_owned()),
            ..BlockBlobClientUploadOptions::default()
        };
        let bytes = Bytes::from(text.to_owned());
        let blob = self.0.blob_client(name);
        blob.upload(bytes.into(), Some(options)).await.unwrap();
    }

    /// What the reference stored.
    pub(super) async fn put_golden(&self) {
        for blob in golden() {
            self.put(&blob.name, &blob.text).await;
        }
    }

    /// How many objects of each group the reference stored.
    pub(super) fn golden_by_group() -> BTreeMap<String, usize> {
        let mut groups = BTreeMap::new();
        for blob in golden() {
            let group = blob.name.split('/').nth(1).unwrap().to_owned();
            *groups.entry(group).or_default() += 1;
        }
        groups
    }

    /// Every blob with its version, which changes with every write.
    pub(super) async fn everything(&self) -> BTreeMap<String, String> {
        let blobs = self.0.list_blobs(None).unwrap();
        let items: Vec<_> = blobs.try_collect().await.unwrap();
        items
            .into_iter()
            .map(|item| {
                let properties = item.properties.unwrap();
                (item.name.unwrap(), format!("{:?}", properties.etag))
            })
            .collect()
    }
}

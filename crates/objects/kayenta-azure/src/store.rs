//! The store.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_storage_blob::models::BlobClientGetPropertiesResultHeaders;
use bytes::Bytes;
use kayenta_http::HttpSettings;
use kayenta_storage::{
    ObjectKind, ObjectStore, ObjectSummary, StorageError, StoreLock, StoredObject, Stray,
    WriteCondition, check_segment, checked_filename, is_path_segment,
};

use crate::{
    account::AzureAccount,
    container::{Container, Found, newest, version},
    failure::{Reason, nothing_found, reason},
    lease,
    writes::is_marked,
};

/// How often a read looks again when what it found is renamed before it is fetched.
const LOOKS: usize = 8;

/// An [`ObjectStore`] in one container of an Azure storage account (or an emulator of one).
///
/// Each operation is tried once. The container is made when it is missing. Locks are leases on the
/// blobs `<rootFolder>/locks/<name>`, where the reference never looks; beside them lies the change
/// mark of the configs, a blob that is rewritten after each write.
#[derive(Clone, Debug)]
pub struct AzureStore(Arc<Container>);

impl AzureStore {
    /// A store for the account, reached with the certificates and proxies of these settings. Asks nothing of the network: whether the account can be reached
    /// shows in [`check`](ObjectStore::check) and in every operation.
    ///
    /// # Errors
    /// [`Invalid`](kayenta_storage::StorageErrorKind::Invalid) when the settings cannot be used.
    pub fn new(account: &AzureAccount, http: &HttpSettings) -> Result<Self, StorageError> {
        Ok(Self(Arc::new(Container::new(account, http, true)?)))
    }

    /// The same for read-only use: a missing container stays missing, and is reported
    /// as [`NotFound`](kayenta_storage::StorageErrorKind::NotFound).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn reading(account: &AzureAccount, http: &HttpSettings) -> Result<Self, StorageError> {
        Ok(Self(Arc::new(Container::new(account, http, false)?)))
    }
}

#[async_trait]
impl ObjectStore for AzureStore {
    fn platform(&self) -> &'static str {
        "azure"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let inner = &self.0;
        if kind.has_fixed_filename() && is_path_segment(key) {
            let filename = kind.default_filename();
            let name = format!("{}/{filename}", inner.path(kind, key));
            if let Some(object) = inner.get(&name, key, filename).await? {
                return Ok(object);
            }
        }
        for _ in 0..LOOKS {
            let Some(newest) = newest(inner.resolve(kind, key).await?) else {
                break;
            };
            let filename = &newest.summary.filename;
            if let Some(object) = inner.get(&newest.name, key, filename).await? {
                return Ok(object);
            }
        }
        Err(nothing_found(kind, &inner.path(kind, key)))
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let (key, filename) = (&summary.key, &summary.filename);
        let name = format!("{}/{filename}", self.0.path(kind, key));
        match self.0.get(&name, key, filename).await? {
            Some(object) => Ok(object),
            None => self.load(kind, key).await,
        }
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let inner = &self.0;
        let filename = checked_filename(kind, key, filename)?;
        inner.ensure_container().await?;

        let outcome = inner.write(kind, key, filename, bytes, condition).await;
        inner.changed(kind, outcome).await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let outcome = self.0.delete(kind, key).await;
        self.0.changed(kind, outcome).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let found = self.0.enumerate_kind(kind).await?;
        let mut objects: BTreeMap<String, Found> = BTreeMap::new();
        for blob in found {
            match objects.get(&blob.summary.key) {
                Some(other) if other.age() >= blob.age() => {}
                _ => {
                    objects.insert(blob.summary.key.clone(), blob);
                }
            }
        }
        Ok(objects.into_values().map(|found| found.summary).collect())
    }

    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        self.0.strays(kind).await
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        self.0.ensure_container().await?;
        let blob = || self.0.blob_under_root(&format!("locks/{name}"));
        match lease::acquire(&self.0.account, blob(), wait).await {
            // The container was deleted under the service.
            Err(error) if error.is_not_found() => {
                self.0.forget_container();
                self.0.ensure_container().await?;
                lease::acquire(&self.0.account, blob(), wait).await
            }
            outcome => outcome,
        }
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        if !is_marked(kind) {
            return Ok(None);
        }
        match self.0.mark(kind).get_properties(None).await {
            Ok(properties) => Ok(Some(version(properties.etag().ok().flatten().as_ref()))),
            // Nothing has been written with a mark so far.
            Err(error) if matches!(reason(&error), Reason::NoBlob | Reason::NoContainer) => {
                Ok(Some(String::new()))
            }
            Err(error) => Err(self.0.explain("look at a blob", &error)),
        }
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.0.check().await
    }
}

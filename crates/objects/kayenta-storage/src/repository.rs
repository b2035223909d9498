//! JSON documents over a store that moves bytes.

use std::sync::Arc;

use bytes::Bytes;
use kayenta_model::{ListedObject, time::iso_millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    store::{ObjectStore, ObjectSummary, StoredObject, WriteCondition},
};

/// Documents above this size are parsed off the async threads.
const PARSE_INLINE_BYTES: usize = 256 * 1024;

/// The documents of one storage account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectRepository {
    account: Arc<str>,
    store: Arc<dyn ObjectStore>,
}

impl From<ObjectSummary> for ListedObject {
    fn from(summary: ObjectSummary) -> Self {
        let millis = summary.updated.timestamp_millis();
        Self {
            updated_timestamp_iso: iso_millis(millis),
            id: summary.key,
            updated_timestamp: millis,
        }
    }
}

impl ObjectRepository {
    /// The repository of the account called `account`.
    #[must_use]
    pub fn new(account: impl Into<Arc<str>>, store: Arc<dyn ObjectStore>) -> Self {
        Self {
            account: account.into(),
            store,
        }
    }

    /// Name of the account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Kind of the account, as `/credentials` names it.
    #[must_use]
    pub fn platform(&self) -> &'static str {
        self.store.platform()
    }

    /// The store underneath.
    #[must_use]
    pub fn object_store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The document under the key.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the reference's text for the platform,
    /// [`Corrupt`](StorageErrorKind::Corrupt) when the bytes are not such a document, and whatever
    /// keeps the store from answering.
    pub async fn load<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<T, StorageError> {
        let object = self.store.load(kind, key).await?;
        parse(key, object.bytes).await
    }

    /// The document that a listing named, and its size in bytes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_listed<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<(T, usize), StorageError> {
        let object = self.store.load_listed(kind, summary).await?;
        let size = object.bytes.len();
        Ok((parse(&summary.key, object.bytes).await?, size))
    }

    /// The bytes under the key with what a listing says about them.
    ///
    /// # Errors
    /// As the store's.
    pub async fn load_bytes(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<StoredObject, StorageError> {
        self.store.load(kind, key).await
    }

    /// Writes the document under the key; `filename` `None` is the kind's default. It is durable
    /// once this returns.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) when the condition does not hold,
    /// [`Invalid`](StorageErrorKind::Invalid) when the key cannot be part of a path.
    pub async fn store<T: Serialize + Sync + ?Sized>(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        document: &T,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let bytes = serde_json::to_vec(document).map_err(|error| {
            StorageError::new(
                StorageErrorKind::Invalid,
                format!("Unable to serialize object (key: {key}): {error}"),
            )
        })?;
        self.store_bytes(kind, key, filename, bytes.into(), condition)
            .await
    }

    /// Writes bytes that are JSON already, e.g. serialised on a thread of their own.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub async fn store_bytes(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        self.store
            .store(kind, key, filename, bytes, condition)
            .await
    }

    /// Removes the document under the key.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) when there is none.
    pub async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.store.delete(kind, key).await
    }

    /// Every document of the kind by ascending key.
    ///
    /// # Errors
    /// When the listing cannot be completed.
    pub async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.store.list(kind).await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.store.check().await
    }
}

/// Reads the document stored under `key`, big ones on a thread of their own.
pub(crate) async fn parse<T: DeserializeOwned + Send + 'static>(
    key: &str,
    bytes: Bytes,
) -> Result<T, StorageError> {
    let parsed = if bytes.len() <= PARSE_INLINE_BYTES {
        serde_json::from_slice(&bytes)
    } else {
        match tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes)).await {
            Ok(parsed) => parsed,
            Err(join) => {
                return Err(StorageError::new(
                    StorageErrorKind::Other,
                    format!("Unable to deserialize object (key: {key})"),
                )
                .caused_by(join));
            }
        }
    };
    parsed.map_err(|error| {
        StorageError::new(
            StorageErrorKind::Corrupt,
            format!("Unable to deserialize object (key: {key})"),
        )
        .caused_by(error)
    })
}

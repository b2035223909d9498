//! A store whose removals fail on demand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_storage::{
    ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind, StoredObject, Upload,
    WriteCondition,
};

/// The store and how many of the next removals fail.
#[derive(Debug)]
pub(crate) struct FailingStore {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) failures: Arc<AtomicUsize>,
}

#[async_trait]
impl ObjectStore for FailingStore {
    fn platform(&self) -> &'static str {
        self.inner.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        self.inner.load(kind, key).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        self.inner
            .store(kind, key, filename, bytes, condition)
            .await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let fails = |left: usize| left.checked_sub(1);
        let failures = &self.failures;
        if failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails)
            .is_ok()
        {
            return Err(StorageError::new(StorageErrorKind::Unavailable, "away"));
        }
        self.inner.delete(kind, key).await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        self.inner.upload(kind, key)
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.inner.list(kind).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }
}

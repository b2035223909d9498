//! A limit on how many operations a store works on at once.

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    store::{ObjectStore, ObjectSummary, StoredObject, Stray, UpTo, WriteCondition},
    upload::Upload,
};

/// Lets at most so many operations run at once; the others queue in order of arrival.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    inner: S,
    permits: Arc<Semaphore>,
}

impl<S> Bounded<S> {
    /// `inner`, working on at most `operations` (at least one) at a time.
    pub fn new(inner: S, operations: usize) -> Self {
        Self {
            inner,
            permits: Arc::new(Semaphore::new(operations.max(1))),
        }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, StorageError> {
        self.permits.acquire().await.map_err(|closed| {
            StorageError::new(StorageErrorKind::Other, "the store is closed").caused_by(closed)
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: ObjectStore> ObjectStore for Bounded<S> {
    fn platform(&self) -> &'static str {
        self.inner.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let _permit = self.permit().await?;
        self.inner.load(kind, key).await
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let _permit = self.permit().await?;
        self.inner.load_listed(kind, summary).await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let _permit = self.permit().await?;
        self.inner.load_up_to(kind, key, most).await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let _permit = self.permit().await?;
        self.inner.load_part(kind, found, part).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let _permit = self.permit().await?;
        self.inner
            .store(kind, key, filename, bytes, condition)
            .await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        let inner = self.inner.upload(kind, key)?;
        Some(Box::new(BoundedUpload { inner, store: self }))
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let _permit = self.permit().await?;
        self.inner.delete(kind, key).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let _permit = self.permit().await?;
        self.inner.list(kind).await
    }

    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        let _permit = self.permit().await?;
        self.inner.strays(kind).await
    }

    /// Not counted: who waits for a lock must not keep its holder from working.
    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        self.inner.lock(name, wait).await
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        let _permit = self.permit().await?;
        self.inner.change_mark(kind).await
    }

    fn directory(&self) -> Option<&Path> {
        self.inner.directory()
    }

    /// Not counted: health must be reported at once.
    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }
}

/// An upload each step of which counts as an operation.
#[derive(Debug)]
struct BoundedUpload<'s, S> {
    inner: Box<dyn Upload + 's>,
    store: &'s Bounded<S>,
}

#[async_trait]
impl<S: ObjectStore> Upload for BoundedUpload<'_, S> {
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError> {
        let _permit = self.store.permit().await?;
        self.inner.add(part).await
    }

    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError> {
        let _permit = self.store.permit().await?;
        self.inner.finish(last).await
    }

    async fn abandon(&mut self) {
        let _permit = self.store.permit().await;
        self.inner.abandon().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn waits_for_a_permit_but_tells_health_at_once() {
        let store = Bounded::new(MemoryStore::default(), 1);
        let permit = store.permit().await.unwrap();
        store.check().await.unwrap();
        let list = store.list(ObjectKind::CanaryConfig);
        tokio::pin!(list);
        assert!(futures::poll!(&mut list).is_pending());
        drop(permit);
        assert!(list.await.unwrap().is_empty());
    }
}

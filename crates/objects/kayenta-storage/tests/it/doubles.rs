//! A clock, ids and a store that fails on demand.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kayenta_model::{Clock, IdSource, clock::Sleep};
use kayenta_storage::{
    MemoryStore, ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind,
    StoredObject, UpTo, WriteCondition,
};

/// Stands still until moved.
#[derive(Debug)]
pub(crate) struct FixedClock(pub(crate) AtomicI64);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn sleep_until(&self, _: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
pub(crate) struct CountedIds(AtomicU64);

impl IdSource for CountedIds {
    fn uuid(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn ulid(&self, _: i64) -> String {
        self.uuid()
    }
}

/// Random UUIDs.
#[derive(Debug)]
pub(crate) struct RandomIds;

impl IdSource for RandomIds {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn ulid(&self, _: i64) -> String {
        self.uuid()
    }
}

/// What happens to the next operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It fails without effect.
    Refuse(StorageErrorKind),
    /// It takes effect, but the answer is lost.
    LoseAnswer,
    /// It never ends.
    Hang,
    /// It works.
    Pass,
}

/// A memory store whose operations meet the given faults, then work. Counts operations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faulty {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) faults: Arc<Mutex<VecDeque<Fault>>>,
    pub(crate) calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Faulty {
    pub(crate) fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            faults: Arc::new(Mutex::new(faults.into_iter().collect())),
            ..Self::default()
        }
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|&&call| call == operation).count()
    }

    async fn pass<T: Send>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        self.calls.lock().unwrap().push(operation);
        let fault = self.faults.lock().unwrap().pop_front();
        match fault.unwrap_or(Fault::Pass) {
            Fault::Pass => work.await,
            Fault::Refuse(kind) => Err(StorageError::new(kind, "refused")),
            Fault::LoseAnswer => {
                work.await?;
                Err(StorageError::new(StorageErrorKind::Unavailable, "cut"))
            }
            Fault::Hang => std::future::pending().await,
        }
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    fn platform(&self) -> &'static str {
        "memory"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        self.pass("load", self.inner.load(kind, key)).await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let work = self.inner.load_up_to(kind, key, most);
        self.pass("load_up_to", work).await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let work = self.inner.load_part(kind, found, part);
        self.pass("load_part", work).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let work = self.inner.store(kind, key, filename, bytes, condition);
        self.pass("store", work).await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.pass("delete", self.inner.delete(kind, key)).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.pass("list", self.inner.list(kind)).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.pass("check", self.inner.check()).await
    }
}

//! Stores that fail on demand.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kayenta_model::ExecutionStatus;
use kayenta_queue::{
    DeadLetter, EmbeddedStore, ExecutionFilter, ExecutionRecord, ExecutionStore, Job, Lease,
    LeasedJob, ListedExecution, ListingPlace, QueueDepth, QueueError, QueueErrorKind,
    RecordVersion, WorkQueue,
};
use kayenta_storage::{
    MemoryStore, ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind,
    StoredObject, WriteCondition,
};

/// An object store that refuses to write some kinds, and counts what it writes.
#[derive(Debug)]
pub(crate) struct FaultyObjects {
    inner: MemoryStore,
    failing: Mutex<HashSet<ObjectKind>>,
    writes: Mutex<Vec<(ObjectKind, String)>>,
}

impl FaultyObjects {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            failing: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    pub(crate) fn fail(&self, kind: ObjectKind, failing: bool) {
        let mut kinds = self.failing.lock().unwrap();
        if failing {
            kinds.insert(kind);
        } else {
            kinds.remove(&kind);
        }
    }

    pub(crate) fn writes(&self, kind: ObjectKind) -> Vec<String> {
        self.writes
            .lock()
            .unwrap()
            .iter()
            .filter(|(written, _)| *written == kind)
            .map(|(_, key)| key.clone())
            .collect()
    }
}

#[async_trait]
impl ObjectStore for FaultyObjects {
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
        if self.failing.lock().unwrap().contains(&kind) {
            return Err(StorageError::new(
                StorageErrorKind::Unavailable,
                "the store is out of order",
            ));
        }
        self.writes.lock().unwrap().push((kind, key.to_owned()));
        self.inner
            .store(kind, key, filename, bytes, condition)
            .await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.inner.delete(kind, key).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.inner.list(kind).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }
}

/// What was done with a record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecordUse {
    pub(crate) saves: usize,
    /// Of bodies and parts.
    pub(crate) saved_bytes: usize,
    pub(crate) reads: usize,
}

/// Execution records, and what was done with each.
#[derive(Debug)]
pub(crate) struct CountedRecords {
    inner: EmbeddedStore,
    uses: Mutex<HashMap<String, RecordUse>>,
}

impl CountedRecords {
    pub(crate) fn new(inner: EmbeddedStore) -> Arc<Self> {
        Arc::new(Self {
            inner,
            uses: Mutex::default(),
        })
    }

    pub(crate) fn of(&self, id: &str) -> RecordUse {
        let uses = self.uses.lock().unwrap();
        uses.get(id).copied().unwrap_or_default()
    }

    fn note(&self, id: &str, note: impl FnOnce(&mut RecordUse)) {
        note(self.uses.lock().unwrap().entry(id.to_owned()).or_default());
    }

    fn note_save(&self, record: &ExecutionRecord) {
        self.note(&record.id, |used| {
            used.saves += 1;
            used.saved_bytes += record.length();
        });
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ExecutionStore for CountedRecords {
    async fn create(&self, record: &ExecutionRecord) -> Result<RecordVersion, QueueError> {
        self.inner.create(record).await
    }

    async fn get(&self, id: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        self.note(id, |used| used.reads += 1);
        self.inner.get(id).await
    }

    async fn save(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.note_save(record);
        self.inner.save(record, version).await
    }

    async fn save_progress(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.note_save(record);
        self.inner.save_progress(record, version).await
    }

    async fn status(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError> {
        self.inner.status(id).await
    }

    async fn delete(&self, id: &str) -> Result<(), QueueError> {
        self.inner.delete(id).await
    }

    async fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError> {
        self.inner.list(group, filter).await
    }

    async fn newest(
        &self,
        after: Option<&ListingPlace>,
        limit: usize,
    ) -> Result<Vec<ListedExecution>, QueueError> {
        self.inner.newest(after, limit).await
    }

    async fn ids(&self) -> Result<Vec<String>, QueueError> {
        self.inner.ids().await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError> {
        self.inner.unfinished(limit).await
    }

    async fn lost_since(&self, accepted: i64) -> Result<Option<i64>, QueueError> {
        self.inner.lost_since(accepted).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        ExecutionStore::check(&self.inner).await
    }
}

/// A queue that refuses pushes or takes leases away.
#[derive(Debug)]
pub(crate) struct FaultyQueue {
    inner: EmbeddedStore,
    pub(crate) refuse_pushes: AtomicBool,
    pub(crate) take_leases_away: AtomicBool,
    /// Fails everything a worker reports, as a store does that is away or has no room.
    pub(crate) hear_nothing: AtomicBool,
    /// Jobs put off by a worker whose lease had ended.
    pub(crate) heard_too_late: AtomicUsize,
    pub(crate) pushes: AtomicUsize,
}

impl FaultyQueue {
    pub(crate) fn new(inner: EmbeddedStore) -> Arc<Self> {
        Arc::new(Self {
            inner,
            refuse_pushes: AtomicBool::new(false),
            take_leases_away: AtomicBool::new(false),
            hear_nothing: AtomicBool::new(false),
            heard_too_late: AtomicUsize::new(0),
            pushes: AtomicUsize::new(0),
        })
    }

    fn hear(&self) -> Result<(), QueueError> {
        if self.hear_nothing.load(Ordering::SeqCst) {
            let message = "there is no room to write";
            return Err(QueueError::new(QueueErrorKind::Unavailable, message));
        }
        Ok(())
    }
}

#[async_trait]
impl WorkQueue for FaultyQueue {
    async fn push(&self, job: &Job, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        if self.refuse_pushes.load(Ordering::SeqCst) {
            return Err(QueueError::new(
                QueueErrorKind::Unavailable,
                "the queue is out of order",
            ));
        }
        self.pushes.fetch_add(1, Ordering::SeqCst);
        self.inner.push(job, due).await
    }

    async fn take(&self) -> Result<LeasedJob, QueueError> {
        self.inner.take().await
    }

    async fn renew(&self, lease: &Lease) -> Result<(), QueueError> {
        if self.take_leases_away.load(Ordering::SeqCst) {
            return Err(QueueError::new(
                QueueErrorKind::LeaseLost,
                "the lease is lost",
            ));
        }
        self.hear()?;
        self.inner.renew(lease).await
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        self.hear()?;
        self.inner.complete(lease).await
    }

    async fn put_off(&self, lease: &Lease, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        self.hear()?;
        let outcome = self.inner.put_off(lease, due).await;
        if matches!(&outcome, Err(error) if error.kind == QueueErrorKind::LeaseLost) {
            self.heard_too_late.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    }

    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        self.hear()?;
        self.inner.bury(lease, reason).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        self.inner.dead_letters(limit).await
    }

    async fn put_back(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        self.inner.put_back(dead_letter_id).await
    }

    async fn without_job(&self, execution_ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.inner.without_job(execution_ids).await
    }

    async fn depth(&self) -> Result<QueueDepth, QueueError> {
        self.inner.depth().await
    }

    async fn oldest_due(&self) -> Result<Option<Duration>, QueueError> {
        self.inner.oldest_due().await
    }

    async fn check(&self) -> Result<(), QueueError> {
        WorkQueue::check(&self.inner).await
    }

    fn close(&self) {
        self.inner.close();
    }
}

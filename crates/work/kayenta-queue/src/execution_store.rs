//! The records of executions: who, what, how far. The body is the engine's own JSON; the fields
//! around it are what listings and expiry need.

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_model::ExecutionStatus;

use crate::error::QueueError;

/// The version of a record as last read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordVersion(pub u64);

/// One execution as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRecord {
    /// ULID of the execution.
    pub id: String,
    /// Listings go by it: `<application>-standard-canary-pipeline` and the like.
    pub group: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it was accepted, milliseconds since 1970; listings are newest first by it.
    pub build_time_millis: i64,
    /// Whether some job drives it. A run inside an analysis has none: the analysis' job drives it.
    pub has_job: bool,
    /// The engine's own JSON.
    pub body: Bytes,
}

/// Which records a listing wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Only these statuses; empty means all.
    pub statuses: Vec<ExecutionStatus>,
    /// How many matching records to pass over.
    pub offset: usize,
    /// How many to return at most.
    pub limit: usize,
}

/// A store of execution records shared by any number of processes.
///
/// `Ok` of a write means it is durable. A record whose status is complete is kept for the store's
/// retention time and then disappears; until then it counts in listings.
#[async_trait]
pub trait ExecutionStore: Send + Sync + std::fmt::Debug {
    /// Keeps a new record.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::QueueErrorKind::AlreadyExists) when the id is taken.
    async fn create(&self, record: &ExecutionRecord) -> Result<RecordVersion, QueueError>;

    /// The record with its version, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    async fn get(&self, id: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError>;

    /// Overwrites the record if it still has the version.
    ///
    /// # Errors
    /// [`Conflict`](crate::QueueErrorKind::Conflict) when it was written meanwhile,
    /// [`NotFound`](crate::QueueErrorKind::NotFound) when it was deleted.
    async fn save(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError>;

    /// Like [`ExecutionStore::save`], for progress that a crash may undo: `Ok` means that the record
    /// has the new version and will be durable no later than any write acknowledged afterwards, but
    /// the last moments before a crash may be missing. [`ExecutionStore::get`] sees it at once,
    /// listings perhaps a moment later.
    ///
    /// # Errors
    /// As [`ExecutionStore::save`].
    async fn save_progress(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.save(record, version).await
    }

    /// Status and version only: cheap enough to ask every second whether a cancel came in.
    ///
    /// # Errors
    /// When the store fails.
    async fn status(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError>;

    /// Removes the record; no error when there is none.
    ///
    /// # Errors
    /// When the store fails.
    async fn delete(&self, id: &str) -> Result<(), QueueError>;

    /// The records of a group, newest first.
    ///
    /// # Errors
    /// When the store fails.
    async fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError>;

    /// Every id, in no order.
    ///
    /// # Errors
    /// When the store fails.
    async fn ids(&self) -> Result<Vec<String>, QueueError>;

    /// Ids of records that are not complete and have a job: what a sweep re-queues after a crash
    /// between keeping a record and queueing its job. At most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    async fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError>;

    /// When the store lost its records, in milliseconds since 1970, if that was after `accepted`
    /// (the same unit) and a record accepted then would still be kept. A store that cannot lose them
    /// says `None`.
    ///
    /// # Errors
    /// When the store fails.
    async fn lost_since(&self, accepted: i64) -> Result<Option<i64>, QueueError> {
        let _ = accepted;
        Ok(None)
    }

    /// Whether the back end answers, for `/health`.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), QueueError>;
}

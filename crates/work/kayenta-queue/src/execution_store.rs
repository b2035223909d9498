//! The records of executions: who, what, how far. The body is the engine's own JSON; the fields
//! around it are what listings and expiry need.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    str::FromStr,
};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_model::ExecutionStatus;

use crate::error::QueueError;

/// The version of a record as last read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordVersion(pub u64);

/// By how much the version of a record in parts grows at most: a million saves leave it exact in a script of Redis,
/// which counts in doubles.
const LONGEST_STEP: u64 = 1 << 20;

impl RecordVersion {
    /// The version that follows with this record. That of a record in parts depends on what is written: where two
    /// writers go on from the same version, because a fail-over has lost what one of them had saved, they do not
    /// arrive at the same version, so that the parts of one are not taken for those of the other.
    #[must_use]
    pub fn next(self, record: &ExecutionRecord) -> Self {
        let mut step = 1;
        if !record.parts.is_empty() {
            let mut hasher = DefaultHasher::new();
            (&record.body, &record.parts).hash(&mut hasher);
            step += hasher.finish() % LONGEST_STEP;
        }
        Self(self.0 + step)
    }
}

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
    /// What belongs to the body and is kept in pieces, so that a save writes only those that have changed. All of them
    /// in a record that is created or was read; in one that is saved, `None` stands for a piece that the store has
    /// already and keeps.
    pub parts: Vec<Option<Bytes>>,
    /// What a listing of everything shows of it: the engine's own JSON, as small as the body is large. It is
    /// written with the record and read by [`newest`](ExecutionStore::newest) alone: empty in a record that was
    /// read.
    pub summary: Bytes,
}

impl ExecutionRecord {
    /// How many bytes the body and the parts have that are there.
    #[must_use]
    pub fn length(&self) -> usize {
        let parts = self.parts.iter().flatten().map(Bytes::len);
        self.body.len() + parts.sum::<usize>()
    }
}

/// An execution in a listing of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedExecution {
    /// ULID of the execution.
    pub id: String,
    /// When it was accepted, milliseconds since 1970.
    pub build_time_millis: i64,
    /// The engine's own JSON; empty when the record has none.
    pub summary: Bytes,
}

/// A place in the listing of everything: what comes after it is older, or as old and of a lesser id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingPlace {
    /// When the execution there was accepted, milliseconds since 1970.
    pub build_time_millis: i64,
    /// Its id.
    pub id: String,
}

/// A text that is no place in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place in a listing reads <milliseconds since 1970>-<id>")]
pub struct NoListingPlace;

/// Milliseconds, a hyphen, and the id: what clients pass around.
impl fmt::Display for ListingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.build_time_millis, self.id)
    }
}

impl FromStr for ListingPlace {
    type Err = NoListingPlace;

    fn from_str(text: &str) -> Result<Self, NoListingPlace> {
        let (millis, id) = text.split_once('-').ok_or(NoListingPlace)?;
        Ok(Self {
            build_time_millis: millis.parse().map_err(|_| NoListingPlace)?,
            id: id.to_owned(),
        })
    }
}

impl From<&ListedExecution> for ListingPlace {
    fn from(listed: &ListedExecution) -> Self {
        Self {
            build_time_millis: listed.build_time_millis,
            id: listed.id.clone(),
        }
    }
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

    /// Overwrites the record if it still has the version. Parts that are `None` stay as that version has them, and
    /// those beyond the last are removed.
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
    /// what was written just before a crash may be missing. [`ExecutionStore::get`] sees it at once,
    /// listings perhaps a little later.
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

    /// Executions of every group, newest first, after a place or from the newest on, at most `limit`. Of two that were
    /// accepted in the same millisecond the greater id comes first. Costs no more for many records than for few.
    ///
    /// # Errors
    /// When the store fails.
    async fn newest(
        &self,
        after: Option<&ListingPlace>,
        limit: usize,
    ) -> Result<Vec<ListedExecution>, QueueError>;

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

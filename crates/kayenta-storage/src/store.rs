//! The trait every object store implements.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{error::StorageError, kind::ObjectKind};

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Key under the kind: the part between the group's folder and the last `/`.
    pub key: String,
    /// File name after the last `/`.
    pub filename: String,
    /// When it was last written, by the store's clock.
    pub updated: DateTime<Utc>,
    /// Changes with every write (an ETag); equal versions mean equal bytes.
    pub version: String,
}

/// An object with its bytes.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// What the listing says about it.
    pub summary: ObjectSummary,
    /// Its content, UTF-8 JSON.
    pub bytes: Bytes,
}

/// What must hold for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// Create or overwrite.
    Always,
    /// Only when nothing is stored under the key, whatever its file name.
    Absent,
    /// Only when the object still has this version.
    Unchanged(String),
}

/// A place that keeps objects: `<root>/<group>/<key>/<filename>`, one object per key.
///
/// What returns `Ok` is durable. Keys match exactly, never by prefix. When two files lie under one
/// key (a crash between write and clean-up, or another writer), the newest wins on reads and every
/// write removes the others.
#[async_trait]
pub trait ObjectStore: Send + Sync + std::fmt::Debug {
    /// Kind of account, as `/credentials` names it (`azure`, `memory`, `disk`).
    fn platform(&self) -> &'static str;

    /// The object under the key.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) with the reference's text for this platform.
    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError>;

    /// Writes the object under the key and removes other files under it. `filename` `None` is the
    /// kind's default. Returns what a listing would say.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) when the condition does not hold.
    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError>;

    /// Removes the object under the key.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) when there is none.
    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError>;

    /// Every object of the kind in ascending key order, one per key, all pages.
    ///
    /// # Errors
    /// When the listing cannot be completed; never a partial list.
    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError>;

    /// Whether the store answers at all, for `/health`; cheap.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), StorageError>;
}

//! The trait every object store implements.

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    upload::Upload,
};

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
    /// How many bytes it has.
    pub size: u64,
}

/// An object with its bytes.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// What the listing says about it.
    pub summary: ObjectSummary,
    /// Its content, UTF-8 JSON.
    pub bytes: Bytes,
}

/// What a read of an object of up to so many bytes brings.
#[derive(Clone, Debug)]
pub enum UpTo {
    /// All of it.
    Whole(StoredObject),
    /// What a listing says about it. It was not read.
    Larger(ObjectSummary),
}

impl UpTo {
    /// What a listing says about it.
    #[must_use]
    pub fn summary(&self) -> &ObjectSummary {
        match self {
            Self::Whole(object) => &object.summary,
            Self::Larger(summary) => summary,
        }
    }
}

/// How many bytes a part of an object has.
#[must_use]
pub fn part_length(part: &Range<u64>) -> usize {
    usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(usize::MAX)
}

impl StoredObject {
    /// A part of it, if it has the version. The part is up to the end of the object if it has no more.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) when it has another one.
    pub fn part(&self, version: &str, part: Range<u64>) -> Result<Bytes, StorageError> {
        if self.summary.version != version {
            return Err(StorageError::changed(&self.summary.key));
        }
        let at = |place: u64| {
            usize::try_from(place).map_or(self.bytes.len(), |at| at.min(self.bytes.len()))
        };
        Ok(self.bytes.slice(at(part.start)..at(part.end)))
    }
}

/// Something in a kind's folder that is no object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Its full name in the store.
    pub name: String,
    /// The key it is an older file of; `None` when it belongs to no key.
    pub key: Option<String>,
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
/// write removes the others; kinds without a file name of their own
/// ([`ObjectKind::has_fixed_filename`]) may be read and written at their default name alone, and
/// those that are [replaced in place](ObjectKind::is_replaced_in_place) written.
///
/// Keys and file names must be single path segments ([`is_path_segment`](crate::is_path_segment)):
/// others are refused as [`Invalid`](crate::StorageErrorKind::Invalid) on writes and absent on
/// reads.
#[async_trait]
pub trait ObjectStore: Send + Sync + std::fmt::Debug {
    /// Kind of account, as `/credentials` names it (`azure`, `memory`, `disk`).
    fn platform(&self) -> &'static str;

    /// The object under the key.
    ///
    /// # Errors
    /// [`NotFound`](crate::StorageErrorKind::NotFound) with the reference's text for this platform.
    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError>;

    /// The object that a listing named, if possible with one request. When it has been rewritten
    /// since, what is there now.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        self.load(kind, &summary.key).await
    }

    /// The object under the key if it has at most `most` bytes, else what a listing would say about it. A store that
    /// cannot read [parts](Self::load_part) of objects finds all of them small enough.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let _ = most;
        self.load(kind, key).await.map(UpTo::Whole)
    }

    /// A part of the object that was found, which counts against the budget of bytes for as long as it exists.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) when the object has been written or removed since, else as
    /// [`load`](Self::load).
    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        self.load(kind, &found.key)
            .await?
            .part(&found.version, part)
    }

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

    /// Begins to write an object in parts, under the default file name of a kind that
    /// [is replaced in place](ObjectKind::is_replaced_in_place). `None` when the store takes objects of the kind only as
    /// a whole.
    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        let _ = (kind, key);
        None
    }

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

    /// What is in the folder of the kind and in no listing: older files under a key, files at
    /// another depth or under unusable names. For people who tidy up; a store that cannot have such
    /// things has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        let _ = kind;
        Ok(Vec::new())
    }

    /// Takes the exclusive right called `name` (a path segment), so that a check and the write it
    /// allows are one step for every process that uses the store. Waits at most `wait`. The right
    /// ends with the lock, and on its own [`LOCK_HOLD`](crate::LOCK_HOLD) after it was taken at the
    /// earliest: what it protects must be done by then.
    ///
    /// A store that belongs to one process alone needs none; callers serialise their own tasks.
    ///
    /// # Errors
    /// [`Unavailable`](crate::StorageErrorKind::Unavailable) when another writer keeps it.
    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        let _ = (name, wait);
        Ok(StoreLock::unneeded())
    }

    /// A mark that is another one after every write and removal of an object of the kind by any
    /// process that uses this code, asked for more cheaply than a listing; `None` when the store
    /// keeps none for the kind. Other programs leave it as it is.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        let _ = kind;
        Ok(None)
    }

    /// The directory of this machine that the store keeps its objects in; `None` if they are elsewhere.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// Whether the store answers at all, for `/health`; cheap.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), StorageError>;
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: ObjectStore + ?Sized> ObjectStore for Arc<S> {
    fn platform(&self) -> &'static str {
        (**self).platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        (**self).load(kind, key).await
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        (**self).load_listed(kind, summary).await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        (**self).load_up_to(kind, key, most).await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        (**self).load_part(kind, found, part).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        (**self).store(kind, key, filename, bytes, condition).await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        (**self).upload(kind, key)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        (**self).delete(kind, key).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        (**self).list(kind).await
    }

    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        (**self).strays(kind).await
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        (**self).lock(name, wait).await
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        (**self).change_mark(kind).await
    }

    fn directory(&self) -> Option<&Path> {
        (**self).directory()
    }

    async fn check(&self) -> Result<(), StorageError> {
        (**self).check().await
    }
}

/// Whether a store that keeps its objects on this machine has room for new ones. Asked before work is
/// accepted whose results it would keep.
///
/// # Errors
/// [`Unavailable`](StorageErrorKind::Unavailable) when it has none.
pub async fn check_room(store: &dyn ObjectStore) -> Result<(), StorageError> {
    let Some(directory) = store.directory().map(Path::to_owned) else {
        return Ok(());
    };
    let looked = tokio::task::spawn_blocking(move || kayenta_limits::check_room(&directory)).await;
    match looked {
        Ok(Err(full)) => {
            Err(StorageError::new(StorageErrorKind::Unavailable, full.to_string()).caused_by(full))
        }
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

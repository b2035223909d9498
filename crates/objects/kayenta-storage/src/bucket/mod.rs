//! Object stores on a flat name space: what such a service must do, and the layout, the conditions
//! and the locks on top of it, which are the same for each.

mod layout;
mod lock;
mod store;
mod upload;
mod writes;

use std::{ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{error::StorageError, kind::ObjectKind, lock::StoreLock, store::ObjectSummary};

pub use store::BucketStore;

/// An object of a bucket as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketEntry {
    /// Its full name in the bucket.
    pub name: String,
    /// When it was last written, by the service's clock and as precisely as the service reports it.
    pub updated: DateTime<Utc>,
    /// Changes with every change of the content (an ETag, a generation).
    pub version: String,
    /// How many bytes it has.
    pub size: u64,
}

impl BucketEntry {
    /// What a listing of the store says of it under its key.
    fn summary(self, key: &str, filename: &str) -> ObjectSummary {
        ObjectSummary {
            key: key.to_owned(),
            filename: filename.to_owned(),
            updated: self.updated,
            version: self.version,
            size: self.size,
        }
    }
}

/// An object of a bucket with its content.
#[derive(Clone, Debug)]
pub struct BucketObject {
    /// What a listing would show.
    pub entry: BucketEntry,
    /// Its content.
    pub bytes: Bytes,
    /// When the service answered, by the clock that [`BucketEntry::updated`] is measured with.
    pub answered: DateTime<Utc>,
}

/// What `Range` has for a part of an object.
#[must_use]
pub fn range_header(part: &Range<u64>) -> String {
    format!("bytes={}-{}", part.start, part.end.saturating_sub(1))
}

/// The size of a whole object, by the `Content-Range` of an answer with a part of it (`bytes 0-99/1234`).
#[must_use]
pub fn size_of_whole(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

/// An object of a bucket that is being written in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialObject {
    /// The full name that it will have.
    pub name: String,
    /// What the service calls the upload.
    pub upload: String,
    /// What the service calls the parts that it has, in their order.
    pub parts: Vec<String>,
    /// How many bytes these have.
    pub size: u64,
}

/// What a put demands of the object it replaces (C-STORE-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutCondition<'a> {
    /// Nothing.
    None,
    /// That there is none of that name.
    Absent,
    /// That it still has this version.
    Version(&'a str),
}

/// What a look at a bucket shows.
#[derive(Debug)]
pub enum BucketState {
    /// It exists.
    There,
    /// It does not.
    Missing,
    /// It may not be looked at. Whether its objects may be used the operations show: some credentials
    /// are for objects only (C-STORE-10).
    Refused(StorageError),
}

/// What is done about a bucket that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingBucket {
    /// It is created when it is needed.
    Create,
    /// It stays missing, which is an error: for somebody who only looks.
    Leave,
}

/// A bucket: objects under names in one flat name space. Each operation is tried once.
///
/// Where the bucket does not exist, operations on its objects fail with
/// [`NotFound`](crate::StorageErrorKind::NotFound).
#[async_trait]
pub trait Bucket: Send + Sync + std::fmt::Debug + 'static {
    /// Kind of account, as `/credentials` names it.
    fn platform(&self) -> &'static str;

    /// What messages call the account.
    fn account(&self) -> &str;

    /// What the service calls a bucket.
    fn term(&self) -> &'static str {
        "bucket"
    }

    /// The failure of a read, update or removal of nothing; `path` is `<root>/<group>/<key>`.
    fn nothing_found(&self, kind: ObjectKind, path: &str) -> StorageError;

    /// The failure of everything where the bucket does not exist.
    fn no_bucket(&self) -> StorageError;

    /// Looks at the bucket.
    ///
    /// # Errors
    /// When nothing can be said about it.
    async fn look(&self) -> Result<BucketState, StorageError>;

    /// Creates the bucket; nothing when another writer has just done so.
    ///
    /// # Errors
    /// When it cannot be created.
    async fn create(&self) -> Result<(), StorageError>;

    /// Whether objects whose names begin with `prefix` can be listed; cheap.
    ///
    /// # Errors
    /// Why they cannot.
    async fn try_listing(&self, prefix: &str) -> Result<(), StorageError>;

    /// Every object whose name begins with `prefix`, all pages.
    ///
    /// # Errors
    /// When the listing cannot be completed; never a partial one.
    async fn list(&self, prefix: &str) -> Result<Vec<BucketEntry>, StorageError>;

    /// The object, `None` when there is none of that name.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn get(&self, name: &str) -> Result<Option<BucketObject>, StorageError>;

    /// A part of the object, `None` when there is none of that name. [`size`](BucketEntry::size) is that of all of it.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) when it has another version than this.
    async fn get_part(
        &self,
        name: &str,
        part: Range<u64>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError>;

    /// The object's version, `None` when there is none of that name.
    ///
    /// # Errors
    /// When it cannot be looked at.
    async fn version(&self, name: &str) -> Result<Option<String>, StorageError>;

    /// Writes the object.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) when the condition does not hold.
    async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<BucketEntry, StorageError>;

    /// Begins to write an object in parts; what the service calls the upload. Nothing shows before it is completed.
    ///
    /// # Errors
    /// When the service does not take it.
    async fn begin_parts(&self, name: &str) -> Result<String, StorageError>;

    /// Adds a part of [`UPLOAD_PART`](crate::UPLOAD_PART) bytes after those that are there; what the service calls it. The
    /// same part may have arrived at an earlier try.
    ///
    /// # Errors
    /// When the service does not take it.
    async fn put_part(&self, object: &PartialObject, part: Bytes) -> Result<String, StorageError>;

    /// Adds the last part and puts the object in place of what has its name. An earlier try may have done so.
    ///
    /// # Errors
    /// When the service does not take it.
    async fn complete_parts(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError>;

    /// Removes what there is of the object.
    ///
    /// # Errors
    /// When it cannot be removed.
    async fn remove_parts(&self, object: &PartialObject) -> Result<(), StorageError>;

    /// Removes the object if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    async fn remove(&self, name: &str) -> Result<(), StorageError>;

    /// Removes the object if it has this version; whether it was there.
    ///
    /// # Errors
    /// [`Conflict`](crate::StorageErrorKind::Conflict) when it has another version.
    async fn remove_version(&self, name: &str, version: &str) -> Result<bool, StorageError>;

    /// Takes the exclusive right `name` with a mechanism of the service itself, waiting for so long; `None`
    /// where it has none, and an object that only one writer can create is the lock.
    ///
    /// # Errors
    /// [`Unavailable`](crate::StorageErrorKind::Unavailable) when another writer keeps it.
    async fn lease(&self, name: &str, wait: Duration) -> Result<Option<StoreLock>, StorageError> {
        let _ = (name, wait);
        Ok(None)
    }

    /// Whether the service decides put conditions itself. Where it does not, [`put`](Self::put)
    /// looks before it writes, which other writers can get between, and there are no locks.
    ///
    /// # Errors
    /// When that cannot be found out.
    async fn decides_conditions(&self) -> Result<bool, StorageError> {
        Ok(true)
    }
}

//! The storage seam: what an object store must do, which kinds of objects there are, and how keys
//! and file names are laid out. Memory and disk stores live here; other stores are adapters, and
//! those on a flat name space of objects implement [`Bucket`] and get the rest from [`BucketStore`].
//!
//! A store moves bytes. JSON is put on top of it once, in [`ObjectRepository`], and everything that
//! makes canary configs special (checks, unique names, the list by application) in
//! [`ConfigCatalogue`], for every store alike. [`Retrying`], [`Metered`] and [`Bounded`] wrap any
//! store. An adapter says of itself in one [`ObjectStoreDescription`] how its accounts are configured,
//! opened and shown; those of memory and disk are [`MEMORY`] and [`DISK`].
//!
//! It is not a general object store: five kinds of JSON documents, one per key, are all it knows.
//!
//! ```
//! use std::sync::Arc;
//! use kayenta_storage::{MemoryStore, ObjectKind, ObjectRepository, WriteCondition};
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let repository = ObjectRepository::new("in-memory", Arc::new(MemoryStore::default()));
//! let pairs = json!([{"name": "latency", "id": "1"}]);
//! let kind = ObjectKind::MetricSetPairList;
//! repository.store(kind, "a-key", None, pairs.clone(), WriteCondition::Absent).await?;
//!
//! // A second writer finds the key taken.
//! let second = repository.store(kind, "a-key", None, pairs.clone(), WriteCondition::Absent).await;
//! assert!(second.is_err());
//! assert_eq!(repository.load::<Value>(kind, "a-key").await?, pairs);
//! # Ok(())
//! # }
//! ```

mod bounded;
mod bucket;
mod catalogue;
mod description;
mod disk;
mod error;
mod grouped_ids;
mod kind;
mod known_texts;
mod local;
mod lock;
mod memory;
mod metered;
mod repository;
mod retrying;
mod segment;
mod series;
mod store;
mod upload;

pub use bounded::Bounded;
pub use bucket::{
    Bucket, BucketEntry, BucketObject, BucketState, BucketStore, MissingBucket, PartialObject,
    PutCondition, range_header, size_of_whole,
};
pub use catalogue::{CatalogueOptions, ConfigCatalogue};
pub use description::{
    Departure, ObjectAccount, ObjectAccounts, ObjectStoreDescription, OpenError, Opening, Place,
    Remark,
};
pub use disk::{DiskStore, Durability, check_writable};
pub use error::{READ_TRIES, StorageError, StorageErrorKind};
pub use grouped_ids::GroupedIds;
pub use kind::ObjectKind;
pub use local::{DISK, DiskAccount, MEMORY, MemoryAccount, disk_accounts};
pub use lock::{LOCK_HOLD, StoreLock};
pub use memory::MemoryStore;
pub use metered::Metered;
pub use repository::{ObjectRepository, STORED_OBJECT};
pub use retrying::{RetryPolicy, Retrying};
pub use segment::{check_reachable, check_segment, checked_filename, is_path_segment};
pub use series::{Series, SeriesStream};
pub use store::{
    ObjectStore, ObjectSummary, StoredObject, Stray, UpTo, WriteCondition, check_room, part_length,
};
pub use upload::{TextUpload, UPLOAD_PART, Upload};

//! The storage seam: what an object store must do, which kinds of objects there are, and how keys
//! and file names are laid out. Memory and disk stores live here; other stores are adapters.
//!
//! A store moves bytes. JSON, uniqueness of config names and the catalogue of configs are built on
//! top of it once, in [`repository`], for every store alike.

mod error;
mod kind;
mod store;

pub use error::{StorageError, StorageErrorKind};
pub use kind::ObjectKind;
pub use store::{ObjectStore, ObjectSummary, StoredObject, WriteCondition};

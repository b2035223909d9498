//! What can go wrong with a store, worded so that users know what to do next.

use std::{sync::Arc, time::Duration};

use kayenta_limits::NoMemory;

/// An object may turn out larger than the memory reserved for it so often while it is read.
pub const READ_TRIES: usize = 3;

/// The meaning of a failure; the API maps it to a status, retry decorators decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageErrorKind {
    /// No such object.
    NotFound,
    /// A write condition did not hold: the object exists already, or changed meanwhile.
    Conflict,
    /// The request itself can never work (a key that is no path segment, a name already taken).
    Invalid,
    /// The store refuses the credentials or the permission.
    Denied,
    /// The store cannot be reached or answers that it is busy; worth trying again.
    Unavailable,
    /// The stored bytes are not what they should be.
    Corrupt,
    /// Anything else.
    Other,
}

/// A failed operation: what was attempted, how often, for how long, and why it failed.
///
/// Cheap to clone: callers that share an operation share its failure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    /// The meaning.
    pub kind: StorageErrorKind,
    /// For the caller: what was attempted and what went wrong. Never holds a secret.
    pub message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took in all.
    pub elapsed: Duration,
    /// How long the store asked to be left alone, when it did.
    pub retry_after: Option<Duration>,
    /// The cause underneath.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl From<NoMemory> for StorageError {
    fn from(error: NoMemory) -> Self {
        Self::new(StorageErrorKind::Unavailable, error.to_string()).caused_by(error)
    }
}

impl StorageError {
    /// An error of one attempt without a deeper cause.
    #[must_use]
    pub fn new(kind: StorageErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            attempts: 1,
            elapsed: Duration::ZERO,
            retry_after: None,
            source: None,
        }
    }

    /// The failure of a read that found the object larger again and again.
    #[must_use]
    pub fn keeps_growing() -> Self {
        Self::new(
            StorageErrorKind::Unavailable,
            "The object keeps growing while it is read. Try again later",
        )
    }

    /// The failure of a read in parts: the object is another one by now.
    #[must_use]
    pub fn changed(key: &str) -> Self {
        Self::new(
            StorageErrorKind::Conflict,
            format!("{key} has been changed while it was read. Try again"),
        )
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// The same after so much time.
    #[must_use]
    pub fn after(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == StorageErrorKind::Unavailable
    }

    /// Whether the object is simply absent.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == StorageErrorKind::NotFound
    }
}

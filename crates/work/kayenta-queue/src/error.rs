//! What can go wrong with the queue or the execution records.

use std::time::Duration;

/// The meaning of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueErrorKind {
    /// Someone else wrote the record meanwhile; read it again.
    Conflict,
    /// The lease has ended and another worker may have the job; stop working on it.
    LeaseLost,
    /// No such record or dead letter.
    NotFound,
    /// A record with this id exists already.
    AlreadyExists,
    /// The back end cannot be reached or is busy; worth trying again.
    Unavailable,
    /// The back end refuses the credentials.
    Denied,
    /// Stored bytes are not what they should be.
    Corrupt,
    /// The queue has been closed for shutdown.
    Closed,
}

/// A failed operation on the queue or the records: what was attempted, how often, for how long, and
/// why it failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct QueueError {
    /// The meaning.
    pub kind: QueueErrorKind,
    /// What was attempted and what went wrong. Never holds a secret.
    pub message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took in all; zero for what failed without asking a back end.
    pub elapsed: Duration,
    /// The cause underneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueueError {
    /// An error of one attempt without a deeper cause.
    #[must_use]
    pub fn new(kind: QueueErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            attempts: 1,
            elapsed: Duration::ZERO,
            source: None,
        }
    }

    /// The same after so many attempts, which took so long in all.
    #[must_use]
    pub fn after(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.attempts = attempts;
        self.elapsed = elapsed;
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

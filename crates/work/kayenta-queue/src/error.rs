//! What can go wrong with the queue or the execution records.

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

/// A failed operation on the queue or the records.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct QueueError {
    /// The meaning.
    pub kind: QueueErrorKind,
    /// What was attempted and what went wrong. Never holds a secret.
    pub message: String,
    /// The cause underneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueueError {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(kind: QueueErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
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

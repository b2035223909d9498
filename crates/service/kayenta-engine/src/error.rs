//! What can go wrong between a request and its run, independent of HTTP.

use kayenta_judge::{JudgeError, JudgeErrorKind};
use kayenta_metrics::{FetchError, FetchErrorKind};
use kayenta_queue::{QueueError, QueueErrorKind};
use kayenta_storage::{StorageError, StorageErrorKind};

/// The meaning of a failure; the API maps it to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineErrorKind {
    /// The request can never work as it is.
    InvalidRequest,
    /// No such execution, config or object.
    NotFound,
    /// The execution is not in the state the request needs, such as a delete while it runs.
    Conflict,
    /// A store or the queue cannot be reached; worth trying again.
    Unavailable,
    /// A metric store or remote judge failed; its own HTTP status when it gave one.
    Upstream {
        /// The remote's status, relayed as data.
        status: Option<u16>,
    },
    /// Anything else: corrupt data, refused credentials, a bug.
    Internal,
}

/// A failed request to the engine.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    /// The meaning.
    pub kind: EngineErrorKind,
    /// For the caller, in the reference's words where it has some. Never holds a secret.
    pub message: String,
    /// What could have been named instead: the accounts there are, when the one named is not among
    /// them. Beside the message, because clients know the message by heart.
    pub known_accounts: Vec<String>,
    /// The cause underneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EngineError {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            known_accounts: Vec::new(),
            source: None,
        }
    }

    /// A request that can never work.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(EngineErrorKind::InvalidRequest, message)
    }

    /// An unknown execution.
    #[must_use]
    pub fn unknown_execution(id: &str) -> Self {
        Self::new(
            EngineErrorKind::NotFound,
            format!("No pipeline found for {id}"),
        )
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

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == EngineErrorKind::Unavailable
    }
}

impl From<QueueError> for EngineError {
    fn from(error: QueueError) -> Self {
        let kind = match error.kind {
            QueueErrorKind::NotFound => EngineErrorKind::NotFound,
            QueueErrorKind::Conflict | QueueErrorKind::AlreadyExists => EngineErrorKind::Conflict,
            QueueErrorKind::Unavailable | QueueErrorKind::Closed | QueueErrorKind::LeaseLost => {
                EngineErrorKind::Unavailable
            }
            QueueErrorKind::Denied | QueueErrorKind::Corrupt => EngineErrorKind::Internal,
        };
        Self::new(kind, error.message.clone()).caused_by(error)
    }
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> Self {
        let kind = match error.kind {
            StorageErrorKind::NotFound => EngineErrorKind::NotFound,
            StorageErrorKind::Conflict => EngineErrorKind::Conflict,
            StorageErrorKind::Invalid => EngineErrorKind::InvalidRequest,
            StorageErrorKind::Unavailable => EngineErrorKind::Unavailable,
            StorageErrorKind::Denied | StorageErrorKind::Corrupt | StorageErrorKind::Other => {
                EngineErrorKind::Internal
            }
        };
        Self::new(kind, error.message.clone()).caused_by(error)
    }
}

impl From<FetchError> for EngineError {
    fn from(error: FetchError) -> Self {
        let kind = match &error.kind {
            FetchErrorKind::Invalid => EngineErrorKind::InvalidRequest,
            FetchErrorKind::Http { status, .. } => EngineErrorKind::Upstream {
                status: Some(*status),
            },
            FetchErrorKind::Canceled => EngineErrorKind::Conflict,
            FetchErrorKind::Network { .. }
            | FetchErrorKind::Answer { .. }
            | FetchErrorKind::Refused { .. }
            | FetchErrorKind::Incomplete => EngineErrorKind::Upstream { status: None },
        };
        Self::new(kind, error.message.clone()).caused_by(error)
    }
}

impl From<JudgeError> for EngineError {
    fn from(error: JudgeError) -> Self {
        let kind = match (error.kind(), &error) {
            (JudgeErrorKind::InvalidArgument, _) => EngineErrorKind::InvalidRequest,
            (_, JudgeError::Remote { status, .. }) => EngineErrorKind::Upstream {
                status: status.filter(|status| !(200..300).contains(status)),
            },
            _ => EngineErrorKind::Internal,
        };
        Self::new(kind, error.to_string()).caused_by(error)
    }
}

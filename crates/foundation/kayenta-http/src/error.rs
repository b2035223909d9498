//! What can go wrong with a call.

use std::{error::Error, time::Duration};

use kayenta_limits::NoMemory;

/// The meaning of a failed call. It decides whether the call is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// The call cannot be put together: a header, a body, a URL. Nothing was sent.
    Invalid,
    /// The server answered with a status other than 2xx.
    Status {
        /// The server's status.
        status: u16,
        /// The URL called, secrets masked.
        url: String,
        /// The server's own words, from its answer or its reason phrase, secrets masked.
        reason: String,
    },
    /// No connection could be made, so nothing was sent.
    Unreachable {
        /// The URL called, secrets masked.
        url: String,
    },
    /// No whole answer: cut, timed out.
    Network {
        /// The URL called, secrets masked.
        url: String,
    },
    /// A successful answer that is not what the server promises: too large, or of another shape.
    Answer {
        /// The URL called, secrets masked.
        url: String,
    },
    /// A successful answer that ended before the server said that it was complete.
    Incomplete,
}

/// A failed call. It holds no secret: URLs and the server's words are masked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    /// The meaning.
    pub kind: HttpErrorKind,
    /// What was attempted and what went wrong, in words.
    pub message: String,
    /// The delay the server requested (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The body of an error answer as text, secrets masked, for callers that know its form.
    pub said: Option<String>,
    /// Time from the first byte sent to the failure.
    pub elapsed: Duration,
    /// The cause underneath.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpError {
    /// An answer for which there is no memory.
    pub(crate) fn no_memory(shown: &str, error: NoMemory) -> Self {
        let url = shown.to_owned();
        let kind = match error {
            // Worth trying again, like a server that does not answer.
            NoMemory::InUse { .. } => HttpErrorKind::Network { url },
            NoMemory::TooLarge { .. } => HttpErrorKind::Answer { url },
        };
        Self::new(
            kind,
            format!("The answer from {shown} cannot be read: {error}"),
        )
        .caused_by(error)
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind {
            HttpErrorKind::Unreachable { .. }
            | HttpErrorKind::Network { .. }
            | HttpErrorKind::Incomplete => true,
            HttpErrorKind::Status { status, .. } => {
                matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
            }
            HttpErrorKind::Invalid | HttpErrorKind::Answer { .. } => false,
        }
    }

    pub(crate) fn new(kind: HttpErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            said: None,
            elapsed: Duration::ZERO,
            source: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(HttpErrorKind::Invalid, message)
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn after(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }
}

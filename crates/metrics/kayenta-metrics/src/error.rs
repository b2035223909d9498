//! What can go wrong with a fetch, worded so that users know what to do next.

use std::time::Duration;

use kayenta_http::{HttpError, HttpErrorKind};

/// The meaning of a failure; it decides whether the fetch is tried again and what a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The query cannot be built: a template, a missing time, a scope of the wrong store. Never
    /// tried again.
    Invalid,
    /// The store answered with an error status. Tried again if the retry policy names the status.
    Http {
        /// The store's status.
        status: u16,
        /// What was asked, secrets masked.
        url: String,
        /// The store's own words, from its JSON answer or its reason phrase.
        reason: String,
    },
    /// No answer: refused, cut, timed out. Tried again.
    Network {
        /// What was asked, secrets masked.
        url: String,
    },
    /// An answer that is not what the store promises. Never tried again.
    Answer {
        /// What was asked, secrets masked.
        url: String,
    },
    /// The store understood and refused, in a way of its own (an error inside a successful answer).
    /// Never tried again.
    Refused {
        /// How a record calls the failure (`IllegalStateException`), as clients know it.
        class: &'static str,
    },
    /// The store asks to be asked again (an unfinished stream). Tried again.
    Incomplete,
    /// The execution was canceled while fetching.
    Canceled,
}

/// A failed fetch.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// The meaning.
    pub kind: FetchErrorKind,
    /// What was attempted and what went wrong, in words. For HTTP failures it begins as the
    /// reference's does: `Status: <code>, URL: <url>, Message: <reason>`.
    pub message: String,
    /// The delay the server requested (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// How often it was tried.
    pub attempts: u32,
    /// How long it took in all.
    pub elapsed: Duration,
    /// The cause underneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl FetchError {
    /// An error of one attempt without a deeper cause.
    #[must_use]
    pub fn new(kind: FetchErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            attempts: 1,
            elapsed: Duration::ZERO,
            source: None,
        }
    }

    /// A query that cannot be built.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FetchErrorKind::Invalid, message)
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

/// A failed call to a store is a failed attempt at the fetch.
impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        let kind = match error.kind {
            HttpErrorKind::Invalid => FetchErrorKind::Invalid,
            HttpErrorKind::Status {
                status,
                url,
                reason,
            } => FetchErrorKind::Http {
                status,
                url,
                reason,
            },
            HttpErrorKind::Unreachable { url } | HttpErrorKind::Network { url } => {
                FetchErrorKind::Network { url }
            }
            HttpErrorKind::Answer { url } => FetchErrorKind::Answer { url },
            HttpErrorKind::Incomplete => FetchErrorKind::Incomplete,
        };
        Self {
            retry_after: error.retry_after,
            elapsed: error.elapsed,
            source: error.source,
            ..Self::new(kind, error.message)
        }
    }
}

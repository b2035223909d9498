//! What a failed request means, in words an operator can act on. The only place that knows the
//! service's statuses and reasons.

use bytes::Bytes;
use http::Response;
use kayenta_google::TokenError;
use kayenta_http::{ExchangeError, header};
use kayenta_storage::{ObjectKind, StorageError, StorageErrorKind};
use serde::Deserialize;

/// Tells the failures of one account.
#[derive(Clone, Debug)]
pub(crate) struct Failures {
    account: String,
    bucket: String,
}

/// The body of a failure.
#[derive(Debug, Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: ErrorBody,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<ErrorItem>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorItem {
    #[serde(default)]
    reason: String,
}

fn said(body: &[u8]) -> ErrorBody {
    serde_json::from_slice::<ErrorAnswer>(body)
        .unwrap_or_default()
        .error
}

/// The service's own words, kept as the source: status, reason, message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

impl Failures {
    pub(crate) fn new(account: &str, bucket: &str) -> Self {
        Self {
            account: account.to_owned(),
            bucket: bucket.to_owned(),
        }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    fn error(&self, kind: StorageErrorKind, attempted: &str, why: &str) -> StorageError {
        StorageError::new(
            kind,
            format!(
                "Google Cloud Storage account '{}' cannot {attempted}: {why}",
                self.account
            ),
        )
    }

    /// A request that cannot be made.
    pub(crate) fn invalid(&self, attempted: &str, why: &str) -> StorageError {
        self.error(StorageErrorKind::Invalid, attempted, why)
    }

    /// A request without a token.
    pub(crate) fn without_token(&self, attempted: &str, error: &TokenError) -> StorageError {
        let kind = match error.is_transient() {
            true => StorageErrorKind::Unavailable,
            false => StorageErrorKind::Denied,
        };
        self.error(kind, attempted, &format!("no token from Google: {error}"))
    }

    /// A request without a whole answer.
    pub(crate) fn unanswered(&self, attempted: &str, error: &ExchangeError) -> StorageError {
        if let ExchangeError::NoMemory(error) = error {
            return error.clone().into();
        }
        self.error(StorageErrorKind::Unavailable, attempted, &error.to_string())
    }

    /// An answer that cannot be read.
    pub(crate) fn unreadable(&self, attempted: &str, why: &str) -> StorageError {
        let why = format!("the answer is not Google's ({why})");
        self.error(StorageErrorKind::Other, attempted, &why)
    }

    /// An upload that does not exist any more. A new one may succeed.
    pub(crate) fn no_upload(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        let why = format!(
            "the upload is gone, so its parts have to be written again ({})",
            answer.status().as_u16()
        );
        let said = said(answer.body()).message;
        self.error(StorageErrorKind::Unavailable, attempted, &why)
            .caused_by(Said(format!("{}: {said}", answer.status().as_u16())))
    }

    /// An upload of which the service has less than it said before.
    pub(crate) fn stuck(&self, attempted: &str, bytes: u64, before: u64) -> StorageError {
        let why =
            format!("the service has {bytes} bytes of the object, no more than before ({before})");
        self.error(StorageErrorKind::Unavailable, attempted, &why)
    }

    /// The condition of a write does not hold.
    pub(crate) fn conflict(&self, name: &str) -> StorageError {
        StorageError::new(
            StorageErrorKind::Conflict,
            format!("{name} has been written by another."),
        )
    }

    /// The bucket is missing.
    pub(crate) fn no_bucket(&self, attempted: &str) -> StorageError {
        let why = format!("the bucket '{}' does not exist", self.bucket);
        self.error(StorageErrorKind::NotFound, attempted, &why)
    }

    /// The reference's answer to a read, update or removal of nothing.
    pub(crate) fn nothing_found(kind: ObjectKind, path: &str) -> StorageError {
        StorageError::new(
            StorageErrorKind::NotFound,
            format!("Unable to resolve singular {kind} at {path}."),
        )
    }

    /// The error for the caller; `attempted` reads on from "cannot".
    pub(crate) fn explain(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        let said = said(answer.body());
        let status = answer.status();
        let reason = said
            .errors
            .into_iter()
            .map(|error| error.reason)
            .find(|reason| !reason.is_empty())
            .unwrap_or_else(|| {
                status
                    .canonical_reason()
                    .unwrap_or("unknown status")
                    .to_owned()
            });
        let (kind, hint) = match (reason.as_str(), status.as_u16()) {
            ("rateLimitExceeded" | "userRateLimitExceeded", _) | (_, 429) => {
                (StorageErrorKind::Unavailable, Some("too many requests"))
            }
            (_, 408 | 500 | 502 | 503 | 504) => (StorageErrorKind::Unavailable, None),
            ("accountDisabled", _) => (
                StorageErrorKind::Denied,
                Some("the project's account is disabled"),
            ),
            (_, 401) => (
                StorageErrorKind::Denied,
                Some("the credentials are not accepted"),
            ),
            (_, 403) => (
                StorageErrorKind::Denied,
                Some("the credentials lack the permission"),
            ),
            (_, 404) => (StorageErrorKind::NotFound, None),
            (_, 409 | 412) => (StorageErrorKind::Conflict, None),
            (_, 400) => (StorageErrorKind::Invalid, None),
            _ => (StorageErrorKind::Other, None),
        };
        let code = format!("{} {reason}", status.as_u16());
        let why = match hint {
            Some(hint) => format!("{hint} ({code})"),
            None => code.clone(),
        };
        let mut error = self
            .error(kind, attempted, &why)
            .caused_by(Said(format!("{code}: {}", said.message)));
        error.retry_after = header::retry_after(answer.headers());
        error
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, reason: &str) -> Response<Bytes> {
        let body = format!(
            "{{\"error\":{{\"code\":{status},\"message\":\"In its words.\",\
             \"errors\":[{{\"reason\":\"{reason}\"}}]}}}}"
        );
        let answer = Response::builder()
            .status(status)
            .header("retry-after", "7");
        answer.body(Bytes::from(body)).unwrap()
    }

    #[test]
    fn what_failed_why_and_whether_it_may_work_later() {
        use StorageErrorKind::{Conflict, Denied, Invalid, NotFound, Other, Unavailable};
        let failures = Failures::new("acct", "bucket");
        for (status, reason, kind, words) in [
            (503, "backendError", Unavailable, "503 backendError"),
            (403, "rateLimitExceeded", Unavailable, "too many requests"),
            (429, "", Unavailable, "429 Too Many Requests"),
            (401, "authError", Denied, "not accepted"),
            (403, "forbidden", Denied, "lack the permission"),
            (404, "notFound", NotFound, "404"),
            (412, "conditionNotMet", Conflict, "412"),
            (400, "invalid", Invalid, "400 invalid"),
            (418, "", Other, "418"),
        ] {
            let error = failures.explain("write an object", &answer(status, reason));
            assert_eq!(error.kind, kind, "{reason}");
            assert!(error.message.contains(words), "{error}");
            assert!(error.message.contains("'acct' cannot write an object"));
            assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
            let cause = error.source.unwrap().to_string();
            assert!(cause.ends_with(": In its words."), "{cause}");
        }
    }
}

//! What a failed request means, in words an operator can act on. The only place that knows the
//! service's statuses and codes.

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use http::{HeaderMap, Response, StatusCode, header::DATE};
use kayenta_aws::AwsError;
use kayenta_http::{ExchangeError, header};
use kayenta_storage::{ObjectKind, StorageError, StorageErrorKind};

use crate::answer::{self, ErrorAnswer};

/// The service refuses requests whose date is off by a quarter of an hour; what is off by this much
/// is worth a word.
const NOTABLE_SKEW: TimeDelta = TimeDelta::seconds(300);

/// Codes that say who asks is unknown, rather than that it may not.
const UNKNOWN_CALLER: [&str; 7] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    // versitygw
    "XAdminUserNotFound",
    "InvalidClientTokenId",
];

/// Tells the failures of one account.
#[derive(Clone, Debug)]
pub(crate) struct Failures {
    account: String,
    bucket: String,
}

/// What is known of a failed request before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The bucket does not exist.
    NoBucket,
    /// The bucket exists, the object does not.
    NoObject,
    /// The upload in parts does not exist: it was completed or removed, or has expired.
    NoUpload,
    /// A bucket of this name exists already.
    BucketExists,
    /// A condition on the ETag does not hold.
    Condition,
    /// The server does not know what it was asked for.
    NotImplemented,
    /// Everything else.
    Other(StorageErrorKind),
}

/// Tells the failures apart that the store handles itself.
pub(crate) fn reason(answer: &Response<Bytes>) -> Reason {
    let said = answer::error(answer.body());
    match (
        said.code.as_deref().unwrap_or_default(),
        answer.status().as_u16(),
    ) {
        ("NoSuchBucket", _) => Reason::NoBucket,
        ("NoSuchUpload", _) => Reason::NoUpload,
        ("XAdminUserNotFound", _) => Reason::Other(StorageErrorKind::Denied),
        (_, 404) => Reason::NoObject,
        ("BucketAlreadyOwnedByYou" | "BucketAlreadyExists", _) => Reason::BucketExists,
        ("PreconditionFailed", _) | (_, 412) => Reason::Condition,
        (_, 501) | ("NotImplemented", _) => Reason::NotImplemented,
        // 409: another conditional write of the same key, or another change of the bucket, is going
        // on. RequestTimeout: the content did not arrive in time. 307: a bucket on the move.
        ("ConditionalRequestConflict" | "OperationAborted" | "RequestTimeout", _)
        | (_, 307 | 408 | 429 | 500 | 502 | 503 | 504) => {
            Reason::Other(StorageErrorKind::Unavailable)
        }
        ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) | (_, 401 | 403) => {
            Reason::Other(StorageErrorKind::Denied)
        }
        (_, 301 | 400 | 405 | 411 | 413 | 414 | 416) => Reason::Other(StorageErrorKind::Invalid),
        _ => Reason::Other(StorageErrorKind::Other),
    }
}

/// The service's own words, kept as the source: status, code, message, request id.
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
            format!("S3 account '{}' cannot {attempted}: {why}", self.account),
        )
    }

    /// A request that cannot be made.
    pub(crate) fn invalid(&self, attempted: &str, why: &str) -> StorageError {
        self.error(StorageErrorKind::Invalid, attempted, why)
    }

    /// A request without credentials or region.
    pub(crate) fn unsigned(&self, attempted: &str, error: &AwsError) -> StorageError {
        let kind = match error.transient {
            true => StorageErrorKind::Unavailable,
            false => StorageErrorKind::Denied,
        };
        self.error(kind, attempted, &error.message)
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
        let why = format!("the answer is not S3's ({why})");
        self.error(StorageErrorKind::Other, attempted, &why)
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

    /// Whether the answer says that the caller is unknown: other credentials may be there by now.
    pub(crate) fn distrusts_credentials(&self, answer: &Response<Bytes>) -> bool {
        answer.status().is_client_error()
            && answer::error(answer.body())
                .code
                .is_some_and(|code| UNKNOWN_CALLER.contains(&code.as_str()))
    }

    /// The error for the caller; `attempted` reads on from "cannot".
    pub(crate) fn explain(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        let kind = match reason(answer) {
            Reason::NoBucket => return self.no_bucket(attempted),
            Reason::NoObject => StorageErrorKind::NotFound,
            // A new upload may succeed.
            Reason::NoUpload => StorageErrorKind::Unavailable,
            Reason::Condition | Reason::BucketExists => StorageErrorKind::Conflict,
            Reason::NotImplemented => StorageErrorKind::Other,
            Reason::Other(kind) => kind,
        };
        let said = answer::error(answer.body());
        let status = answer.status();
        let code = said.code.clone().unwrap_or_else(|| {
            let phrase = status.canonical_reason().unwrap_or("unknown status");
            phrase.to_owned()
        });
        let why = match self.advice(&code, &said, answer) {
            Some(hint) => format!("{hint} ({} {code})", status.as_u16()),
            None => format!("{} {code}", status.as_u16()),
        };
        let mut error = self
            .error(kind, attempted, &why)
            .caused_by(Said(service_text(status, &code, &said, answer.headers())));
        error.retry_after = header::retry_after(answer.headers());
        error
    }

    /// What to do about a code of the service.
    fn advice(&self, code: &str, said: &ErrorAnswer, answer: &Response<Bytes>) -> Option<String> {
        let headers = answer.headers();
        let region = headers
            .get("x-amz-bucket-region")
            .and_then(|region| region.to_str().ok())
            .or(said.region.as_deref());
        Some(match (code, answer.status().as_u16()) {
            ("InvalidAccessKeyId" | "XAdminUserNotFound", _) => {
                "the access key is not known".to_owned()
            }
            ("SignatureDoesNotMatch", _) => "the secret key is wrong".to_owned(),
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => {
                "the session token is not accepted".to_owned()
            }
            ("RequestTimeTooSkewed", _) => match skew(headers) {
                Some(skew) => format!(
                    "this machine's clock is {} s off the service's",
                    skew.num_seconds()
                ),
                None => "this machine's clock is wrong".to_owned(),
            },
            ("AccessDenied" | "AllAccessDisabled" | "AccountProblem", _) => {
                "the credentials lack the permission".to_owned()
            }
            ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect", _)
            | (_, 301) => match region {
                Some(region) => format!("the bucket is in region {region}; set region to it"),
                None => "the bucket is in another region or behind another endpoint".to_owned(),
            },
            (_, 400) if region.is_some() && said.code.is_none() => {
                let region = region.unwrap_or_default();
                format!("the bucket is in region {region}; set region to it")
            }
            ("IllegalLocationConstraintException" | "InvalidLocationConstraint", _) => {
                "the service has no buckets in the account's region; set region to the endpoint's"
                    .to_owned()
            }
            ("InvalidBucketName", _) => {
                format!("'{}' is no name of a bucket", self.bucket)
            }
            ("BucketAlreadyExists", _) => {
                format!("the bucket '{}' belongs to somebody else", self.bucket)
            }
            ("NoSuchUpload", _) => {
                "the upload is gone, so its parts have to be written again; if that repeats, let the \
                 bucket's lifecycle rule keep incomplete uploads for longer"
                    .to_owned()
            }
            ("SlowDown" | "ServiceUnavailable" | "TooManyRequests", _) => {
                "the service is busy".to_owned()
            }
            ("InvalidObjectState", _) => "the object is archived".to_owned(),
            (code, _) if code.starts_with("KMS.") => {
                "the KMS key of the encryption cannot be used".to_owned()
            }
            (_, 403) => "the credentials are not accepted or lack the permission".to_owned(),
            _ => return None,
        })
    }
}

/// What the service said.
fn service_text(status: StatusCode, code: &str, said: &ErrorAnswer, headers: &HeaderMap) -> String {
    let message = said.message.as_deref().unwrap_or_default();
    let request = said
        .request_id
        .as_deref()
        .or_else(|| headers.get("x-amz-request-id")?.to_str().ok())
        .unwrap_or("unknown");
    format!("{} {code}: {message} (request {request})", status.as_u16())
}

/// How far the service's clock is from this machine's, when that is far.
#[expect(
    clippy::disallowed_methods,
    reason = "the skew of this machine's clock is what is looked for"
)]
fn skew(headers: &HeaderMap) -> Option<TimeDelta> {
    let skew = (Utc::now() - header::time(headers, &DATE)?).abs();
    (skew > NOTABLE_SKEW).then_some(skew)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, code: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        let body = match code {
            "" => String::new(),
            code => format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In its words.</Message>\
                 <RequestId>7</RequestId></Error>"
            ),
        };
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(Bytes::from(body)).unwrap()
    }

    #[test]
    fn what_failed_why_and_whether_it_may_work_later() {
        use StorageErrorKind::{Conflict, Denied, Invalid, NotFound, Other, Unavailable};
        let failures = Failures::new("acct", "bucket");
        let at = &[("x-amz-bucket-region", "eu-west-1")][..];
        for (status, code, headers, kind, words) in [
            (503, "SlowDown", &[][..], Unavailable, "busy"),
            (500, "InternalError", &[], Unavailable, "500"),
            (400, "RequestTimeout", &[], Unavailable, "400"),
            (409, "OperationAborted", &[], Unavailable, "409"),
            (403, "SignatureDoesNotMatch", &[], Denied, "secret key"),
            (403, "InvalidAccessKeyId", &[], Denied, "access key"),
            (400, "ExpiredToken", &[], Denied, "session token"),
            (403, "AccessDenied", &[], Denied, "lack the permission"),
            (403, "", &[], Denied, "not accepted or lack"),
            (404, "NoSuchBucket", &[], NotFound, "'bucket' does not"),
            (404, "NoSuchKey", &[], NotFound, "404"),
            (404, "NoSuchUpload", &[], Unavailable, "upload is gone"),
            (412, "PreconditionFailed", &[], Conflict, "412"),
            (400, "InvalidBucketName", &[], Invalid, "no name"),
            (301, "", at, Invalid, "region eu-west-1"),
            (400, "", at, Invalid, "region eu-west-1"),
            (418, "", &[], Other, "418 I'm a teapot"),
        ] {
            let error = failures.explain("write an object", &answer(status, code, headers));
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains(words), "{error}");
            assert!(error.message.contains("'acct' cannot write an object"));
        }
        let error = failures.explain("read an object", &answer(403, "AccessDenied", &[]));
        let cause = error.source.unwrap().to_string();
        assert_eq!(cause, "403 AccessDenied: In its words. (request 7)");
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the skew of this machine's clock is what is looked for"
    )]
    fn a_wish_to_be_left_alone_is_passed_on_and_a_wrong_clock_is_reported() {
        let failures = Failures::new("acct", "bucket");
        let busy = answer(503, "SlowDown", &[("retry-after", "7")]);
        let error = failures.explain("read an object", &busy);
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        let theirs = (Utc::now() - TimeDelta::minutes(20)).to_rfc2822();
        let skewed = answer(403, "RequestTimeTooSkewed", &[("date", &theirs)]);
        let message = failures.explain("read an object", &skewed).message;
        assert!(message.contains("clock is 1"), "{message}");
    }
}

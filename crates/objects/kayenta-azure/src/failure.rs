//! What the SDK's errors mean, in words an operator can act on. The only place that knows the
//! service's statuses and codes.

use std::{fmt, time::Duration};

use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        RawResponse, StatusCode,
        headers::{HeaderName, RETRY_AFTER},
    },
};
use chrono::{DateTime, Utc};
use kayenta_errors::with_causes;
use kayenta_storage::{ObjectKind, StorageError, StorageErrorKind};

/// Azure refuses requests whose date is off by a quarter of an hour; what is off by this much is
/// worth a word.
const NOTABLE_SKEW: Duration = Duration::from_secs(300);

/// What is known of a failure before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The container is there, the blob is not.
    NoBlob,
    /// The container is not there.
    NoContainer,
    /// The container is there already.
    ContainerExists,
    /// A condition on the ETag does not hold.
    Condition,
    /// Somebody holds the lease.
    Leased,
    /// Blocks that were put are not there: another writer has written the blob since.
    NoBlocks,
    /// Everything else.
    Other(StorageErrorKind),
}

/// Tells the failures apart that the store handles itself.
pub(crate) fn reason(error: &Error) -> Reason {
    let ErrorKind::HttpResponse {
        status, error_code, ..
    } = error.kind()
    else {
        return Reason::Other(match error.kind() {
            ErrorKind::Connection | ErrorKind::Io => StorageErrorKind::Unavailable,
            ErrorKind::Credential => StorageErrorKind::Denied,
            _ => StorageErrorKind::Other,
        });
    };
    match (
        error_code.as_deref().unwrap_or_default(),
        u16::from(*status),
    ) {
        ("ContainerNotFound", _) => Reason::NoContainer,
        ("ContainerAlreadyExists", _) => Reason::ContainerExists,
        ("BlobNotFound" | "ResourceNotFound", _) | (_, 404) => Reason::NoBlob,
        ("LeaseAlreadyPresent", _) => Reason::Leased,
        ("InvalidBlockList", _) => Reason::NoBlocks,
        ("BlobAlreadyExists" | "ConditionNotMet" | "TargetConditionNotMet", _) | (_, 412) => {
            Reason::Condition
        }
        ("ContainerBeingDeleted" | "ContainerDisabled", _) => {
            Reason::Other(StorageErrorKind::Unavailable)
        }
        ("AccountRequiresHttps", _) | (_, 401 | 403) => Reason::Other(StorageErrorKind::Denied),
        (_, 408 | 429 | 500 | 502 | 503 | 504) => Reason::Other(StorageErrorKind::Unavailable),
        (_, 400) => Reason::Other(StorageErrorKind::Invalid),
        _ => Reason::Other(StorageErrorKind::Other),
    }
}

/// The service's own words, kept as the source: code, message, request id; no URL, no signature.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

/// The error for the caller: `attempted` reads on from "cannot".
pub(crate) fn explain(account: &str, attempted: &str, error: &Error) -> StorageError {
    let kind = match reason(error) {
        Reason::NoBlob | Reason::NoContainer => StorageErrorKind::NotFound,
        Reason::Condition | Reason::ContainerExists => StorageErrorKind::Conflict,
        Reason::Leased | Reason::NoBlocks => StorageErrorKind::Unavailable,
        Reason::Other(kind) => kind,
    };
    let (why, cause) = match error.kind() {
        ErrorKind::HttpResponse {
            status,
            error_code,
            raw_response,
        } => {
            let code = error_code.clone().unwrap_or_else(|| status.to_string());
            let cause = raw_response.as_deref().map_or_else(
                || code.clone(),
                |response| service_text(*status, &code, response),
            );
            (advice(&code, *status, raw_response.as_deref()), cause)
        }
        _ => {
            let chain = match kayenta_tls::in_words(error) {
                Some(words) => format!("cannot connect: {words}"),
                None => with_causes(error.to_string(), error),
            };
            (chain.clone(), chain)
        }
    };
    let mut explained = StorageError::new(
        kind,
        format!("Azure Cloud Storage account '{account}' cannot {attempted}: {why}"),
    )
    .caused_by(Cause(cause));
    explained.retry_after = retry_after(error);
    explained
}

/// The reference's answer to a read, update or removal of nothing.
pub(crate) fn nothing_found(kind: ObjectKind, path: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::NotFound,
        format!(
            "Could not fetch items from Azure Cloud Storage: No {kind} found at \
             {path}.{{Null value}}"
        ),
    )
}

/// The reference's answer when there is no container.
pub(crate) fn no_container() -> StorageError {
    StorageError::new(
        StorageErrorKind::NotFound,
        "Could not fetch items from Azure Cloud Storage: An error occurred while enumerating the \
         result, check the original exception for details.",
    )
}

/// What everything fails with where the container does not exist and is not to be created.
pub(crate) fn missing_container(account: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::NotFound,
        format!(
            "Azure Cloud Storage account '{account}' cannot access its container: the container \
             does not exist"
        ),
    )
}

/// A code of the service with what to do about it.
fn advice(code: &str, status: StatusCode, response: Option<&RawResponse>) -> String {
    let hint = match code {
        "AuthenticationFailed" => match response.and_then(skew) {
            Some(skew) => format!(
                "this machine's clock is {} s off the service's",
                skew.as_secs()
            ),
            None => "the account key, SAS token or identity is not accepted".to_owned(),
        },
        "AuthorizationFailure" | "AuthorizationPermissionMismatch" => {
            "the credential lacks the permission, or the network is not allowed".to_owned()
        }
        "AuthorizationSourceIPMismatch" => "this address is not allowed".to_owned(),
        "KeyBasedAuthenticationNotPermitted" => {
            "the account forbids its keys; use workload identity or a SAS token".to_owned()
        }
        "AccountIsDisabled" => "the storage account is disabled".to_owned(),
        "AccountRequiresHttps" => "the storage account demands https".to_owned(),
        "ContainerNotFound" => "the container does not exist".to_owned(),
        "ContainerBeingDeleted" => "the container is being deleted".to_owned(),
        "ServerBusy" => "the service is busy".to_owned(),
        "InvalidResourceName" => "the container's name is not allowed".to_owned(),
        "InvalidBlockList" => "another writer has written the blob meanwhile".to_owned(),
        "InvalidUri" | "OutOfRangeInput" => "the container or key is not allowed".to_owned(),
        _ => return format!("{} {code}", u16::from(status)),
    };
    format!("{hint} ({} {code})", u16::from(status))
}

/// What the service said: the first line of its message, which is all it means for people.
fn service_text(status: StatusCode, code: &str, response: &RawResponse) -> String {
    let body = String::from_utf8_lossy(response.body());
    let message = body
        .split_once("<Message>")
        .and_then(|(_, rest)| rest.split_once("</Message>"))
        .map(|(message, _)| message.lines().next().unwrap_or_default())
        .unwrap_or_default();
    let request = response
        .headers()
        .get_optional_str(&HeaderName::from_static("x-ms-request-id"))
        .unwrap_or("unknown");
    format!(
        "{} {code}: {message} (request {request})",
        u16::from(status)
    )
}

/// How far the clock of the storage service is from the local clock, if that is far.
#[expect(
    clippy::disallowed_methods,
    reason = "the skew of this machine's clock is what is looked for"
)]
fn skew(response: &RawResponse) -> Option<Duration> {
    let theirs = response
        .headers()
        .get_optional_str(&HeaderName::from_static("date"))?;
    let theirs = DateTime::parse_from_rfc2822(theirs).ok()?;
    let skew = (Utc::now() - theirs.to_utc()).abs().to_std().ok()?;
    (skew > NOTABLE_SKEW).then_some(skew)
}

fn retry_after(error: &Error) -> Option<Duration> {
    let ErrorKind::HttpResponse {
        raw_response: Some(response),
        ..
    } = error.kind()
    else {
        return None;
    };
    let seconds = response.headers().get_optional_str(&RETRY_AFTER)?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use azure_core::http::headers::Headers;
    use chrono::TimeDelta;

    use super::*;
    use crate::shared_key::http_date;

    fn answer(status: u16, code: &str, headers: &[(&'static str, String)]) -> Error {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(*name, value.clone());
        }
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In its words.\n\
             RequestId:1</Message><AuthenticationErrorDetail>signature</AuthenticationErrorDetail>\
             </Error>"
        );
        let status = StatusCode::from(status);
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: Some(code.to_owned()),
            raw_response: Some(Box::new(RawResponse::from_bytes(status, all, body))),
        };
        Error::with_message(kind, "refused")
    }

    #[test]
    fn what_failed_why_and_whether_it_may_work_later() {
        for (status, code, kind, words) in [
            (503, "ServerBusy", StorageErrorKind::Unavailable, "busy"),
            (
                500,
                "OperationTimedOut",
                StorageErrorKind::Unavailable,
                "500",
            ),
            (
                409,
                "ContainerBeingDeleted",
                StorageErrorKind::Unavailable,
                "being deleted",
            ),
            (
                403,
                "AuthenticationFailed",
                StorageErrorKind::Denied,
                "account key",
            ),
            (
                400,
                "AccountRequiresHttps",
                StorageErrorKind::Denied,
                "https",
            ),
            (
                403,
                "KeyBasedAuthenticationNotPermitted",
                StorageErrorKind::Denied,
                "forbids its keys",
            ),
            (412, "ConditionNotMet", StorageErrorKind::Conflict, "412"),
            (
                400,
                "InvalidBlockList",
                StorageErrorKind::Unavailable,
                "another writer",
            ),
            (404, "BlobNotFound", StorageErrorKind::NotFound, "404"),
            (
                400,
                "InvalidResourceName",
                StorageErrorKind::Invalid,
                "name is not allowed",
            ),
            (409, "SnapshotsPresent", StorageErrorKind::Other, "409"),
        ] {
            let error = explain("acct", "write a blob", &answer(status, code, &[]));
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.contains(words), "{error}");
            assert!(error.message.contains("'acct' cannot write a blob"));
            let cause = error.source.unwrap().to_string();
            assert!(cause.contains("In its words."), "{cause}");
            assert!(!cause.contains("signature"), "{cause}");
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the skew of this machine's clock is what is looked for"
    )]
    fn a_wrong_clock_is_distinguished_from_a_wrong_key() {
        let off = http_date(Utc::now() - TimeDelta::minutes(20));
        let error = answer(403, "AuthenticationFailed", &[("date", off)]);
        let message = explain("acct", "read a blob", &error).message;
        assert!(message.contains("clock is 1"), "{message}");
        let right = http_date(Utc::now());
        let error = answer(403, "AuthenticationFailed", &[("date", right)]);
        let message = explain("acct", "read a blob", &error).message;
        assert!(message.contains("account key"), "{message}");
    }

    #[test]
    fn a_wish_to_be_left_alone_is_passed_on() {
        let error = answer(503, "ServerBusy", &[("retry-after", "7".to_owned())]);
        let explained = explain("acct", "read a blob", &error);
        assert_eq!(explained.retry_after, Some(Duration::from_secs(7)));
    }
}

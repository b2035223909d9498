//! From what went wrong to what the caller is told. The only place that knows HTTP statuses.
//!
//! Two body shapes: `{"message"}` for what the caller can mend (400) or what is not there (404), and
//! the standard one with `timestamp`, `status`, `error`, `message` for everything else.

use std::error::Error;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use http::{HeaderValue, StatusCode, header};
use kayenta_engine::{EngineError, EngineErrorKind};
use kayenta_metrics::{FetchError, FetchErrorKind};
use kayenta_model::time::ErrorTimestamp;
use kayenta_storage::{StorageError, StorageErrorKind};
use serde::Serialize;

/// An answer that is not the one asked for.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    shape: Shape,
    message: String,
    known_accounts: Vec<String>,
    challenge: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"message": …}`.
    Kayenta,
    /// `timestamp`, `status`, `error`, `message`.
    Standard,
    /// No body at all.
    Empty,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KayentaBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    known_accounts: &'a [String],
}

#[derive(Serialize)]
struct StandardBody<'a> {
    timestamp: ErrorTimestamp,
    status: u16,
    error: &'a str,
    message: &'a str,
}

impl ApiError {
    fn new(status: StatusCode, shape: Shape, message: impl Into<String>) -> Self {
        Self {
            status,
            shape,
            message: message.into(),
            known_accounts: Vec::new(),
            challenge: None,
        }
    }

    /// 400 `{"message"}`: the caller can mend it.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Shape::Kayenta, message)
    }

    /// 400 in the standard shape.
    #[must_use]
    pub fn bad_request_standard(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Shape::Standard, message)
    }

    /// 404 `{"message"}`: something named does not exist.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Shape::Kayenta, message)
    }

    /// 404 in the standard shape: no such path.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Shape::Standard,
            "No message available",
        )
    }

    /// 405; the router adds `Allow`.
    #[must_use]
    pub fn method_not_allowed(method: &http::Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Shape::Kayenta,
            format!("Request method '{method}' is not supported."),
        )
    }

    /// 406, in JSON all the same: it is all there is.
    #[must_use]
    pub fn not_acceptable() -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            Shape::Kayenta,
            "This path answers application/json, which the Accept header excludes.",
        )
    }

    /// 408: the body did not arrive in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            Shape::Kayenta,
            "The request body did not arrive in time.",
        )
    }

    /// 413.
    #[must_use]
    pub fn body_too_long(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Shape::Kayenta,
            format!("The request body is longer than {limit} bytes."),
        )
    }

    /// 415, with the type that would be read in `Accept`.
    #[must_use]
    pub fn unsupported_media_type(found: &str) -> Self {
        let message = if found.is_empty() {
            "Content-Type 'application/json' is required.".to_owned()
        } else {
            format!("Content type '{found}' is not supported; 'application/json' is required.")
        };
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Shape::Kayenta, message)
    }

    /// 401 with a challenge.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>, challenge: &'static str) -> Self {
        let mut error = Self::new(StatusCode::UNAUTHORIZED, Shape::Standard, message);
        error.challenge = Some(challenge);
        error
    }

    /// 403.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Shape::Standard, message)
    }

    /// 500 in the standard shape.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Shape::Standard, message)
    }

    /// 503 in the standard shape: something behind the service does not answer; worth trying again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Shape::Standard, message)
    }

    /// The status alone, no body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self::new(status, Shape::Empty, "")
    }

    /// Another service's status handed on, in the standard shape; 500 if it is no error status.
    #[must_use]
    pub fn remote(status: u16, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, Shape::Standard, message)
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same as 400 if it is a 404: deleting what is not there (C-API-01: the reference answers a
    /// missing object on DELETE with 400).
    #[must_use]
    pub(crate) fn missing_as_bad_request(self) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            Self::bad_request(self.message)
        } else {
            self
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = match self.shape {
            Shape::Empty => self.status.into_response(),
            Shape::Kayenta => (
                self.status,
                Json(KayentaBody {
                    message: &self.message,
                    known_accounts: &self.known_accounts,
                }),
            )
                .into_response(),
            Shape::Standard => (
                self.status,
                Json(StandardBody {
                    timestamp: ErrorTimestamp(Utc::now().timestamp_millis()),
                    status: self.status.as_u16(),
                    error: self.status.canonical_reason().unwrap_or("Unknown Status"),
                    message: &self.message,
                }),
            )
                .into_response(),
        };
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        response
    }
}

/// Logs what is not the caller's fault, with all its causes, where it is turned into an answer.
fn log_failure(what: &str, error: &(dyn Error + 'static)) {
    let mut causes = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!("{what}: {error}{causes}");
}

/// Storage failures beyond the caller's reach are 5xx here, where the reference says 400 (C-API-02).
impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error.kind {
            StorageErrorKind::NotFound => Self::not_found(error.message),
            StorageErrorKind::Conflict | StorageErrorKind::Invalid => {
                Self::bad_request(error.message)
            }
            StorageErrorKind::Unavailable => {
                log_failure("object store does not answer", &error);
                Self::unavailable(error.message)
            }
            StorageErrorKind::Denied | StorageErrorKind::Corrupt | StorageErrorKind::Other => {
                log_failure("object store failed", &error);
                Self::internal(error.message)
            }
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        match &error.kind {
            FetchErrorKind::Invalid => Self::bad_request(error.message),
            FetchErrorKind::Http { status, .. } => {
                log_failure("metric store refused", &error);
                Self::remote(*status, error.message)
            }
            FetchErrorKind::Network { .. }
            | FetchErrorKind::Answer { .. }
            | FetchErrorKind::Refused { .. }
            | FetchErrorKind::Incomplete
            | FetchErrorKind::Canceled => {
                log_failure("metric store failed", &error);
                Self::internal(error.message)
            }
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error.kind {
            EngineErrorKind::InvalidRequest | EngineErrorKind::Conflict => Self {
                known_accounts: error.known_accounts,
                ..Self::bad_request(error.message)
            },
            EngineErrorKind::NotFound => Self::not_found(error.message),
            EngineErrorKind::Unavailable => {
                log_failure("a store or the queue does not answer", &error);
                Self::unavailable(error.message)
            }
            EngineErrorKind::Upstream { status } => {
                log_failure("a metric store or remote judge failed", &error);
                match status {
                    Some(status) => Self::remote(status, error.message),
                    None => Self::internal(error.message),
                }
            }
            EngineErrorKind::Internal => {
                log_failure("request failed", &error);
                Self::internal(error.message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;

    async fn body(error: ApiError) -> (StatusCode, Option<Value>) {
        let response = error.into_response();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).ok())
    }

    /// C-API-09: no Java class, no stack trace.
    #[tokio::test]
    async fn the_standard_shape_has_four_fields_in_order() {
        let (status, body) = body(ApiError::no_such_path()).await;
        assert_eq!(status, 404);
        let body = body.unwrap();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["timestamp", "status", "error", "message"]);
        assert_eq!(body["error"], "Not Found");
        assert_eq!(body["message"], "No message available");
        assert!(body["timestamp"].as_str().unwrap().ends_with("+00:00"));
    }

    #[tokio::test]
    async fn a_remote_status_is_handed_on_and_a_nonsensical_one_is_not() {
        let http = |status| {
            FetchError::new(
                FetchErrorKind::Http {
                    status,
                    url: "http://p/".to_owned(),
                    reason: "x".to_owned(),
                },
                "Status",
            )
        };
        assert_eq!(ApiError::from(http(400)).status(), 400);
        assert_eq!(ApiError::from(http(503)).status(), 503);
        assert_eq!(ApiError::from(http(302)).status(), 500);
        let (_, body) = body(http(400).into()).await;
        assert_eq!(body.unwrap()["status"], 400);
    }

    /// C-API-02.
    #[test]
    fn store_failures_keep_their_meaning() {
        let status = |kind| {
            ApiError::from(StorageError::new(kind, "x"))
                .status()
                .as_u16()
        };
        assert_eq!(status(StorageErrorKind::NotFound), 404);
        assert_eq!(status(StorageErrorKind::Conflict), 400);
        assert_eq!(status(StorageErrorKind::Invalid), 400);
        assert_eq!(status(StorageErrorKind::Unavailable), 503);
        assert_eq!(status(StorageErrorKind::Denied), 500);
        let missing = ApiError::from(StorageError::new(StorageErrorKind::NotFound, "gone"));
        assert_eq!(missing.missing_as_bad_request().status(), 400);
    }
}

//! Error responses, and the HTTP status of each.
//!
//! There are two body shapes: [`ErrorMessage`] for what the caller can fix (400) or what does not exist
//! (404), and [`ErrorReport`], Spring Boot's standard one, for everything else.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use http::{HeaderValue, Method, StatusCode, header};
use kayenta_limits::NoMemory;
use kayenta_model::time::ErrorTimestamp;

use crate::schemas::{ErrorMessage, ErrorReport};

/// A response that reports a failure instead of what was asked for.
///
/// ```
/// use axum::response::IntoResponse;
/// use kayenta_web::ErrorResponse;
///
/// let error = ErrorResponse::not_found("No canary config c1.");
/// assert_eq!(error.message(), "No canary config c1.");
/// assert_eq!(error.into_response().status(), 404);
/// ```
#[derive(Debug)]
pub struct ErrorResponse {
    status: StatusCode,
    shape: Shape,
    message: String,
    known_accounts: Vec<String>,
    challenge: Option<&'static str>,
    retry_after: bool,
}

/// Seconds after which a caller may ask again for whom there was no room.
const RETRY_AFTER: &str = "5";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"message": …}`.
    Kayenta,
    /// `timestamp`, `status`, `error`, `message`.
    Standard,
    /// No body at all.
    Empty,
}

impl ErrorResponse {
    fn new(status: StatusCode, shape: Shape, message: impl Into<String>) -> Self {
        Self {
            status,
            shape,
            message: message.into(),
            known_accounts: Vec::new(),
            challenge: None,
            retry_after: false,
        }
    }

    /// 400 `{"message"}`: the caller can fix it.
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
    pub fn method_not_allowed(method: &Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Shape::Kayenta,
            format!("Request method '{method}' is not supported."),
        )
    }

    /// 406, in JSON all the same: the service has no other type.
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

    /// 409: another writer was faster; the request is worth trying again.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, Shape::Kayenta, message)
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

    /// 503 in the standard shape: a back end does not answer; the request is worth trying again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Shape::Standard, message)
    }

    /// 503 with `Retry-After`: the service itself has too much to do.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        let mut error = Self::unavailable(message);
        error.retry_after = true;
        error
    }

    /// What a caller gets for whom there is no memory: 503 while others have it, 413 when there never is
    /// enough.
    #[must_use]
    pub fn no_memory(error: &NoMemory) -> Self {
        match error {
            NoMemory::InUse { .. } => Self::busy(error.to_string()),
            NoMemory::TooLarge { .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Shape::Kayenta,
                error.to_string(),
            ),
        }
    }

    /// The status alone, no body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self::new(status, Shape::Empty, "")
    }

    /// The status of another service, in the standard shape; 500 if it is not an error status.
    #[must_use]
    pub fn remote(status: u16, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, Shape::Standard, message)
    }

    /// The same with the names of the accounts there are, for a message about one that is not.
    #[must_use]
    pub fn with_known_accounts(mut self, names: Vec<String>) -> Self {
        self.known_accounts = names;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The message the caller reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same as 400 if it is a 404: deleting what is not there (C-API-01: the reference answers a
    /// missing object on DELETE with 400).
    #[must_use]
    pub fn missing_as_bad_request(self) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            Self::bad_request(self.message)
        } else {
            self
        }
    }
}

/// The message of an error response, in its extensions: for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalText(pub String);

impl IntoResponse for ErrorResponse {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of an error response is for people who read it"
    )]
    fn into_response(self) -> Response {
        let text = RefusalText(self.message.clone());
        let mut response = match self.shape {
            Shape::Empty => self.status.into_response(),
            Shape::Kayenta => (
                self.status,
                Json(ErrorMessage {
                    message: self.message,
                    known_accounts: self.known_accounts,
                }),
            )
                .into_response(),
            Shape::Standard => {
                let report = ErrorReport {
                    timestamp: ErrorTimestamp(Utc::now().timestamp_millis()),
                    status: self.status.as_u16(),
                    error: self.status.canonical_reason().unwrap_or("Unknown Status"),
                    message: self.message,
                };
                let mut response = (self.status, Json(&report)).into_response();
                // For a caller that writes its time in another form.
                response.extensions_mut().insert(report);
                response
            }
        };
        response.extensions_mut().insert(text);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        if self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;

    /// C-API-09: no Java class, no stack trace.
    #[tokio::test]
    async fn the_standard_shape_has_four_fields_in_order() {
        let response = ErrorResponse::no_such_path().into_response();
        assert_eq!(response.status(), 404);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["timestamp", "status", "error", "message"]);
        assert_eq!(body["error"], "Not Found");
        assert_eq!(body["message"], "No message available");
        assert!(body["timestamp"].as_str().unwrap().ends_with("+00:00"));
    }

    #[test]
    fn a_remote_status_that_is_no_error_becomes_500() {
        let status = |remote| ErrorResponse::remote(remote, "Status").status().as_u16();
        assert_eq!(status(400), 400);
        assert_eq!(status(503), 503);
        assert_eq!(status(302), 500);
        assert_eq!(status(1), 500);
    }
}

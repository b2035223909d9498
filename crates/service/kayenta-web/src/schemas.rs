//! Bodies of error responses, and the responses that several operations of an API document share.

use kayenta_model::time::ErrorTimestamp;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// What the caller can mend, or what does not exist.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"message": "Unable to resolve account nope.", "knownAccounts": ["canary-storage"]}))]
pub struct ErrorMessage {
    /// What is wrong, in words.
    pub(crate) message: String,
    /// The accounts there are, when the one named is not among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) known_accounts: Vec<String>,
}

/// Every other failure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "timestamp": "2025-04-08T12:34:56.789+00:00",
    "status": 404,
    "error": "Not Found",
    "message": "No message available",
}))]
pub struct ErrorReport {
    /// When it happened.
    #[schema(value_type = String)]
    pub(crate) timestamp: ErrorTimestamp,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The status in words.
    pub(crate) error: &'static str,
    /// What is wrong, in words.
    pub(crate) message: String,
}

/// Failures of every route that resolves an account.
#[derive(Debug, IntoResponses)]
pub enum CommonErrors {
    /// A parameter, account or value that cannot be right
    #[response(status = 400)]
    BadRequest(ErrorMessage),
    /// A failure inside
    #[response(status = 500)]
    Failure(ErrorReport),
    /// A store or the queue does not answer; the same request may succeed later
    #[response(status = 503)]
    Unavailable(ErrorReport),
}

/// Something named in the request does not exist.
#[derive(Debug, IntoResponses)]
pub enum Missing {
    /// Nothing is stored under the id
    #[response(status = 404)]
    NotFound(ErrorMessage),
}

/// Failures of routes that read a JSON body.
#[derive(Debug, IntoResponses)]
pub enum BodyErrors {
    /// The body is longer than the service accepts
    #[response(status = 413)]
    TooLong(ErrorMessage),
    /// The body's content type is not `application/json`
    #[response(status = 415)]
    NotJson(ErrorMessage),
}

//! Bodies of error responses, and the responses that several operations of an API document share.

use kayenta_model::time::ErrorTimestamp;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// An error the caller can fix, or a missing object.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"message": "Unable to resolve account nope.", "knownAccounts": ["canary-storage"]}))]
pub struct ErrorMessage {
    /// What is wrong.
    pub(crate) message: String,
    /// Names of the accounts, if the request names one that does not exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) known_accounts: Vec<String>,
}

/// Any other error.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "timestamp": "2025-04-08T12:34:56.789+00:00",
    "status": 404,
    "error": "Not Found",
    "message": "No message available",
}))]
pub struct ErrorReport {
    /// When the error occurred.
    #[schema(value_type = String)]
    pub(crate) timestamp: ErrorTimestamp,
    /// The HTTP status.
    pub(crate) status: u16,
    /// Reason phrase of the status.
    pub(crate) error: &'static str,
    /// What is wrong.
    pub(crate) message: String,
}

/// Errors of every route that resolves an account.
#[derive(Debug, IntoResponses)]
pub enum CommonErrors {
    /// Invalid parameter, account or value
    #[response(status = 400)]
    BadRequest(ErrorMessage),
    /// A store or the queue is unavailable; retry later
    #[response(status = 503)]
    Unavailable(ErrorReport),
}

/// Something named in the request does not exist.
#[derive(Debug, IntoResponses)]
pub enum Missing {
    /// Not found
    #[response(status = 404)]
    NotFound(ErrorMessage),
}

/// Errors of routes that read a JSON body.
#[derive(Debug, IntoResponses)]
pub enum BodyErrors {
    /// The content type of the body is not `application/json`
    #[response(status = 415)]
    NotJson(ErrorMessage),
}

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// What the caller can mend, or what does not exist.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"message": "Unable to resolve account nope.", "knownAccounts": ["canary-storage"]}))]
pub(crate) struct ErrorMessage {
    /// What is wrong, in words.
    message: String,
    /// The accounts there are, when the one named is not among them.
    #[schema(required = false)]
    known_accounts: Vec<String>,
}

/// Every other failure.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "timestamp": "2025-04-08T12:34:56.789+00:00",
    "status": 404,
    "error": "Not Found",
    "message": "No message available",
}))]
pub(crate) struct ErrorReport {
    /// When it happened.
    timestamp: String,
    /// The HTTP status.
    status: u16,
    /// The status in words.
    error: String,
    /// What is wrong, in words.
    message: String,
}

/// Failures of every route that resolves an account.
#[derive(IntoResponses)]
pub(crate) enum CommonErrors {
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
#[derive(IntoResponses)]
pub(crate) enum Missing {
    /// Nothing is stored under the id
    #[response(status = 404)]
    NotFound(ErrorMessage),
}

/// Failures of routes that read a JSON body.
#[derive(IntoResponses)]
pub(crate) enum BodyErrors {
    /// The body is longer than the service accepts
    #[response(status = 413)]
    TooLong(ErrorMessage),
    /// The body's content type is not `application/json`
    #[response(status = 415)]
    NotJson(ErrorMessage),
}

//! How the endpoints answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kayenta_web::{ErrorResponse, accept};
use serde::Serialize;

/// The reference's content type for callers that do not ask for plain JSON.
pub(crate) const ACTUATOR_JSON: &str = "application/vnd.spring-boot.actuator.v3+json";

/// A JSON response of the content type the caller asks for.
pub(crate) fn json(headers: &HeaderMap, status: StatusCode, body: &impl Serialize) -> Response {
    let content_type = if accept::names(headers, "application/json") {
        "application/json"
    } else {
        ACTUATOR_JSON
    };
    match serde_json::to_vec(body) {
        Ok(bytes) => (
            status,
            [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
            bytes,
        )
            .into_response(),
        Err(error) => ErrorResponse::internal(error.to_string()).into_response(),
    }
}

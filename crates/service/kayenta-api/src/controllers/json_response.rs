//! JSON responses that are not written in place.

use axum::{
    body::Bytes,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use kayenta_limits::compute;
use kayenta_web::ErrorResponse;
use serde::Serialize;

/// Responses of more elements are written on a thread of their own.
const INLINE_ELEMENTS: usize = 64;

/// A JSON response of a body that may be megabytes: above [`INLINE_ELEMENTS`] it is serialised off the
/// async threads.
pub(super) async fn big_json<T: Serialize + Send + 'static>(
    elements: usize,
    body: T,
) -> Result<Response, ErrorResponse> {
    let written = if elements <= INLINE_ELEMENTS {
        serde_json::to_vec(&body)
    } else {
        let write = move || {
            let mut written = serde_json::to_vec(&body)?;
            // What counts is the length of an answer, which may wait for a slow client.
            written.shrink_to_fit();
            Ok::<_, serde_json::Error>(written)
        };
        compute(write)
            .await
            .map_err(|error| ErrorResponse::internal(error.to_string()))?
    };
    let bytes = written.map_err(|error| ErrorResponse::internal(error.to_string()))?;
    Ok(json_bytes(bytes.into()))
}

/// A response of bytes that are JSON already.
pub(super) fn json_bytes(bytes: Bytes) -> Response {
    (
        StatusCode::OK,
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        bytes,
    )
        .into_response()
}

//! Request bodies: read within limits, parsed as the reference parses them, and refused with the place
//! of the mistake.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRef, FromRequest, Request},
};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kayenta_json::{JsonError, parsed_size};
use kayenta_limits::{
    CALLER_PATIENCE, MOST_OF_SMALL, Panicked, Reserved, compute_sized, reserve_and_hold,
};
use serde::de::DeserializeOwned;

use crate::{error::ErrorResponse, objects_only::ObjectsOnly};

/// How long a request body may be and may take. The state of a router that reads bodies yields one
/// (`FromRef`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Longest accepted body in bytes; a longer one is answered with 413.
    pub max_bytes: usize,
    /// How long a client may take to send it; afterwards 408.
    pub timeout: Duration,
}

/// A JSON request body.
///
/// The content type must be `application/json` (415). Text after the root value is ignored, as the
/// reference ignores it; of a field given twice the last one counts.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + Send + 'static,
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorResponse> {
        require_json(request.headers())?;
        let bytes = read_body(request, BodyLimits::from_ref(state)).await?;
        parse(bytes).await.map(Self)
    }
}

/// A JSON request body together with its text, for what reads more of it than the type does.
#[derive(Debug)]
pub struct WrittenBody<T> {
    /// The body, read as [`JsonBody`] reads it.
    pub value: T,
    /// Its text.
    pub written: Bytes,
}

impl<T, S> FromRequest<S> for WrittenBody<T>
where
    T: DeserializeOwned + Send + 'static,
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorResponse> {
        require_json(request.headers())?;
        let written = read_body(request, BodyLimits::from_ref(state)).await?;
        let value = parse(written.clone()).await?;
        Ok(Self { value, written })
    }
}

/// Parses a body whose parsed form counts against the budget for as long as the request is worked on.
async fn parse<T: DeserializeOwned + Send + 'static>(bytes: Bytes) -> Result<T, ErrorResponse> {
    let broke_off = |panic: Panicked| ErrorResponse::internal(panic.to_string());
    let (length, text) = (bytes.len(), bytes.clone());
    let size = compute_sized(length, move || parsed_size(&text))
        .await
        .map_err(broke_off)?;
    reserve_and_hold("a request body", size, CALLER_PATIENCE)
        .await
        .map_err(|error| ErrorResponse::no_memory(&error))?;
    compute_sized(length, move || parse_body(&bytes))
        .await
        .map_err(broke_off)?
}

/// Refuses any content type but `application/json`.
fn require_json(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let found = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if is_media_type(found, "application/json") {
        Ok(())
    } else {
        Err(ErrorResponse::unsupported_media_type(found))
    }
}

/// Whether a content type, parameters aside, is this one.
pub fn is_media_type(content_type: &str, wanted: &str) -> bool {
    content_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// Reads the whole body.
///
/// # Errors
/// 413 and 408 beyond the limits, 400 when the connection breaks.
pub async fn read_body(request: Request, limits: BodyLimits) -> Result<Bytes, ErrorResponse> {
    let limit = limits.max_bytes;
    let body = Limited::new(request.into_body(), limit);
    match tokio::time::timeout(limits.timeout, collect(body, limit)).await {
        Err(_) => Err(ErrorResponse::body_too_slow()),
        Ok(collected) => collected,
    }
}

/// Bytes count against the budget as they arrive, so that half-sent bodies do too.
async fn collect(mut body: Limited<Body>, limit: usize) -> Result<Bytes, ErrorResponse> {
    let announced = body.size_hint().exact().unwrap_or_default();
    let announced = usize::try_from(announced).unwrap_or(limit).min(limit);
    let mut bytes = BytesMut::new();
    let mut reserved = Reserved::default();
    let mut room = 0;
    // One that will be large leaves the share for small ones alone from the beginning.
    let step = if announced > MOST_OF_SMALL {
        2 * MOST_OF_SMALL
    } else {
        BODY_STEP
    };
    let mut grown_at_once = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ErrorResponse::body_too_long(limit)
            } else {
                ErrorResponse::bad_request(format!("The request body cannot be read: {error}"))
            }
        })?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        let needed = bytes.len() + piece.len();
        if needed > room {
            // A buffer that grows is there twice while it is copied.
            let growth = if grown_at_once { 0 } else { bytes.len() };
            let more = (needed - room).max(growth).max(step);
            reserved
                .grow("a request body", more, CALLER_PATIENCE)
                .await
                .map_err(|error| ErrorResponse::no_memory(&error))?;
            room += more;
        }
        if needed > GROWS_AT_ONCE && needed <= announced && !grown_at_once {
            // It takes memory only as it fills.
            bytes.reserve(announced - bytes.len());
            grown_at_once = true;
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(reserved.bind(bytes.freeze()))
}

/// A body of which this much has arrived gets a buffer of its announced size.
const GROWS_AT_ONCE: usize = 1 << 20;

/// Least part of the budget that a body asks for at a time.
const BODY_STEP: usize = 64 << 10;

/// Reads a request body as every route does: structs from objects only, lenient numbers, of two fields
/// of one name the last, nothing after the root value.
///
/// # Errors
/// 400 with line, column and field path of the mistake.
pub fn parse_body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ErrorResponse> {
    let mut text = bytes.chunk();
    if let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
        text = rest;
    }
    if text.trim_ascii().is_empty() {
        return Err(ErrorResponse::bad_request(
            "Required request body is missing.",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    match serde_path_to_error::deserialize(ObjectsOnly(&mut deserializer)) {
        Ok(value) => Ok(value),
        Err(error) if error.inner().to_string().starts_with("duplicate field") => {
            last_one_counts(text)
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// The slow way for the rare body that names a field twice: a map first, which keeps the last value.
fn last_one_counts<T: DeserializeOwned>(text: &[u8]) -> Result<T, ErrorResponse> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value: serde_json::Value =
        serde::Deserialize::deserialize(&mut deserializer).map_err(|error| {
            ErrorResponse::bad_request(format!("Unreadable JSON: {}", JsonError::from(error)))
        })?;
    serde_path_to_error::deserialize(ObjectsOnly(value)).map_err(unreadable)
}

fn unreadable(error: serde_path_to_error::Error<serde_json::Error>) -> ErrorResponse {
    let path = error.path().to_string();
    let error = JsonError::from(error.into_inner());
    let path = match (path.as_str(), error.field()) {
        ("." | "?", None) => None,
        ("." | "?", Some(field)) => Some(field.to_owned()),
        (_, None) => Some(path),
        (_, Some(field)) if field.starts_with('[') => Some(format!("{path}{field}")),
        (_, Some(field)) => Some(format!("{path}.{field}")),
    };
    let place = path.map_or_else(String::new, |path| format!(" at '{path}'"));
    ErrorResponse::bad_request(format!("Unreadable JSON{place}: {}", error.mistake()))
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryAdhocRequest, CanaryConfig};

    use super::*;

    fn config(text: &'static str) -> Result<CanaryConfig, String> {
        parse_body(&Bytes::from_static(text.as_bytes())).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn text_after_the_root_value_is_ignored() {
        assert_eq!(
            config("{\"name\":\"a\"} and so on").unwrap().name.unwrap(),
            "a"
        );
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let config = config("{\"name\":\"a\",\"name\":\"b\"}").unwrap();
        assert_eq!(config.name.unwrap(), "b");
    }

    #[test]
    fn a_list_is_no_object_at_any_level() {
        for text in [
            "[]",
            "[1]",
            "{\"judge\":[\"name\"]}",
            "{\"metrics\":[[]]}",
            "{\"classifier\":{\"scoreThresholds\":[95,75]}}",
            "{\"judge\":[],\"name\":\"a\",\"name\":\"b\"}",
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains("found a list"), "{text}: {error}");
        }
    }

    #[test]
    fn missing_and_null_bodies_are_refused() {
        assert!(config("").unwrap_err().contains("missing"));
        assert!(config("  \n").unwrap_err().contains("missing"));
        assert!(config("null").is_err());
    }

    #[test]
    fn the_place_of_a_mistake_is_reported() {
        let text = Bytes::from_static(
            b"{\"canaryConfig\":{\"metrics\":[{},\n{\"groups\":\"not a list\"}]}}",
        );
        let error = parse_body::<CanaryAdhocRequest>(&text).unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(
            error.message().contains("canaryConfig.metrics[1].groups"),
            "{}",
            error.message()
        );
        assert!(error.message().contains("line 2"), "{}", error.message());
    }

    #[test]
    fn the_place_of_a_mistake_inside_a_query_is_reported() {
        let text = Bytes::from_static(
            b"{\"canaryConfig\":{\"metrics\":[{\"query\":{\"type\":\"prometheus\",\"metricName\":{}}}]}}",
        );
        let error = parse_body::<CanaryAdhocRequest>(&text).unwrap_err();
        let path = "'canaryConfig.metrics[0].query.metricName'";
        assert!(error.message().contains(path), "{}", error.message());
    }

    #[test]
    fn media_types_are_compared_without_parameters_and_case() {
        assert!(is_media_type(
            "Application/JSON; charset=utf-8",
            "application/json"
        ));
        assert!(!is_media_type(
            "application/vnd.foo+json",
            "application/json"
        ));
        assert!(!is_media_type("", "application/json"));
    }
}

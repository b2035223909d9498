//! `/loggers`: log levels, looked at and changed while the service runs.

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use kayenta_settings::{LogLevel, UnknownLevel};
use kayenta_web::{
    BodyLimits, ErrorResponse, is_media_type, parse_body, read_body, schemas::ErrorMessage,
};
use serde::{Deserialize, Serialize};

use crate::{
    response::{self, ACTUATOR_JSON},
    schemas,
    seams::{LoggerGroup, LoggerLevels},
    state::Management,
};

const ROOT: &str = "ROOT";

#[derive(Serialize)]
struct AllLoggers {
    levels: [LogLevel; 6],
    loggers: indexmap::IndexMap<String, LoggerLevels>,
    groups: indexmap::IndexMap<String, LoggerGroup>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LevelChange {
    configured_level: Option<serde_json::Value>,
}

/// List the loggers and their levels
#[utoipa::path(
    get,
    path = "/loggers",
    tag = "management",
    responses((status = 200, description = "The loggers", body = schemas::LoggersReport,
        content_type = "application/vnd.spring-boot.actuator.v3+json"))
)]
pub(crate) async fn list_loggers(State(state): State<Management>, headers: HeaderMap) -> Response {
    let body = AllLoggers {
        levels: [
            LogLevel::Off,
            LogLevel::Error,
            LogLevel::Warn,
            LogLevel::Info,
            LogLevel::Debug,
            LogLevel::Trace,
        ],
        loggers: state.log_levels().loggers(),
        groups: state.log_levels().groups(),
    };
    response::json(&headers, StatusCode::OK, &body)
}

/// Get the levels of a logger, or the members of a group
///
/// A logger that is not in use returns the level it would inherit.
#[utoipa::path(
    get,
    path = "/loggers/{name}",
    tag = "management",
    params(("name" = String, Path, description = "`ROOT`, a logger or a group",
        example = "com.netflix.kayenta")),
    responses((status = 200, description = "The levels of the logger", body = schemas::LoggerReport,
        content_type = "application/vnd.spring-boot.actuator.v3+json"))
)]
pub(crate) async fn logger(
    State(state): State<Management>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let name = known_name(&name);
    match state.log_levels().groups().get(name) {
        Some(group) => response::json(&headers, StatusCode::OK, group),
        None => response::json(&headers, StatusCode::OK, &state.log_levels().levels(name)),
    }
}

/// Set the level of a logger or of the members of a group
///
/// `null`, `{}` or no body restores the inherited level. `FATAL` is read as `ERROR` and `false` as `OFF`, in
/// any case.
#[utoipa::path(
    post,
    path = "/loggers/{name}",
    tag = "management",
    params(("name" = String, Path, description = "`ROOT`, a logger or a group",
        example = "com.netflix.kayenta")),
    request_body = Option<schemas::LevelChange>,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Unknown level, or no level for the root logger", body = ErrorMessage),
        (status = 415, description = "The content type of the body is not JSON", body = ErrorMessage),
    )
)]
pub(crate) async fn set_logger(
    State(state): State<Management>,
    State(limits): State<BodyLimits>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = read_body(request, limits).await?;
    let accepted = [
        "application/json",
        "application/vnd.spring-boot.actuator.v2+json",
        ACTUATOR_JSON,
    ];
    let is_json = accepted
        .iter()
        .any(|accepted| is_media_type(&content_type, accepted));
    let is_nothing = content_type.is_empty() && body.is_empty();
    if !is_json && !is_nothing {
        return Err(ErrorResponse::unsupported_media_type(&content_type));
    }
    let change = if body.trim_ascii().is_empty() {
        None
    } else {
        parse_body::<Option<LevelChange>>(&body)?
    };
    let level = match change.and_then(|change| change.configured_level) {
        None => None,
        Some(serde_json::Value::String(text)) if text.is_empty() => None,
        Some(serde_json::Value::String(text)) => Some(level(&text)?),
        Some(other) => Some(level(&other.to_string())?),
    };
    let name = known_name(&name);
    if name == ROOT && level.is_none() {
        return Err(ErrorResponse::bad_request(
            "The level of the root logger cannot be set to null",
        ));
    }
    state.log_levels().set_level(name, level);
    tracing::info!(logger = name, ?level, "log level changed");
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn level(text: &str) -> Result<LogLevel, ErrorResponse> {
    text.parse()
        .map_err(|error: UnknownLevel| ErrorResponse::bad_request(error.to_string()))
}

fn known_name(name: &str) -> &str {
    if name.eq_ignore_ascii_case(ROOT) {
        ROOT
    } else {
        name
    }
}

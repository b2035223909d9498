//! `/health` and the other management endpoints, under the exposure rules.

mod env;
mod health;
mod health_endpoint;
mod loggers;
mod masking;
mod meters;
mod scheduled;
mod seams;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use health::{Health, HealthIndicator, HealthStatus, Impact, Lifecycle, Ping, StatusOrder};
pub use seams::{
    Environment, LogLevel, LogLevels, LoggerGroup, LoggerLevels, Meter, MeterKind, MetricsSnapshot,
    Property, PropertySource, Schedule, ScheduledTask, Statistic, UnknownLevel,
};

pub(crate) use health::HealthRegistry;

use crate::{accept, error::ApiError, options::Exposure, state::ApiState};

/// The reference's content type for callers that do not ask for plain JSON.
const ACTUATOR_JSON: &str = "application/vnd.spring-boot.actuator.v3+json";

/// The endpoints that are exposed. What is not answers as a path nobody knows.
pub(crate) fn routes(exposure: &Exposure) -> OpenApiRouter<ApiState> {
    let mut router = OpenApiRouter::new();
    if exposure.exposes("health") {
        router = router
            .routes(routes!(health_endpoint::health))
            .routes(routes!(health_endpoint::health_path));
    }
    if exposure.exposes("info") {
        router = router.routes(routes!(env::info));
    }
    if exposure.exposes("env") {
        router = router
            .routes(routes!(env::environment))
            .routes(routes!(env::property));
    }
    if exposure.exposes("configprops") {
        router = router.routes(routes!(env::settings));
    }
    if exposure.exposes("loggers") {
        router = router
            .routes(routes!(loggers::list_loggers))
            .routes(routes!(loggers::logger, loggers::set_logger));
    }
    if exposure.exposes("metrics") {
        router = router
            .routes(routes!(meters::meter_names))
            .routes(routes!(meters::meter));
    }
    if exposure.exposes("prometheus") {
        router = router.routes(routes!(meters::prometheus));
    }
    if exposure.exposes("scheduledtasks") {
        router = router.routes(routes!(scheduled::scheduled_tasks));
    }
    router
}

/// `/spectator/metrics`, which is no management endpoint in the reference and stays on the main port.
pub(crate) fn spectator_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(meters::spectator))
}

/// An answer of a management endpoint.
fn answer(headers: &HeaderMap, status: StatusCode, body: &impl Serialize) -> Response {
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
        Err(error) => ApiError::internal(error.to_string()).into_response(),
    }
}

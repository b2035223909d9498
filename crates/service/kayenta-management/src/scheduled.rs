//! `/scheduledtasks`: what repeats in the background.

use axum::{extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use kayenta_model::schema::FreeObject;
use serde_json::{Value, json};

use crate::{response, seams::Schedule, state::Management};

/// List the background tasks
#[utoipa::path(
    get,
    path = "/scheduledtasks",
    tag = "management",
    responses((status = 200, description = "The tasks, times in milliseconds", body = FreeObject,
        content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({"cron": [], "fixedRate": [], "custom": [], "fixedDelay": [
            {"runnable": {"target": "kayenta_engine::sweep"}, "initialDelay": 0, "interval": 30000}]})))
)]
pub(crate) async fn scheduled_tasks(
    State(state): State<Management>,
    headers: HeaderMap,
) -> Response {
    let tasks = |schedule: Schedule| -> Vec<Value> {
        state
            .scheduled_tasks()
            .iter()
            .filter(|task| task.schedule == schedule)
            .map(|task| {
                json!({
                    "runnable": {"target": task.target},
                    "initialDelay": task.initial_delay_millis,
                    "interval": task.interval_millis,
                })
            })
            .collect()
    };
    let body = json!({
        "cron": [],
        "fixedDelay": tasks(Schedule::FixedDelay),
        "fixedRate": tasks(Schedule::FixedRate),
        "custom": [],
    });
    response::json(&headers, StatusCode::OK, &body)
}

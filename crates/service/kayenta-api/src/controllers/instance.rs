//! `/admin/orca/instance/enabled`: whether this instance takes work.

use axum::extract::State;
use http::StatusCode;
use kayenta_web::{ErrorResponse, JsonBody};
use serde::Deserialize;

use crate::{error::ApiError, schemas, state::ApiState};

/// Whether this instance takes work.
#[derive(Debug, Deserialize)]
pub(crate) struct Enabled {
    #[serde(default, deserialize_with = "kayenta_model::lenient::boolean")]
    enabled: Option<bool>,
}

/// Lets this instance take work, or not
///
/// While disabled it goes on answering requests and finishes the steps it has begun; other instances
/// take over.
#[utoipa::path(
    post, path = "/admin/orca/instance/enabled", tag = "admin-controller", operation_id = "setInstanceEnabled",
    request_body = schemas::InstanceEnabled,
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "The field is missing", body = schemas::ErrorReport),
        schemas::BodyErrors,
    )
)]
pub(crate) async fn set_enabled(
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Enabled>,
) -> Result<StatusCode, ApiError> {
    let enabled = body
        .enabled
        .ok_or_else(|| ErrorResponse::bad_request_standard("The field 'enabled' must be set."))?;
    state.engine().set_enabled(enabled);
    Ok(StatusCode::OK)
}

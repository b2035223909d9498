//! `/admin/orca/instance/enabled`: whether this instance takes work.

use axum::extract::State;
use http::StatusCode;
use kayenta_web::{
    ErrorResponse, JsonBody,
    schemas::{BodyErrors, ErrorReport},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{error::ApiError, state::ApiState};

/// Whether this instance accepts work.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InstanceEnabled {
    /// `false` leaves the work to other instances.
    #[schema(required = true, example = true)]
    #[serde(default, deserialize_with = "kayenta_model::lenient::boolean")]
    enabled: Option<bool>,
}

/// Switch accepting new work on or off for this instance
///
/// While it is off, the instance still answers requests and finishes the steps in progress; other
/// instances continue the work.
#[utoipa::path(
    post, path = "/admin/orca/instance/enabled", tag = "admin-controller", operation_id = "setInstanceEnabled",
    request_body = InstanceEnabled,
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "The field `enabled` is missing", body = ErrorReport),
        BodyErrors,
    )
)]
pub(crate) async fn set_enabled(
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<InstanceEnabled>,
) -> Result<StatusCode, ApiError> {
    let enabled = body
        .enabled
        .ok_or_else(|| ErrorResponse::bad_request_standard("The field 'enabled' must be set."))?;
    state.engine().set_enabled(enabled);
    Ok(StatusCode::OK)
}

//! `/pipelines`: executions as such, whatever they do.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_engine::EngineErrorKind;
use kayenta_model::pipeline::PipelineExecution;

use crate::{error::ApiError, state::ApiState};
use kayenta_web::{
    ErrorResponse, json,
    schemas::{CommonErrors, Missing},
};

/// Cancel a run or an analysis
///
/// 202 also if it has ended already. A body is ignored.
#[utoipa::path(
    put, path = "/pipelines/{executionId}/cancel", tag = "pipeline-controller", operation_id = "cancelPipeline",
    params(("executionId" = String, Path, description = "Id of the run or analysis")),
    responses(
        (status = 202, description = "Canceled, or ended before"),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.engine().cancel(&id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// List the ids of all runs and analyses
///
/// In no particular order.
#[utoipa::path(
    get, path = "/pipelines", tag = "pipeline-controller", operation_id = "listPipelines",
    responses(
        (status = 200, description = "The ids", body = Vec<String>,
            example = json!(["01HKZ0Q8M4J0W6T3V9Y2C5B7DF"])),
        CommonErrors,
    )
)]
pub(crate) async fn ids(State(state): State<ApiState>) -> Result<Response, ApiError> {
    Ok(json(state.engine().ids().await?).await)
}

/// Get a run or an analysis with its stages and tasks
#[utoipa::path(
    get, path = "/pipelines/{executionId}", tag = "pipeline-controller", operation_id = "getPipeline",
    params(("executionId" = String, Path, description = "Id of the run or analysis")),
    responses(
        (status = 200, description = "The execution", body = PipelineExecution),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(json(state.engine().pipeline(&id).await?).await)
}

/// Delete a run or an analysis that has ended
///
/// 401 without a body while it is in progress. Its stored objects are kept.
#[utoipa::path(
    delete, path = "/pipelines/{executionId}", tag = "pipeline-controller", operation_id = "deletePipeline",
    params(("executionId" = String, Path, description = "Id of the run or analysis")),
    responses(
        (status = 200, description = "Deleted"),
        (status = 401, description = "Still in progress"),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    match state.engine().delete(&id).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) if error.kind == EngineErrorKind::Conflict => {
            Err(ErrorResponse::empty(StatusCode::UNAUTHORIZED).into())
        }
        Err(error) => Err(error.into()),
    }
}

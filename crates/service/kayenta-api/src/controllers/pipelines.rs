//! `/pipelines`: executions as such, whatever they do.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_engine::EngineErrorKind;
use kayenta_model::pipeline::PipelineExecution;

use crate::{error::ApiError, schemas, state::ApiState};
use kayenta_web::ErrorResponse;

/// Stops a run or an analysis
///
/// Also 202 when it is over already. Any body is ignored.
#[utoipa::path(
    put, path = "/pipelines/{executionId}/cancel", tag = "pipeline-controller", operation_id = "cancelPipeline",
    params(("executionId" = String, Path, description = "Id of the run or analysis")),
    responses(
        (status = 202, description = "It stops, or had stopped"),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.engine().cancel(&id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The ids of all executions kept, in no order
#[utoipa::path(
    get, path = "/pipelines", tag = "pipeline-controller", operation_id = "listPipelines",
    responses(
        (status = 200, description = "The ids", body = Vec<String>,
            example = json!(["01HKZ0Q8M4J0W6T3V9Y2C5B7DF"])),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn ids(State(state): State<ApiState>) -> Result<Json<Vec<String>>, ApiError> {
    Ok(Json(state.engine().ids().await?))
}

/// An execution with its stages, as it is kept
#[utoipa::path(
    get, path = "/pipelines/{executionId}", tag = "pipeline-controller", operation_id = "getPipeline",
    params(("executionId" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The execution", body = schemas::PipelineExecution),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<PipelineExecution>, ApiError> {
    Ok(Json(state.engine().pipeline(&id).await?))
}

/// Forgets an execution that is over
///
/// 401 without a body while it goes on. Its stored objects stay.
#[utoipa::path(
    delete, path = "/pipelines/{executionId}", tag = "pipeline-controller", operation_id = "deletePipeline",
    params(("executionId" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Forgotten"),
        (status = 401, description = "It is still going on"),
        schemas::Missing, schemas::CommonErrors,
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

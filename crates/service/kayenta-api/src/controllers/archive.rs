//! `/canaryResultArchive`: finished runs, kept for good.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use kayenta_model::CanaryStatusResponse;
use kayenta_storage::{ListedObject, ObjectKind, StorageErrorKind, WriteCondition};
use kayenta_web::{ErrorResponse, JsonBody, Params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::storage_params::StorageParams;
use crate::{error::ApiError, schemas, state::ApiState};

const KIND: ObjectKind = ObjectKind::CanaryResultArchive;

/// Where to archive, and under which id.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateParams {
    /// Account that keeps objects; the default one when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the run; drawn when absent or empty.
    pipeline_id: Option<String>,
}

/// The id of an archived result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Archived {
    pipeline_id: String,
}

/// The archived results
#[utoipa::path(
    get, path = "/canaryResultArchive", tag = "canary-result-archive-controller", operation_id = "listCanaryResultArchives",
    params(StorageParams),
    responses(
        (status = 200, description = "The results", body = Vec<schemas::ObjectListing>),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<StorageParams>,
) -> Result<Json<Vec<ListedObject>>, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    let listing = objects.list(KIND).await?;
    Ok(Json(listing.into_iter().map(ListedObject::from).collect()))
}

/// One archived result
#[utoipa::path(
    get, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "loadArchivedCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageParams),
    responses(
        (status = 200, description = "The result", body = schemas::CanaryExecutionStatusResponse),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageParams>,
) -> Result<Json<CanaryStatusResponse>, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    Ok(Json(objects.load(KIND, &id).await?))
}

/// Archives a result by hand
#[utoipa::path(
    post, path = "/canaryResultArchive", tag = "canary-result-archive-controller", operation_id = "archiveCanaryResult",
    params(CreateParams),
    request_body = schemas::CanaryExecutionStatusResponse,
    responses(
        (status = 200, description = "Archived", body = schemas::CanaryArchiveResultUpdateResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Params(params): Params<CreateParams>,
    JsonBody(result): JsonBody<CanaryStatusResponse>,
) -> Result<Json<Archived>, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    let pipeline_id = params
        .pipeline_id
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| state.ids().uuid());
    let filename = format!("{pipeline_id}.json");
    let stored = objects
        .store(
            KIND,
            &pipeline_id,
            Some(&filename),
            &result,
            WriteCondition::Absent,
        )
        .await;
    match stored {
        Ok(_) => Ok(Json(Archived { pipeline_id })),
        Err(error) if error.kind == StorageErrorKind::Conflict => Err(ErrorResponse::bad_request(
            format!("Archived canary result '{pipeline_id}' already exists."),
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Overwrites an archived result
#[utoipa::path(
    put, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "updateCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageParams),
    request_body = schemas::CanaryExecutionStatusResponse,
    responses(
        (status = 200, description = "Archived", body = schemas::CanaryArchiveResultUpdateResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Path(pipeline_id): Path<String>,
    Params(params): Params<StorageParams>,
    JsonBody(result): JsonBody<CanaryStatusResponse>,
) -> Result<Json<Archived>, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    if let Err(error) = objects.load_bytes(KIND, &pipeline_id).await {
        if error.is_not_found() {
            return Err(ErrorResponse::bad_request(format!(
                "Archived canary result '{pipeline_id}' does not exist."
            ))
            .into());
        }
        return Err(error.into());
    }
    let filename = format!("{pipeline_id}.json");
    objects
        .store(
            KIND,
            &pipeline_id,
            Some(&filename),
            &result,
            WriteCondition::Always,
        )
        .await?;
    Ok(Json(Archived { pipeline_id }))
}

/// Removes an archived result
#[utoipa::path(
    delete, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "deleteCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageParams),
    responses((status = 204, description = "Removed"), schemas::CommonErrors)
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageParams>,
) -> Result<StatusCode, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    match objects.delete(KIND, &id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from(error).missing_as_bad_request()),
    }
}

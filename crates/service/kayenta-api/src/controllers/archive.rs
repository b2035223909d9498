//! `/canaryResultArchive`: finished runs, kept for good.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_limits::written;
use kayenta_model::{CanaryStatusResponse, ListedObject};
use kayenta_storage::{ObjectKind, StorageErrorKind, WriteCondition, check_reachable};
use kayenta_web::{
    ErrorResponse, JsonBody, Params, json,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::account_params::StorageAccount;
use crate::{error::ApiError, state::ApiState};

const KIND: ObjectKind = ObjectKind::CanaryResultArchive;

/// Where to archive, and under which id.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateParams {
    /// Account that stores objects; the default account when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the run; generated when absent or empty.
    pipeline_id: Option<String>,
}

/// The id of an archived result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryArchiveResultUpdateResponse {
    /// Id of the run or analysis.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    pipeline_id: String,
}

/// List the archived results
#[utoipa::path(
    get, path = "/canaryResultArchive", tag = "canary-result-archive-controller", operation_id = "listCanaryResultArchives",
    params(StorageAccount),
    responses(
        (status = 200, description = "The results", body = Vec<ListedObject>),
        CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    let listing = objects.list(KIND).await?;
    let listing: Vec<_> = listing.into_iter().map(ListedObject::from).collect();
    Ok(json(listing).await)
}

/// Get an archived result
#[utoipa::path(
    get, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "loadArchivedCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageAccount),
    responses(
        (status = 200, description = "The result", body = CanaryStatusResponse),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    let result: CanaryStatusResponse = objects.load(KIND, &id).await?;
    Ok(state.timed(result).await)
}

/// Archive a result
#[utoipa::path(
    post, path = "/canaryResultArchive", tag = "canary-result-archive-controller", operation_id = "archiveCanaryResult",
    params(CreateParams),
    request_body = CanaryStatusResponse,
    responses(
        (status = 200, description = "Archived", body = CanaryArchiveResultUpdateResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Params(params): Params<CreateParams>,
    JsonBody(result): JsonBody<CanaryStatusResponse>,
) -> Result<Json<CanaryArchiveResultUpdateResponse>, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    let pipeline_id = params
        .pipeline_id
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| state.ids().uuid());
    check_reachable("pipelineId", &pipeline_id)?;
    let filename = format!("{pipeline_id}.json");
    let stored = objects
        .store_bytes(
            KIND,
            &pipeline_id,
            Some(&filename),
            text_of(&state, result).await?,
            WriteCondition::Absent,
        )
        .await;
    match stored {
        Ok(_) => Ok(Json(CanaryArchiveResultUpdateResponse { pipeline_id })),
        Err(error) if error.kind == StorageErrorKind::Conflict => Err(ErrorResponse::bad_request(
            format!("Archived canary result '{pipeline_id}' already exists."),
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Replace an archived result
#[utoipa::path(
    put, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "updateCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageAccount),
    request_body = CanaryStatusResponse,
    responses(
        (status = 200, description = "Archived", body = CanaryArchiveResultUpdateResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Path(pipeline_id): Path<String>,
    Params(params): Params<StorageAccount>,
    JsonBody(result): JsonBody<CanaryStatusResponse>,
) -> Result<Json<CanaryArchiveResultUpdateResponse>, ApiError> {
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
        .store_bytes(
            KIND,
            &pipeline_id,
            Some(&filename),
            text_of(&state, result).await?,
            WriteCondition::Always,
        )
        .await?;
    Ok(Json(CanaryArchiveResultUpdateResponse { pipeline_id }))
}

/// The result as it is stored.
async fn text_of(state: &ApiState, result: CanaryStatusResponse) -> Result<Bytes, ErrorResponse> {
    let times = state.json_times();
    written(result, move |result, text| times.write(result, text))
        .await
        .map_err(|error| ErrorResponse::internal(error.to_string()))?
        .map(Bytes::from)
        .map_err(|error| ErrorResponse::internal(error.to_string()))
}

/// Delete an archived result
#[utoipa::path(
    delete, path = "/canaryResultArchive/{pipelineId}", tag = "canary-result-archive-controller", operation_id = "deleteCanaryResult",
    params(("pipelineId" = String, Path, description = "Id of the run"), StorageAccount),
    responses((status = 204, description = "Deleted"), CommonErrors)
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<StatusCode, ApiError> {
    let objects = state.objects(params.storage_account_name.as_deref())?;
    match objects.delete(KIND, &id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from(error).missing_as_bad_request()),
    }
}

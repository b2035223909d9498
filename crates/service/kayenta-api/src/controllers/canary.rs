//! `/canary`: single runs.

use axum::{
    Json,
    extract::{Path, State},
};
use kayenta_engine::{CanaryListing, ConfigSource, StartCanary};
use kayenta_model::{
    CanaryAdhocRequest, CanaryExecutionRequest, CanaryStatusResponse, ExecutionStatus,
};
use kayenta_web::{ErrorResponse, JsonBody, Params, params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::storage_params::StorageParams;
use crate::{error::ApiError, schemas, state::ApiState};

/// Executions of one page unless the caller says otherwise.
const DEFAULT_LIMIT: i64 = 20;

/// For whom, and over which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StartParams {
    /// Application the run is listed under; `kayenta-` and the instance's id when absent.
    application: Option<String>,
    /// Copied into the run; none when absent.
    parent_pipeline_execution_id: Option<String>,
    /// Account the metrics come from; the default one when absent or empty.
    metrics_account_name: Option<String>,
    /// Account that keeps the config; the default one when absent or empty.
    configuration_account_name: Option<String>,
    /// Account that keeps the results; the default one when absent or empty.
    storage_account_name: Option<String>,
}

/// The same without a configuration account: the config comes along.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AdhocParams {
    /// Application the run is listed under.
    #[param(default = "ad-hoc")]
    application: Option<String>,
    /// Copied into the run; none when absent.
    parent_pipeline_execution_id: Option<String>,
    /// Account the metrics come from; the default one when absent or empty.
    metrics_account_name: Option<String>,
    /// Account that keeps the results; the default one when absent or empty.
    storage_account_name: Option<String>,
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Application the runs were started for.
    #[param(default = "ad-hoc")]
    application: Option<String>,
    /// Length of a page.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 0, default = 20)]
    limit: Option<i64>,
    /// Number of the page, from 1.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 1, default = 1)]
    page: Option<i64>,
    /// Only runs in these states, any case, separated by commas; all when absent.
    #[param(example = "RUNNING,SUCCEEDED")]
    statuses: Option<String>,
    /// Only checked, as archived runs are not listed; the default account when absent or empty.
    storage_account_name: Option<String>,
}

/// The id of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    canary_execution_id: String,
}

/// Runs a stored config
///
/// Answers at once; `GET /canary/{id}` tells how it goes.
#[utoipa::path(
    post, path = "/canary/{id}", tag = "canary-controller", operation_id = "initiateCanary",
    params(("id" = String, Path, description = "Id of the config"), StartParams),
    request_body = schemas::CanaryExecutionRequest,
    responses(
        (status = 200, description = "Started", body = schemas::CanaryExecutionResponse),
        schemas::Missing, schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    Path(config_id): Path<String>,
    Params(params): Params<StartParams>,
    JsonBody(request): JsonBody<CanaryExecutionRequest>,
) -> Result<Json<Started>, ApiError> {
    start_by_id(&state, config_id, params, request).await
}

/// Runs the stored config whose id is `executions`
///
/// The path of the listing is also the path of a config of that id.
#[utoipa::path(
    post, path = "/canary/executions", tag = "canary-controller", operation_id = "initiateCanaryOfExecutions",
    params(StartParams),
    request_body = schemas::CanaryExecutionRequest,
    responses(
        (status = 200, description = "Started", body = schemas::CanaryExecutionResponse),
        schemas::Missing, schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn start_executions(
    State(state): State<ApiState>,
    Params(params): Params<StartParams>,
    JsonBody(request): JsonBody<CanaryExecutionRequest>,
) -> Result<Json<Started>, ApiError> {
    start_by_id(&state, "executions".to_owned(), params, request).await
}

async fn start_by_id(
    state: &ApiState,
    config_id: String,
    params: StartParams,
    request: CanaryExecutionRequest,
) -> Result<Json<Started>, ApiError> {
    let canary_execution_id = state
        .engine()
        .start_canary(StartCanary {
            config_source: ConfigSource::ById {
                configuration_account: params.configuration_account_name,
                config_id,
            },
            request: Some(request),
            application: params.application,
            parent_pipeline_execution_id: params.parent_pipeline_execution_id,
            metrics_account: params.metrics_account_name,
            storage_account: params.storage_account_name,
        })
        .await?;
    Ok(Json(Started {
        canary_execution_id,
    }))
}

/// Runs a config that comes along
///
/// Answers at once; `GET /canary/{id}` tells how it goes.
#[utoipa::path(
    post, path = "/canary", tag = "canary-controller", operation_id = "initiateCanaryWithConfig",
    params(AdhocParams),
    request_body = schemas::CanaryAdhocExecutionRequest,
    responses(
        (status = 200, description = "Started", body = schemas::CanaryExecutionResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn start_adhoc(
    State(state): State<ApiState>,
    Params(params): Params<AdhocParams>,
    JsonBody(body): JsonBody<CanaryAdhocRequest>,
) -> Result<Json<Started>, ApiError> {
    let canary_execution_id = state
        .engine()
        .start_canary(StartCanary {
            config_source: ConfigSource::AdHoc {
                config: body.canary_config,
            },
            request: body.execution_request,
            application: params.application,
            parent_pipeline_execution_id: params.parent_pipeline_execution_id,
            metrics_account: params.metrics_account_name,
            storage_account: params.storage_account_name,
        })
        .await?;
    Ok(Json(Started {
        canary_execution_id,
    }))
}

/// Where a run stands
///
/// 200 for running, failed, canceled and finished runs alike; `complete` and `status` tell them apart.
/// Runs no longer kept are read from the archive.
#[utoipa::path(
    get, path = "/canary/{id}", tag = "canary-controller", operation_id = "getCanaryResults",
    params(("id" = String, Path, description = "Id of the run"), StorageParams),
    responses(
        (status = 200, description = "The run", body = schemas::CanaryExecutionStatusResponse),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageParams>,
) -> Result<Json<CanaryStatusResponse>, ApiError> {
    let storage = params.storage_account_name.as_deref();
    Ok(Json(state.engine().canary_status(&id, storage).await?))
}

/// The runs of an application, newest first
#[utoipa::path(
    get, path = "/canary/executions", tag = "canary-controller", operation_id = "getCanaryResultsByApplication",
    params(ListParams),
    responses(
        (status = 200, description = "The runs", body = Vec<schemas::CanaryExecutionStatusResponse>),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn executions(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Json<Vec<CanaryStatusResponse>>, ApiError> {
    let statuses = params
        .statuses
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            name.parse::<ExecutionStatus>()
                .map_err(|error| ErrorResponse::bad_request(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    let limit = usize::try_from(limit)
        .map_err(|_| ErrorResponse::bad_request(format!("fromIndex(0) > toIndex({limit})")))?;
    let listing = CanaryListing {
        application: params.application,
        statuses,
        page: params
            .page
            .and_then(|page| usize::try_from(page).ok())
            .unwrap_or(1),
        limit,
        storage_account: params.storage_account_name,
    };
    Ok(Json(state.engine().list_canaries(listing).await?))
}

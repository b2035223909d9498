//! `/canary`: single runs.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use kayenta_engine::{CanaryListing, ConfigSource, StartCanary};
use kayenta_model::{
    CanaryAdhocRequest, CanaryExecutionRequest, CanaryStatusResponse, ExecutionStatus,
    explanation::CanaryExplanation,
};
use kayenta_web::{
    ErrorResponse, JsonBody, Params, WrittenBody, json, params,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    account_params::{ConfigurationAccount, RunParams, StorageAccount},
    canary_config::{threshold_warnings_of, warnings_of},
};
use crate::{error::ApiError, state::ApiState};

/// Executions of one page unless the caller says otherwise.
const DEFAULT_LIMIT: i64 = 20;

/// Application of a run of a stored config.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StoredConfigParams {
    /// Application the run is listed under; `kayenta-` and the id of the instance when absent.
    application: Option<String>,
}

/// Application of a run of an inline config.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InlineConfigParams {
    /// Application the run is listed under.
    #[param(default = "ad-hoc")]
    application: Option<String>,
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Application of the runs.
    #[param(default = "ad-hoc")]
    application: Option<String>,
    /// Runs per page.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 0, default = 20)]
    limit: Option<i64>,
    /// Number of the page, starting at 1.
    #[serde(default, deserialize_with = "params::optional")]
    #[param(minimum = 1, default = 1)]
    page: Option<i64>,
    /// Only runs with one of these statuses, in any case, separated by commas; all runs when absent.
    #[param(example = "RUNNING,SUCCEEDED")]
    statuses: Option<String>,
    /// Checked, but without effect, as archived runs are not listed; the default account when absent or empty.
    storage_account_name: Option<String>,
}

/// The id of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryExecutionResponse {
    /// Id of the run, a ULID.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    pub(super) canary_execution_id: String,
    /// What was accepted although it has no effect: unknown fields of metrics, their queries and settings. Absent if
    /// there is nothing of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) warnings: Vec<String>,
}

/// Run a canary with a stored config
///
/// Returns at once; `GET /canary/{id}` returns the status.
#[utoipa::path(
    post, path = "/canary/{id}", tag = "canary-controller", operation_id = "initiateCanary",
    params(("id" = String, Path, description = "Id of the config"), StoredConfigParams, RunParams, ConfigurationAccount),
    request_body = CanaryExecutionRequest,
    responses(
        (status = 200, description = "Started", body = CanaryExecutionResponse),
        Missing, BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    Path(config_id): Path<String>,
    Params(params): Params<StoredConfigParams>,
    Params(run): Params<RunParams>,
    Params(account): Params<ConfigurationAccount>,
    JsonBody(request): JsonBody<CanaryExecutionRequest>,
) -> Result<Json<CanaryExecutionResponse>, ApiError> {
    let source = account.config(config_id);
    start_run(&state, source, Some(request), params.application, run).await
}

/// Run a canary with the stored config of the id `executions`
///
/// `executions` is also the path under which runs are listed.
#[utoipa::path(
    post, path = "/canary/executions", tag = "canary-controller", operation_id = "initiateCanaryOfExecutions",
    params(StoredConfigParams, RunParams, ConfigurationAccount),
    request_body = CanaryExecutionRequest,
    responses(
        (status = 200, description = "Started", body = CanaryExecutionResponse),
        Missing, BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn start_executions(
    state: State<ApiState>,
    params: Params<StoredConfigParams>,
    run: Params<RunParams>,
    account: Params<ConfigurationAccount>,
    request: JsonBody<CanaryExecutionRequest>,
) -> Result<Json<CanaryExecutionResponse>, ApiError> {
    let config_id = Path("executions".to_owned());
    start(state, config_id, params, run, account, request).await
}

/// Run a canary with an inline config
///
/// Returns at once; `GET /canary/{id}` returns the status.
#[utoipa::path(
    post, path = "/canary", tag = "canary-controller", operation_id = "initiateCanaryWithConfig",
    params(InlineConfigParams, RunParams),
    request_body = CanaryAdhocRequest,
    responses(
        (status = 200, description = "Started", body = CanaryExecutionResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn start_adhoc(
    State(state): State<ApiState>,
    Params(params): Params<InlineConfigParams>,
    Params(run): Params<RunParams>,
    WrittenBody {
        value: body,
        written,
    }: WrittenBody<CanaryAdhocRequest>,
) -> Result<Json<CanaryExecutionResponse>, ApiError> {
    let source = ConfigSource::AdHoc {
        config: body.canary_config,
    };
    let Json(started) = start_run(
        &state,
        source,
        body.execution_request,
        params.application,
        run,
    )
    .await?;
    Ok(Json(CanaryExecutionResponse {
        warnings: [warnings_of(&state, written).await, started.warnings].concat(),
        ..started
    }))
}

async fn start_run(
    state: &ApiState,
    config_source: ConfigSource,
    request: Option<CanaryExecutionRequest>,
    application: Option<String>,
    run: RunParams,
) -> Result<Json<CanaryExecutionResponse>, ApiError> {
    let thresholds = request.as_ref().and_then(|request| request.thresholds);
    let canary_execution_id = state
        .engine()
        .start_canary(StartCanary {
            config_source,
            request,
            application,
            parent_pipeline_execution_id: run.parent_pipeline_execution_id,
            metrics_account: run.metrics_account_name,
            storage_account: run.storage_account_name,
        })
        .await?;
    Ok(Json(CanaryExecutionResponse {
        canary_execution_id,
        warnings: threshold_warnings_of(thresholds.as_ref()),
    }))
}

/// Get the status of a run
///
/// 200 for runs in progress, failed, canceled and finished runs alike; `complete` and `status`
/// distinguish them. Runs that are no longer kept are read from the archive.
#[utoipa::path(
    get, path = "/canary/{id}", tag = "canary-controller", operation_id = "getCanaryResults",
    params(("id" = String, Path, description = "Id of the run"), StorageAccount),
    responses(
        (status = 200, description = "The run", body = CanaryStatusResponse),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let storage = params.storage_account_name.as_deref();
    let status = state.engine().canary_status(&id, storage).await?;
    Ok(state.timed(status).await)
}

/// Explain the verdict of a run
///
/// Why each metric has its label, how far it was from another one, what the run could not have seen, and
/// findings that change no label. Computed from the stored metric set pair list, also for archived runs. 400
/// for a run that has no verdict (yet).
#[utoipa::path(
    get, path = "/canary/{id}/explanation", tag = "canary-controller", operation_id = "explainCanary",
    params(("id" = String, Path, description = "Id of the run"), StorageAccount),
    responses(
        (status = 200, description = "The explanation", body = CanaryExplanation),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn explanation(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let storage = params.storage_account_name.as_deref();
    Ok(json(state.engine().explain_canary(&id, storage).await?).await)
}

/// List the runs of an application, newest first
#[utoipa::path(
    get, path = "/canary/executions", tag = "canary-controller", operation_id = "getCanaryResultsByApplication",
    params(ListParams),
    responses(
        (status = 200, description = "The runs", body = Vec<CanaryStatusResponse>),
        CommonErrors,
    )
)]
pub(crate) async fn executions(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Response, ApiError> {
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
    let runs = state.engine().list_canaries(listing).await?;
    Ok(state.timed(runs).await)
}

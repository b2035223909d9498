//! `/standalone_canary_analysis`: series of runs over a lifetime.

use axum::{
    Json,
    extract::{Path, State},
};
use kayenta_engine::{ConfigSource, StartAnalysis};
use kayenta_model::{AnalysisAdhocRequest, AnalysisRequest, AnalysisStatusResponse};
use kayenta_web::{JsonBody, Params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::storage_params::StorageParams;
use crate::{error::ApiError, schemas, state::ApiState};

/// For whom, and over which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct StartParams {
    /// Who asks.
    #[param(default = "anonymous")]
    user: Option<String>,
    /// Application the analysis is for.
    #[param(default = "ad-hoc")]
    application: Option<String>,
    /// Copied into the analysis; none when absent.
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
    /// Who asks.
    #[param(default = "anonymous")]
    user: Option<String>,
    /// Application the analysis is for.
    #[param(default = "ad-hoc")]
    application: Option<String>,
    /// Copied into the analysis; none when absent.
    parent_pipeline_execution_id: Option<String>,
    /// Account the metrics come from; the default one when absent or empty.
    metrics_account_name: Option<String>,
    /// Account that keeps the results; the default one when absent or empty.
    storage_account_name: Option<String>,
}

/// The id of an analysis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    canary_analysis_execution_id: String,
}

/// Analyses with a stored config
///
/// Runs canaries over a lifetime and ends with one verdict. What does not fit in the request shows up
/// as a failed analysis.
#[utoipa::path(
    post, path = "/standalone_canary_analysis/{id}", tag = "standalone-canary-analysis-controller",
    operation_id = "initiateCanaryAnalysis",
    params(("id" = String, Path, description = "Id of the config"), StartParams),
    request_body = schemas::CanaryAnalysisExecutionRequest,
    responses(
        (status = 200, description = "Started", body = schemas::CanaryAnalysisExecutionResponse),
        schemas::Missing, schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    Path(config_id): Path<String>,
    Params(params): Params<StartParams>,
    JsonBody(request): JsonBody<AnalysisRequest>,
) -> Result<Json<Started>, ApiError> {
    let canary_analysis_execution_id = state
        .engine()
        .start_analysis(StartAnalysis {
            config_source: ConfigSource::ById {
                configuration_account: params.configuration_account_name,
                config_id,
            },
            request: Some(request),
            user: params.user,
            application: params.application,
            parent_pipeline_execution_id: params.parent_pipeline_execution_id,
            metrics_account: params.metrics_account_name,
            storage_account: params.storage_account_name,
        })
        .await?;
    Ok(Json(Started {
        canary_analysis_execution_id,
    }))
}

/// Analyses with a config that comes along
///
/// Runs canaries over a lifetime and ends with one verdict. What does not fit in the request shows up
/// as a failed analysis.
#[utoipa::path(
    post, path = "/standalone_canary_analysis", tag = "standalone-canary-analysis-controller",
    operation_id = "initiateCanaryAnalysisWithConfig",
    params(AdhocParams),
    request_body = schemas::CanaryAnalysisAdhocExecutionRequest,
    responses(
        (status = 200, description = "Started", body = schemas::CanaryAnalysisExecutionResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn start_adhoc(
    State(state): State<ApiState>,
    Params(params): Params<AdhocParams>,
    JsonBody(body): JsonBody<AnalysisAdhocRequest>,
) -> Result<Json<Started>, ApiError> {
    let canary_analysis_execution_id = state
        .engine()
        .start_analysis(StartAnalysis {
            config_source: ConfigSource::AdHoc {
                config: body.canary_config,
            },
            request: body.execution_request,
            user: params.user,
            application: params.application,
            parent_pipeline_execution_id: params.parent_pipeline_execution_id,
            metrics_account: params.metrics_account_name,
            storage_account: params.storage_account_name,
        })
        .await?;
    Ok(Json(Started {
        canary_analysis_execution_id,
    }))
}

/// Where an analysis stands
///
/// 200 for running, failed and finished ones alike. Analyses no longer kept are read from the archive.
#[utoipa::path(
    get, path = "/standalone_canary_analysis/{id}", tag = "standalone-canary-analysis-controller",
    operation_id = "getCanaryAnalysisExecution",
    params(("id" = String, Path, description = "Id of the analysis"), StorageParams),
    responses(
        (status = 200, description = "The analysis", body = schemas::CanaryAnalysisExecutionStatusResponse),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageParams>,
) -> Result<Json<AnalysisStatusResponse>, ApiError> {
    let storage = params.storage_account_name.as_deref();
    Ok(Json(state.engine().analysis_status(&id, storage).await?))
}

//! `/standalone_canary_analysis`: series of runs over a lifetime.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderValue, header};
use kayenta_engine::{ConfigSource, StartAnalysis};
use kayenta_model::{
    AnalysisAdhocRequest, AnalysisRequest, AnalysisStatusResponse, explanation::AnalysisExplanation,
};
use kayenta_web::{
    JsonBody, Params, WrittenBody, json,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    account_params::{ConfigurationAccount, RunParams, StorageAccount},
    canary_config::{threshold_warnings_of, warnings_of},
};
use crate::{error::ApiError, state::ApiState};

/// User and application of an analysis.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalysisParams {
    /// User who starts the analysis.
    #[param(default = "anonymous")]
    user: Option<String>,
    /// Application of the analysis.
    #[param(default = "ad-hoc")]
    application: Option<String>,
}

/// The id of an analysis.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryAnalysisExecutionResponse {
    /// Id of the analysis, a ULID.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    canary_analysis_execution_id: String,
    /// What was accepted although it has no effect: unknown fields of metrics, their queries and settings. Absent if
    /// there is nothing of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// Run an analysis with a stored config
///
/// Runs canaries at an interval over a lifetime and returns one result. A request that cannot be planned
/// is reported as a failed analysis.
#[utoipa::path(
    post, path = "/standalone_canary_analysis/{id}", tag = "standalone-canary-analysis-controller",
    operation_id = "initiateCanaryAnalysis",
    params(("id" = String, Path, description = "Id of the config"), AnalysisParams, RunParams, ConfigurationAccount),
    request_body = AnalysisRequest,
    responses(
        (status = 200, description = "Started", body = CanaryAnalysisExecutionResponse),
        Missing, BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    Path(config_id): Path<String>,
    Params(params): Params<AnalysisParams>,
    Params(run): Params<RunParams>,
    Params(account): Params<ConfigurationAccount>,
    JsonBody(request): JsonBody<AnalysisRequest>,
) -> Result<Json<CanaryAnalysisExecutionResponse>, ApiError> {
    start_analysis(
        &state,
        account.config(config_id),
        Some(request),
        params,
        run,
    )
    .await
}

/// Run an analysis with an inline config
///
/// Runs canaries at an interval over a lifetime and returns one result. A request that cannot be planned
/// is reported as a failed analysis.
#[utoipa::path(
    post, path = "/standalone_canary_analysis", tag = "standalone-canary-analysis-controller",
    operation_id = "initiateCanaryAnalysisWithConfig",
    params(AnalysisParams, RunParams),
    request_body = AnalysisAdhocRequest,
    responses(
        (status = 200, description = "Started", body = CanaryAnalysisExecutionResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn start_adhoc(
    State(state): State<ApiState>,
    Params(params): Params<AnalysisParams>,
    Params(run): Params<RunParams>,
    WrittenBody {
        value: body,
        written,
    }: WrittenBody<AnalysisAdhocRequest>,
) -> Result<Json<CanaryAnalysisExecutionResponse>, ApiError> {
    let source = ConfigSource::AdHoc {
        config: body.canary_config,
    };
    let Json(started) = start_analysis(&state, source, body.execution_request, params, run).await?;
    Ok(Json(CanaryAnalysisExecutionResponse {
        warnings: [warnings_of(&state, written).await, started.warnings].concat(),
        ..started
    }))
}

async fn start_analysis(
    state: &ApiState,
    config_source: ConfigSource,
    request: Option<AnalysisRequest>,
    params: AnalysisParams,
    run: RunParams,
) -> Result<Json<CanaryAnalysisExecutionResponse>, ApiError> {
    let thresholds = request.as_ref().and_then(|request| request.thresholds);
    let canary_analysis_execution_id = state
        .engine()
        .start_analysis(StartAnalysis {
            config_source,
            request,
            user: params.user,
            application: params.application,
            parent_pipeline_execution_id: run.parent_pipeline_execution_id,
            metrics_account: run.metrics_account_name,
            storage_account: run.storage_account_name,
        })
        .await?;
    Ok(Json(CanaryAnalysisExecutionResponse {
        canary_analysis_execution_id,
        warnings: threshold_warnings_of(thresholds.as_ref()),
    }))
}

/// Get the status of an analysis
///
/// 200 for analyses in progress, failed and finished ones alike. Analyses that are no longer kept are read
/// from the archive.
#[utoipa::path(
    get, path = "/standalone_canary_analysis/{id}", tag = "standalone-canary-analysis-controller",
    operation_id = "getCanaryAnalysisExecution",
    params(("id" = String, Path, description = "Id of the analysis"), StorageAccount),
    responses(
        (status = 200, description = "The analysis", body = AnalysisStatusResponse),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let storage = params.storage_account_name.as_deref();
    let status = state.engine().analysis_status(&id, storage).await?;
    let mut response = state.timed(status).await;
    if let Some(pages) = &state.options().analysis_pages {
        let page = utf8_percent_encode(&id, NON_ALPHANUMERIC);
        let link = format!("<{pages}/{page}>; rel=\"alternate\"; type=\"text/html\"");
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// Explain the newest verdict of an analysis
///
/// The explanation of the newest run that was judged, which decides the analysis;
/// `GET /canary/{id}/explanation` explains the other runs. 400 for an analysis without a verdict (yet).
#[utoipa::path(
    get, path = "/standalone_canary_analysis/{id}/explanation", tag = "standalone-canary-analysis-controller",
    operation_id = "explainCanaryAnalysis",
    params(("id" = String, Path, description = "Id of the analysis"), StorageAccount),
    responses(
        (status = 200, description = "The explanation", body = AnalysisExplanation),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn explanation(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<StorageAccount>,
) -> Result<Response, ApiError> {
    let storage = params.storage_account_name.as_deref();
    Ok(json(state.engine().explain_analysis(&id, storage).await?).await)
}

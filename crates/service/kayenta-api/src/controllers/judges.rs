//! `/judges`.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use kayenta_engine::{JudgeStoredPairs, StartComparison};
use kayenta_model::{
    CanaryJudgeResult, JudgeDescription, Thresholds, comparison::ComparisonStatus,
};
use kayenta_web::{
    FormParams, json, params,
    schemas::{CommonErrors, Missing},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::canary::CanaryExecutionResponse;
use crate::{error::ApiError, state::ApiState};

/// What to judge, and where it passes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct JudgeParams {
    /// Account that stores the config; the default account when absent or empty.
    configuration_account_name: Option<String>,
    /// Account that stores the metric set pair list; the default account when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the config.
    canary_config_id: String,
    /// Id of the metric set pair list.
    metric_set_pair_list_id: String,
    /// A score at or above it passes.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 95.0)]
    pass_threshold: f64,
    /// A score below it fails; between the two it is marginal.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 75.0)]
    marginal_threshold: f64,
}

/// What to judge twice, where it passes, and by whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareParams {
    /// Account that stores the config; the default account when absent or empty.
    configuration_account_name: Option<String>,
    /// Account that stores the metric set pair list; the default account when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the config.
    canary_config_id: String,
    /// Id of the metric set pair list.
    metric_set_pair_list_id: String,
    /// A score at or above it passes.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 95.0)]
    pass_threshold: f64,
    /// A score below it fails; between the two it is marginal.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 75.0)]
    marginal_threshold: f64,
    /// First judge; the judge of the config when absent.
    override_canary_judge1: Option<String>,
    /// Second judge; the judge of the config when absent.
    override_canary_judge2: Option<String>,
}

/// List the judges
///
/// The default judge comes first.
#[utoipa::path(
    get, path = "/judges", tag = "canary-judges-controller", operation_id = "listJudges",
    responses(
        (status = 200, description = "The judges", body = Vec<JudgeDescription>),
    )
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Vec<JudgeDescription>> {
    Json(state.engine().judges().list())
}

/// Judge a stored metric set pair list
#[utoipa::path(
    post, path = "/judges/judge", tag = "canary-judges-controller", operation_id = "judge",
    params(JudgeParams),
    responses(
        (status = 200, description = "The judgement", body = CanaryJudgeResult),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn judge(
    State(state): State<ApiState>,
    FormParams(params): FormParams<JudgeParams>,
) -> Result<Response, ApiError> {
    let result = state
        .engine()
        .judge_stored_pairs(JudgeStoredPairs {
            configuration_account: params.configuration_account_name,
            storage_account: params.storage_account_name,
            config_id: params.canary_config_id,
            pair_list_id: params.metric_set_pair_list_id,
            thresholds: Thresholds {
                pass: Some(params.pass_threshold),
                marginal: Some(params.marginal_threshold),
            },
        })
        .await?;
    Ok(json(result).await)
}

/// Compare two judges on a stored metric set pair list
///
/// Returns at once; `GET /judges/comparison/{executionId}` returns both judgements.
#[utoipa::path(
    post, path = "/judges/comparison", tag = "canary-judges-controller", operation_id = "compareJudges",
    params(CompareParams),
    responses(
        (status = 200, description = "Started", body = CanaryExecutionResponse),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn compare(
    State(state): State<ApiState>,
    FormParams(params): FormParams<CompareParams>,
) -> Result<Json<CanaryExecutionResponse>, ApiError> {
    let canary_execution_id = state
        .engine()
        .start_comparison(StartComparison {
            configuration_account: params.configuration_account_name,
            storage_account: params.storage_account_name,
            config_id: params.canary_config_id,
            pair_list_id: params.metric_set_pair_list_id,
            override_judge_1: params.override_canary_judge1,
            override_judge_2: params.override_canary_judge2,
            thresholds: Thresholds {
                pass: Some(params.pass_threshold),
                marginal: Some(params.marginal_threshold),
            },
        })
        .await?;
    Ok(Json(CanaryExecutionResponse {
        canary_execution_id,
        warnings: Vec::new(),
    }))
}

/// Get the judgements of a comparison
///
/// An empty object until both are made.
#[utoipa::path(
    get, path = "/judges/comparison/{executionId}", tag = "canary-judges-controller", operation_id = "getJudgeComparison",
    params(("executionId" = String, Path, description = "Id of the comparison")),
    responses(
        (status = 200, description = "The comparison", body = ComparisonStatus),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn comparison(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(json(state.engine().comparison_status(&id).await?).await)
}

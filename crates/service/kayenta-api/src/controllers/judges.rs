//! `/judges`.

use axum::{
    Json,
    extract::{Path, State},
};
use kayenta_engine::{JudgeStoredPairs, StartComparison};
use kayenta_judge::JudgeDescription;
use kayenta_model::{CanaryJudgeResult, Thresholds, comparison::ComparisonStatus};
use kayenta_web::{FormParams, params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::{error::ApiError, schemas, state::ApiState};

/// What to judge, and where it passes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct JudgeParams {
    /// Account that keeps the config; the default one when absent or empty.
    configuration_account_name: Option<String>,
    /// Account that keeps the pairs; the default one when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the config.
    canary_config_id: String,
    /// Id of the stored pair list.
    metric_set_pair_list_id: String,
    /// At or above it a score passes.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 95.0)]
    pass_threshold: f64,
    /// At or above it a score is marginal.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 75.0)]
    marginal_threshold: f64,
}

/// What to judge twice, where it passes, and by whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareParams {
    /// Account that keeps the config; the default one when absent or empty.
    configuration_account_name: Option<String>,
    /// Account that keeps the pairs; the default one when absent or empty.
    storage_account_name: Option<String>,
    /// Id of the config.
    canary_config_id: String,
    /// Id of the stored pair list.
    metric_set_pair_list_id: String,
    /// At or above it a score passes.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 95.0)]
    pass_threshold: f64,
    /// At or above it a score is marginal.
    #[serde(deserialize_with = "params::required")]
    #[param(example = 75.0)]
    marginal_threshold: f64,
    /// Judge of the first judgement; the config's when absent.
    override_canary_judge1: Option<String>,
    /// Judge of the second judgement; the config's when absent.
    override_canary_judge2: Option<String>,
}

/// The id of a comparison.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    canary_execution_id: String,
}

/// The judges configs may ask for, the default one first
#[utoipa::path(
    get, path = "/judges", tag = "canary-judges-controller", operation_id = "listJudges",
    responses(
        (status = 200, description = "The judges", body = Vec<schemas::JudgeDescription>),
    )
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Vec<JudgeDescription>> {
    Json(state.engine().judges().list())
}

/// Judges a stored pair list at once
#[utoipa::path(
    post, path = "/judges/judge", tag = "canary-judges-controller", operation_id = "judge",
    params(JudgeParams),
    responses(
        (status = 200, description = "The verdict", body = schemas::CanaryJudgeResult),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn judge(
    State(state): State<ApiState>,
    FormParams(params): FormParams<JudgeParams>,
) -> Result<Json<CanaryJudgeResult>, ApiError> {
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
    Ok(Json(result))
}

/// Judges a stored pair list twice
///
/// Answers at once; `GET /judges/comparison/{executionId}` has both verdicts.
#[utoipa::path(
    post, path = "/judges/comparison", tag = "canary-judges-controller", operation_id = "compareJudges",
    params(CompareParams),
    responses(
        (status = 200, description = "Started", body = schemas::CanaryExecutionResponse),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn compare(
    State(state): State<ApiState>,
    FormParams(params): FormParams<CompareParams>,
) -> Result<Json<Started>, ApiError> {
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
    Ok(Json(Started {
        canary_execution_id,
    }))
}

/// Both verdicts of a comparison
///
/// An empty object while it runs.
#[utoipa::path(
    get, path = "/judges/comparison/{executionId}", tag = "canary-judges-controller", operation_id = "getJudgeComparison",
    params(("executionId" = String, Path, description = "Id of the comparison")),
    responses(
        (status = 200, description = "The comparison", body = schemas::ComparisonStatus),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn comparison(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<ComparisonStatus>, ApiError> {
    Ok(Json(state.engine().comparison_status(&id).await?))
}

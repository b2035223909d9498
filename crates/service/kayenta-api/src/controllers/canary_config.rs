//! `/canaryConfig`.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use http::StatusCode;
use kayenta_limits::compute_short;
use kayenta_lint::{Problem, ServiceOffer, UNKNOWN_FIELD, config_problems, threshold_warnings};
use kayenta_model::{CanaryConfig, ConfigSummary, Thresholds};
use kayenta_web::{
    Params, WrittenBody, json, json_bytes,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::account_params::ConfigurationAccount;
use crate::{error::ApiError, state::ApiState};

/// Filter of a list of configs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only configs of these applications; all configs when absent.
    #[serde(default)]
    application: Vec<String>,
}

/// The id of a stored config.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryConfigUpdateResponse {
    /// Id of the config.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    canary_config_id: String,
    /// What was accepted although it has no effect: unknown fields of metrics, their queries and settings. Absent if
    /// there is nothing of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
    /// Every problem of the config, if the request asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<ConfigProblem>>,
}

/// What a writer wants reported.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProblemParams {
    /// Whether the response lists every problem of the config, as `kayenta lint` does. Nothing is refused for it.
    #[serde(default, deserialize_with = "kayenta_web::params::flag")]
    problems: bool,
}

/// A problem of a config.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfigProblem {
    /// JSON pointer (RFC 6901) of the field in the config.
    #[schema(example = "/metrics/0/scopeName")]
    pointer: String,
    /// `error` for what keeps a run from succeeding, `warning` for what has no effect or is probably not meant.
    #[schema(example = "warning")]
    level: &'static str,
    /// Name of the rule.
    #[schema(example = "unknown-field")]
    rule: &'static str,
    /// What is wrong and what to do about it.
    message: String,
    /// The known name that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<String>,
}

impl From<Problem> for ConfigProblem {
    fn from(problem: Problem) -> Self {
        Self {
            pointer: problem.pointer,
            level: problem.level.word(),
            rule: problem.rule,
            message: problem.message,
            nearest: problem.nearest,
        }
    }
}

/// Longer bodies are not looked at: a second reading of them would not fit into the memory they have been granted.
const LONGEST_CHECKED: usize = 1 << 20;

/// The problems of a config that was sent; `at` is its pointer in the body.
async fn problems_of(
    state: &ApiState,
    written: Bytes,
    at: &'static str,
    to_store: bool,
) -> Vec<Problem> {
    if written.len() > LONGEST_CHECKED {
        return Vec::new();
    }
    let engine = state.engine();
    let judges = engine.judges().judges().iter();
    let judges: Vec<String> = judges.map(|judge| judge.name().to_owned()).collect();
    let stores = engine.accounts().service_types();
    let problems = compute_short(move || {
        // What comes after the root value is ignored, as it was when the body was read.
        let mut body = serde_json::Deserializer::from_slice(&written);
        let body = serde_json::Value::deserialize(&mut body).unwrap_or_default();
        let Some(config) = body.pointer(at).filter(|config| !config.is_null()) else {
            return Vec::new();
        };
        let offer = ServiceOffer {
            judges: Some(&judges),
            stores: Some(&stores),
            to_store,
        };
        let problems = config_problems(config, &offer);
        let dropped = dropped(&problems);
        if !dropped.is_empty() {
            let name = config["name"].as_str().unwrap_or_default();
            tracing::warn!("canary config '{name}': {}", dropped.join("; "));
        }
        problems
    });
    // The config is stored or run as it is, whether or not it could be looked at.
    problems.await.unwrap_or_default()
}

/// C-API-29: the fields of metrics that are dropped, so that something else is judged than was meant.
fn dropped(problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .filter(|problem| problem.rule == UNKNOWN_FIELD && problem.pointer.starts_with("/metrics/"))
        .map(ToString::to_string)
        .collect()
}

/// C-API-29: what is said of a config that was sent along with a request.
pub(super) async fn warnings_of(state: &ApiState, written: Bytes) -> Vec<String> {
    dropped(&problems_of(state, written, "/canaryConfig", false).await)
}

/// C-API-30: what is said of the thresholds of a request.
pub(super) fn threshold_warnings_of(thresholds: Option<&Thresholds>) -> Vec<String> {
    let problems = thresholds.into_iter().flat_map(threshold_warnings);
    problems.map(|problem| problem.to_string()).collect()
}

/// The answer to a write.
async fn written_config(
    state: &ApiState,
    canary_config_id: String,
    written: Bytes,
    params: &ProblemParams,
) -> Json<CanaryConfigUpdateResponse> {
    let problems = problems_of(state, written, "", true).await;
    Json(CanaryConfigUpdateResponse {
        canary_config_id,
        warnings: dropped(&problems),
        problems: params
            .problems
            .then(|| problems.into_iter().map(ConfigProblem::from).collect()),
    })
}

/// List the configs
#[utoipa::path(
    get, path = "/canaryConfig", tag = "canary-config-controller", operation_id = "listCanaryConfigs",
    params(ConfigurationAccount, ListParams),
    responses(
        (status = 200, description = "The configs", body = Vec<ConfigSummary>),
        CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(account): Params<ConfigurationAccount>,
    Params(params): Params<ListParams>,
) -> Result<Response, ApiError> {
    let catalogue = state.catalogue(account.configuration_account_name.as_deref())?;
    Ok(json(catalogue.configs.list(&params.application).await?).await)
}

/// Get a config
#[utoipa::path(
    get, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "loadCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Id of the config"), ConfigurationAccount),
    responses(
        (status = 200, description = "The config", body = CanaryConfig),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigurationAccount>,
) -> Result<Response, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    Ok(json_bytes(catalogue.rendered(&id).await?))
}

/// Create a config
///
/// It requires a name of letters, digits, `-` and `_` that no other config of its applications has, at
/// least one application, and metrics with distinct names. An absent `id` is generated.
#[utoipa::path(
    post, path = "/canaryConfig", tag = "canary-config-controller", operation_id = "storeCanaryConfig",
    params(ConfigurationAccount, ProblemParams),
    request_body = CanaryConfig,
    responses(
        (status = 200, description = "Stored", body = CanaryConfigUpdateResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Params(params): Params<ConfigurationAccount>,
    Params(problems): Params<ProblemParams>,
    WrittenBody {
        value: config,
        written,
    }: WrittenBody<CanaryConfig>,
) -> Result<Json<CanaryConfigUpdateResponse>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let id = catalogue.configs.create(config).await?;
    Ok(written_config(&state, id, written, &problems).await)
}

/// Replace a config
///
/// The id of the path takes precedence over that of the body. Without a `createdTimestamp` in the body,
/// the stored one is kept.
#[utoipa::path(
    put, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "updateCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Id of the config"), ConfigurationAccount, ProblemParams),
    request_body = CanaryConfig,
    responses(
        (status = 200, description = "Stored", body = CanaryConfigUpdateResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigurationAccount>,
    Params(problems): Params<ProblemParams>,
    WrittenBody {
        value: config,
        written,
    }: WrittenBody<CanaryConfig>,
) -> Result<Json<CanaryConfigUpdateResponse>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let id = catalogue.configs.update(&id, config).await?;
    Ok(written_config(&state, id, written, &problems).await)
}

/// Delete a config
///
/// Runs in progress keep the config they were started with. 400 if there is no config under the id.
#[utoipa::path(
    delete, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "deleteCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Id of the config"), ConfigurationAccount),
    responses((status = 204, description = "Deleted"), CommonErrors)
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigurationAccount>,
) -> Result<StatusCode, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    match catalogue.configs.delete(&id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from(error).missing_as_bad_request()),
    }
}

//! `/canaryConfig`.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_model::{CanaryConfig, ConfigSummary};
use kayenta_web::{
    JsonBody, Params,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{account_params::ConfigurationAccount, json_response::json_bytes};
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
    /// What was accepted although it has no effect, such as unknown fields of a query. Absent if there is
    /// nothing of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// C-API-29: what the queries of a config have that has no effect, also on the log.
pub(super) fn unread_query_fields(config: &CanaryConfig) -> Vec<String> {
    let warnings = config.unread_query_fields();
    if !warnings.is_empty() {
        let name = config.name.as_deref().unwrap_or_default();
        tracing::warn!("canary config '{name}': {}", warnings.join("; "));
    }
    warnings
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
) -> Result<Json<Vec<ConfigSummary>>, ApiError> {
    let catalogue = state.catalogue(account.configuration_account_name.as_deref())?;
    Ok(Json(catalogue.configs.list(&params.application).await?))
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
    params(ConfigurationAccount),
    request_body = CanaryConfig,
    responses(
        (status = 200, description = "Stored", body = CanaryConfigUpdateResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Params(params): Params<ConfigurationAccount>,
    JsonBody(config): JsonBody<CanaryConfig>,
) -> Result<Json<CanaryConfigUpdateResponse>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let warnings = unread_query_fields(&config);
    let canary_config_id = catalogue.configs.create(config).await?;
    Ok(Json(CanaryConfigUpdateResponse {
        canary_config_id,
        warnings,
    }))
}

/// Replace a config
///
/// The id of the path takes precedence over that of the body. Without a `createdTimestamp` in the body,
/// the stored one is kept.
#[utoipa::path(
    put, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "updateCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Id of the config"), ConfigurationAccount),
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
    JsonBody(config): JsonBody<CanaryConfig>,
) -> Result<Json<CanaryConfigUpdateResponse>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let warnings = unread_query_fields(&config);
    let canary_config_id = catalogue.configs.update(&id, config).await?;
    Ok(Json(CanaryConfigUpdateResponse {
        canary_config_id,
        warnings,
    }))
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

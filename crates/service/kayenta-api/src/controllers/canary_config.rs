//! `/canaryConfig`.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_model::CanaryConfig;
use kayenta_storage::ConfigSummary;
use kayenta_web::{JsonBody, Params};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::json_response::json_bytes;
use crate::{error::ApiError, schemas, state::ApiState};

/// Which configuration account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigParams {
    /// Account that keeps configs; the default one when absent or empty.
    configuration_account_name: Option<String>,
}

/// Which configs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Account that keeps configs; the default one when absent or empty.
    configuration_account_name: Option<String>,
    /// Only configs of any of these applications; all when absent.
    #[serde(default)]
    application: Vec<String>,
}

/// The id of a stored config.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    canary_config_id: String,
}

/// The configs, by name
#[utoipa::path(
    get, path = "/canaryConfig", tag = "canary-config-controller", operation_id = "listCanaryConfigs",
    params(ListParams),
    responses(
        (status = 200, description = "The configs", body = Vec<schemas::CanaryConfigSummary>),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Params(params): Params<ListParams>,
) -> Result<Json<Vec<ConfigSummary>>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    Ok(Json(catalogue.configs.list(&params.application).await?))
}

/// One config
#[utoipa::path(
    get, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "loadCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Its id"), ConfigParams),
    responses(
        (status = 200, description = "The config", body = schemas::CanaryConfig),
        schemas::Missing, schemas::CommonErrors,
    )
)]
pub(crate) async fn load(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigParams>,
) -> Result<Response, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    Ok(json_bytes(catalogue.rendered(&id).await?))
}

/// Stores a new config
///
/// It must have a name of letters, digits, `-` and `_` that no other config of its applications has,
/// at least one application, and metrics with distinct names. An absent `id` is drawn.
#[utoipa::path(
    post, path = "/canaryConfig", tag = "canary-config-controller", operation_id = "storeCanaryConfig",
    params(ConfigParams),
    request_body = schemas::CanaryConfig,
    responses(
        (status = 200, description = "Stored", body = schemas::CanaryConfigUpdateResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Params(params): Params<ConfigParams>,
    JsonBody(config): JsonBody<CanaryConfig>,
) -> Result<Json<Stored>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let canary_config_id = catalogue.configs.create(config).await?;
    Ok(Json(Stored { canary_config_id }))
}

/// Overwrites a config
///
/// The id of the path is the id of the config, whatever the body says. `createdTimestamp` is carried
/// over when the body leaves it out.
#[utoipa::path(
    put, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "updateCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Its id"), ConfigParams),
    request_body = schemas::CanaryConfig,
    responses(
        (status = 200, description = "Stored", body = schemas::CanaryConfigUpdateResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigParams>,
    JsonBody(config): JsonBody<CanaryConfig>,
) -> Result<Json<Stored>, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    let canary_config_id = catalogue.configs.update(&id, config).await?;
    Ok(Json(Stored { canary_config_id }))
}

/// Removes a config
///
/// Runs that have begun keep the config they were started with. A missing config is a 400.
#[utoipa::path(
    delete, path = "/canaryConfig/{canaryConfigId}", tag = "canary-config-controller", operation_id = "deleteCanaryConfig",
    params(("canaryConfigId" = String, Path, description = "Its id"), ConfigParams),
    responses((status = 204, description = "Removed"), schemas::CommonErrors)
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<ConfigParams>,
) -> Result<StatusCode, ApiError> {
    let catalogue = state.catalogue(params.configuration_account_name.as_deref())?;
    match catalogue.configs.delete(&id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from(error).missing_as_bad_request()),
    }
}

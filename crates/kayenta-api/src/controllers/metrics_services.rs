//! `/metricsServices` and `/metadata/metricsService`: where metrics come from and which there are.

use axum::{Json, extract::State};
use kayenta_model::AccountType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;

use crate::{error::ApiError, params::Params, schemas, state::ApiState};

/// A metric store account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricsService {
    name: String,
    r#type: String,
    recommended_locations: Vec<String>,
    locations: Vec<String>,
}

/// Which metrics of which account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct MetadataParams {
    /// Account asked; the default one when absent or empty.
    #[param(example = "canary-prometheus")]
    metrics_account_name: Option<String>,
    /// Part of the name, any case; all when absent.
    #[param(example = "http")]
    filter: Option<String>,
}

/// The metric store accounts
#[utoipa::path(
    get, path = "/metricsServices", tag = "accounts", operation_id = "listMetricsServices",
    responses(
        (status = 200, description = "The accounts", body = Vec<schemas::MetricsServiceDetail>),
        (status = 406, description = "The caller accepts no JSON"),
    )
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Vec<MetricsService>> {
    let accounts = state.accounts().all();
    Json(
        accounts
            .iter()
            .filter(|account| account.supports(AccountType::MetricsStore))
            .map(|account| MetricsService {
                name: account.name.clone(),
                r#type: account.kind.clone(),
                recommended_locations: account.recommended_locations.clone(),
                locations: account.locations.clone(),
            })
            .collect(),
    )
}

/// The metrics a store knows
#[utoipa::path(
    get, path = "/metadata/metricsService", tag = "accounts", operation_id = "queryMetricsServiceMetadata",
    params(MetadataParams),
    responses(
        (status = 200, description = "The metrics", body = Vec<schemas::MetricDescriptor>),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn metadata(
    State(state): State<ApiState>,
    Params(params): Params<MetadataParams>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let account = state.account(
        params.metrics_account_name.as_deref(),
        AccountType::MetricsStore,
    )?;
    let store = state.accounts().metrics_store(&account)?;
    let filter = params.filter.unwrap_or_default();
    Ok(Json(store.metadata(&filter).await?))
}

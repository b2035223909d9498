//! `/metricsServices` and `/metadata/metricsService`: where metrics come from and which there are.

use axum::{Json, extract::State, response::IntoResponse};
use http::header;
use kayenta_model::AccountType;
use kayenta_web::{Params, schemas::CommonErrors};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{error::ApiError, schemas, state::ApiState};

/// A metric store account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "canary-prometheus", "type": "prometheus", "recommendedLocations": [], "locations": [],
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricsServiceDetail {
    /// The name requests use.
    name: String,
    /// Kind of the account.
    r#type: String,
    /// The locations user interfaces should offer first.
    recommended_locations: Vec<String>,
    /// The locations it knows.
    locations: Vec<String>,
}

/// Which metrics of which account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct MetadataParams {
    /// Account to query; the default account when absent or empty.
    metrics_account_name: Option<String>,
    /// Part of the name, in any case; all metrics when absent.
    filter: Option<String>,
}

/// List the metric store accounts
#[utoipa::path(
    get, path = "/metricsServices", tag = "metrics-services-controller", operation_id = "listMetricsServices",
    responses(
        (status = 200, description = "The accounts", body = Vec<MetricsServiceDetail>),
    )
)]
pub(crate) async fn list(State(state): State<ApiState>) -> Json<Vec<MetricsServiceDetail>> {
    let accounts = state.accounts().all();
    Json(
        accounts
            .iter()
            .filter(|account| account.supports(AccountType::MetricsStore))
            .map(|account| MetricsServiceDetail {
                name: account.name.clone(),
                r#type: account.kind.clone(),
                recommended_locations: account.recommended_locations.clone(),
                locations: account.known_locations(),
            })
            .collect(),
    )
}

/// List the metrics of a metric store
///
/// For stores that can list their metrics, from a list that is refreshed in the background.
#[utoipa::path(
    get, path = "/metadata/metricsService", tag = "metrics-service-metadata-controller", operation_id = "queryMetricsServiceMetadata",
    params(MetadataParams),
    responses(
        (
            status = 200, description = "The metrics", body = Vec<schemas::MetricDescriptor>,
            headers(("Age" = u64, description = "Age of the list in seconds; absent if the store was queried for this response")),
        ),
        CommonErrors,
    )
)]
pub(crate) async fn metadata(
    State(state): State<ApiState>,
    Params(params): Params<MetadataParams>,
) -> Result<impl IntoResponse, ApiError> {
    let account = state.account(
        params.metrics_account_name.as_deref(),
        AccountType::MetricsStore,
    )?;
    let store = state.accounts().metrics_store(&account)?;
    let filter = params.filter.unwrap_or_default();
    let found = store.metadata(&filter).await?;
    // A store that cannot be reached keeps its last list; the caller sees how old it is (C-META-01).
    let age = found
        .age
        .map(|age| [(header::AGE, age.as_secs().to_string())]);
    Ok((age, Json(found.entries)))
}

//! `/metricSetList` and `/metricSetPairList`: fetched series, looked at and put in by hand.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use kayenta_model::{ListedObject, MetricSet, MetricSetPair};
use kayenta_storage::{ObjectKind, Series, WriteCondition};
use kayenta_web::{
    ErrorResponse, JsonBody, Params, json,
    schemas::{BodyErrors, CommonErrors, Missing},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{error::ApiError, state::ApiState};

/// Which storage account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountParams {
    /// Account that stores the series; the default account when absent or empty.
    account_name: Option<String>,
}

/// The id of a stored metric set list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricSetListResponse {
    /// Id of the list, a UUID.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    metric_set_list_id: String,
}

/// The id of a stored metric set pair list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricSetPairListResponse {
    /// Id of the list, a UUID.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    metric_set_pair_list_id: String,
}

/// List the metric set lists
#[utoipa::path(
    get, path = "/metricSetList", tag = "metric-set-list-controller", operation_id = "listMetricSetLists",
    params(AccountParams),
    responses(
        (status = 200, description = "The lists", body = Vec<ListedObject>),
        CommonErrors,
    )
)]
pub(crate) async fn list_sets(
    State(state): State<ApiState>,
    Params(params): Params<AccountParams>,
) -> Result<Response, ApiError> {
    list(&state, &params, ObjectKind::MetricSetList).await
}

/// Store a metric set list
#[utoipa::path(
    post, path = "/metricSetList", tag = "metric-set-list-controller", operation_id = "storeMetricSetList",
    params(AccountParams),
    request_body = Vec<MetricSet>,
    responses(
        (status = 200, description = "Stored", body = MetricSetListResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn store_sets(
    State(state): State<ApiState>,
    Params(params): Params<AccountParams>,
    JsonBody(sets): JsonBody<Vec<MetricSet>>,
) -> Result<Json<MetricSetListResponse>, ApiError> {
    let metric_set_list_id = store(&state, &params, ObjectKind::MetricSetList, sets).await?;
    Ok(Json(MetricSetListResponse { metric_set_list_id }))
}

/// Get a metric set list
#[utoipa::path(
    get, path = "/metricSetList/{metricSetListId}", tag = "metric-set-list-controller", operation_id = "loadMetricSetList",
    params(("metricSetListId" = String, Path, description = "Id of the list"), AccountParams),
    responses(
        (status = 200, description = "The list", body = Vec<MetricSet>),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load_sets(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<AccountParams>,
) -> Result<Response, ApiError> {
    series::<MetricSet>(&state, &params, ObjectKind::MetricSetList, &id).await
}

/// Delete a metric set list
#[utoipa::path(
    delete, path = "/metricSetList/{metricSetListId}", tag = "metric-set-list-controller", operation_id = "deleteMetricSetList",
    params(("metricSetListId" = String, Path, description = "Id of the list"), AccountParams),
    responses((status = 204, description = "Deleted"), CommonErrors)
)]
pub(crate) async fn delete_sets(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<AccountParams>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &params, ObjectKind::MetricSetList, &id).await
}

/// List the metric set pair lists
#[utoipa::path(
    get, path = "/metricSetPairList", tag = "metric-set-pair-list-controller", operation_id = "listMetricSetPairLists",
    params(AccountParams),
    responses(
        (status = 200, description = "The lists", body = Vec<ListedObject>),
        CommonErrors,
    )
)]
pub(crate) async fn list_pairs(
    State(state): State<ApiState>,
    Params(params): Params<AccountParams>,
) -> Result<Response, ApiError> {
    list(&state, &params, ObjectKind::MetricSetPairList).await
}

/// Store a metric set pair list
#[utoipa::path(
    post, path = "/metricSetPairList", tag = "metric-set-pair-list-controller", operation_id = "storeMetricSetPairList",
    params(AccountParams),
    request_body = Vec<MetricSetPair>,
    responses(
        (status = 200, description = "Stored", body = MetricSetPairListResponse),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn store_pairs(
    State(state): State<ApiState>,
    Params(params): Params<AccountParams>,
    JsonBody(pairs): JsonBody<Vec<MetricSetPair>>,
) -> Result<Json<MetricSetPairListResponse>, ApiError> {
    let metric_set_pair_list_id =
        store(&state, &params, ObjectKind::MetricSetPairList, pairs).await?;
    Ok(Json(MetricSetPairListResponse {
        metric_set_pair_list_id,
    }))
}

/// Get a metric set pair list
#[utoipa::path(
    get, path = "/metricSetPairList/{metricSetPairListId}", tag = "metric-set-pair-list-controller",
    operation_id = "loadMetricSetPairList",
    params(("metricSetPairListId" = String, Path, description = "Id of the list"), AccountParams),
    responses(
        (status = 200, description = "The list", body = Vec<MetricSetPair>),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load_pairs(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<AccountParams>,
) -> Result<Response, ApiError> {
    series::<MetricSetPair>(&state, &params, ObjectKind::MetricSetPairList, &id).await
}

/// Get one pair of a metric set pair list
#[utoipa::path(
    get, path = "/metricSetPairList/{metricSetPairListId}/{metricSetPairId}", tag = "metric-set-pair-list-controller",
    operation_id = "loadMetricSetPair",
    params(
        ("metricSetPairListId" = String, Path, description = "Id of the list"),
        ("metricSetPairId" = String, Path, description = "Id of the pair"),
        AccountParams,
    ),
    responses(
        (status = 200, description = "The pair", body = MetricSetPair),
        Missing, CommonErrors,
    )
)]
pub(crate) async fn load_pair(
    State(state): State<ApiState>,
    Path((list_id, pair_id)): Path<(String, String)>,
    Params(params): Params<AccountParams>,
) -> Result<Response, ApiError> {
    let objects = state.objects(params.account_name.as_deref())?;
    match objects.load_pair(&list_id, &pair_id).await? {
        Some(pair) => Ok(json(pair).await),
        None => {
            let message = format!("Metric set pair list {list_id} has no pair {pair_id}.");
            Err(ErrorResponse::not_found(message).into())
        }
    }
}

/// Delete a metric set pair list
#[utoipa::path(
    delete, path = "/metricSetPairList/{metricSetPairListId}", tag = "metric-set-pair-list-controller",
    operation_id = "deleteMetricSetPairList",
    params(("metricSetPairListId" = String, Path, description = "Id of the list"), AccountParams),
    responses((status = 204, description = "Deleted"), CommonErrors)
)]
pub(crate) async fn delete_pairs(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Params(params): Params<AccountParams>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &params, ObjectKind::MetricSetPairList, &id).await
}

/// The response with a list of series. A large one is read from its store as the client takes it.
async fn series<T: DeserializeOwned + Serialize + Send + 'static>(
    state: &ApiState,
    params: &AccountParams,
    kind: ObjectKind,
    id: &str,
) -> Result<Response, ApiError> {
    let objects = state.objects(params.account_name.as_deref())?;
    let stream = match objects.load_series::<T>(kind, id).await? {
        Series::Read(list) => return Ok(json(list).await),
        Series::Text(stream) => stream,
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        // Shows also a client that cannot tell an end from a broken connection that something is missing.
        (header::CONTENT_LENGTH, stream.size.into()),
    ];
    Ok((headers, Body::from_stream(stream.pieces)).into_response())
}

async fn list(
    state: &ApiState,
    params: &AccountParams,
    kind: ObjectKind,
) -> Result<Response, ApiError> {
    let objects = state.objects(params.account_name.as_deref())?;
    let listing = objects.list(kind).await?;
    let listing: Vec<_> = listing.into_iter().map(ListedObject::from).collect();
    Ok(json(listing).await)
}

async fn store<T: Serialize + Send + 'static>(
    state: &ApiState,
    params: &AccountParams,
    kind: ObjectKind,
    document: T,
) -> Result<String, ApiError> {
    let objects = state.objects(params.account_name.as_deref())?;
    let id = state.ids().uuid();
    objects
        .store(kind, &id, None, document, WriteCondition::Always)
        .await?;
    Ok(id)
}

async fn delete(
    state: &ApiState,
    params: &AccountParams,
    kind: ObjectKind,
    id: &str,
) -> Result<StatusCode, ApiError> {
    let objects = state.objects(params.account_name.as_deref())?;
    match objects.delete(kind, id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from(error).missing_as_bad_request()),
    }
}

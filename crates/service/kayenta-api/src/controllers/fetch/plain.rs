//! The stores without templates: Graphite, Wavefront, InfluxDB, Atlas.

use axum::{Json, extract::State};
use kayenta_model::{
    CanaryScope, QueryConfig,
    query::{AtlasQuery, GraphiteQuery, InfluxDbQuery, WavefrontQuery},
};
use kayenta_web::{ErrorResponse, FormParams, params, schemas::CommonErrors};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Defaults, END_REQUIRED, Fetch, Fetched, START_REQUIRED, bindings, fetch_params, time};
use crate::{controllers::metric_sets::MetricSetListResponse, error::ApiError, state::ApiState};

fetch_params! {
    /// A Graphite query. Empty `scope`, `start`, `end` take the test-controller defaults.
    GraphiteParams {
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Target with `$scope` and `$location`.
        #[param(example = "system.$location.$scope")]
        metric_name: String,
        /// Start of the window in ISO-8601.
        start: String,
        /// End of the window in ISO-8601.
        end: String,
        /// Bound as `$scope`.
        scope: Option<String>,
        /// Bound as `$location`.
        location: Option<String>,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a Graphite query
#[utoipa::path(
    post, path = "/fetch/graphite/query", tag = "fetch", operation_id = "queryGraphite",
    params(GraphiteParams),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        CommonErrors,
    )
)]
pub(crate) async fn graphite(
    State(state): State<ApiState>,
    FormParams(params): FormParams<GraphiteParams>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "graphite");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        location: params.location,
        start: defaults.needed_time(Some(params.start), "start", START_REQUIRED)?,
        end: defaults.needed_time(Some(params.end), "end", END_REQUIRED)?,
        ..CanaryScope::default()
    };
    let query = QueryConfig::Graphite(GraphiteQuery {
        metric_name: Some(params.metric_name),
    });
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: params.dry_run,
    };
    fetch.query(&state, params.metric_set_name, query).await
}

fetch_params! {
    /// A Wavefront query.
    WavefrontParams {
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Name of the time series.
        metric_name: String,
        /// Aggregating function around the series.
        aggregate: Option<String>,
        /// How the points of one step are summarised: `MEAN`, `MEDIAN`, `MIN`, `MAX`, `SUM`, `COUNT`,
        /// `FIRST`, `LAST`; `MEAN` when absent.
        // C-API-07: the reference's parameter is called by its list of values, by mistake.
        #[serde(alias = "[MEAN, MEDIAN, MIN, MAX, SUM, COUNT, FIRST, LAST]")]
        summarization: Option<String>,
        /// Inserted into the filter of the query.
        scope: Option<String>,
        /// Start of the window in ISO-8601.
        start: String,
        /// End of the window in ISO-8601.
        end: String,
        /// Step between data points: `s`, `m`, `h` or `d`.
        #[param(example = "m")]
        step: String,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a Wavefront query
#[utoipa::path(
    post, path = "/fetch/wavefront/query", tag = "fetch", operation_id = "queryWavefront",
    params(WavefrontParams),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        CommonErrors,
    )
)]
pub(crate) async fn wavefront(
    State(state): State<ApiState>,
    FormParams(params): FormParams<WavefrontParams>,
) -> Result<Json<Fetched>, ApiError> {
    let step = match params.step.as_str() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => {
            return Err(ErrorResponse::bad_request(format!(
                "Parameter 'step': '{other}' is none of s, m, h, d."
            ))
            .into());
        }
    };
    let scope = CanaryScope {
        scope: Some(params.scope.unwrap_or_default()),
        start: Some(time(&params.start)?),
        end: Some(time(&params.end)?),
        step: Some(step),
        ..CanaryScope::default()
    };
    let query = QueryConfig::Wavefront(WavefrontQuery {
        metric_name: Some(params.metric_name),
        summarization: Some(
            params
                .summarization
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "MEAN".to_owned()),
        ),
        aggregate: Some(params.aggregate.unwrap_or_default()),
    });
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: params.dry_run,
    };
    fetch.query(&state, params.metric_set_name, query).await
}

fetch_params! {
    /// An InfluxDB query. Empty `scope`, `start`, `end` take the test-controller defaults.
    InfluxDbParams {
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Measurement.
        metric_name: String,
        /// Fields of the measurement.
        fields: Option<Vec<String>>,
        /// A `key:value` filter.
        scope: Option<String>,
        /// Start of the window in ISO-8601.
        start: Option<String>,
        /// End of the window in ISO-8601.
        end: Option<String>,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
    }
}

/// Run an InfluxDB query
#[utoipa::path(
    post, path = "/fetch/influxdb/query", tag = "fetch", operation_id = "queryInfluxDb",
    params(InfluxDbParams),
    responses(
        (status = 200, description = "The series are stored", body = MetricSetListResponse),
        CommonErrors,
    )
)]
pub(crate) async fn influxdb(
    State(state): State<ApiState>,
    FormParams(params): FormParams<InfluxDbParams>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "influxdb");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        start: defaults.needed_time(params.start, "start", START_REQUIRED)?,
        end: defaults.needed_time(params.end, "end", END_REQUIRED)?,
        step: Some(params.step),
        ..CanaryScope::default()
    };
    let query = QueryConfig::InfluxDb(InfluxDbQuery {
        metric_name: Some(params.metric_name),
        fields: params.fields,
        ..InfluxDbQuery::default()
    });
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: false,
    };
    fetch.query(&state, params.metric_set_name, query).await
}

fetch_params! {
    /// An Atlas query.
    AtlasParams {
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Expression in the Atlas stack language.
        #[param(example = "name,CpuRawUser,:eq,:sum")]
        q: String,
        /// Type of the scope.
        #[param(example = "cluster")]
        r#type: String,
        /// Name of the deployment.
        #[param(example = "web-main")]
        scope: String,
        /// A back end, as `GET /credentials` lists them under `locations`.
        #[param(example = "us-east-1.main")]
        location: String,
        /// Start of the window in ISO-8601.
        #[param(example = "2020-11-20T23:00:00Z")]
        start: String,
        /// End of the window in ISO-8601.
        #[param(example = "2020-11-21T00:00:00Z")]
        end: String,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 300)]
        step: i64,
    }
}

/// Run an Atlas query
#[utoipa::path(
    post, path = "/fetch/atlas/query", tag = "fetch", operation_id = "queryAtlas",
    params(AtlasParams),
    responses(
        (status = 200, description = "The series are stored", body = MetricSetListResponse),
        CommonErrors,
    )
)]
pub(crate) async fn atlas(
    State(state): State<ApiState>,
    FormParams(params): FormParams<AtlasParams>,
) -> Result<Json<Fetched>, ApiError> {
    let scope = CanaryScope {
        scope: Some(params.scope),
        location: Some(params.location),
        start: Some(time(&params.start)?),
        end: Some(time(&params.end)?),
        step: Some(params.step),
        // Without the values a canary's scope has by default: here a location is a whole target.
        extended_scope_params: bindings([
            ("type", Some(params.r#type)),
            ("deployment", Some(String::new())),
            ("dataset", Some(String::new())),
            ("environment", Some(String::new())),
        ]),
    };
    let query = QueryConfig::Atlas(AtlasQuery { q: Some(params.q) });
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: false,
    };
    fetch.query(&state, params.metric_set_name, query).await
}

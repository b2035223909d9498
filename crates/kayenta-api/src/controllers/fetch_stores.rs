//! The fetch route of each metric store: its parameters, and how they make a query and a scope.

use axum::{Json, extract::State};
use indexmap::IndexMap;
use kayenta_model::{
    CanaryConfig, CanaryScope, MetricConfig, QueryConfig, lenient,
    query::{
        AtlasQuery, DatadogQuery, GraphiteQuery, InfluxdbQuery, PrometheusQuery, StackdriverQuery,
        WavefrontQuery,
    },
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::fetch::{Defaults, END_REQUIRED, Fetch, Fetched, START_REQUIRED, bindings, time};
use crate::{
    error::ApiError,
    json_body::JsonBody,
    params::{self, FormParams, Params},
    schemas,
    state::ApiState,
};

macro_rules! fetch_params {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase")]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Account asked; the default one when absent or empty.
            metrics_account_name: Option<String>,
            /// Account that keeps the series; the default one when absent or empty.
            storage_account_name: Option<String>,
            $($fields)*
        }
    };
}

fetch_params! {
    /// A Prometheus query. Empty `project` to `end` take the test-controller defaults.
    PrometheusParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Name of the time series.
        #[param(example = "node_cpu")]
        metric_name: String,
        /// Labels to group by.
        group_by_fields: Option<Vec<String>>,
        /// Bound as `${project}`.
        project: Option<String>,
        /// Kind of resource the default filter is for.
        #[param(example = "gce_instance")]
        resource_type: Option<String>,
        /// Bound as `${location}`.
        location: Option<String>,
        /// Bound as `${scope}`.
        scope: Option<String>,
        /// Label matchers.
        #[param(example = json!(["mode=~\"user|system\""]))]
        label_bindings: Option<Vec<String>>,
        /// First moment in ISO-8601.
        #[param(example = "2024-01-01T00:00:00Z")]
        start: Option<String>,
        /// Last moment in ISO-8601.
        #[param(example = "2024-01-01T01:00:00Z")]
        end: Option<String>,
        /// Distance of points in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
        /// A filter, or after `PromQL:` a whole query.
        custom_filter: Option<String>,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Tries out a Prometheus query
#[utoipa::path(
    post, path = "/fetch/prometheus/query", tag = "fetch", operation_id = "queryPrometheus",
    params(PrometheusParams),
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn prometheus(
    State(state): State<ApiState>,
    FormParams(params): FormParams<PrometheusParams>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "prometheus");
    let resource_type = defaults.or(params.resource_type, "resourceType");
    let project = defaults.or(params.project, "project");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        location: defaults.or(params.location, "location"),
        start: defaults.time(params.start, "start")?,
        end: defaults.time(params.end, "end")?,
        step: Some(params.step),
        extended_scope_params: bindings([
            ("project", project),
            ("resourceType", resource_type.clone()),
        ]),
    };
    let query = QueryConfig::Prometheus(PrometheusQuery {
        resource_type,
        metric_name: Some(params.metric_name),
        label_bindings: params.label_bindings,
        group_by_fields: params.group_by_fields,
        custom_inline_template: params.custom_filter.filter(|filter| !filter.is_empty()),
        ..PrometheusQuery::default()
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
    /// A Stackdriver query. Empty `project` to `endTimeIso` take the test-controller defaults.
    StackdriverParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Type of the metric.
        #[param(example = "compute.googleapis.com/instance/cpu/utilization")]
        metric_type: String,
        /// Fields to group by.
        group_by_fields: Option<Vec<String>>,
        /// Google project.
        project: Option<String>,
        /// Monitored resource type.
        #[param(example = "gce_instance")]
        resource_type: Option<String>,
        /// Bound as `${location}`.
        location: Option<String>,
        /// Bound as `${scope}`.
        scope: Option<String>,
        /// First moment in ISO-8601.
        #[param(example = "2024-01-01T00:00:00Z")]
        start_time_iso: Option<String>,
        /// Last moment in ISO-8601.
        #[param(example = "2024-01-01T01:00:00Z")]
        end_time_iso: Option<String>,
        /// Distance of points in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 3600)]
        step: i64,
        /// A filter of its own.
        custom_filter: Option<String>,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Tries out a Stackdriver query
///
/// The body holds further template bindings; `{}` for none.
#[utoipa::path(
    post, path = "/fetch/stackdriver/query", tag = "fetch", operation_id = "queryStackdriver",
    params(StackdriverParams),
    request_body(content = std::collections::BTreeMap<String, String>, example = json!({})),
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn stackdriver(
    State(state): State<ApiState>,
    Params(params): Params<StackdriverParams>,
    JsonBody(Bindings(mut further)): JsonBody<Bindings>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "stackdriver");
    let resource_type = defaults.or(params.resource_type, "resourceType");
    if let Some(project) = defaults.or(params.project, "project") {
        further.insert("project".to_owned(), project);
    }
    if let Some(resource_type) = &resource_type {
        further
            .entry("resourceType".to_owned())
            .or_insert_with(|| resource_type.clone());
    }
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        location: defaults.or(params.location, "location"),
        start: defaults.time(params.start_time_iso, "start")?,
        end: defaults.time(params.end_time_iso, "end")?,
        step: Some(params.step),
        extended_scope_params: Some(further),
    };
    let query = QueryConfig::Stackdriver(StackdriverQuery {
        resource_type,
        metric_type: Some(params.metric_type),
        group_by_fields: params.group_by_fields,
        custom_inline_template: params.custom_filter.filter(|filter| !filter.is_empty()),
        ..StackdriverQuery::default()
    });
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: params.dry_run,
    };
    fetch.query(&state, params.metric_set_name, query).await
}

/// A body of template bindings.
#[derive(Debug)]
pub(crate) struct Bindings(IndexMap<String, String>);

impl<'de> Deserialize<'de> for Bindings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::string_map(deserializer)?
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("an object is required"))
    }
}

fetch_params! {
    /// A Datadog query. Empty `scope`, `start`, `end` take the test-controller defaults.
    DatadogParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Metric with aggregation.
        #[param(example = "avg:system.cpu.user")]
        metric_name: String,
        /// Put between the braces of the query.
        scope: Option<String>,
        /// First moment in ISO-8601.
        start: Option<String>,
        /// Last moment in ISO-8601.
        end: Option<String>,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Tries out a Datadog query
#[utoipa::path(
    post, path = "/fetch/datadog/query", tag = "fetch", operation_id = "queryDatadog",
    params(DatadogParams),
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn datadog(
    State(state): State<ApiState>,
    FormParams(params): FormParams<DatadogParams>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "datadog");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        start: defaults.time(params.start, "start")?,
        end: defaults.time(params.end, "end")?,
        ..CanaryScope::default()
    };
    let query = QueryConfig::Datadog(DatadogQuery {
        metric_name: Some(params.metric_name),
        ..DatadogQuery::default()
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
    /// A Graphite query. Empty `scope`, `start`, `end` take the test-controller defaults.
    GraphiteParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Target with `$scope` and `$location`.
        #[param(example = "system.$location.$scope")]
        metric_name: String,
        /// First moment in ISO-8601.
        start: String,
        /// Last moment in ISO-8601.
        end: String,
        /// Bound as `$scope`.
        scope: Option<String>,
        /// Bound as `$location`.
        location: Option<String>,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Tries out a Graphite query
#[utoipa::path(
    post, path = "/fetch/graphite/query", tag = "fetch", operation_id = "queryGraphite",
    params(GraphiteParams),
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::CommonErrors,
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
    /// A New Relic query. Empty `scope`, `start`, `end` take the test-controller defaults.
    NewrelicParams {
        /// First moment in ISO-8601.
        start: String,
        /// Last moment in ISO-8601.
        end: String,
        /// Distance of points in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
        /// Value of the scope's key.
        scope: Option<String>,
        /// Value of the location's key.
        location: Option<String>,
        /// Which metric of the body's config; 0 when absent.
        #[serde(default, deserialize_with = "params::optional")]
        metric_index: Option<i64>,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Body of a New Relic fetch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewrelicBody {
    canary_metric_config: MetricConfig,
    #[serde(default, deserialize_with = "lenient::string_map")]
    extended_scope_params: Option<IndexMap<String, String>>,
    #[serde(default)]
    canary_config: Option<CanaryConfig>,
}

/// Tries out a New Relic query
#[utoipa::path(
    post, path = "/fetch/newrelic/query", tag = "fetch", operation_id = "queryNewRelic",
    params(NewrelicParams),
    request_body = schemas::NewRelicFetchRequest,
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::BodyErrors, schemas::CommonErrors,
    )
)]
pub(crate) async fn newrelic(
    State(state): State<ApiState>,
    Params(params): Params<NewrelicParams>,
    JsonBody(body): JsonBody<NewrelicBody>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "newrelic");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        location: params.location,
        start: defaults.needed_time(Some(params.start), "start", START_REQUIRED)?,
        end: defaults.needed_time(Some(params.end), "end", END_REQUIRED)?,
        step: Some(params.step),
        extended_scope_params: body.extended_scope_params,
    };
    let fetch = Fetch {
        metrics_account: params.metrics_account_name,
        storage_account: params.storage_account_name,
        scope,
        dry_run: params.dry_run,
    };
    match body.canary_config {
        // The metric of the config is what is fetched; a dry run shows the body's own.
        Some(config) if !params.dry_run => {
            let index = params.metric_index.unwrap_or_default();
            let count = config.metrics().len();
            let index = usize::try_from(index)
                .ok()
                .filter(|index| *index < count)
                .ok_or_else(|| {
                    ApiError::bad_request(format!("Index {index} out of bounds for length {count}"))
                })?;
            fetch.metric_of(&state, config, index).await
        }
        _ => fetch.metric(&state, body.canary_metric_config).await,
    }
}

fetch_params! {
    /// A Wavefront query.
    WavefrontParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Name of the time series.
        metric_name: String,
        /// Aggregating function around the series.
        aggregate: Option<String>,
        /// How points of one bucket are summarised: `MEAN`, `MEDIAN`, `MIN`, `MAX`, `SUM`, `COUNT`,
        /// `FIRST`, `LAST`; `MEAN` when absent.
        // C-API-07: the reference's parameter is called by its list of values, by mistake.
        #[serde(alias = "[MEAN, MEDIAN, MIN, MAX, SUM, COUNT, FIRST, LAST]")]
        summarization: Option<String>,
        /// Put into the query's filter.
        scope: Option<String>,
        /// First moment in ISO-8601.
        start: String,
        /// Last moment in ISO-8601.
        end: String,
        /// Distance of points: `s`, `m`, `h` or `d`.
        #[param(example = "m")]
        step: String,
        /// Only tell what the store would be sent.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Tries out a Wavefront query
#[utoipa::path(
    post, path = "/fetch/wavefront/query", tag = "fetch", operation_id = "queryWavefront",
    params(WavefrontParams),
    responses(
        (status = 200, description = "Fetched and stored, or the query", body = schemas::FetchResponse),
        schemas::CommonErrors,
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
            return Err(ApiError::bad_request(format!(
                "Parameter 'step': '{other}' is none of s, m, h, d."
            )));
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
    InfluxdbParams {
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Measurement.
        metric_name: String,
        /// Fields of the measurement.
        fields: Option<Vec<String>>,
        /// A `key:value` filter.
        scope: Option<String>,
        /// First moment in ISO-8601.
        start: Option<String>,
        /// Last moment in ISO-8601.
        end: Option<String>,
        /// Distance of points in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
    }
}

/// Tries out an InfluxDB query
#[utoipa::path(
    post, path = "/fetch/influxdb/query", tag = "fetch", operation_id = "queryInfluxDb",
    params(InfluxdbParams),
    responses(
        (status = 200, description = "Fetched and stored", body = schemas::MetricSetListResponse),
        schemas::CommonErrors,
    )
)]
pub(crate) async fn influxdb(
    State(state): State<ApiState>,
    FormParams(params): FormParams<InfluxdbParams>,
) -> Result<Json<Fetched>, ApiError> {
    let defaults = Defaults::of(&state, "influxdb");
    let scope = CanaryScope {
        scope: defaults.or(params.scope, "scope"),
        start: defaults.needed_time(params.start, "start", START_REQUIRED)?,
        end: defaults.needed_time(params.end, "end", END_REQUIRED)?,
        step: Some(params.step),
        ..CanaryScope::default()
    };
    let query = QueryConfig::Influxdb(InfluxdbQuery {
        metric_name: Some(params.metric_name),
        fields: params.fields,
        ..InfluxdbQuery::default()
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
        /// Name the series get.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Stack-language expression.
        #[param(example = "name,CpuRawUser,:eq,:sum")]
        q: String,
        /// What the scope is.
        #[param(example = "cluster")]
        r#type: String,
        /// Name of what is looked at.
        scope: String,
        /// Region.
        #[param(example = "us-east-1")]
        location: String,
        /// First moment in ISO-8601.
        start: String,
        /// Last moment in ISO-8601.
        end: String,
        /// Distance of points in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 300)]
        step: i64,
    }
}

/// Tries out an Atlas query
#[utoipa::path(
    post, path = "/fetch/atlas/query", tag = "fetch", operation_id = "queryAtlas",
    params(AtlasParams),
    responses(
        (status = 200, description = "Fetched and stored", body = schemas::MetricSetListResponse),
        schemas::CommonErrors,
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
        extended_scope_params: bindings([("type", Some(params.r#type))]),
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

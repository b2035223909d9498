//! The stores whose queries may be templates: Prometheus, Stackdriver, Datadog, New Relic, and any server
//! that answers with JSON.

use axum::{Json, extract::State};
use indexmap::IndexMap;
use kayenta_model::{
    CanaryConfig, CanaryScope, MetricConfig, QueryConfig, lenient,
    query::{DatadogQuery, HttpJsonQuery, PrometheusQuery, StackdriverQuery},
};
use kayenta_web::{
    ErrorResponse, FormParams, JsonBody, Params, params,
    schemas::{BodyErrors, CommonErrors},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Defaults, END_REQUIRED, Fetch, Fetched, START_REQUIRED, bindings, fetch_params, time};
use crate::{error::ApiError, state::ApiState};

fetch_params! {
    /// A Prometheus query. Empty `project` to `end` take the test-controller defaults.
    PrometheusParams {
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Name of the time series.
        #[param(example = "node_cpu")]
        metric_name: String,
        /// Labels to group by.
        group_by_fields: Option<Vec<String>>,
        /// Bound as `${project}`.
        project: Option<String>,
        /// Resource type of the default filter.
        #[param(example = "gce_instance")]
        resource_type: Option<String>,
        /// Bound as `${location}`.
        location: Option<String>,
        /// Bound as `${scope}`.
        scope: Option<String>,
        /// Label matchers.
        #[param(example = json!(["mode=~\"user|system\""]))]
        label_bindings: Option<Vec<String>>,
        /// Start of the window in ISO-8601.
        #[param(example = "2024-01-01T00:00:00Z")]
        start: Option<String>,
        /// End of the window in ISO-8601.
        #[param(example = "2024-01-01T01:00:00Z")]
        end: Option<String>,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
        /// A filter, or after `PromQL:` a whole query.
        custom_filter: Option<String>,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a Prometheus query
#[utoipa::path(
    post, path = "/fetch/prometheus/query", tag = "fetch", operation_id = "queryPrometheus",
    params(PrometheusParams),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        CommonErrors,
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
        /// Name of the metric set.
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
        /// Start of the window in ISO-8601.
        #[param(example = "2024-01-01T00:00:00Z")]
        start_time_iso: Option<String>,
        /// End of the window in ISO-8601.
        #[param(example = "2024-01-01T01:00:00Z")]
        end_time_iso: Option<String>,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 3600)]
        step: i64,
        /// A custom filter.
        custom_filter: Option<String>,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a Stackdriver query
///
/// The body contains additional template bindings; `{}` for none.
#[utoipa::path(
    post, path = "/fetch/stackdriver/query", tag = "fetch", operation_id = "queryStackdriver",
    params(StackdriverParams),
    request_body(content = std::collections::BTreeMap<String, String>, example = json!({})),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        BodyErrors, CommonErrors,
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
        /// Name of the metric set.
        #[param(example = "cpu")]
        metric_set_name: String,
        /// Metric with aggregation.
        #[param(example = "avg:system.cpu.user")]
        metric_name: String,
        /// Inserted between the braces of the query.
        scope: Option<String>,
        /// Start of the window in ISO-8601.
        start: Option<String>,
        /// End of the window in ISO-8601.
        end: Option<String>,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a Datadog query
#[utoipa::path(
    post, path = "/fetch/datadog/query", tag = "fetch", operation_id = "queryDatadog",
    params(DatadogParams),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        CommonErrors,
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
    /// A query of a server that answers with JSON. Bindings an account wants beside these come with
    /// canaries only.
    HttpJsonParams {
        /// Name of the metric set.
        #[param(example = "latency")]
        metric_set_name: String,
        /// Bound as `${metricName}`, and as `${query}` without a template.
        #[param(example = "latency_p95")]
        metric_name: Option<String>,
        /// A template; its text is bound as `${query}`.
        #[param(example = "p95(latency{service=${scope}})")]
        custom_inline_template: Option<String>,
        /// Bound as `${scope}`.
        #[param(example = "web-main")]
        scope: Option<String>,
        /// Bound as `${location}`.
        #[param(example = "eu-central-1")]
        location: Option<String>,
        /// Start of the window in ISO-8601.
        #[param(example = "2024-01-01T00:00:00Z")]
        start: String,
        /// End of the window in ISO-8601.
        #[param(example = "2024-01-01T01:00:00Z")]
        end: String,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
        /// Return the query without sending it. The request is not returned, as it may contain secrets.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// Run a query of a server that answers with JSON
#[utoipa::path(
    post, path = "/fetch/http-json/query", tag = "fetch", operation_id = "queryHttpJson",
    params(HttpJsonParams),
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        CommonErrors,
    )
)]
pub(crate) async fn http_json(
    State(state): State<ApiState>,
    FormParams(params): FormParams<HttpJsonParams>,
) -> Result<Json<Fetched>, ApiError> {
    let scope = CanaryScope {
        scope: params.scope,
        location: params.location,
        start: Some(time(&params.start)?),
        end: Some(time(&params.end)?),
        step: Some(params.step),
        ..CanaryScope::default()
    };
    let query = QueryConfig::HttpJson(HttpJsonQuery {
        metric_name: params.metric_name,
        custom_inline_template: params.custom_inline_template,
        ..HttpJsonQuery::default()
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
    NewRelicParams {
        /// Start of the window in ISO-8601.
        start: String,
        /// End of the window in ISO-8601.
        end: String,
        /// Step between data points, in seconds.
        #[serde(deserialize_with = "params::required")]
        #[param(example = 60)]
        step: i64,
        /// Value for the key of the scope.
        scope: Option<String>,
        /// Value for the key of the location.
        location: Option<String>,
        /// Index of the metric in the config of the body; 0 when absent.
        #[serde(default, deserialize_with = "params::optional")]
        metric_index: Option<i64>,
        /// Return the query without sending it.
        #[serde(default, deserialize_with = "params::flag")]
        dry_run: bool,
    }
}

/// The metric of a New Relic query and its bindings.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewRelicFetchRequest, example = json!({
    "canaryMetricConfig": {
        "name": "cpu",
        "query": {"type": "newrelic", "select": "SELECT average(cpuPercent)", "q": "FROM SystemSample"},
        "groups": ["system"],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default",
    },
    "extendedScopeParams": {"_scope_key": "autoScalingGroupName", "_location_key": "region"},
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRelicBody {
    /// The metric.
    canary_metric_config: MetricConfig,
    /// Additional template bindings; `_scope_key` and `_location_key` name the keys of scope and location.
    #[serde(default, deserialize_with = "lenient::string_map")]
    extended_scope_params: Option<IndexMap<String, String>>,
    /// A config with the templates the metric refers to.
    #[serde(default)]
    canary_config: Option<CanaryConfig>,
}

/// Run a New Relic query
#[utoipa::path(
    post, path = "/fetch/newrelic/query", tag = "fetch", operation_id = "queryNewRelic",
    params(NewRelicParams),
    request_body = NewRelicBody,
    responses(
        (status = 200, description = "The series are stored, or the query of a dry run", body = Fetched),
        BodyErrors, CommonErrors,
    )
)]
pub(crate) async fn newrelic(
    State(state): State<ApiState>,
    Params(params): Params<NewRelicParams>,
    JsonBody(body): JsonBody<NewRelicBody>,
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
        // The metric of the config is what is fetched; a dry run shows the body's own, with the config's templates.
        Some(mut config) if params.dry_run => {
            config.metrics = Some(vec![body.canary_metric_config]);
            fetch.metric_of(&state, config, 0).await
        }
        Some(config) => {
            let index = params.metric_index.unwrap_or_default();
            let count = config.metrics().len();
            let index = usize::try_from(index)
                .ok()
                .filter(|index| *index < count)
                .ok_or_else(|| {
                    ErrorResponse::bad_request(format!(
                        "Index {index} out of bounds for length {count}"
                    ))
                })?;
            fetch.metric_of(&state, config, index).await
        }
        None => fetch.metric(&state, body.canary_metric_config).await,
    }
}

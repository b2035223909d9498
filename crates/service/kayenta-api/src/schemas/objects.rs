use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{Double, FreeObject};

/// One series of one metric on one side.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "cpu", "tags": {},
    "startTimeMillis": 1704067200000_i64, "startTimeIso": "2024-01-01T00:00:00Z",
    "endTimeMillis": 1704067380000_i64, "endTimeIso": "2024-01-01T00:03:00Z",
    "stepMillis": 60000, "values": [97.25, "NaN", 101.5],
    "attributes": {"query": "avg(cpu{ns=\"baseline\"})"},
}))]
pub(crate) struct MetricSet {
    /// Name of the metric.
    #[schema(required = false)]
    name: String,
    /// Labels that tell this series from others of the metric.
    #[schema(required = false)]
    tags: BTreeMap<String, String>,
    /// Time of the first value, milliseconds since 1970.
    #[schema(required = false)]
    start_time_millis: i64,
    /// The same in ISO-8601.
    #[schema(required = false)]
    start_time_iso: String,
    /// End of the window, milliseconds since 1970.
    #[schema(required = false)]
    end_time_millis: i64,
    /// The same in ISO-8601.
    #[schema(required = false)]
    end_time_iso: String,
    /// Distance of values in milliseconds.
    #[schema(required = false)]
    step_millis: i64,
    /// The values in time order; `NaN` is a gap.
    #[schema(required = false)]
    values: Vec<Double>,
    /// What the store tells, usually the query.
    #[schema(required = false)]
    attributes: BTreeMap<String, String>,
}

/// One series of each side under the same name and tags.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "cpu", "id": "4f0c1c5e-9df4-4bd2-8f4e-0f2b0f1d2a3b", "tags": {},
    "values": {"control": [97.25, 98.5], "experiment": [101.5, "NaN"]},
    "scopes": {
        "control": {"startTimeIso": "2024-01-01T00:00:00Z", "startTimeMillis": 1704067200000_i64, "stepMillis": 60000},
        "experiment": {"startTimeIso": "2024-01-01T00:00:00Z", "startTimeMillis": 1704067200000_i64, "stepMillis": 60000},
    },
    "attributes": {"control": {"query": "…"}, "experiment": {"query": "…"}},
}))]
pub(crate) struct MetricSetPair {
    /// Name of the metric.
    #[schema(required = false)]
    name: String,
    /// Id of the pair; the judge's result carries it.
    #[schema(required = false)]
    id: String,
    /// Labels both series share.
    #[schema(required = false)]
    tags: BTreeMap<String, String>,
    /// Under `control` and `experiment` the values in time order.
    #[schema(required = false)]
    values: BTreeMap<String, Vec<Double>>,
    /// Under `control` and `experiment` the time axis.
    #[schema(required = false)]
    scopes: BTreeMap<String, MetricSetScope>,
    /// Under `control` and `experiment` what the store told.
    #[schema(required = false)]
    attributes: BTreeMap<String, BTreeMap<String, String>>,
}

/// The time axis of one side.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricSetScope {
    /// Time of the first value in ISO-8601.
    #[schema(required = false)]
    start_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    start_time_millis: i64,
    /// Distance of values in milliseconds.
    #[schema(required = false)]
    step_millis: i64,
}

/// A stored object in a listing.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectListing {
    /// Its id.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    id: String,
    /// When it was last written, milliseconds since 1970.
    #[schema(example = 1704067200000_i64)]
    updated_timestamp: i64,
    /// The same in ISO-8601.
    #[schema(example = "2024-01-01T00:00:00Z")]
    updated_timestamp_iso: String,
}

/// The id of a stored metric set list.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricSetListResponse {
    /// A UUID.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    metric_set_list_id: String,
}

/// The id of a stored pair list.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricSetPairListResponse {
    /// A UUID.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    metric_set_pair_list_id: String,
}

/// The id of an archived result.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryArchiveResultUpdateResponse {
    /// The id.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    pipeline_id: String,
}

/// What came of a fetch: the id of what was stored, or on a dry run the query.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum FetchResponse {
    /// The series were fetched and stored.
    Stored(MetricSetListResponse),
    /// Nothing was asked of the store.
    DryRun(QueryText),
}

/// What a store would be sent.
#[derive(ToSchema)]
pub(crate) struct QueryText {
    /// The query.
    #[schema(example = "avg(node_cpu{job=\"x\"})")]
    query: String,
}

/// A judge configs may ask for.
#[derive(ToSchema)]
#[schema(example = json!({"name": "NetflixACAJudge-v1.0", "visible": true}))]
pub(crate) struct JudgeDescription {
    /// The name configs use.
    name: String,
    /// Whether user interfaces should offer it.
    visible: bool,
}

/// An account, without its secrets; more fields depend on its type.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "canary-prometheus", "supportedTypes": ["METRICS_STORE"], "locations": [],
    "recommendedLocations": [], "endpoint": {"baseUrl": "http://prometheus:9090"}, "type": "prometheus",
}))]
pub(crate) struct AccountCredentials {
    /// The name requests use.
    name: String,
    /// `METRICS_STORE`, `OBJECT_STORE`, `CONFIGURATION_STORE`, `REMOTE_JUDGE`.
    supported_types: Vec<String>,
    /// Places it knows of.
    locations: Vec<String>,
    /// Places user interfaces should offer first.
    recommended_locations: Vec<String>,
    /// Kind of account.
    r#type: String,
}

/// A metric store account.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "canary-prometheus", "type": "prometheus", "recommendedLocations": [], "locations": [],
}))]
pub(crate) struct MetricsServiceDetail {
    /// The name requests use.
    name: String,
    /// Kind of account.
    r#type: String,
    /// Places user interfaces should offer first.
    recommended_locations: Vec<String>,
    /// Places it knows of.
    locations: Vec<String>,
}

/// A metric a store knows; some stores tell more than the name.
#[derive(ToSchema)]
#[schema(example = json!({"name": "http_requests_total"}))]
pub(crate) struct MetricDescriptor {
    /// The name.
    name: String,
}

/// Whether this instance takes work.
#[derive(ToSchema)]
pub(crate) struct InstanceEnabled {
    /// False to let others do it.
    #[schema(example = true)]
    enabled: bool,
}

/// A job nobody could finish.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "1744113600123-0",
    "executionId": "01JRAW4P5ZK8Q9W2M7D3N6X0TV",
    "reason": "5 workers in a row died or lost touch while working on this execution.",
    "givenUpTimeMillis": 1_744_113_600_123_i64,
    "givenUpTimeIso": "2025-04-08T12:00:00.123Z",
}))]
pub(crate) struct DeadLetter {
    /// Names the letter when it is put back.
    id: String,
    /// The execution the job was for.
    execution_id: String,
    /// Why it was given up.
    reason: String,
    /// When, in milliseconds since 1970.
    given_up_time_millis: i64,
    /// The same moment in ISO-8601.
    given_up_time_iso: String,
}

/// The body of a New Relic fetch.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "canaryMetricConfig": {
        "name": "cpu",
        "query": {"type": "newrelic", "select": "SELECT average(cpuPercent)", "q": "FROM SystemSample"},
        "groups": ["system"],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default",
    },
    "extendedScopeParams": {"_scope_key": "autoScalingGroupName", "_location_key": "region"},
}))]
pub(crate) struct NewRelicFetchRequest {
    /// The metric.
    canary_metric_config: super::MetricConfig,
    /// Further template bindings; `_scope_key` and `_location_key` name the keys of scope and location.
    extended_scope_params: Option<BTreeMap<String, String>>,
    /// A config with the templates the metric names.
    canary_config: Option<super::CanaryConfig>,
}

/// A run as it is kept: identity, stages, tasks.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "type": "PIPELINE",
    "id": "01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
    "application": "ad-hoc",
    "name": "Standard Canary Pipeline",
    "status": "SUCCEEDED",
    "stages": [{"refId": "setupContext", "type": "setupCanary", "name": "Setup Canary", "status": "SUCCEEDED"}],
}))]
pub(crate) struct PipelineExecution {
    /// Always `PIPELINE`.
    r#type: String,
    /// The execution id.
    id: String,
    /// The application it runs for.
    application: String,
    /// What kind of run it is.
    name: String,
    /// Upper-case status.
    status: String,
    /// Its stages.
    stages: Vec<FreeObject>,
}

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{FreeObject, QueryConfig};

/// What to compare and how to judge it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "checkout",
    "applications": ["checkout"],
    "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
    "metrics": [{
        "name": "errors",
        "query": {
            "type": "prometheus",
            "customInlineTemplate": "PromQL:sum(rate(http_errors{app=\"${scope}\"}[1m]))",
        },
        "groups": ["errors"],
        "analysisConfigurations": {"canary": {"direction": "increase", "critical": true}},
        "scopeName": "default",
    }],
    "templates": {},
    "classifier": {"groupWeights": {"errors": 100.0}},
}))]
pub(crate) struct CanaryConfig {
    /// Milliseconds since 1970.
    #[schema(required = false)]
    created_timestamp: i64,
    /// Milliseconds since 1970.
    #[schema(required = false)]
    updated_timestamp: i64,
    /// The same moment as `createdTimestamp` in ISO-8601.
    #[schema(required = false)]
    created_timestamp_iso: String,
    /// The same moment as `updatedTimestamp` in ISO-8601.
    #[schema(required = false)]
    updated_timestamp_iso: String,
    /// Unique within each application; letters, digits, `-`, `_`.
    #[schema(required = false)]
    name: String,
    /// Key in the configuration store; drawn when absent.
    #[schema(required = false)]
    id: String,
    /// Free text.
    #[schema(required = false)]
    description: String,
    /// Free text, not interpreted.
    #[schema(required = false)]
    config_version: String,
    /// The applications it is for; at least one to be stored.
    #[schema(required = false)]
    applications: Vec<String>,
    /// Which judge.
    #[schema(required = false)]
    judge: JudgeConfig,
    /// The metrics, in the order they are fetched and judged; at least one to run.
    #[schema(required = false)]
    metrics: Vec<MetricConfig>,
    /// Query templates by name.
    #[schema(required = false)]
    templates: BTreeMap<String, String>,
    /// How group scores are weighed.
    #[schema(required = false)]
    classifier: ClassifierConfig,
}

/// Which judge a config asks for.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JudgeConfig {
    /// One of `GET /judges`; absent for the default one.
    #[schema(required = false, example = "NetflixACAJudge-v1.0")]
    name: String,
    /// Settings handed to the judge.
    #[schema(required = false)]
    judge_configurations: FreeObject,
}

/// One metric of a config.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricConfig {
    /// Unique within the config.
    #[schema(required = false)]
    name: String,
    /// How to fetch it.
    #[schema(required = false)]
    query: QueryConfig,
    /// The groups it counts for.
    #[schema(required = false)]
    groups: Vec<String>,
    /// Judge settings; the built-in judge reads `canary`.
    #[schema(required = false)]
    analysis_configurations: BTreeMap<String, FreeObject>,
    /// Which scope of the request it is fetched over.
    #[schema(required = false, example = "default")]
    scope_name: String,
}

/// How group scores are weighed.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClassifierConfig {
    /// Percent by group.
    #[schema(required = false)]
    group_weights: BTreeMap<String, f64>,
    /// Kept, never used for judging: thresholds come with the request.
    #[schema(required = false)]
    score_thresholds: Thresholds,
}

/// Where a score passes and where it is marginal.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"pass": 95.0, "marginal": 75.0}))]
pub(crate) struct Thresholds {
    /// At or above it a score passes.
    #[schema(required = false)]
    pass: f64,
    /// At or above it a score is marginal; below it fails.
    #[schema(required = false)]
    marginal: f64,
}

/// The config of the examples.
pub(super) fn example_config() -> serde_json::Value {
    serde_json::json!({
        "name": "demo",
        "applications": ["ad-hoc"],
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [{
            "name": "cpu",
            "query": {"type": "prometheus", "customInlineTemplate": "PromQL:avg(cpu{ns=\"${scope}\"})"},
            "groups": ["system"],
            "analysisConfigurations": {"canary": {"direction": "increase"}},
            "scopeName": "default",
        }],
        "classifier": {"groupWeights": {"system": 100}},
    })
}

/// A config and how to run it, at once.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "canaryConfig": example_config(),
    "executionRequest": {
        "scopes": {"default": {
            "controlScope": {"scope": "baseline", "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60},
            "experimentScope": {"scope": "canary", "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60},
        }},
        "thresholds": {"pass": 95, "marginal": 75},
    },
}))]
pub(crate) struct CanaryAdhocExecutionRequest {
    /// What to compare and how to judge it.
    canary_config: CanaryConfig,
    /// Over which scopes, judged by which thresholds.
    execution_request: CanaryExecutionRequest,
}

/// Over which scopes, judged by which thresholds.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "scopes": {"default": {
        "controlScope": {"scope": "baseline", "location": "eastus", "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60},
        "experimentScope": {"scope": "canary", "location": "eastus", "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60},
    }},
    "thresholds": {"pass": 95, "marginal": 75},
}))]
pub(crate) struct CanaryExecutionRequest {
    /// Scope pairs by the name metrics refer to.
    #[schema(required = false)]
    scopes: BTreeMap<String, NamedScopePair>,
    /// Score thresholds, required.
    #[schema(required = true)]
    thresholds: Thresholds,
    /// Free pairs, echoed back.
    #[schema(required = false)]
    metadata: Vec<Metadata>,
    /// Free object, echoed back.
    #[schema(required = false)]
    site_local: FreeObject,
}

/// What stands under the name of a scope pair; nothing does no harm where no metric refers to it.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "described, never built")]
pub(crate) enum NamedScopePair {
    /// Both sides.
    Pair(CanaryScopePair),
    /// Nothing.
    Nothing,
}

/// Where and when each side is measured.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryScopePair {
    /// The baseline; needed where a metric refers to the pair.
    #[schema(required = false)]
    control_scope: CanaryScope,
    /// The canary; needed where a metric refers to the pair.
    #[schema(required = false)]
    experiment_scope: CanaryScope,
}

/// Where and when.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryScope {
    /// Bound as `${scope}`.
    #[schema(required = false)]
    scope: String,
    /// Bound as `${location}`.
    #[schema(required = false)]
    location: String,
    /// First moment, ISO-8601 or milliseconds since 1970.
    #[schema(required = false, example = "2024-01-01T00:00:00Z")]
    start: String,
    /// Last moment, ISO-8601 or milliseconds since 1970.
    #[schema(required = false, example = "2024-01-01T01:00:00Z")]
    end: String,
    /// Distance of points in seconds.
    #[schema(required = false, example = 60)]
    step: i64,
    /// Further template bindings.
    #[schema(required = false)]
    extended_scope_params: BTreeMap<String, String>,
}

/// A free pair of a request.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// Its name.
    #[schema(required = false)]
    name: String,
    /// Its value.
    #[schema(required = false)]
    value: String,
    /// A hint to user interfaces.
    #[schema(required = false)]
    hidden: bool,
}

/// The id of a stored config.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryConfigUpdateResponse {
    /// The id.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    canary_config_id: String,
}

/// A config in a listing.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryConfigSummary {
    /// Its id.
    #[schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")]
    id: String,
    /// Its name.
    #[schema(example = "checkout")]
    name: String,
    /// When it was last written, milliseconds since 1970.
    #[schema(example = 1704067200000_i64)]
    updated_timestamp: i64,
    /// The same in ISO-8601.
    #[schema(example = "2024-01-01T00:00:00Z")]
    updated_timestamp_iso: String,
    /// The applications it is for.
    #[schema(example = json!(["checkout"]))]
    applications: Vec<String>,
}

/// The id of a run.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryExecutionResponse {
    /// A ULID.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    canary_execution_id: String,
}

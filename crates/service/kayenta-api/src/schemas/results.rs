use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{CanaryConfig, CanaryExecutionRequest, Double, FreeObject};

/// Where a run stands, and what came of it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "application": "ad-hoc",
    "pipelineId": "01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
    "stageStatus": {"setupContext": "succeeded", "fetchControl0": "succeeded", "fetchExperiment0": "succeeded", "mixMetrics": "succeeded", "judge": "succeeded"},
    "complete": true,
    "status": "succeeded",
    "result": {
        "judgeResult": {
            "judgeName": "NetflixACAJudge-v1.0",
            "results": [{
                "name": "cpu", "tags": {}, "id": "4f0c1c5e-9df4-4bd2-8f4e-0f2b0f1d2a3b", "classification": "Pass", "groups": ["system"],
                "experimentMetadata": {"stats": {"count": 61, "mean": 1.5, "min": 1.0, "std": 0.3, "max": 2.0}},
                "controlMetadata": {"stats": {"count": 61, "mean": 1.5, "min": 1.0, "std": 0.3, "max": 2.0}},
                "resultMetadata": {"ratio": 1.0}, "critical": false, "muted": false,
            }],
            "groupScores": [{"name": "system", "score": 100.0, "classification": "", "classificationReason": ""}],
            "score": {"score": 100.0, "classification": "Pass", "classificationReason": ""},
        },
        "canaryDuration": "PT1H",
    },
    "canaryConfigId": "ad-hoc",
    "metricSetPairListId": "9a7d2f7c-4a58-4f0d-8d1c-2b3c4d5e6f70",
    "buildTimeMillis": 1704070860123_i64,
    "buildTimeIso": "2024-01-01T01:01:00.123Z",
    "storageAccountName": "canary-storage",
    "metricsAccountName": "canary-prometheus",
}))]
pub(crate) struct CanaryExecutionStatusResponse {
    /// Application it runs for.
    #[schema(required = false)]
    application: String,
    /// As given by the caller.
    #[schema(required = false)]
    parent_pipeline_execution_id: String,
    /// The execution id.
    #[schema(required = false)]
    pipeline_id: String,
    /// Lower-case status by stage.
    #[schema(required = false)]
    stage_status: BTreeMap<String, String>,
    /// Whether nothing more will happen.
    #[schema(required = true)]
    complete: bool,
    /// `not_started`, `running`, `succeeded`, `terminal`, `canceled` and others.
    #[schema(required = false)]
    status: String,
    /// Why it failed.
    #[schema(required = false)]
    exception: ExecutionException,
    /// The verdict, only when it succeeded.
    #[schema(required = false)]
    result: CanaryResult,
    /// The config as executed; `${` in templates is written `$\{`.
    #[schema(required = false)]
    config: CanaryConfig,
    /// Id of the stored config, or `ad-hoc`.
    #[schema(required = false)]
    canary_config_id: String,
    /// The request as it was read.
    #[schema(required = false)]
    canary_execution_request: CanaryExecutionRequest,
    /// Id of the stored pairs, once mixed.
    #[schema(required = false)]
    metric_set_pair_list_id: String,
    /// When it was accepted, milliseconds since 1970.
    #[schema(required = false)]
    build_time_millis: i64,
    /// The same in ISO-8601.
    #[schema(required = false)]
    build_time_iso: String,
    /// When work began, milliseconds since 1970.
    #[schema(required = false)]
    start_time_millis: i64,
    /// The same in ISO-8601.
    #[schema(required = false)]
    start_time_iso: String,
    /// When it ended, milliseconds since 1970.
    #[schema(required = false)]
    end_time_millis: i64,
    /// The same in ISO-8601.
    #[schema(required = false)]
    end_time_iso: String,
    /// Where its objects are.
    #[schema(required = false)]
    storage_account_name: String,
    /// Where its metrics came from.
    #[schema(required = false)]
    metrics_account_name: String,
    /// Where its config came from.
    #[schema(required = false)]
    configuration_account_name: String,
}

/// The verdict of a run.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryResult {
    /// What the judge says.
    #[schema(required = false)]
    judge_result: CanaryJudgeResult,
    /// Length of all scopes in ISO-8601, when they share one.
    #[schema(required = false, example = "PT1H")]
    canary_duration: String,
}

/// What the judge says.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "judgeName": "NetflixACAJudge-v1.0",
    "results": [{
        "name": "cpu", "tags": {}, "id": "4f0c1c5e-9df4-4bd2-8f4e-0f2b0f1d2a3b", "classification": "High",
        "classificationReason": "The metric was classified as High (NetflixACAJudge-v1.0)", "groups": ["system"],
        "experimentMetadata": {"stats": {"count": 61, "mean": 3.0, "min": 2.0, "std": 0.6, "max": 4.0}},
        "controlMetadata": {"stats": {"count": 61, "mean": 1.5, "min": 1.0, "std": 0.3, "max": 2.0}},
        "resultMetadata": {"ratio": 2.0}, "critical": false, "muted": false,
    }],
    "groupScores": [{"name": "system", "score": 0.0, "classification": "", "classificationReason": ""}],
    "score": {"score": 0.0, "classification": "Fail", "classificationReason": "Ratio of High to total metrics"},
}))]
pub(crate) struct CanaryJudgeResult {
    /// Name of the judge.
    #[schema(required = false)]
    judge_name: String,
    /// One per pair.
    #[schema(required = false)]
    results: Vec<AnalysisResult>,
    /// One per group.
    #[schema(required = false)]
    group_scores: Vec<GroupScore>,
    /// The total.
    #[schema(required = false)]
    score: JudgeScore,
}

/// The judgement of one pair.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnalysisResult {
    /// Name of the metric.
    #[schema(required = false)]
    name: String,
    /// Labels of the pair.
    #[schema(required = false)]
    tags: BTreeMap<String, String>,
    /// Id of the pair.
    #[schema(required = false)]
    id: String,
    /// `Pass`, `High`, `Low`, `Nodata`, `NodataFailMetric` or `Error`.
    #[schema(required = false, example = "High")]
    classification: String,
    /// Why.
    #[schema(required = false)]
    classification_reason: String,
    /// The groups it counted for.
    #[schema(required = false)]
    groups: Vec<String>,
    /// Statistics of the canary.
    #[schema(required = false)]
    experiment_metadata: SideMetadata,
    /// Statistics of the baseline.
    #[schema(required = false)]
    control_metadata: SideMetadata,
    /// Under `ratio` the effect size.
    #[schema(required = false)]
    result_metadata: FreeObject,
    /// Whether this result alone fails the canary.
    #[schema(required = false)]
    critical: bool,
    /// Whether it is left out of the scores.
    #[schema(required = false)]
    muted: bool,
}

/// What is known of one side.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SideMetadata {
    /// Statistics of the cleaned values.
    #[schema(required = false)]
    stats: MetricStats,
}

/// Statistics of the cleaned values.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricStats {
    /// Number of values.
    count: i64,
    /// Arithmetic mean.
    mean: Double,
    /// Smallest value.
    min: Double,
    /// Sample standard deviation.
    std: Double,
    /// Largest value.
    max: Double,
}

/// Score of one group.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupScore {
    /// Name of the group.
    #[schema(required = false)]
    name: String,
    /// 0 to 100.
    #[schema(required = false)]
    score: Double,
    /// Empty from the built-in judge.
    #[schema(required = false)]
    classification: String,
    /// Empty from the built-in judge.
    #[schema(required = false)]
    classification_reason: String,
}

/// The total.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JudgeScore {
    /// 0 to 100.
    #[schema(required = false)]
    score: Double,
    /// `Pass`, `Marginal`, `Fail`, `Nodata` or `Error`.
    #[schema(required = false, example = "Pass")]
    classification: String,
    /// Why.
    #[schema(required = false)]
    classification_reason: String,
}

/// Why a stage failed. Only `details.errors` is sure to be there.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "exceptionType": "FetchError",
    "operation": "prometheusFetch",
    "timestamp": "2025-04-08T12:34:56.789+00:00",
    "details": {"error": "Unexpected Task Failure", "errors": ["Status: 400, URL: …, Message: Bad Request"]},
    "shouldRetry": false,
}))]
pub(crate) struct ExecutionException {
    /// When.
    #[schema(required = false)]
    timestamp: String,
    /// A class-like name.
    #[schema(required = false)]
    exception_type: String,
    /// What failed.
    #[schema(required = false)]
    operation: String,
    /// `errors` is a list of texts for people.
    #[schema(required = false)]
    details: FreeObject,
    /// Always false.
    #[schema(required = false)]
    should_retry: bool,
}

/// Both verdicts of a comparison; empty while it runs.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComparisonStatus {
    /// Once both are there.
    #[schema(required = false)]
    comparison_result: ComparisonResult,
    /// Failures by name of the stage.
    #[schema(required = false)]
    exceptions: BTreeMap<String, ExecutionException>,
}

/// Both verdicts.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComparisonResult {
    /// What the first judge says.
    judge1_result: CanaryJudgeResult,
    /// What the second judge says.
    judge2_result: CanaryJudgeResult,
}

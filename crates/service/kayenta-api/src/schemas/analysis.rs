use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{
    CanaryConfig, CanaryResult, Double, ExecutionException, FreeObject, Thresholds,
    canary::example_config,
};

/// A config and how to analyse with it, at once.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "canaryConfig": example_config(),
    "executionRequest": {
        "scopes": [{
            "scopeName": "default", "controlScope": "baseline", "experimentScope": "canary",
            "startTimeIso": "2024-01-01T00:00:00Z", "endTimeIso": "2024-01-01T01:00:00Z", "step": 60,
        }],
        "thresholds": {"pass": 95, "marginal": 75},
        "analysisIntervalMins": 20,
    },
}))]
pub(crate) struct CanaryAnalysisAdhocExecutionRequest {
    /// What to compare and how to judge it.
    canary_config: CanaryConfig,
    /// How long, how often, over which scopes.
    execution_request: CanaryAnalysisExecutionRequest,
}

/// How long, how often, over which scopes.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "scopes": [{
        "scopeName": "default",
        "controlScope": "baseline", "controlLocation": "eastus",
        "experimentScope": "canary", "experimentLocation": "eastus",
        "step": 60,
    }],
    "thresholds": {"pass": 95, "marginal": 75},
    "lifetimeDurationMins": 60,
    "analysisIntervalMins": 10,
    "beginAfterMins": 5,
}))]
pub(crate) struct CanaryAnalysisExecutionRequest {
    /// At least one; the first decides start, end and step.
    #[schema(required = true)]
    scopes: Vec<CanaryAnalysisExecutionRequestScope>,
    /// Score thresholds.
    #[schema(required = true)]
    thresholds: Thresholds,
    /// Length in minutes; needed unless the first scope has an end.
    #[schema(required = false)]
    lifetime_duration_mins: i64,
    /// Warm-up in minutes.
    #[schema(required = false, default = 0)]
    begin_after_mins: i64,
    /// Length of a sliding window in minutes; 0 for growing windows.
    #[schema(required = false, default = 0)]
    lookback_mins: i64,
    /// Minutes between runs; absent for one run over the lifetime.
    #[schema(required = false)]
    analysis_interval_mins: i64,
    /// Free object, handed on to the runs.
    #[schema(required = false)]
    site_local: FreeObject,
}

/// Both sides of one scope.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryAnalysisExecutionRequestScope {
    /// Name metrics refer to.
    #[schema(required = false, default = "default")]
    scope_name: String,
    /// The baseline.
    #[schema(required = false)]
    control_scope: String,
    /// Location of the baseline.
    #[schema(required = false)]
    control_location: String,
    /// How many minutes before the canary's window the baseline's lies.
    #[schema(required = false, default = 0)]
    control_offset_in_minutes: i64,
    /// The canary.
    #[schema(required = false)]
    experiment_scope: String,
    /// Location of the canary.
    #[schema(required = false)]
    experiment_location: String,
    /// First moment in ISO-8601; absent for now.
    #[schema(required = false)]
    start_time_iso: String,
    /// Last moment in ISO-8601.
    #[schema(required = false)]
    end_time_iso: String,
    /// Distance of points in seconds.
    #[schema(required = false, default = 60)]
    step: i64,
    /// Further template bindings.
    #[schema(required = false)]
    extended_scope_params: BTreeMap<String, String>,
}

/// The id of an analysis.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryAnalysisExecutionResponse {
    /// A ULID.
    #[schema(example = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF")]
    canary_analysis_execution_id: String,
}

/// Where an analysis stands, and what came of it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "application": "ad-hoc",
    "user": "anonymous",
    "pipelineId": "01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
    "stageStatus": [
        {"type": "runCanary", "name": "Run Canary #1", "status": "SUCCEEDED", "executionId": "01HKZ0QA2B3C4D5E6F7G8H9J0K"},
        {"type": "generateCanaryAnalysisResultStage",
         "name": "Aggregates and evaluates the canary executions and generates the final results.",
         "status": "SUCCEEDED"},
    ],
    "complete": true,
    "executionStatus": "SUCCEEDED",
    "canaryAnalysisExecutionResult": {
        "didPassThresholds": true,
        "hasWarnings": false,
        "canaryScoreMessage": "Final canary score 100.0 met or exceeded the pass score threshold.",
        "canaryScores": [100.0],
        "canaryExecutionResults": [{
            "executionId": "01HKZ0QA2B3C4D5E6F7G8H9J0K",
            "executionStatus": "SUCCEEDED",
            "judgementStartTimeIso": "2024-01-01T00:00:00Z",
            "judgementStartTimeMillis": 1704067200000_i64,
            "judgementEndTimeIso": "2024-01-01T01:00:00Z",
            "judgementEndTimeMillis": 1704070800000_i64,
            "warnings": [],
            "metricSetPairListId": "9a7d2f7c-4a58-4f0d-8d1c-2b3c4d5e6f70",
            "storageAccountName": "canary-storage",
        }],
    },
    "buildTimeMillis": 1704070860123_i64,
    "buildTimeIso": "2024-01-01T01:01:00.123Z",
    "storageAccountName": "canary-storage",
    "metricsAccountName": "canary-prometheus",
    "status": "succeeded",
}))]
pub(crate) struct CanaryAnalysisExecutionStatusResponse {
    /// Application it runs for.
    #[schema(required = false)]
    application: String,
    /// Who asked for it.
    #[schema(required = false)]
    user: String,
    /// As given by the caller.
    #[schema(required = false)]
    parent_pipeline_execution_id: String,
    /// The execution id.
    #[schema(required = false)]
    pipeline_id: String,
    /// The stages in order.
    #[schema(required = false)]
    stage_status: Vec<StageMetadata>,
    /// Whether nothing more will happen.
    #[schema(required = true)]
    complete: bool,
    /// Upper-case status.
    #[schema(required = false, example = "SUCCEEDED")]
    execution_status: String,
    /// Why it failed.
    #[schema(required = false)]
    exception: ExecutionException,
    /// The verdict, once there is one.
    #[schema(required = false)]
    canary_analysis_execution_result: CanaryAnalysisExecutionResult,
    /// The request with its defaults filled in.
    #[schema(required = false)]
    canary_analysis_execution_request: CanaryAnalysisExecutionRequest,
    /// The config as executed.
    #[schema(required = false)]
    canary_config: CanaryConfig,
    /// Id of the stored config, when it was started by id.
    #[schema(required = false)]
    canary_config_id: String,
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
    /// Where its metrics come from.
    #[schema(required = false)]
    metrics_account_name: String,
    /// Lower-case status.
    #[schema(required = false, example = "succeeded")]
    status: String,
}

/// One stage of an analysis.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StageMetadata {
    /// `setupAndExecuteCanariesStage`, `wait`, `runCanary` or `generateCanaryAnalysisResultStage`.
    r#type: String,
    /// Name, with the number of the run.
    #[schema(example = "Run Canary #1")]
    name: String,
    /// Upper-case status.
    status: String,
    /// The run it started.
    execution_id: Option<String>,
}

/// The verdict of an analysis.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryAnalysisExecutionResult {
    /// Whether the last score met the pass threshold.
    did_pass_thresholds: bool,
    /// Whether some run warned.
    has_warnings: bool,
    /// The verdict in words.
    canary_score_message: String,
    /// Score of each run.
    canary_scores: Vec<Double>,
    /// Each run.
    canary_execution_results: Vec<CanaryExecutionResult>,
}

/// One run of an analysis.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanaryExecutionResult {
    /// Id of the run.
    #[schema(required = false)]
    execution_id: String,
    /// Upper-case status.
    #[schema(required = false)]
    execution_status: String,
    /// Why it failed.
    #[schema(required = false)]
    exception: ExecutionException,
    /// Its verdict.
    #[schema(required = false)]
    result: CanaryResult,
    /// Start of the baseline's window in ISO-8601.
    #[schema(required = false)]
    judgement_start_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    judgement_start_time_millis: i64,
    /// End of the baseline's window in ISO-8601.
    #[schema(required = false)]
    judgement_end_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    judgement_end_time_millis: i64,
    /// What a person should know about the run.
    #[schema(required = false)]
    warnings: Vec<String>,
    /// Id of the stored pairs.
    #[schema(required = false)]
    metric_set_pair_list_id: String,
    /// When it was accepted in ISO-8601.
    #[schema(required = false)]
    build_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    build_time_millis: i64,
    /// When work began in ISO-8601.
    #[schema(required = false)]
    start_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    start_time_millis: i64,
    /// When it ended in ISO-8601.
    #[schema(required = false)]
    end_time_iso: String,
    /// The same in milliseconds since 1970.
    #[schema(required = false)]
    end_time_millis: i64,
    /// Where its objects are.
    #[schema(required = false)]
    storage_account_name: String,
    /// Where its config came from.
    #[schema(required = false)]
    configuration_account_name: String,
}

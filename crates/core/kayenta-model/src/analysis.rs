//! A standalone canary analysis (SCAPE): a series of canary runs over a lifetime, and its verdict.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

use crate::{
    CanaryConfig, CanaryResult, ExecutionStatus, JsonMap, Thresholds, lenient, number::Double,
};

/// Body of `POST /standalone_canary_analysis/{id}`. Absent fields and explicit nulls alike take the
/// defaults, and the echoed request shows them filled in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRequest {
    /// At least one; the first decides start, end and step. `None` as an element is a JSON `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Option<AnalysisScope>>>,
    /// Score thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Length of the analysis in minutes, when the first scope has no end.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub lifetime_duration_mins: Option<i64>,
    /// Warm-up in minutes.
    #[serde(deserialize_with = "long_or_zero")]
    pub begin_after_mins: i64,
    /// Length of a sliding window in minutes; 0 for growing windows.
    #[serde(deserialize_with = "long_or_zero")]
    pub lookback_mins: i64,
    /// Distance of the runs in minutes; absent means one run over the lifetime.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub analysis_interval_mins: Option<i64>,
    /// Free object, handed on to the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_local: Option<JsonMap>,
}

fn long_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(lenient::long(deserializer)?.unwrap_or_default())
}

/// One scope of an analysis: both sides at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisScope {
    /// Name metrics refer to; `default` when absent.
    #[serde(deserialize_with = "scope_name")]
    pub scope_name: String,
    /// The baseline.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub control_scope: Option<String>,
    /// Location of the baseline.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub control_location: Option<String>,
    /// How far before the canary's window the baseline's lies, in minutes.
    #[serde(deserialize_with = "long_or_zero")]
    pub control_offset_in_minutes: i64,
    /// The canary.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub experiment_scope: Option<String>,
    /// Location of the canary.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub experiment_location: Option<String>,
    /// First moment; text, read only when the analysis is planned.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub start_time_iso: Option<String>,
    /// Last moment; text, read only when the analysis is planned.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub end_time_iso: Option<String>,
    /// Distance of points in seconds; 60 when absent.
    #[serde(deserialize_with = "step")]
    pub step: i64,
    /// Further template bindings.
    #[serde(deserialize_with = "parameters")]
    pub extended_scope_params: IndexMap<String, String>,
}

impl Default for AnalysisScope {
    fn default() -> Self {
        Self {
            scope_name: "default".to_owned(),
            control_scope: None,
            control_location: None,
            control_offset_in_minutes: 0,
            experiment_scope: None,
            experiment_location: None,
            start_time_iso: None,
            end_time_iso: None,
            step: 60,
            extended_scope_params: IndexMap::new(),
        }
    }
}

fn scope_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(lenient::string(deserializer)?.unwrap_or_else(|| "default".to_owned()))
}

fn step<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(lenient::long(deserializer)?.unwrap_or(60))
}

fn parameters<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, String>, D::Error> {
    Ok(lenient::string_map(deserializer)?.unwrap_or_default())
}

/// Body of `POST /standalone_canary_analysis`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisAdhocRequest {
    /// The config to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_config: Option<CanaryConfig>,
    /// How to run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_request: Option<AnalysisRequest>,
}

/// One stage of an analysis as its status lists it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisStage {
    /// `wait`, `runCanary`, `setupAndExecuteCanariesStage` or `generateCanaryAnalysisResultStage`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name, with the number of the run.
    pub name: String,
    /// Upper-case status.
    pub status: ExecutionStatus,
    /// The canary run it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
}

/// Answer of `GET /standalone_canary_analysis/{id}`, and the archived form of a finished analysis.
/// Output ends with `status`, the lower-case spelling of `executionStatus`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisStatusResponse {
    /// Application it runs for.
    pub application: Option<String>,
    /// Who asked for it.
    pub user: Option<String>,
    /// As given by the caller.
    pub parent_pipeline_execution_id: Option<String>,
    /// The execution id.
    pub pipeline_id: Option<String>,
    /// The stages in order.
    pub stage_status: Option<Vec<AnalysisStage>>,
    /// Whether nothing more will happen.
    pub complete: bool,
    /// Upper-case status.
    pub execution_status: Option<ExecutionStatus>,
    /// Why it failed.
    pub exception: Option<Value>,
    /// The verdict, once the last stage has produced it.
    pub canary_analysis_execution_result: Option<AnalysisExecutionResult>,
    /// The request with its defaults filled in.
    pub canary_analysis_execution_request: Option<AnalysisRequest>,
    /// The config as executed, templates escaped.
    pub canary_config: Option<CanaryConfig>,
    /// Id of the stored config, when it was started by id.
    pub canary_config_id: Option<String>,
    /// When it was accepted, milliseconds since 1970.
    pub build_time_millis: Option<i64>,
    /// The same in ISO-8601.
    pub build_time_iso: Option<String>,
    /// When work began, milliseconds since 1970.
    pub start_time_millis: Option<i64>,
    /// The same in ISO-8601.
    pub start_time_iso: Option<String>,
    /// When it ended, milliseconds since 1970.
    pub end_time_millis: Option<i64>,
    /// The same in ISO-8601.
    pub end_time_iso: Option<String>,
    /// Resolved storage account.
    pub storage_account_name: Option<String>,
    /// Resolved metrics account.
    pub metrics_account_name: Option<String>,
}

impl Serialize for AnalysisStatusResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("AnalysisStatusResponse", 21)?;
        macro_rules! field {
            ($name:literal, $value:expr) => {
                match &$value {
                    Some(value) => out.serialize_field($name, value)?,
                    None => out.skip_field($name)?,
                }
            };
        }
        field!("application", self.application);
        field!("user", self.user);
        field!(
            "parentPipelineExecutionId",
            self.parent_pipeline_execution_id
        );
        field!("pipelineId", self.pipeline_id);
        field!("stageStatus", self.stage_status);
        out.serialize_field("complete", &self.complete)?;
        field!("executionStatus", self.execution_status);
        field!("exception", self.exception);
        field!(
            "canaryAnalysisExecutionResult",
            self.canary_analysis_execution_result
        );
        field!(
            "canaryAnalysisExecutionRequest",
            self.canary_analysis_execution_request
        );
        field!("canaryConfig", self.canary_config);
        field!("canaryConfigId", self.canary_config_id);
        field!("buildTimeMillis", self.build_time_millis);
        field!("buildTimeIso", self.build_time_iso);
        field!("startTimeMillis", self.start_time_millis);
        field!("startTimeIso", self.start_time_iso);
        field!("endTimeMillis", self.end_time_millis);
        field!("endTimeIso", self.end_time_iso);
        field!("storageAccountName", self.storage_account_name);
        field!("metricsAccountName", self.metrics_account_name);
        field!("status", self.execution_status.map(ExecutionStatus::lower));
        out.end()
    }
}

/// The verdict of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisExecutionResult {
    /// Whether the last score met the pass threshold.
    pub did_pass_thresholds: bool,
    /// Whether some run warned.
    pub has_warnings: bool,
    /// The verdict in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_score_message: Option<String>,
    /// Score of each run, 0.0 for one that failed.
    pub canary_scores: Vec<Double>,
    /// Each run.
    pub canary_execution_results: Vec<CanaryExecutionResult>,
}

/// One canary run of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryExecutionResult {
    /// Id of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Upper-case status of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_status: Option<ExecutionStatus>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Value>,
    /// Its verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CanaryResult>,
    /// Start of the baseline's window in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_start_time_iso: Option<String>,
    /// The same in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_start_time_millis: Option<i64>,
    /// End of the baseline's window in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_end_time_iso: Option<String>,
    /// The same in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_end_time_millis: Option<i64>,
    /// What a person should know about the run.
    pub warnings: Vec<String>,
    /// Id of the stored pair list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_set_pair_list_id: Option<String>,
    /// When it was accepted in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_iso: Option<String>,
    /// The same in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_millis: Option<i64>,
    /// When work began in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_iso: Option<String>,
    /// The same in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_millis: Option<i64>,
    /// When it ended in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_iso: Option<String>,
    /// The same in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_millis: Option<i64>,
    /// Storage account of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account_name: Option<String>,
    /// Never set, kept for old archives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_account_name: Option<String>,
}

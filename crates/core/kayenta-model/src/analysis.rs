//! A standalone canary analysis (SCAPE): a series of canary runs over a lifetime, and its verdict.

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::SerializeStruct,
};
use serde_json::Value;

#[cfg(feature = "schema")]
use crate::schema::FreeObject;
use crate::{
    CanaryConfig, CanaryResult, ExecutionStatus, JsonMap, Thresholds, lenient, number::Double,
};

/// The lifetime, interval and scopes of an analysis. Absent fields and `null` take the defaults,
/// which the returned request shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAnalysisExecutionRequest))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRequest {
    /// At least one; start, end and step of the first apply to the analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true, value_type = Vec<AnalysisScope>))]
    pub scopes: Option<Vec<Option<AnalysisScope>>>,
    /// Score thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub thresholds: Option<Thresholds>,
    /// Length of the analysis in minutes; required unless the first scope has an end.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub lifetime_duration_mins: Option<i64>,
    /// Warm-up before the first run, in minutes.
    #[serde(deserialize_with = "long_or_zero")]
    pub begin_after_mins: i64,
    /// Length of a sliding window in minutes; 0 for windows that grow from the start.
    #[serde(deserialize_with = "long_or_zero")]
    pub lookback_mins: i64,
    /// Minutes between runs; one run over the whole lifetime when absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub analysis_interval_mins: Option<i64>,
    /// A free object, passed on to the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<FreeObject>))]
    pub site_local: Option<JsonMap>,
}

fn long_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(lenient::long(deserializer)?.unwrap_or_default())
}

/// One scope of an analysis, both sides together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAnalysisExecutionRequestScope))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisScope {
    /// The name that metrics refer to.
    #[serde(deserialize_with = "scope_name")]
    pub scope_name: String,
    /// Identifies the baseline, bound in its queries as `${scope}`.
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
    /// Starts the baseline's window this many minutes before the canary's.
    #[serde(deserialize_with = "long_or_zero")]
    pub control_offset_in_minutes: i64,
    /// Identifies the canary, bound in its queries as `${scope}`.
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
    /// Start of the analysis in ISO-8601; the time of the request when absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub start_time_iso: Option<String>,
    /// End of the analysis in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub end_time_iso: Option<String>,
    /// Step between data points, in seconds.
    #[serde(deserialize_with = "step")]
    pub step: i64,
    /// Additional template bindings by name.
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

/// A config and the request to analyse it with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAnalysisAdhocExecutionRequest))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisAdhocRequest {
    /// The config to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub canary_config: Option<CanaryConfig>,
    /// Lifetime, interval and scopes of the analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub execution_request: Option<AnalysisRequest>,
}

/// One stage of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = StageMetadata))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisStage {
    /// `setupAndExecuteCanariesStage`, `wait`, `runCanary` or `generateCanaryAnalysisResultStage`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub kind: String,
    /// Name of the stage, with the number of the run.
    #[cfg_attr(feature = "schema", schema(required = true, example = "Run Canary #1"))]
    pub name: String,
    /// Upper-case status.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExecutionStatus>, required = true, inline))]
    pub status: ExecutionStatus,
    /// Id of the run that the stage started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
}

/// Status and result of an analysis, as `GET /standalone_canary_analysis/{id}` returns them and the
/// archive keeps them. `status` at the end is the lower-case spelling of `executionStatus`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAnalysisExecutionStatusResponse))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisStatusResponse {
    /// Application the analysis was started for.
    pub application: Option<String>,
    /// User who started the analysis, as given by the caller.
    pub user: Option<String>,
    /// Id of the pipeline that started the analysis, as given by the caller.
    pub parent_pipeline_execution_id: Option<String>,
    /// Id of the analysis.
    pub pipeline_id: Option<String>,
    /// The stages in order.
    pub stage_status: Option<Vec<AnalysisStage>>,
    /// Whether the analysis has ended.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub complete: bool,
    /// Upper-case status.
    #[cfg_attr(feature = "schema", schema(inline))]
    pub execution_status: Option<ExecutionStatus>,
    /// Why the analysis failed.
    #[cfg_attr(feature = "schema", schema(value_type = Option<crate::ExecutionException>))]
    pub exception: Option<Value>,
    /// The result, once the last stage has produced it.
    pub canary_analysis_execution_result: Option<AnalysisExecutionResult>,
    /// The request with its defaults filled in.
    pub canary_analysis_execution_request: Option<AnalysisRequest>,
    /// The config as executed; `${` in templates is written `$\\{`.
    pub canary_config: Option<CanaryConfig>,
    /// Id of the stored config, if the analysis was started by id.
    pub canary_config_id: Option<String>,
    /// When the analysis was accepted, in milliseconds since 1970.
    pub build_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    pub build_time_iso: Option<String>,
    /// When work on it began, in milliseconds since 1970.
    pub start_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    pub start_time_iso: Option<String>,
    /// When it ended, in milliseconds since 1970.
    pub end_time_millis: Option<i64>,
    /// The same time in ISO-8601.
    pub end_time_iso: Option<String>,
    /// Account that stores its objects.
    pub storage_account_name: Option<String>,
    /// Account its metrics are fetched from.
    pub metrics_account_name: Option<String>,
    /// Lower-case status.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "succeeded"))]
    pub status: LowerCaseStatus,
}

/// What a finished analysis comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnalysisVerdict {
    /// The last score met the pass threshold.
    Pass,
    /// Every score was above marginal, but the last one is below the pass threshold.
    Marginal,
    /// A run was judged, and its score was at or below the marginal threshold.
    Fail,
}

impl AnalysisStatusResponse {
    /// The verdict. There is none while the analysis goes on, and when it was canceled or a run failed.
    #[must_use]
    pub fn verdict(&self) -> Option<AnalysisVerdict> {
        let result = self.canary_analysis_execution_result.as_ref()?;
        verdict(self.execution_status?, result)
    }

    /// The ids of the runs that were begun, the newest first, each with the number of those before it.
    pub fn runs_newest_first(&self) -> impl Iterator<Item = (usize, &str)> {
        let stages = self.stage_status.as_deref().unwrap_or_default();
        let runs: Vec<&str> = stages
            .iter()
            .filter_map(|stage| stage.execution_id.as_deref())
            .collect();
        runs.into_iter().enumerate().rev()
    }
}

/// The verdict of an analysis with this status and result, if it has one.
#[must_use]
pub fn verdict(
    status: ExecutionStatus,
    result: &AnalysisExecutionResult,
) -> Option<AnalysisVerdict> {
    match status {
        ExecutionStatus::Succeeded if result.did_pass_thresholds => Some(AnalysisVerdict::Pass),
        ExecutionStatus::Succeeded if !result.canary_scores.is_empty() => {
            Some(AnalysisVerdict::Marginal)
        }
        // A judged run below marginal ends the analysis without an exception of its own.
        ExecutionStatus::Terminal => result
            .canary_execution_results
            .last()
            .filter(|run| run.execution_status == Some(ExecutionStatus::Succeeded))
            .map(|_| AnalysisVerdict::Fail),
        _ => None,
    }
}

impl AnalysisVerdict {
    /// The word of the classification of a score that it corresponds to.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Marginal => "Marginal",
            Self::Fail => "Fail",
        }
    }
}

/// Stands for the `status` of an analysis, which is not kept but written from `executionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LowerCaseStatus;

/// What was written is ignored: `executionStatus` says the same.
impl<'de> Deserialize<'de> for LowerCaseStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
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

/// The result of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryAnalysisExecutionResult))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisExecutionResult {
    /// Whether the last score reached the pass threshold.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub did_pass_thresholds: bool,
    /// Whether any run has warnings.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub has_warnings: bool,
    /// The result in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub canary_score_message: Option<String>,
    /// The score of each run, 0.0 for a run that failed.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub canary_scores: Vec<Double>,
    /// The result of each run.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub canary_execution_results: Vec<CanaryExecutionResult>,
}

/// One run of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryExecutionResult {
    /// Id of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Upper-case status of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub execution_status: Option<ExecutionStatus>,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<crate::ExecutionException>))]
    pub exception: Option<Value>,
    /// The result of a run that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CanaryResult>,
    /// Start of the baseline's window, in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_start_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_start_time_millis: Option<i64>,
    /// End of the baseline's window, in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_end_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement_end_time_millis: Option<i64>,
    /// Warnings about the run.
    pub warnings: Vec<String>,
    /// Id of the stored metric set pair list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_set_pair_list_id: Option<String>,
    /// When the run was accepted, in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time_millis: Option<i64>,
    /// When work on it began, in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_millis: Option<i64>,
    /// When it ended, in ISO-8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_millis: Option<i64>,
    /// Account that stores its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account_name: Option<String>,
    /// Never set; kept for old archives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_account_name: Option<String>,
}

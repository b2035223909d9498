//! The raw form of an execution (`GET /pipelines/{id}`): for maintenance, in the shape of the
//! reference's engine. Only written, never read.

use std::sync::Arc;

use serde::Serialize;

#[cfg(feature = "schema")]
use crate::schema::FreeObject;
use crate::{
    AnalysisExecutionResult, AnalysisRequest, CanaryConfig, CanaryJudgeResult, Double,
    ExecutionException, ExecutionStatus, JsonMap, Thresholds, comparison::ComparisonResult,
};

/// Who every execution runs for in this form.
const ANONYMOUS: &str = "[anonymous]";

/// A run or an analysis with its stages. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PipelineExecution {
    /// Always `PIPELINE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the run or analysis.
    pub id: String,
    /// Application it was started for.
    pub application: String,
    /// Kind of execution.
    pub name: String,
    /// When it was accepted.
    pub build_time: i64,
    /// Whether it was canceled.
    pub canceled: bool,
    /// Who canceled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<String>,
    /// Why it was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// Always false.
    pub limit_concurrent: bool,
    /// Always false.
    pub keep_waiting_pipelines: bool,
    /// The stages in order.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<FreeObject>))]
    pub stages: Vec<PipelineStage>,
    /// When work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Upper-case status.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExecutionStatus>, required = true, inline))]
    pub status: ExecutionStatus,
    /// What started it.
    #[cfg_attr(feature = "schema", schema(value_type = FreeObject))]
    pub trigger: PipelineTrigger,
    /// Application under which it is listed.
    pub pipeline_config_id: String,
    /// Always empty.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<FreeObject>))]
    pub notifications: Vec<JsonMap>,
    /// Always empty.
    #[cfg_attr(feature = "schema", schema(value_type = FreeObject))]
    pub initial_config: JsonMap,
    /// Always empty.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<FreeObject>))]
    pub system_notifications: Vec<JsonMap>,
}

/// A pipeline without stages that was accepted at the beginning of 1970.
impl Default for PipelineExecution {
    fn default() -> Self {
        Self {
            kind: "PIPELINE".to_owned(),
            id: String::new(),
            application: String::new(),
            name: String::new(),
            build_time: 0,
            canceled: false,
            canceled_by: None,
            cancellation_reason: None,
            limit_concurrent: false,
            keep_waiting_pipelines: false,
            stages: Vec::new(),
            start_time: None,
            end_time: None,
            status: ExecutionStatus::NotStarted,
            trigger: PipelineTrigger::default(),
            pipeline_config_id: String::new(),
            notifications: Vec::new(),
            initial_config: JsonMap::new(),
            system_notifications: Vec::new(),
        }
    }
}

/// What started an execution. Executions here have no trigger; this says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineTrigger {
    /// Always `none`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `[anonymous]`.
    pub user: String,
    /// Always empty.
    pub parameters: JsonMap,
    /// Always empty.
    pub artifacts: Vec<JsonMap>,
    /// Always empty.
    pub notifications: Vec<JsonMap>,
    /// Always false.
    pub rebake: bool,
    /// Always false.
    pub dry_run: bool,
    /// Always false.
    pub strategy: bool,
    /// Always empty.
    pub resolved_expected_artifacts: Vec<JsonMap>,
}

impl Default for PipelineTrigger {
    fn default() -> Self {
        Self {
            kind: "none".to_owned(),
            user: ANONYMOUS.to_owned(),
            parameters: JsonMap::new(),
            artifacts: Vec::new(),
            notifications: Vec::new(),
            rebake: false,
            dry_run: false,
            strategy: false,
            resolved_expected_artifacts: Vec::new(),
        }
    }
}

/// A stage of an execution. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStage {
    /// Follows from the execution's id and the position of the stage.
    pub id: String,
    /// Name within a canary run; left out when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ref_id: String,
    /// Type of the stage.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the stage.
    pub name: String,
    /// When work on it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Upper-case status.
    pub status: ExecutionStatus,
    /// What it works with, and why it failed.
    pub context: StageContext,
    /// What it has made.
    pub outputs: StageOutputs,
    /// The one task it consists of.
    pub tasks: [PipelineTask; 1],
    /// Stages that must have succeeded before it begins.
    pub requisite_stage_ref_ids: Vec<String>,
    /// Where it belongs, for a stage that another one has made.
    #[serde(flatten)]
    pub synthetic: Option<SyntheticStage>,
}

/// The place of a stage that was made by another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyntheticStage {
    /// Always `STAGE_BEFORE`.
    pub synthetic_stage_owner: String,
    /// Id of the stage that made it; null when that is not there.
    pub parent_stage_id: Option<String>,
}

impl SyntheticStage {
    /// A stage that runs before the one that made it.
    #[must_use]
    pub fn before(parent_stage_id: Option<String>) -> Self {
        Self {
            synthetic_stage_owner: "STAGE_BEFORE".to_owned(),
            parent_stage_id,
        }
    }
}

/// The task of a stage: stages here have one, named after them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineTask {
    /// Always `1`.
    pub id: String,
    /// Type of the stage.
    pub name: String,
    /// When work on the stage began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When the stage ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Status of the stage.
    pub status: ExecutionStatus,
    /// Always true.
    pub stage_start: bool,
    /// Always true.
    pub stage_end: bool,
}

impl PipelineTask {
    /// The task of a stage of this type that has not begun.
    #[must_use]
    pub fn new(stage_kind: impl Into<String>) -> Self {
        Self {
            id: "1".to_owned(),
            name: stage_kind.into(),
            start_time: None,
            end_time: None,
            status: ExecutionStatus::NotStarted,
            stage_start: true,
            stage_end: true,
        }
    }
}

/// What a stage works with, and why it failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageContext {
    /// Always `[anonymous]`.
    pub user: String,
    /// What it works with.
    #[serde(flatten)]
    pub inputs: StageInputs,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ExecutionException>,
}

impl StageContext {
    /// The context of a stage that has not failed.
    #[must_use]
    pub fn new(inputs: StageInputs) -> Self {
        Self {
            user: ANONYMOUS.to_owned(),
            inputs,
            exception: None,
        }
    }
}

/// What a stage works with, by what it does. Names ending in `AccountName` are resolved accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub enum StageInputs {
    /// Nothing.
    Nothing {},
    /// The config, before anything else is done with it.
    Setup {
        application: String,
        storage_account_name: String,
        metrics_account_name: String,
        canary_config_id: Option<String>,
        canary_config: Arc<CanaryConfig>,
        /// The request of a canary run, as JSON in a text.
        #[serde(skip_serializing_if = "Option::is_none")]
        canary_execution_request: Option<String>,
    },
    /// One metric to fetch on one side.
    Fetch {
        metric_index: usize,
        metrics_account_name: String,
        storage_account_name: String,
        stage_type: String,
        /// `control` or `experiment`.
        side: String,
    },
    /// Metric sets to put next to each other.
    Mix {
        storage_account_name: String,
        control_refid_prefix: String,
        experiment_refid_prefix: String,
    },
    /// A pair list to judge.
    Judge {
        storage_account_name: String,
        metric_set_pair_list_id: String,
        orchestrator_score_thresholds: Option<Thresholds>,
        #[serde(skip_serializing_if = "Option::is_none")]
        override_judge_name: Option<String>,
    },
    /// Time to let pass, in seconds.
    Wait { wait_time: i64 },
    /// A canary to run, and what came of it.
    Run {
        application: String,
        storage_account_name: String,
        metrics_account_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        canary_pipeline_execution_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        canary_pipeline_status: Option<ExecutionStatus>,
        #[serde(skip_serializing_if = "Option::is_none")]
        canary_score: Option<Double>,
        #[serde(skip_serializing_if = "Option::is_none")]
        canary_score_message: Option<String>,
    },
    /// An analysis to set up.
    Analysis {
        canary_analysis_execution_request: Box<PipelineAnalysisRequest>,
    },
}

/// What an analysis was asked for, with everything resolved.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineAnalysisRequest {
    /// Who asked for it.
    pub user: String,
    /// The application it runs for.
    pub application: String,
    /// As given by the caller.
    pub parent_pipeline_execution_id: Option<String>,
    /// Id of the stored config, when it was started by id.
    pub canary_config_id: Option<String>,
    /// Resolved metrics account.
    pub metrics_account_name: String,
    /// Resolved storage account.
    pub storage_account_name: String,
    /// Resolved configuration account, when the config was loaded from one.
    pub configuration_account_name: Option<String>,
    /// How to run it.
    pub execution_request: AnalysisRequest,
    /// The config as executed, templates escaped.
    pub canary_config: Arc<CanaryConfig>,
}

/// What a stage has made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub enum StageOutputs {
    /// Nothing, or nothing yet.
    Nothing {},
    /// The config as executed.
    Config { canary_config: Arc<CanaryConfig> },
    /// A stored metric set list.
    MetricSetList { metric_set_list_id: String },
    /// A stored pair list.
    PairList { metric_set_pair_list_id: String },
    /// A verdict.
    Verdict { result: Box<CanaryJudgeResult> },
    /// Two verdicts over one pair list.
    Comparison {
        comparison_result: Box<ComparisonResult>,
    },
    /// The verdict of an analysis.
    Analysis {
        canary_analysis_execution_result: Box<AnalysisExecutionResult>,
    },
}

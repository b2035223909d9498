//! Two judges over one stored pair list.

use indexmap::IndexMap;
use serde::Serialize;

use crate::{CanaryJudgeResult, ExecutionException};

/// Answer of `GET /judges/comparison/{id}`; empty while it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonStatus {
    /// Both verdicts, once both are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison_result: Option<ComparisonResult>,
    /// Failures by name of the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<IndexMap<String, ExecutionException>>,
}

/// Both verdicts over one pair list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonResult {
    /// What the first judge says.
    pub judge_1_result: Option<CanaryJudgeResult>,
    /// What the second judge says.
    pub judge_2_result: Option<CanaryJudgeResult>,
}

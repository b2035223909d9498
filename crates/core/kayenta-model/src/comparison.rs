//! Two judges over one stored pair list.

use indexmap::IndexMap;
use serde::Serialize;

use crate::{CanaryJudgeResult, ExecutionException};

/// The judgements of two judges over one metric set pair list; empty until both are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparisonStatus {
    /// Both judgements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison_result: Option<ComparisonResult>,
    /// Failures by name of the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<IndexMap<String, ExecutionException>>,
}

/// Both judgements of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparisonResult {
    /// What the first judge returned.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub judge_1_result: Option<CanaryJudgeResult>,
    /// What the second judge returned.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub judge_2_result: Option<CanaryJudgeResult>,
}

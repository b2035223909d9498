//! An execution in a few words, as listings across applications show it.

use serde::{Deserialize, Serialize};

use crate::{ExecutionStatus, Thresholds, number::Double};

/// Who and what an execution is, how it stands and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionSummary {
    /// Id of the execution.
    pub id: String,
    /// What sort of execution it is.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExecutionKind>, required = true, inline))]
    pub kind: ExecutionKind,
    /// Application it was started for.
    pub application: String,
    /// Upper-case status.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExecutionStatus>, required = true, inline))]
    pub status: ExecutionStatus,
    /// Name of its config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_name: Option<String>,
    /// Id of its config, if it is a stored one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_id: Option<String>,
    /// The baseline of its first scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The canary of its first scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// User who started it, as given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Pipeline that started it, as given by the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_pipeline_execution_id: Option<String>,
    /// The analysis this is a run of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_id: Option<String>,
    /// Score thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// The score; of an analysis that of its last judged run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Double>,
    /// `Pass`, `Marginal`, `Fail`, `Nodata` or `Error`, once there is a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Runs of an analysis that have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_ended: Option<usize>,
    /// Runs of an analysis that are planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_planned: Option<usize>,
    /// What failed or who canceled it, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was accepted, in milliseconds since 1970.
    pub build_time_millis: i64,
    /// When work on it began, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_millis: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_millis: Option<i64>,
    /// When the next run of an analysis that waits for it is due, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_time_millis: Option<i64>,
    /// Start of the canary's window, of an analysis that of all its runs, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_start_millis: Option<i64>,
    /// End of the same window, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_end_millis: Option<i64>,
}

/// Sorts of executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ExecutionKind {
    /// A canary run on its own.
    #[default]
    Run,
    /// A canary run that an analysis has started.
    AnalysisRun,
    /// A standalone analysis.
    Analysis,
    /// A comparison of two judges.
    Comparison,
}

impl ExecutionKind {
    /// Every sort.
    pub const ALL: [Self; 4] = [
        Self::Run,
        Self::AnalysisRun,
        Self::Analysis,
        Self::Comparison,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::AnalysisRun => "analysisRun",
            Self::Analysis => "analysis",
            Self::Comparison => "comparison",
        }
    }

    /// The sort a word means.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_kind_is_the_one_that_is_written() {
        for kind in ExecutionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(ExecutionKind::of(kind.as_str()), Some(kind));
        }
    }
}

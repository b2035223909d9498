//! A run or an analysis as a link with its verdict.

use kayenta_model::{ExecutionKind, ExecutionSummary};
use kayenta_report::{
    Badge, encoded,
    number::{Timestamp, score},
};

/// A run in a strip.
#[derive(Clone, Debug)]
pub(crate) struct LastRun {
    pub(crate) href: String,
    pub(crate) badge: Badge,
    pub(crate) score: String,
    pub(crate) when: Option<Timestamp>,
}

/// A run or analysis as a link with its verdict.
pub(crate) fn last_run(root: &str, execution: &ExecutionSummary) -> Option<LastRun> {
    let id = encoded(&execution.id);
    let href = match execution.kind {
        ExecutionKind::Run | ExecutionKind::AnalysisRun => format!("{root}/runs/{id}"),
        ExecutionKind::Analysis => format!("{root}/analyses/{id}"),
        ExecutionKind::Comparison => return None,
    };
    Some(LastRun {
        href,
        badge: match &execution.verdict {
            Some(verdict) => Badge::of_label(verdict),
            None => Badge::of_status(execution.status.as_str()),
        },
        score: execution
            .score
            .map(|value| score(value.into()))
            .unwrap_or_default(),
        when: Timestamp::of(execution.build_time_millis),
    })
}

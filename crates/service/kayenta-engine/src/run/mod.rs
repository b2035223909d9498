//! Driving executions, step by step, from the last recorded step to the next wait or the end.

mod analysis;
mod analysis_verdict;
mod canary;
mod comparison;
mod fetch_step;
mod mix_step;
mod run_step;

use chrono::{DateTime, Utc};

pub(crate) use self::{
    analysis::AnalysisDriver, canary::CanaryDriver, comparison::ComparisonDriver,
};
use crate::{
    error::EngineError,
    failure::Failure,
    session::{Interrupted, Session},
};

/// What becomes of the job of an execution that was driven as far as it can go now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing more will happen.
    Done,
    /// Look again then.
    At(DateTime<Utc>),
}

/// Why the steps of a run end early.
enum Halt {
    /// A stage has failed and says why.
    Failed,
    Interrupted(Interrupted),
}

impl From<Interrupted> for Halt {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Self::Interrupted(error.into())
    }
}

/// Notes the failure of a stage.
fn fail_stage(session: &mut Session, stage: usize, failure: Failure) {
    let now = session.now();
    let stage = &mut session.execution.stages[stage];
    tracing::debug!(stage = %stage.ref_id, errors = ?failure.errors(), "a stage failed");
    stage.fail_as_itself(failure, now);
}

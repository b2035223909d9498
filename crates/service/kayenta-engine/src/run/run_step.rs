//! One canary run of an analysis: created under an id the analysis keeps first, driven in place, and
//! what its end means for the analysis.

use std::sync::Arc;

use kayenta_model::{CanaryJudgeResult, Clock, Double, ExecutionStatus};
use tracing::Instrument;

use super::{CanaryDriver, analysis_verdict};
use crate::{
    account::Accounts,
    archiver::{Archived, Archiver},
    error::{EngineError, EngineErrorKind},
    executions::Executions,
    failure::{Failure, canary_was_canceled},
    options::EngineParts,
    plan::{Planner, RunPlanError},
    record::{Execution, StageWork, execution_span},
    session::{Interrupted, Session},
};

/// How often a run's record may change under its worker before the worker gives up on it for now.
const RELOADS: usize = 20;

/// Makes the canary runs of analyses.
#[derive(Debug)]
pub(super) struct RunStep {
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
    executions: Arc<Executions>,
    planner: Arc<Planner>,
    canary: Arc<CanaryDriver>,
    archiver: Arc<Archiver>,
}

/// Why there is no run to drive.
enum NoRun {
    /// It can never be started.
    Unplannable(Failure),
    Interrupted(Interrupted),
}

impl From<Interrupted> for NoRun {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<EngineError> for NoRun {
    fn from(error: EngineError) -> Self {
        Self::Interrupted(error.into())
    }
}

impl RunStep {
    pub(super) fn new(
        executions: Arc<Executions>,
        planner: Arc<Planner>,
        canary: Arc<CanaryDriver>,
        archiver: Arc<Archiver>,
        parts: &EngineParts,
    ) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            clock: Arc::clone(&parts.clock),
            executions,
            planner,
            canary,
            archiver,
        }
    }

    /// Runs the canary of a stage to its end, from wherever it is, and ends the stage accordingly.
    pub(super) async fn run(&self, session: &mut Session, stage: usize) -> Result<(), Interrupted> {
        let run = match self.open_run(session, stage).await {
            Ok(run) => run,
            Err(NoRun::Unplannable(failure)) => {
                let now = session.now();
                session.execution.stages[stage].fail(failure, "runCanary", now);
                return Ok(());
            }
            Err(NoRun::Interrupted(interrupted)) => return Err(interrupted),
        };
        let run = self.drive(run).await?;
        let warns = self
            .accounts
            .get(&session.execution.accounts.metrics)
            .and_then(|account| Some(account.metrics.as_ref()?.description().warns_of_few_points))
            .unwrap_or(true);
        end_stage(session, stage, &run, warns);
        self.archive(run).await
    }

    /// The run of a stage: the recorded one, or a new one under an id recorded before it is created.
    async fn open_run(&self, session: &mut Session, stage: usize) -> Result<Session, NoRun> {
        let StageWork::Run(run) = &session.execution.stages[stage].work else {
            return Err(NoRun::Unplannable(Failure::illegal(
                "this stage runs no canary",
            )));
        };
        let recorded = run.child_id.clone();
        if let Some(id) = &recorded
            && let Some(run) = self.executions.open(id).await?
        {
            return Ok(run);
        }
        let number = run.number;
        let id = recorded
            .clone()
            .unwrap_or_else(|| self.planner.execution_id());
        let mut planned = self
            .planner
            .run_of(&session.execution, number, id.clone())
            .await
            .map_err(not_initiated)
            .map_err(NoRun::Unplannable)?;
        // The worker that archives it later may have nothing but its own job.
        planned.put_into(session.execution.trace());
        if recorded.is_none() {
            let now = session.now();
            let stage = &mut session.execution.stages[stage];
            stage.begin(now);
            if let StageWork::Run(run) = &mut stage.work {
                run.child_id = Some(id);
            }
            session.save().await?;
        }
        metrics::counter!("canary.pipelines.initiated").increment(1);
        // Another worker may have been quicker, and the run be gone again.
        self.executions
            .create_without_job(planned)
            .await?
            .ok_or(NoRun::Interrupted(Interrupted::Changed))
    }

    /// Drives a run until it is complete, by this worker or by a cancel from elsewhere.
    async fn drive(&self, mut run: Session) -> Result<Execution, Interrupted> {
        let id = run.execution.id.clone();
        let span = execution_span(&run.execution);
        for _ in 0..RELOADS {
            if run.execution.is_complete() {
                return Ok(run.execution.into_inner());
            }
            let attendance = self.executions.attend(&id);
            let driven = tokio::select! {
                biased;
                () = self.executions.ended_elsewhere(&id, &attendance.changed) => {
                    Err(Interrupted::Changed)
                }
                driven = self.canary.drive(&mut run).instrument(span.clone()) => driven,
            };
            match driven {
                Ok(()) => return Ok(run.execution.into_inner()),
                Err(Interrupted::Changed) => {
                    run = self
                        .executions
                        .open(&id)
                        .await?
                        .ok_or(Interrupted::Changed)?;
                }
                Err(interrupted) => return Err(interrupted),
            }
        }
        Err(Interrupted::Failed(EngineError::new(
            EngineErrorKind::Unavailable,
            format!("canary run {id} keeps changing"),
        )))
    }

    async fn archive(&self, run: Execution) -> Result<(), Interrupted> {
        let id = run.id.clone();
        let span = execution_span(&run);
        if self.archiver.archive(run).instrument(span).await == Archived::NotYet {
            // Tried again by the worker that takes the job next.
            self.executions.queue_job(&id, None).await?;
        }
        Ok(())
    }

    /// Gives up the run of a stage that is given up.
    pub(super) async fn give_up(&self, id: &str, failure: Failure) -> Result<(), Interrupted> {
        match self.executions.open(id).await? {
            Some(mut run) if !run.execution.is_complete() => {
                let now = self.clock.now_millis();
                run.execution.give_up(failure, now);
                run.save().await
            }
            _ => Ok(()),
        }
    }
}

/// C-SCAPE-05: the cause follows the reference's text.
fn not_initiated(error: RunPlanError) -> Failure {
    Failure::with_errors(
        "RuntimeException",
        vec![
            "Failed to initiate canary analysis".to_owned(),
            error.to_string(),
        ],
        Some(&error),
    )
}

/// What the end of a run means for the stage of the analysis, and so for the analysis.
fn end_stage(session: &mut Session, stage: usize, ended: &Execution, warns: bool) {
    let now = session.now();
    let marginal = session
        .execution
        .analysis()
        .and_then(|task| task.request.thresholds?.marginal);
    let stage = &mut session.execution.stages[stage];
    let StageWork::Run(run) = &mut stage.work else {
        return;
    };
    run.child_status = Some(ended.status);
    if ended.status != ExecutionStatus::Succeeded {
        stage.exception = if ended.status == ExecutionStatus::Canceled {
            Some(canary_was_canceled())
        } else {
            ended.first_exception_by_ref_id().cloned()
        };
        stage.end(ExecutionStatus::Terminal, now);
        return;
    }
    let judged = ended.canary().and_then(|task| task.result.as_ref());
    if warns {
        run.warnings = judged.map(analysis_verdict::warnings).unwrap_or_default();
    }
    let Some(score) = judged.and_then(CanaryJudgeResult::total) else {
        let failure = Failure::new(
            "NullPointerException",
            format!("Canary run {} has a verdict without a score.", ended.id),
        );
        stage.fail(failure, "monitorCanary", now);
        return;
    };
    run.score = Some(Double(score));
    let Some(marginal) = marginal else {
        let failure = Failure::new(
            "NullPointerException",
            "The thresholds of the analysis request must contain marginal.",
        );
        stage.fail(failure, "monitorCanary", now);
        return;
    };
    tracing::debug!(score, marginal, "a run of an analysis has ended");
    let early_success = ended.canary().and_then(|task| task.early_success.clone());
    if score <= marginal {
        run.message = Some(analysis_verdict::LOW_SCORE.to_owned());
        stage.end(ExecutionStatus::Terminal, now);
    } else {
        run.early_success = early_success;
        stage.end(ExecutionStatus::Succeeded, now);
    }
}

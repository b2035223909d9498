//! One standalone analysis, step by step: plan, wait, run a canary, sum up.
//!
//! Waiting is never a sleeping task: the record says since when, the job is put off until it is
//! over. A canary run is driven by the same worker, in a record of its own whose id the analysis
//! keeps before the run is created.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use kayenta_model::{
    CanaryExecutionResult, CanaryStatusResponse, Double, ExecutionStatus, Instant, time::iso_millis,
};
use kayenta_storage::ObjectKind;
use tracing::Instrument;

use super::{CanaryDriver, Next, analysis_verdict, run_step::RunStep};
use crate::{
    account::Accounts,
    archiver::Archiver,
    error::{EngineError, EngineErrorKind},
    executions::Executions,
    failure::Failure,
    options::EngineParts,
    plan::{Planner, timetable, windows},
    record::{AnalysisTask, Execution, RunStage, Stage, StageWork, Task},
    session::{Interrupted, Session},
    status,
};

/// Runs read at a time when an analysis is summed up.
const READS: usize = 16;

/// Drives standalone analyses.
#[derive(Debug)]
pub(crate) struct AnalysisDriver {
    accounts: Arc<Accounts>,
    executions: Arc<Executions>,
    run_step: RunStep,
}

/// Whether an analysis has a timetable to follow.
enum Planned {
    Yes,
    /// It cannot be planned, and has ended with that.
    Ended,
}

impl AnalysisDriver {
    pub(crate) fn new(
        executions: Arc<Executions>,
        planner: Arc<Planner>,
        canary: Arc<CanaryDriver>,
        archiver: Arc<Archiver>,
        parts: &EngineParts,
    ) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            executions: Arc::clone(&executions),
            run_step: RunStep::new(executions, planner, canary, archiver, parts),
        }
    }

    /// Drives an analysis until it waits or ends.
    pub(crate) async fn drive(&self, session: &mut Session) -> Result<Next, Interrupted> {
        if let Planned::Ended = plan_once(session).await? {
            return Ok(Next::Done);
        }
        loop {
            if session.execution.early_success().is_some() {
                self.sum_up(session, ExecutionStatus::Succeeded).await?;
                return Ok(Next::Done);
            }
            let mut stages = session.execution.stages.iter();
            let Some(open) = stages.position(Stage::is_open_step) else {
                self.sum_up(session, ExecutionStatus::Succeeded).await?;
                return Ok(Next::Done);
            };
            if let StageWork::Wait { .. } = session.execution.stages[open].work {
                if let Some(due) = wait(session, open).await? {
                    return Ok(Next::At(due));
                }
                continue;
            }
            let span = tracing::debug_span!("stage", name = %session.execution.stages[open].name);
            self.run_step.run(session, open).instrument(span).await?;
            if session.execution.stages[open].status != ExecutionStatus::Succeeded {
                self.sum_up(session, ExecutionStatus::Terminal).await?;
                return Ok(Next::Done);
            }
        }
    }

    /// Gives an analysis up: its open stage fails, and it is summed up like on any early end.
    pub(crate) async fn give_up(
        &self,
        session: &mut Session,
        failure: Failure,
    ) -> Result<(), Interrupted> {
        let now = session.now();
        let execution = &mut session.execution;
        if execution.planned_analysis().is_none() {
            execution.begin(now);
            execution.stages[0].fail(failure, timetable::SETUP_NAME, now);
            execution.end(ExecutionStatus::Terminal, now);
            return session.save().await;
        }
        let open = execution.stages.find_mut(Stage::is_open_step);
        if let Some(stage) = open {
            stage.fail_as_itself(failure.clone(), now);
            if let StageWork::Run(RunStage {
                child_id: Some(id), ..
            }) = &stage.work
            {
                self.run_step.give_up(id, failure).await?;
            }
        }
        self.sum_up(session, ExecutionStatus::Terminal).await
    }

    /// Ends an analysis: on an early end whatever has not begun vanishes.
    async fn sum_up(
        &self,
        session: &mut Session,
        status: ExecutionStatus,
    ) -> Result<(), Interrupted> {
        session.execution.stages.retain(|stage| {
            stage.status != ExecutionStatus::NotStarted
                || !matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_))
        });
        let results = self.run_results(&session.execution).await?;
        let now = session.now();
        let execution = &mut session.execution;
        let scores: Vec<Double> = execution
            .runs()
            .map(|(_, run)| run.score.unwrap_or_default())
            .collect();
        let thresholds = execution
            .analysis()
            .and_then(|task| task.request.thresholds);
        let mut result = analysis_verdict::aggregate(thresholds, results, &scores);
        if let Some(message) = execution.early_success() {
            result.canary_score_message = Some(message.to_owned());
        }
        if let Some(setup) = execution.position(|work| *work == StageWork::Analysis) {
            execution.stages[setup].end(status, now);
        }
        let mut summary = timetable::summary_stage();
        summary.end(ExecutionStatus::Succeeded, now);
        execution.stages.push(summary);
        if let Some(task) = analysis_mut(execution) {
            task.result = Some(result);
        }
        execution.end(status, now);
        session.save().await?;
        report(&session.execution);
        Ok(())
    }

    /// The result of each run. C-SCAPE-04: a run that could not be started is left out, and
    /// does not suppress the others.
    async fn run_results(
        &self,
        execution: &Execution,
    ) -> Result<Vec<CanaryExecutionResult>, Interrupted> {
        let Some((task, plan)) = execution.planned_analysis() else {
            return Ok(Vec::new());
        };
        let ids: Vec<String> = execution
            .started_runs()
            .map(|(_, _, id)| id.to_owned())
            .collect();
        let storage = &execution.accounts.storage;
        let mut answers =
            stream::iter(ids.into_iter().map(|id| self.run_answer(id, storage))).buffered(READS);
        let mut results = Vec::new();
        let mut started = execution.started_runs();
        while let Some(answer) = answers.next().await {
            let Some((stage, run, id)) = started.next() else {
                break;
            };
            let window = windows::run_request(&task.request, plan, run.number)
                .ok()
                .and_then(|request| windows::judged_window(&request));
            results.push(analysis_verdict::run_result(
                id,
                run,
                stage.exception.as_ref(),
                window,
                answer?.unwrap_or_default(),
            ));
        }
        Ok(results)
    }

    /// What is known of a canary run: from its record, else from its archive.
    async fn run_answer(
        &self,
        id: String,
        storage: &str,
    ) -> Result<Option<CanaryStatusResponse>, EngineError> {
        if let Some(execution) = self.executions.find(&id).await? {
            return status::of(execution, status::canary).await?.map(Some);
        }
        let objects = self.accounts.recorded_object_store(storage)?;
        match objects.load(ObjectKind::CanaryResultArchive, &id).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                tracing::warn!(execution.id = %id, %error, "a run of an analysis has neither a record nor an archive");
                Ok(None)
            }
        }
    }
}

/// Makes the timetable of an analysis that has none yet; one that cannot be planned ends.
async fn plan_once(session: &mut Session) -> Result<Planned, Interrupted> {
    let now = session.now();
    let execution = &mut session.execution;
    let Some(task) = analysis_mut(execution) else {
        return Err(Interrupted::Failed(EngineError::new(
            EngineErrorKind::Internal,
            format!("execution {} is not an analysis", execution.id),
        )));
    };
    if task.plan.is_some() {
        return Ok(Planned::Yes);
    }
    let instant = Instant::from_millis(now)
        .ok_or_else(|| EngineError::new(EngineErrorKind::Internal, "the clock is out of range"))?;
    match timetable::make(&task.request, instant) {
        Ok(timetable) => {
            tracing::debug!(runs = timetable.plan.runs, "planned an analysis");
            task.plan = Some(timetable.plan);
            execution.begin(now);
            execution.stages[0].begin(now);
            // Listed before the stage that spans them, as the reference lists them.
            execution.stages.put_first(timetable.stages);
            Ok(Planned::Yes)
        }
        Err(failure) => {
            task.result = Some(analysis_verdict::aggregate(None, Vec::new(), &[]));
            execution.begin(now);
            execution.stages[0].fail(failure, timetable::SETUP_NAME, now);
            let mut summary = timetable::summary_stage();
            summary.end(ExecutionStatus::Terminal, now);
            execution.stages.push(summary);
            execution.end(ExecutionStatus::Terminal, now);
            session.save().await?;
            report(&session.execution);
            Ok(Planned::Ended)
        }
    }
}

fn analysis_mut(execution: &mut Execution) -> Option<&mut AnalysisTask> {
    match &mut execution.task {
        Task::Analysis(task) => Some(task),
        _ => None,
    }
}

/// Begins or ends a wait; returns its end if that is yet to come.
async fn wait(session: &mut Session, stage: usize) -> Result<Option<DateTime<Utc>>, Interrupted> {
    let now = session.now();
    let stage = &mut session.execution.stages[stage];
    let began = stage.status == ExecutionStatus::NotStarted;
    stage.begin(now);
    let over = stage.over().unwrap_or(now);
    if over <= now {
        stage.end(ExecutionStatus::Succeeded, now);
        return Ok(None);
    }
    if began {
        session.save().await?;
    }
    tracing::debug!(until = %iso_millis(over), "analysis is waiting");
    let due = DateTime::from_timestamp_millis(over)
        // Beyond the calendar: look again in a year.
        .or_else(|| DateTime::from_timestamp_millis(now)?.checked_add_signed(TimeDelta::days(365)));
    Ok(due)
}

/// The one line a finished analysis leaves in the log.
fn report(execution: &Execution) {
    let result = execution.analysis().and_then(|task| task.result.as_ref());
    let took = execution.end_time.unwrap_or(execution.build_time)
        - execution.start_time.unwrap_or(execution.build_time);
    let passed = result.is_some_and(|result| result.did_pass_thresholds);
    metrics::counter!(
        "canary.analyses",
        "status" => execution.status.lower(),
        "passed" => passed.to_string()
    )
    .increment(1);
    tracing::info!(
        execution.id = %execution.id,
        execution.application = %execution.application,
        status = %execution.status,
        passed,
        score = result
            .and_then(|result| result.canary_scores.last())
            .map(|score| score.0),
        duration_ms = took,
        "standalone analysis finished"
    );
}

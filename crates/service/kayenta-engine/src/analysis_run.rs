//! One standalone analysis, step by step: plan, wait, run a canary, decide, sum up.
//!
//! Waiting is never a sleeping task: the record says since when, the job is put off until it is
//! over. A canary run is driven by the same worker, in a record of its own whose id the analysis
//! keeps before the run is created.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use kayenta_model::{
    CanaryStatusResponse, Double, ExecutionException, ExecutionStatus, Instant, Thresholds,
    time::iso_millis,
};
use kayenta_queue::QueueErrorKind;
use kayenta_storage::ObjectKind;
use tracing::Instrument;

use crate::{
    analysis_plan::{self, SETUP_NAME},
    canary_plan::{self, CanaryInputs},
    engine::Inner,
    error::{EngineError, EngineErrorKind},
    exception::{Failure, canary_was_canceled},
    record::{
        AD_HOC, AccountNames, AnalysisPlan, AnalysisTask, Execution, RunStage, StageWork, Task,
    },
    session::{Interrupted, Session},
    status,
    verdict::{self, LOW_SCORE},
};

/// How often a run's record may change under its worker before the worker gives up on it for now.
const RELOADS: usize = 20;
/// Runs read at a time when an analysis is summed up.
const READS: usize = 16;

/// What becomes of an analysis' job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing more will happen.
    Done,
    /// Look again then.
    At(DateTime<Utc>),
}

impl Inner {
    /// Drives an analysis until it waits or ends.
    pub(crate) async fn drive_analysis(&self, session: &mut Session) -> Result<Next, Interrupted> {
        if self.plan(session).await? {
            return Ok(Next::Done);
        }
        loop {
            let open = session.execution.stages.iter().position(|stage| {
                !stage.status.is_complete()
                    && matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_))
            });
            let Some(open) = open else {
                self.sum_up(session, ExecutionStatus::Succeeded).await?;
                return Ok(Next::Done);
            };
            if let StageWork::Wait { seconds } = session.execution.stages[open].work {
                if let Some(due) = wait(session, open, seconds).await? {
                    return Ok(Next::At(due));
                }
                continue;
            }
            let span = tracing::debug_span!("stage", name = %session.execution.stages[open].name);
            self.run_canary(session, open).instrument(span).await?;
            if session.execution.stages[open].status != ExecutionStatus::Succeeded {
                self.sum_up(session, ExecutionStatus::Terminal).await?;
                return Ok(Next::Done);
            }
        }
    }

    /// Plans an analysis that has no timetable yet; whether that ended it.
    async fn plan(&self, session: &mut Session) -> Result<bool, Interrupted> {
        let now = session.now();
        let Task::Analysis(task) = &mut session.execution.task else {
            return Ok(true);
        };
        if task.plan.is_some() {
            return Ok(false);
        }
        let moment = Instant::from_millis(now).ok_or_else(|| {
            EngineError::new(EngineErrorKind::Internal, "the clock is out of range")
        })?;
        match analysis_plan::plan(&task.request, moment) {
            Ok(timetable) => {
                tracing::debug!(runs = timetable.plan.runs, "planned an analysis");
                task.plan = Some(timetable.plan);
                session.execution.begin(now);
                session.execution.stages[0].begin(now);
                // Listed before the stage that spans them, as the reference lists them.
                session.execution.stages.splice(0..0, timetable.stages);
                Ok(false)
            }
            Err(failure) => {
                session.execution.begin(now);
                session.execution.stages[0].fail(failure.at(SETUP_NAME, now), now);
                let mut summary = analysis_plan::summary_stage();
                summary.end(ExecutionStatus::Terminal, now);
                session.execution.stages.push(summary);
                task_mut(session).result = Some(verdict::aggregate(None, Vec::new(), &[]));
                session.execution.end(ExecutionStatus::Terminal, now);
                session.save().await?;
                report(&session.execution);
                Ok(true)
            }
        }
    }

    /// Runs the canary of a stage to its end, from wherever it is.
    async fn run_canary(&self, session: &mut Session, at: usize) -> Result<(), Interrupted> {
        let child = match self.child(session, at).await {
            Ok(child) => child,
            Err(ChildError::Plan(failure)) => {
                let now = session.now();
                session.execution.stages[at].fail(failure.at("runCanary", now), now);
                return Ok(());
            }
            Err(ChildError::Interrupted(interrupted)) => return Err(interrupted),
        };
        let child = self.drive_child(child).await?;
        let response = status::canary(&child)?;
        let datadog = self
            .parts
            .accounts
            .get(&session.execution.accounts.metrics)
            .is_some_and(|account| account.kind == "datadog");
        decide(session, at, &child, &response, !datadog);
        Ok(())
    }

    /// The run of a stage: the recorded one, or a new one under an id recorded before it is created.
    async fn child(&self, session: &mut Session, at: usize) -> Result<Session, ChildError> {
        let StageWork::Run(run) = &session.execution.stages[at].work else {
            return Err(ChildError::Plan(Failure::illegal(
                "this stage runs no canary",
            )));
        };
        let recorded = run.child_id.clone();
        if let Some(id) = &recorded
            && let Some(child) = self.open(id).await?
        {
            return Ok(child);
        }
        let number = run.number;
        let id = recorded
            .clone()
            .unwrap_or_else(|| self.parts.ids.ulid(session.now()));
        let child = self
            .plan_child(&session.execution, number, id.clone())
            .map_err(not_initiated)
            .map_err(ChildError::Plan)?;
        if recorded.is_none() {
            let now = session.now();
            let stage = &mut session.execution.stages[at];
            stage.begin(now);
            if let StageWork::Run(run) = &mut stage.work {
                run.child_id = Some(id.clone());
            }
            session.save().await?;
        }
        metrics::counter!("canary.pipelines.initiated").increment(1);
        match self.parts.executions.create(&child.to_record()?).await {
            Ok(version) => Ok(Session::new(
                child,
                version,
                Arc::clone(&self.parts.executions),
                Arc::clone(&self.parts.clock),
            )),
            // Another worker was quicker.
            Err(error) if error.kind == QueueErrorKind::AlreadyExists => {
                match self.open(&id).await? {
                    Some(child) => Ok(child),
                    None => Err(ChildError::Interrupted(Interrupted::Changed)),
                }
            }
            Err(error) => Err(EngineError::from(error).into()),
        }
    }

    fn plan_child(
        &self,
        analysis: &Execution,
        number: i64,
        id: String,
    ) -> Result<Execution, PlanError> {
        let (task, plan) = planned(analysis)?;
        let request = analysis_plan::run_request(&task.request, plan, number)?;
        Ok(canary_plan::plan(
            CanaryInputs {
                id,
                now: self.now(),
                application: analysis.application.clone(),
                parent_pipeline_execution_id: analysis.parent_pipeline_execution_id.clone(),
                accounts: AccountNames {
                    configuration: None,
                    ..analysis.accounts.clone()
                },
                config: analysis.config.as_ref().clone(),
                config_id: analysis
                    .config_id
                    .clone()
                    .unwrap_or_else(|| AD_HOC.to_owned()),
                request,
                analysis_id: Some(analysis.id.clone()),
            },
            &self.parts.accounts,
            self.parts.ids.as_ref(),
            &self.options.instance_id,
        )?)
    }

    /// Drives a run until it is complete, by this worker or by a cancel from elsewhere.
    async fn drive_child(&self, mut child: Session) -> Result<Execution, Interrupted> {
        let id = child.execution.id.clone();
        let span = tracing::info_span!(
            "execution",
            id = %id,
            application = %child.execution.application
        );
        for _ in 0..RELOADS {
            if !child.execution.is_complete() {
                let attendance = self.board.attend(&id);
                let outcome = tokio::select! {
                    biased;
                    () = self.changed_elsewhere(&id, &attendance.changed) => Err(Interrupted::Changed),
                    outcome = self.drive_canary(&mut child).instrument(span.clone()) => outcome,
                };
                match outcome {
                    Ok(()) => {}
                    Err(Interrupted::Changed) => {
                        child = self.open(&id).await?.ok_or(Interrupted::Changed)?;
                        continue;
                    }
                    Err(interrupted) => return Err(interrupted),
                }
            }
            if !self.archive(&child.execution).instrument(span).await {
                // Tried again by whoever takes the job.
                self.push(&id).await?;
            }
            return Ok(child.execution);
        }
        Err(Interrupted::Failed(EngineError::new(
            EngineErrorKind::Unavailable,
            format!("canary run {id} keeps changing"),
        )))
    }

    /// Ends an analysis: on an early end whatever has not begun vanishes.
    async fn sum_up(
        &self,
        session: &mut Session,
        status: ExecutionStatus,
    ) -> Result<(), Interrupted> {
        let execution = &mut session.execution;
        execution.stages.retain(|stage| {
            stage.status != ExecutionStatus::NotStarted
                || !matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_))
        });
        let results = self.run_results(&session.execution).await?;
        let now = session.now();
        let scores: Vec<Double> = runs(&session.execution)
            .map(|(_, run)| run.score.unwrap_or_default())
            .collect();
        let thresholds = session
            .execution
            .analysis()
            .and_then(|task| task.request.thresholds);
        let result = verdict::aggregate(thresholds, results, &scores);
        let execution = &mut session.execution;
        if let Some(setup) = execution.position(|work| *work == StageWork::Analysis) {
            execution.stages[setup].end(status, now);
        }
        let mut summary = analysis_plan::summary_stage();
        summary.end(ExecutionStatus::Succeeded, now);
        execution.stages.push(summary);
        task_mut(session).result = Some(result);
        session.execution.end(status, now);
        session.save().await?;
        report(&session.execution);
        Ok(())
    }

    /// What is told about each run. C-SCAPE-04: a run that could not be started is left out, and
    /// does not keep the others from being told.
    async fn run_results(
        &self,
        execution: &Execution,
    ) -> Result<Vec<kayenta_model::CanaryExecutionResult>, Interrupted> {
        let (task, plan) = match planned(execution) {
            Ok(planned) => planned,
            Err(_) => return Ok(Vec::new()),
        };
        let ids: Vec<String> = execution
            .children()
            .map(|(_, _, id)| id.to_owned())
            .collect();
        let storage = &execution.accounts.storage;
        let mut answers =
            stream::iter(ids.into_iter().map(|id| self.canary_answer(id, storage))).buffered(READS);
        let mut results = Vec::new();
        let mut started = execution.children();
        while let Some(answer) = answers.next().await {
            let Some((stage, run, id)) = started.next() else {
                break;
            };
            let window = analysis_plan::run_request(&task.request, plan, run.number)
                .ok()
                .and_then(|request| analysis_plan::judged_window(&request));
            results.push(verdict::run_result(
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
    async fn canary_answer(
        &self,
        id: String,
        storage: &str,
    ) -> Result<Option<CanaryStatusResponse>, EngineError> {
        if let Some(execution) = self.find(&id).await? {
            return status::canary(&execution).map(Some);
        }
        let objects = self.objects_of(storage)?;
        match objects.load(ObjectKind::CanaryResultArchive, &id).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                tracing::warn!(execution.id = %id, %error, "a run of an analysis is neither recorded nor archived");
                Ok(None)
            }
        }
    }

    /// Gives an analysis up: its open stage fails, and it is summed up like on any early end.
    pub(crate) async fn give_up_analysis(
        &self,
        session: &mut Session,
        failure: Failure,
    ) -> Result<(), Interrupted> {
        let now = session.now();
        if task_mut(session).plan.is_none() {
            session.execution.begin(now);
            session.execution.stages[0].fail(failure.at(SETUP_NAME, now), now);
            session.execution.end(ExecutionStatus::Terminal, now);
            return session.save().await;
        }
        let open = session.execution.stages.iter_mut().find(|stage| {
            !stage.status.is_complete()
                && matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_))
        });
        if let Some(stage) = open {
            let operation = stage.kind.clone();
            stage.fail(failure.clone().at(operation, now), now);
            if let StageWork::Run(RunStage {
                child_id: Some(id), ..
            }) = &stage.work
            {
                let id = id.clone();
                self.give_up_child(&id, failure).await?;
            }
        }
        self.sum_up(session, ExecutionStatus::Terminal).await
    }

    async fn give_up_child(&self, id: &str, failure: Failure) -> Result<(), Interrupted> {
        match self.open(id).await? {
            Some(mut child) if !child.execution.is_complete() => {
                let now = child.now();
                give_up(&mut child.execution, failure, now);
                child.save().await
            }
            _ => Ok(()),
        }
    }
}

/// Fails the first stage of an execution that is not complete, and the execution with it.
pub(crate) fn give_up(execution: &mut Execution, failure: Failure, now: i64) {
    execution.begin(now);
    if let Some(stage) = execution
        .stages
        .iter_mut()
        .find(|stage| !stage.status.is_complete())
    {
        let operation = stage.kind.clone();
        stage.fail(failure.at(operation, now), now);
    }
    execution.end(ExecutionStatus::Terminal, now);
}

/// Why there is no run to drive.
enum ChildError {
    /// It can never be started.
    Plan(Failure),
    Interrupted(Interrupted),
}

impl From<Interrupted> for ChildError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<EngineError> for ChildError {
    fn from(error: EngineError) -> Self {
        Self::Interrupted(error.into())
    }
}

/// Why a run cannot be planned.
#[derive(Debug, thiserror::Error)]
enum PlanError {
    #[error("{0}")]
    Window(String),
    #[error(transparent)]
    Refused(#[from] EngineError),
}

impl From<Failure> for PlanError {
    fn from(failure: Failure) -> Self {
        let text = failure.details["errors"][0].as_str().unwrap_or_default();
        Self::Window(text.to_owned())
    }
}

/// C-SCAPE-05: the cause is told behind the reference's text.
fn not_initiated(error: PlanError) -> Failure {
    Failure::with_errors(
        "RuntimeException",
        vec![
            "Failed to initiate canary analysis".to_owned(),
            error.to_string(),
        ],
        Some(&error),
    )
}

fn planned(execution: &Execution) -> Result<(&AnalysisTask, &AnalysisPlan), PlanError> {
    execution
        .analysis()
        .and_then(|task| Some((task, task.plan.as_ref()?)))
        .ok_or_else(|| PlanError::Window("the analysis is not planned".to_owned()))
}

fn task_mut(session: &mut Session) -> &mut AnalysisTask {
    match &mut session.execution.task {
        Task::Analysis(task) => task,
        _ => unreachable!("only analyses are driven as analyses"),
    }
}

fn runs(execution: &Execution) -> impl Iterator<Item = (&crate::record::Stage, &RunStage)> {
    execution
        .stages
        .iter()
        .filter_map(|stage| match &stage.work {
            StageWork::Run(run) => Some((stage, run)),
            _ => None,
        })
}

/// Begins or ends a wait; the moment it is over if that is yet to come.
async fn wait(
    session: &mut Session,
    at: usize,
    seconds: i64,
) -> Result<Option<DateTime<Utc>>, Interrupted> {
    let now = session.now();
    let stage = &mut session.execution.stages[at];
    let began = stage.status == ExecutionStatus::NotStarted;
    stage.begin(now);
    let started = stage.start_time.unwrap_or(now);
    let over = started.saturating_add(seconds.saturating_mul(1000));
    if over <= now {
        stage.end(ExecutionStatus::Succeeded, now);
        return Ok(None);
    }
    if began {
        session.save().await?;
    }
    tracing::debug!(until = %iso_millis(over), "an analysis waits");
    let due = DateTime::from_timestamp_millis(over)
        // Beyond the calendar: look again in a year.
        .or_else(|| DateTime::from_timestamp_millis(now)?.checked_add_signed(TimeDelta::days(365)));
    Ok(due)
}

/// What the end of a run means for the analysis.
fn decide(
    session: &mut Session,
    at: usize,
    child: &Execution,
    response: &CanaryStatusResponse,
    warns: bool,
) {
    let now = session.now();
    let thresholds: Thresholds = session
        .execution
        .analysis()
        .and_then(|task| task.request.thresholds)
        .unwrap_or_default();
    let stage = &mut session.execution.stages[at];
    let StageWork::Run(run) = &mut stage.work else {
        return;
    };
    run.child_status = Some(child.status);
    let judged = response
        .result
        .as_ref()
        .and_then(|result| result.judge_result.as_ref());
    if child.status != ExecutionStatus::Succeeded {
        let exception = if child.status == ExecutionStatus::Canceled {
            Some(canary_was_canceled())
        } else {
            response
                .exception
                .clone()
                .and_then(|exception| serde_json::from_value::<ExecutionException>(exception).ok())
        };
        stage.exception = exception;
        stage.end(ExecutionStatus::Terminal, now);
        return;
    }
    if warns {
        run.warnings = judged.map(verdict::warnings).unwrap_or_default();
    }
    let Some(score) = judged.and_then(kayenta_model::CanaryJudgeResult::total) else {
        let failure = Failure::new(
            "NullPointerException",
            format!("Canary run {} has a verdict without a score.", child.id),
        );
        stage.fail(failure.at("monitorCanary", now), now);
        return;
    };
    run.score = Some(Double(score));
    let Some(marginal) = thresholds.marginal else {
        let failure = Failure::new(
            "NullPointerException",
            "The thresholds of the analysis request must contain marginal.",
        );
        stage.fail(failure.at("monitorCanary", now), now);
        return;
    };
    tracing::debug!(score, marginal, "decided on a run");
    if score <= marginal {
        run.message = Some(LOW_SCORE.to_owned());
        stage.end(ExecutionStatus::Terminal, now);
    } else {
        stage.end(ExecutionStatus::Succeeded, now);
    }
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

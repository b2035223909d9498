//! One canary run, step by step: fetch both sides of every metric at once, mix, judge.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, ScoreThresholds};
use kayenta_model::{CanaryJudgeResult, ExecutionStatus, MetricSetPair};
use kayenta_storage::ObjectKind;
use tracing::Instrument;

use super::{
    Halt, fail_stage,
    fetch_step::{FetchStep, Fetched},
    mix_step::{self, NoPairs},
};
use crate::{
    account::Accounts,
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    fetcher::{Fetcher, RunStores},
    judge_runner::JudgeRunner,
    memory,
    options::{EngineOptions, EngineParts},
    record::{AD_HOC, Execution, StageWork, Task},
    result_meters::{ResultMeters, verdict_label},
    session::{Interrupted, Session},
};

/// Drives canary runs.
#[derive(Debug)]
pub(crate) struct CanaryDriver {
    accounts: Arc<Accounts>,
    fetch_step: FetchStep,
    judge_runner: Arc<JudgeRunner>,
    results: ResultMeters,
    fetches_per_run: usize,
}

impl CanaryDriver {
    pub(crate) fn new(
        fetcher: Arc<Fetcher>,
        judge_runner: Arc<JudgeRunner>,
        parts: &EngineParts,
        options: &EngineOptions,
    ) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            fetch_step: FetchStep::new(fetcher, parts, options),
            judge_runner,
            results: ResultMeters::new(options.result_series),
            fetches_per_run: options.fetches_per_run,
        }
    }

    /// Drives a canary run from the last recorded step to its end. Whatever it has written carries
    /// planned keys, so a step done twice overwrites itself.
    pub(crate) async fn drive(&self, session: &mut Session) -> Result<(), Interrupted> {
        let now = session.now();
        if session.execution.status == ExecutionStatus::NotStarted {
            metrics::histogram!("canary.queue.wait.seconds")
                .record(seconds(now - session.execution.build_time));
        }
        memory::require_for_run(&session.execution, self.fetches_per_run)
            .map_err(EngineError::from)?;
        session.execution.begin(now);
        session.execution.stages.change_all(
            |stage| stage.work == StageWork::Setup && !stage.succeeded(),
            |stage| stage.end(ExecutionStatus::Succeeded, now),
        );
        let status = match self.steps(session).await {
            Ok(()) => ExecutionStatus::Succeeded,
            Err(Halt::Failed) => ExecutionStatus::Terminal,
            Err(Halt::Interrupted(interrupted)) => return Err(interrupted),
        };
        let now = session.now();
        session.execution.end(status, now);
        session.save().await?;
        report(&session.execution, &self.results);
        Ok(())
    }

    async fn steps(&self, session: &mut Session) -> Result<(), Halt> {
        let mix = session.execution.position(|work| *work == StageWork::Mix);
        let judge = session
            .execution
            .position(|work| matches!(work, StageWork::Judge { .. }));
        let (Some(mix), Some(judge)) = (mix, judge) else {
            return Err(Halt::Interrupted(Interrupted::Failed(EngineError::new(
                EngineErrorKind::Internal,
                "the record of a canary run lacks its stages",
            ))));
        };
        let mut pairs = None;
        if session.execution.stages[mix].succeeded() {
            pairs = self.stored_pairs(&session.execution).await;
        }
        let pairs = match pairs {
            Some(pairs) => pairs,
            None => {
                let (stores, fetched) = self
                    .fetch_step
                    .fetch_all(session)
                    .instrument(tracing::debug_span!("stage", name = "fetch"))
                    .await?;
                self.mix(session, mix, &stores, fetched)
                    .instrument(tracing::debug_span!("stage", name = "mix"))
                    .await?
            }
        };
        self.judge(session, judge, pairs)
            .instrument(tracing::debug_span!("stage", name = "judge"))
            .await
    }

    /// The pair list an earlier worker left; `None` when it cannot be read and is made again.
    async fn stored_pairs(&self, execution: &Execution) -> Option<Arc<Vec<MetricSetPair>>> {
        let task = execution.canary()?;
        let objects = self
            .accounts
            .recorded_object_store(&execution.accounts.storage)
            .ok()?;
        objects
            .load(ObjectKind::MetricSetPairList, &task.pair_list_id)
            .await
            .inspect_err(|error| tracing::debug!(%error, "rebuilding the pair list"))
            .ok()
            .map(Arc::new)
    }

    /// Puts both sides next to each other and stores the pairs.
    async fn mix(
        &self,
        session: &mut Session,
        stage: usize,
        stores: &RunStores,
        fetched: Fetched,
    ) -> Result<Arc<Vec<MetricSetPair>>, Halt> {
        let now = session.now();
        session.execution.stages[stage].begin(now);
        let Some(task) = session.execution.canary() else {
            return Err(Halt::Failed);
        };
        let key = task.pair_list_id.clone();
        let config = Arc::clone(&session.execution.config);
        let mixed = session
            .while_recording(mix_step::mix_and_store(
                config,
                &key,
                &stores.objects,
                fetched,
            ))
            .await?;
        match mixed {
            Ok(pairs) => {
                let now = session.now();
                session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
                session.save_progress_if_due().await?;
                Ok(pairs)
            }
            Err(NoPairs::NoMemory(error)) => {
                Err(Halt::Interrupted(EngineError::from(error).into()))
            }
            Err(NoPairs::Failed(failure)) => {
                fail_stage(session, stage, failure);
                Err(Halt::Failed)
            }
        }
    }

    async fn judge(
        &self,
        session: &mut Session,
        stage: usize,
        pairs: Arc<Vec<MetricSetPair>>,
    ) -> Result<(), Halt> {
        let now = session.now();
        session.execution.stages[stage].begin(now);
        let task = session.execution.canary();
        let thresholds = task.and_then(|task| task.request.thresholds);
        let request = JudgeRequest {
            canary_config: Arc::clone(&session.execution.config),
            thresholds: ScoreThresholds::from(thresholds.unwrap_or_default()),
            metric_set_pairs: pairs,
            look: task.and_then(|task| task.look).unwrap_or_default(),
        };
        let verdict = session
            .while_recording(self.judge_runner.judge(request, None))
            .await?;
        match verdict {
            Ok(verdict) => {
                let now = session.now();
                session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
                if let Task::Canary(task) = &mut session.execution.task {
                    task.result = Some(verdict.result);
                    task.early_success = verdict.early_success.map(|end| end.to_string());
                }
                Ok(())
            }
            Err(error) => {
                fail_stage(session, stage, Failure::from(&error));
                Err(Halt::Failed)
            }
        }
    }
}

fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1000.0
}

/// The one line a finished run leaves in the log, and what is counted of it.
fn report(execution: &Execution, results: &ResultMeters) {
    let result = execution.canary().and_then(|task| task.result.as_ref());
    let verdict = result
        .and_then(|result| result.score.as_ref()?.classification.clone())
        .unwrap_or_else(|| execution.status.lower());
    let took = execution.end_time.unwrap_or(execution.build_time)
        - execution.start_time.unwrap_or(execution.build_time);
    let label = verdict_label(&verdict);
    metrics::counter!("canary.runs", "verdict" => label).increment(1);
    let config = execution.config.name.as_deref().unwrap_or(AD_HOC);
    let score = result.and_then(CanaryJudgeResult::total);
    results.record(&execution.application, config, label, score);
    metrics::histogram!("canary.run.seconds").record(seconds(took));
    tracing::info!(
        execution.id = %execution.id,
        execution.application = %execution.application,
        verdict = %verdict,
        score,
        duration_ms = took,
        "canary run finished"
    );
}

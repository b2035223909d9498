//! One canary run, step by step: fetch both sides of every metric at once, mix, judge.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, LookVerdict, ScoreThresholds};
use kayenta_model::{CanaryJudgeResult, ExecutionStatus, MetricSetPair};
use kayenta_storage::ObjectKind;
use tracing::Instrument;

use super::{
    Halt, fail_stage,
    fetch_step::{FetchStep, Fetched},
    mix_step::{self, NoPairs, PairListUpload},
};
use crate::{
    account::Accounts,
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    fetcher::{Fetcher, RunStores},
    judge_runner::{JudgeRunner, NoVerdict, PiecewiseJudgement},
    memory,
    options::{EngineOptions, EngineParts},
    pieces::{PieceRules, Pieces},
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
    piece_rules: PieceRules,
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
            piece_rules: PieceRules::new(parts, options),
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
        let execution = &session.execution;
        let task = execution.canary().ok_or_else(no_run)?;
        let size = self.piece_rules.of_run(
            &execution.config,
            &task.request,
            &execution.accounts.storage,
        );
        memory::require_for_run(&size, self.fetches_per_run).map_err(EngineError::from)?;
        session.execution.begin(now);
        session.execution.stages.change_all(
            |stage| stage.work == StageWork::Setup && !stage.succeeded(),
            |stage| stage.end(ExecutionStatus::Succeeded, now),
        );
        let status = match self.steps(session, size.pieces).await {
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

    async fn steps(&self, session: &mut Session, pieces: Option<Pieces>) -> Result<(), Halt> {
        let mix = session.execution.position(|work| *work == StageWork::Mix);
        let judge = session
            .execution
            .position(|work| matches!(work, StageWork::Judge { .. }));
        let (Some(mix), Some(judge)) = (mix, judge) else {
            return Err(no_run().into());
        };
        if let Some(pieces) = pieces {
            return self.steps_in_pieces(session, (mix, judge), pieces).await;
        }
        let mut pairs = None;
        if session.execution.stages[mix].succeeded() {
            pairs = self.stored_pairs(&session.execution).await;
        }
        let pairs = match pairs {
            Some(pairs) => pairs,
            None => {
                let stores = self.fetch_step.stores(session)?;
                let metrics = 0..session.execution.config.metrics().len();
                let fetched = self
                    .fetch_step
                    .fetch_all(session, &stores, &metrics)
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
        end_mix(session, stage, mixed).await
    }

    async fn judge(
        &self,
        session: &mut Session,
        stage: usize,
        pairs: Arc<Vec<MetricSetPair>>,
    ) -> Result<(), Halt> {
        let now = session.now();
        session.execution.stages[stage].begin(now);
        let request = judge_request(&session.execution, pairs);
        let verdict = session
            .while_recording(self.judge_runner.judge(request, None))
            .await?;
        end_judge(session, stage, verdict)
    }

    /// The steps of a large run: some metrics after the others are fetched, mixed, written and judged, so that what
    /// they bring is in memory only for so long. The stages begin and end as if each were done for all metrics at once,
    /// except that metrics are not fetched after a fetch has failed (C-ENG-23).
    async fn steps_in_pieces(
        &self,
        session: &mut Session,
        (mix, judge): (usize, usize),
        pieces: Pieces,
    ) -> Result<(), Halt> {
        let request = judge_request(&session.execution, Arc::default());
        let mut judgement = PiecewiseJudgement::new(&self.judge_runner, pieces.judge, request);
        let stores = self.fetch_step.stores(session)?;
        let config = Arc::clone(&session.execution.config);
        let key = session
            .execution
            .canary()
            .ok_or_else(no_run)?
            .pair_list_id
            .clone();
        let mut list = PairListUpload::new(config, &key, &stores.objects);
        let mut mixed = Ok(());
        for metrics in pieces.metrics {
            // What a piece holds is given back with it.
            let step = kayenta_limits::scope(async {
                let fetched = self
                    .fetch_step
                    .fetch_all(session, &stores, &metrics)
                    .instrument(tracing::debug_span!("stage", name = "fetch"))
                    .await?;
                if mixed.is_err() {
                    return Ok(());
                }
                let pairs = session
                    .while_recording(list.add(metrics, fetched))
                    .instrument(tracing::debug_span!("stage", name = "mix"))
                    .await?;
                match pairs {
                    Ok(pairs) => {
                        session
                            .while_recording(judgement.add(pairs))
                            .instrument(tracing::debug_span!("stage", name = "judge"))
                            .await?;
                    }
                    Err(NoPairs::NoMemory(error)) => return Err(EngineError::from(error).into()),
                    Err(NoPairs::Failed(failure)) => mixed = Err(failure),
                }
                Ok::<(), Halt>(())
            });
            if let Err(halt) = step.await {
                list.abandon().await;
                return Err(halt);
            }
        }
        let now = session.now();
        session.execution.stages[mix].begin(now);
        let stored = match mixed {
            Ok(()) => session.while_recording(list.finish()).await?,
            Err(failure) => {
                list.abandon().await;
                Err(failure.into())
            }
        };
        end_mix(session, mix, stored).await?;
        let now = session.now();
        session.execution.stages[judge].begin(now);
        end_judge(session, judge, judgement.verdict())
    }
}

/// The record is not that of a canary run.
fn no_run() -> Interrupted {
    Interrupted::Failed(EngineError::new(
        EngineErrorKind::Internal,
        "the record of a canary run lacks its stages",
    ))
}

/// What the judge of a run is asked about the pairs.
fn judge_request(execution: &Execution, pairs: Arc<Vec<MetricSetPair>>) -> JudgeRequest {
    let task = execution.canary();
    let thresholds = task.and_then(|task| task.request.thresholds);
    JudgeRequest {
        canary_config: Arc::clone(&execution.config),
        thresholds: ScoreThresholds::from(thresholds.unwrap_or_default()),
        metric_set_pairs: pairs,
        look: task.and_then(|task| task.look).unwrap_or_default(),
    }
}

/// Ends the stage that mixes.
async fn end_mix<T>(
    session: &mut Session,
    stage: usize,
    mixed: Result<T, NoPairs>,
) -> Result<T, Halt> {
    match mixed {
        Ok(mixed) => {
            let now = session.now();
            session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
            session.save_progress_if_due().await?;
            Ok(mixed)
        }
        Err(NoPairs::NoMemory(error)) => Err(EngineError::from(error).into()),
        Err(NoPairs::Failed(failure)) => {
            fail_stage(session, stage, failure);
            Err(Halt::Failed)
        }
    }
}

/// Ends the stage that judges.
fn end_judge(
    session: &mut Session,
    stage: usize,
    verdict: Result<LookVerdict, NoVerdict>,
) -> Result<(), Halt> {
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

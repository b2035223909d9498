//! One canary run, step by step: fetch both sides of every metric at once, mix, judge.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use kayenta_model::{CanaryConfig, CanaryScope, ExecutionStatus, MetricSet, MetricSetPair};
use kayenta_storage::{ObjectKind, WriteCondition};
use tracing::Instrument;

use crate::{
    engine::Inner,
    error::EngineError,
    exception::Failure,
    fetching::{FetchFailure, Stores, to_json},
    ids::DerivedIds,
    record::{CanaryTask, Execution, Side, StageWork, Task},
    session::{Interrupted, Session},
};

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

/// Everything fetched, by side, in the order of the config.
struct Fetched {
    control: Vec<MetricSet>,
    experiment: Vec<MetricSet>,
}

impl Inner {
    /// Drives a canary run from the last recorded step to its end. Whatever it has written carries
    /// planned keys, so a step done twice overwrites itself.
    pub(crate) async fn drive_canary(&self, session: &mut Session) -> Result<(), Interrupted> {
        let now = session.now();
        if session.execution.status == ExecutionStatus::NotStarted {
            metrics::histogram!("canary.queue.wait.seconds")
                .record(seconds(now - session.execution.build_time));
        }
        session.execution.begin(now);
        for stage in &mut session.execution.stages {
            if stage.work == StageWork::Setup && !stage.succeeded() {
                stage.end(ExecutionStatus::Succeeded, now);
            }
        }
        let status = match self.canary_steps(session).await {
            Ok(()) => ExecutionStatus::Succeeded,
            Err(Halt::Failed) => ExecutionStatus::Terminal,
            Err(Halt::Interrupted(interrupted)) => return Err(interrupted),
        };
        let now = session.now();
        session.execution.end(status, now);
        session.save().await?;
        report(&session.execution);
        Ok(())
    }

    async fn canary_steps(&self, session: &mut Session) -> Result<(), Halt> {
        let mix = session.execution.position(|work| *work == StageWork::Mix);
        let judge = session
            .execution
            .position(|work| matches!(work, StageWork::Judge { .. }));
        let (Some(mix), Some(judge)) = (mix, judge) else {
            return Err(Halt::Interrupted(Interrupted::Failed(EngineError::new(
                crate::EngineErrorKind::Internal,
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
                    .fetch_all(session)
                    .instrument(tracing::debug_span!("stage", name = "fetch"))
                    .await?;
                self.mix(session, mix, &stores, fetched)
                    .instrument(tracing::debug_span!("stage", name = "mix"))
                    .await?
            }
        };
        self.judge_pairs(session, judge, pairs)
            .instrument(tracing::debug_span!("stage", name = "judge"))
            .await
    }

    /// The pair list an earlier worker left; `None` when it cannot be read and is made again.
    async fn stored_pairs(&self, execution: &Execution) -> Option<Arc<Vec<MetricSetPair>>> {
        let task = execution.canary()?;
        let objects = self.objects_of(&execution.accounts.storage).ok()?;
        objects
            .load(ObjectKind::MetricSetPairList, &task.pair_list_id)
            .await
            .inspect_err(|error| tracing::debug!(%error, "the pair list is made again"))
            .ok()
            .map(Arc::new)
    }

    /// Fetches whatever has not been fetched yet, so many at a time.
    async fn fetch_all(&self, session: &mut Session) -> Result<(Stores, Fetched), Halt> {
        let names = session.execution.accounts.clone();
        let stores = match self.stores(&names.metrics, &names.storage) {
            Ok(stores) => stores,
            Err(error) => {
                // As in the reference, where both chains of fetches find it out at once.
                let now = session.now();
                let failing: Vec<_> = fetches(&session.execution)
                    .filter(|fetch| fetch.metric == 0)
                    .map(|fetch| fetch.stage)
                    .collect();
                for stage in failing {
                    fail(session, stage, Failure::from(&error), now);
                }
                return Err(Halt::Failed);
            }
        };
        let all: Vec<Fetch> = fetches(&session.execution).collect();
        let mut lists: Vec<Option<Arc<Vec<MetricSet>>>> = vec![None; all.len()];
        let mut todo = Vec::new();
        for (index, fetch) in all.iter().enumerate() {
            if session.execution.stages[fetch.stage].succeeded() {
                lists[index] = stores
                    .objects
                    .load(ObjectKind::MetricSetList, &fetch.key)
                    .await
                    .inspect_err(|error| tracing::debug!(%error, "a metric is fetched again"))
                    .ok()
                    .map(Arc::new);
            }
            if lists[index].is_none() {
                todo.push(index);
            }
        }
        self.fetch_missing(session, &stores, &all, todo, &mut lists)
            .await?;
        let mut fetched = Fetched {
            control: Vec::new(),
            experiment: Vec::new(),
        };
        for (fetch, list) in all.iter().zip(lists) {
            let sets = list.map(Arc::unwrap_or_clone).unwrap_or_default();
            match fetch.side {
                Side::Control => fetched.control.extend(sets),
                Side::Experiment => fetched.experiment.extend(sets),
            }
        }
        Ok((stores, fetched))
    }

    async fn fetch_missing(
        &self,
        session: &mut Session,
        stores: &Stores,
        all: &[Fetch],
        todo: Vec<usize>,
        lists: &mut [Option<Arc<Vec<MetricSet>>>],
    ) -> Result<(), Halt> {
        let config = Arc::clone(&session.execution.config);
        let mut waiting = todo.into_iter();
        let mut running = FuturesUnordered::new();
        let mut dirty = true;
        loop {
            while running.len() < self.options.fetches_per_run.max(1) {
                let Some(index) = waiting.next() else { break };
                let fetch = &all[index];
                let now = session.now();
                session.execution.stages[fetch.stage].begin(now);
                dirty = true;
                let config = Arc::clone(&config);
                running.push(async move {
                    let metric = &config.metrics()[fetch.metric];
                    let span = tracing::debug_span!(
                        "metric",
                        name = metric.name(),
                        scope = fetch.scope.scope.as_deref().unwrap_or_default(),
                    );
                    let outcome = self
                        .fetch_and_store(stores, &config, metric, &fetch.scope, &fetch.key)
                        .instrument(span)
                        .await;
                    (index, outcome)
                });
            }
            let next_progress = session.next_progress(self.options.progress_interval);
            let progress = async {
                if dirty {
                    self.sleep_until_millis(next_progress).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                done = running.next() => match done {
                    None => return Ok(()),
                    Some((index, Ok(list))) => {
                        lists[index] = Some(list);
                        let now = session.now();
                        session.execution.stages[all[index].stage]
                            .end(ExecutionStatus::Succeeded, now);
                        dirty = true;
                    }
                    Some((index, Err(failure))) => {
                        note(session, all[index].stage, failure);
                        break;
                    }
                },
                () = progress => {
                    session.save_progress().await?;
                    dirty = false;
                }
            }
        }
        // One fetch has failed. The others may end on their own for a moment, so that what they say
        // is told too, then they are dropped (C-ENG-03).
        let settled =
            self.sleep_until_millis(session.now().saturating_add(millis(self.options.settle)));
        tokio::pin!(settled);
        loop {
            tokio::select! {
                biased;
                done = running.next() => match done {
                    None => return Err(Halt::Failed),
                    Some((index, Ok(_))) => {
                        let now = session.now();
                        session.execution.stages[all[index].stage]
                            .end(ExecutionStatus::Succeeded, now);
                    }
                    Some((index, Err(failure))) => note(session, all[index].stage, failure),
                },
                () = &mut settled => return Err(Halt::Failed),
            }
        }
    }

    /// Puts both sides next to each other and stores the pairs.
    async fn mix(
        &self,
        session: &mut Session,
        stage: usize,
        stores: &Stores,
        fetched: Fetched,
    ) -> Result<Arc<Vec<MetricSetPair>>, Halt> {
        let now = session.now();
        session.execution.stages[stage].begin(now);
        let Some(task) = session.execution.canary() else {
            return Err(Halt::Failed);
        };
        let key = task.pair_list_id.clone();
        let config = Arc::clone(&session.execution.config);
        let mixed = self
            .meanwhile(session, self.mix_and_store(config, &key, stores, fetched))
            .await?;
        let now = session.now();
        match mixed {
            Ok(pairs) => {
                session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
                session
                    .save_progress_after(self.options.progress_interval)
                    .await?;
                Ok(pairs)
            }
            Err(failure) => {
                fail(session, stage, failure, now);
                Err(Halt::Failed)
            }
        }
    }

    async fn mix_and_store(
        &self,
        config: Arc<CanaryConfig>,
        key: &str,
        stores: &Stores,
        fetched: Fetched,
    ) -> Result<Arc<Vec<MetricSetPair>>, Failure> {
        // Ids of pairs follow from the list's, so two workers at once would write the same list.
        let ids = DerivedIds::new(key);
        let pairs = tokio::task::spawn_blocking(move || {
            kayenta_metrics::mixing::mix(
                config.metrics(),
                fetched.control,
                fetched.experiment,
                &ids,
            )
        })
        .await
        .map_err(|error| Failure::new("IllegalStateException", format!("mixing failed: {error}")))?
        .map_err(|error| Failure::illegal(error.to_string()))?;
        let pairs = Arc::new(pairs);
        let values = pairs
            .iter()
            .flat_map(|pair| pair.values.iter().flat_map(|sides| sides.values()))
            .map(Vec::len)
            .sum();
        let bytes = to_json(&pairs, values)
            .await
            .map_err(|error| Failure::from(&error))?;
        stores
            .objects
            .store_bytes(
                ObjectKind::MetricSetPairList,
                key,
                None,
                bytes,
                WriteCondition::Always,
            )
            .await
            .map_err(|error| Failure::from(&EngineError::from(error)))?;
        tracing::debug!(pairs = pairs.len(), values, "mixed both sides");
        Ok(pairs)
    }

    async fn judge_pairs(
        &self,
        session: &mut Session,
        stage: usize,
        pairs: Arc<Vec<MetricSetPair>>,
    ) -> Result<(), Halt> {
        let now = session.now();
        session.execution.stages[stage].begin(now);
        let thresholds = session
            .execution
            .canary()
            .and_then(|task| task.request.thresholds)
            .unwrap_or_default();
        let config = Arc::clone(&session.execution.config);
        let verdict = self
            .meanwhile(session, self.judge(&config, None, thresholds, pairs))
            .await?;
        let now = session.now();
        match verdict {
            Ok(verdict) => {
                session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
                if let Task::Canary(task) = &mut session.execution.task {
                    task.result = Some(verdict);
                }
                Ok(())
            }
            Err(error) => {
                fail(session, stage, Failure::from(&error), now);
                Err(Halt::Failed)
            }
        }
    }

    /// Does some work of a stage; if it takes longer than a moment, the record says that it goes on.
    pub(crate) async fn meanwhile<T>(
        &self,
        session: &mut Session,
        work: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        tokio::pin!(work);
        let noteworthy = session.next_progress(self.options.progress_interval);
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = self.sleep_until_millis(noteworthy) => {}
        }
        session.save_progress().await?;
        Ok(work.await)
    }

    /// Waits on the engine's clock for a moment in milliseconds since 1970.
    pub(crate) async fn sleep_until_millis(&self, moment: i64) {
        let moment = chrono::DateTime::from_timestamp_millis(moment)
            .unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC);
        self.parts.clock.sleep_until(moment).await;
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1000.0
}

/// One fetch a run is made of.
struct Fetch {
    stage: usize,
    side: Side,
    metric: usize,
    key: String,
    scope: CanaryScope,
}

fn fetches(execution: &Execution) -> impl Iterator<Item = Fetch> {
    let task = execution.canary();
    execution
        .stages
        .iter()
        .enumerate()
        .filter_map(move |(stage, planned)| match &planned.work {
            StageWork::Fetch {
                side,
                metric,
                metric_set_list_id,
            } => Some(Fetch {
                stage,
                side: *side,
                metric: *metric,
                key: metric_set_list_id.clone(),
                scope: scope_of(execution, task?, *side, *metric)?,
            }),
            _ => None,
        })
}

fn scope_of(
    execution: &Execution,
    task: &CanaryTask,
    side: Side,
    metric: usize,
) -> Option<CanaryScope> {
    let name = execution
        .config
        .metrics()
        .get(metric)?
        .scope_name
        .as_ref()?;
    let pair = task.request.scopes.as_ref()?.get(name)?.as_ref()?;
    match side {
        Side::Control => pair.control_scope.clone(),
        Side::Experiment => pair.experiment_scope.clone(),
    }
}

fn fail(session: &mut Session, stage: usize, failure: Failure, now: i64) {
    let stage = &mut session.execution.stages[stage];
    let operation = stage.kind.clone();
    tracing::debug!(stage = %stage.ref_id, errors = %failure.details["errors"], "a stage failed");
    stage.fail(failure.at(operation, now), now);
}

fn note(session: &mut Session, stage: usize, failure: FetchFailure) {
    let now = session.now();
    fail(session, stage, failure.into(), now);
}

/// The one line a finished run leaves in the log.
fn report(execution: &Execution) {
    let result = execution.canary().and_then(|task| task.result.as_ref());
    let verdict = result
        .and_then(|result| result.score.as_ref()?.classification.clone())
        .unwrap_or_else(|| execution.status.lower());
    let took = execution.end_time.unwrap_or(execution.build_time)
        - execution.start_time.unwrap_or(execution.build_time);
    metrics::counter!("canary.runs", "verdict" => verdict.to_lowercase()).increment(1);
    metrics::histogram!("canary.run.seconds").record(seconds(took));
    tracing::info!(
        execution.id = %execution.id,
        execution.application = %execution.application,
        verdict = %verdict,
        score = result.and_then(kayenta_model::CanaryJudgeResult::total),
        duration_ms = took,
        "canary run finished"
    );
}

//! The first step of a canary run: every metric fetched on both sides, so many at a time.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use kayenta_model::{CanaryScope, Clock, ExecutionStatus, MetricSet, Side};
use kayenta_storage::ObjectKind;
use tracing::Instrument;

use super::{Halt, fail_stage};
use crate::{
    failure::Failure,
    fetcher::{Fetcher, RunStores},
    options::{EngineOptions, EngineParts},
    record::{CanaryTask, Execution, StageWork},
    session::{Interrupted, Session},
};

/// What was fetched of some metrics, by side, in the order of the config.
pub(super) struct Fetched {
    pub(super) control: Vec<MetricSet>,
    pub(super) experiment: Vec<MetricSet>,
}

/// Fetches whatever a run has not fetched yet.
#[derive(Debug)]
pub(super) struct FetchStep {
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    /// Fetches of one run under way at a time.
    at_once: usize,
    /// How long siblings of a failed fetch may still end on their own.
    settle: Duration,
}

/// One fetch a run is made of.
struct PlannedFetch {
    stage: usize,
    side: Side,
    metric: usize,
    key: String,
    /// Shared by all metrics of the scope.
    scope: Arc<CanaryScope>,
}

impl FetchStep {
    pub(super) fn new(fetcher: Arc<Fetcher>, parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            fetcher,
            clock: Arc::clone(&parts.clock),
            at_once: options.fetches_per_run.max(1),
            settle: options.settle,
        }
    }

    /// The stores of the run.
    pub(super) fn stores(&self, session: &mut Session) -> Result<RunStores, Halt> {
        let names = &session.execution.accounts;
        self.fetcher
            .stores(&names.metrics, &names.storage)
            .map_err(|error| {
                // As in the reference, where both chains of fetches find it out at once.
                let failing: Vec<_> = planned_fetches(&session.execution, &(0..1))
                    .map(|fetch| fetch.stage)
                    .collect();
                for stage in failing {
                    fail_stage(session, stage, Failure::from(&error));
                }
                Halt::Failed
            })
    }

    /// What the run compares of the metrics.
    pub(super) async fn fetch_all(
        &self,
        session: &mut Session,
        stores: &RunStores,
        metrics: &Range<usize>,
    ) -> Result<Fetched, Halt> {
        let all: Vec<PlannedFetch> = planned_fetches(&session.execution, metrics).collect();
        let mut lists: Vec<Option<Arc<Vec<MetricSet>>>> = vec![None; all.len()];
        let stages = &session.execution.stages;
        let fetched = all.iter().enumerate();
        let fetched = fetched.filter(|(_, fetch)| stages[fetch.stage].succeeded());
        let loads: Vec<_> = fetched
            .map(|(index, fetch)| async move {
                let list = stores.objects.load(ObjectKind::MetricSetList, &fetch.key);
                (index, list.await)
            })
            .collect();
        let mut stored = stream::iter(loads).buffer_unordered(self.at_once);
        while let Some((index, list)) = stored.next().await {
            lists[index] = list
                .inspect_err(|error| tracing::debug!(%error, "fetching a metric again"))
                .ok()
                .map(Arc::new);
        }
        let missing = (0..all.len())
            .filter(|index| lists[*index].is_none())
            .collect();
        self.fetch_missing(session, stores, &all, missing, &mut lists)
            .await?;
        let mut fetched = Fetched {
            control: Vec::new(),
            experiment: Vec::new(),
        };
        let with_control: HashSet<usize> = all
            .iter()
            .filter(|fetch| fetch.side == Side::Control)
            .map(|fetch| fetch.metric)
            .collect();
        for (fetch, list) in all.iter().zip(lists) {
            let sets = list.map(Arc::unwrap_or_clone).unwrap_or_default();
            match fetch.side {
                Side::Control => fetched.control.extend(sets),
                Side::Experiment => {
                    if !with_control.contains(&fetch.metric) {
                        fetched.control.extend(sets.iter().map(without_values));
                    }
                    fetched.experiment.extend(sets);
                }
            }
        }
        Ok(fetched)
    }

    async fn fetch_missing(
        &self,
        session: &mut Session,
        stores: &RunStores,
        all: &[PlannedFetch],
        missing: Vec<usize>,
        lists: &mut [Option<Arc<Vec<MetricSet>>>],
    ) -> Result<(), Halt> {
        let config = Arc::clone(&session.execution.config);
        let mut waiting = missing.into_iter();
        let mut running = FuturesUnordered::new();
        let mut dirty = true;
        loop {
            while running.len() < self.at_once {
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
                        .fetcher
                        .fetch_and_store(stores, &config, metric, &fetch.scope, &fetch.key)
                        .instrument(span)
                        .await;
                    (index, outcome)
                });
            }
            let progress_due = session.progress_due();
            let progress = async {
                if dirty {
                    self.clock.sleep_until(progress_due).await;
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
                    Some((index, Err(failure))) => match failure.waits() {
                        Ok(error) => return Err(Interrupted::Failed(error).into()),
                        Err(failure) => {
                            fail_stage(session, all[index].stage, (*failure).into());
                            break;
                        }
                    },
                },
                () = progress => {
                    session.save_progress().await?;
                    dirty = false;
                }
            }
        }
        // One fetch has failed. The others have a short time to end, so that their errors
        // are reported too, then they are dropped (C-ENG-03).
        let settled = self.clock.sleep(self.settle);
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
                    Some((index, Err(failure))) => {
                        fail_stage(session, all[index].stage, failure.into());
                    }
                },
                () = &mut settled => return Err(Halt::Failed),
            }
        }
    }
}

/// The fetches of the metrics.
fn planned_fetches(
    execution: &Execution,
    metrics: &Range<usize>,
) -> impl Iterator<Item = PlannedFetch> {
    let task = execution.canary();
    let mut scopes: HashMap<(&str, &str), Option<Arc<CanaryScope>>> = HashMap::new();
    execution
        .stages
        .iter()
        .enumerate()
        .filter_map(move |(stage, planned)| match &planned.work {
            StageWork::Fetch {
                side,
                metric,
                metric_set_list_id,
            } if metrics.contains(metric) => {
                let (task, name) = (task?, scope_name(execution, *metric)?);
                let scope = scopes
                    .entry((name, side.key()))
                    .or_insert_with(|| scope_of(task, name, *side).map(Arc::new));
                Some(PlannedFetch {
                    stage,
                    side: *side,
                    metric: *metric,
                    key: metric_set_list_id.clone(),
                    scope: scope.clone()?,
                })
            }
            _ => None,
        })
}

fn scope_name(execution: &Execution, metric: usize) -> Option<&str> {
    let metric = execution.config.metrics().get(metric)?;
    metric.scope_name.as_deref()
}

fn scope_of(task: &CanaryTask, name: &str, side: Side) -> Option<CanaryScope> {
    let pair = task.request.scopes.as_ref()?.get(name)?.as_ref()?;
    match side {
        Side::Control => pair.control_scope.clone(),
        Side::Experiment => pair.experiment_scope.clone(),
    }
}

/// The baseline of a canary that has none: the same series without values.
fn without_values(set: &MetricSet) -> MetricSet {
    let values = set.values.as_ref().map_or(0, Vec::len);
    MetricSet {
        values: Some(vec![f64::NAN; values]),
        attributes: None,
        ..set.clone()
    }
}

//! The workers: take a job, keep its lease, drive its execution, say what becomes of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_queue::{Job, Lease, LeasedJob, QueueErrorKind};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    analysis_run::{Next, give_up},
    canary_run::millis,
    engine::Inner,
    error::{EngineError, EngineErrorKind},
    exception::Failure,
    record::{Execution, Task},
    session::Interrupted,
};

/// Takes that wait for a job at a time.
const TAKERS: usize = 4;
/// How often the record of an execution may change under its worker before the job is put off.
const RELOADS: usize = 20;
/// Pause before a job whose store failed is looked at again.
const STORE_PAUSE: Duration = Duration::from_secs(2);
/// An archive that could not be written is tried again after the time the execution has been
/// complete, within these bounds, and given up after the last.
const ARCHIVE_PAUSE: (i64, i64) = (5_000, 600_000);
const ARCHIVE_PATIENCE: i64 = 86_400_000;
/// Most executions one sweep looks at.
const SWEEP_LIMIT: usize = 200_000;
/// A job this long overdue is taken for lost, in milliseconds.
const OVERDUE: i64 = 60_000;

/// What becomes of a job.
#[derive(Debug)]
enum Outcome {
    Done,
    Later(Option<DateTime<Utc>>),
    Buried(String),
    LeaseLost,
}

pub(crate) async fn run(inner: &Arc<Inner>, shutdown: CancellationToken) {
    tracing::info!(
        instance.id = %inner.options.instance_id,
        workers = inner.options.workers,
        "the engine is working"
    );
    let tracker = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(inner.options.workers.max(1)));
    let stop = CancellationToken::new();
    let takers = (0..TAKERS.min(inner.options.workers.max(1)))
        .map(|_| take_jobs(inner, &permits, &tracker, &stop, &shutdown));
    tokio::join!(futures::future::join_all(takers), sweep(inner, &shutdown));
    tracker.close();
    let grace = inner.pause(millis(inner.options.grace));
    tokio::select! {
        () = tracker.wait() => {}
        () = grace => {
            tracing::info!(
                executions = inner.board.len(),
                "putting work under way back into the queue"
            );
            stop.cancel();
            tracker.wait().await;
        }
    }
    tracing::info!("the engine has stopped");
}

async fn take_jobs(
    inner: &Arc<Inner>,
    permits: &Arc<Semaphore>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
    shutdown: &CancellationToken,
) {
    let mut enabled = inner.enabled.subscribe();
    loop {
        let taken = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            taken = async {
                // The sender lives as long as the engine.
                let _ = enabled.wait_for(|enabled| *enabled).await;
                let permit = Arc::clone(permits).acquire_owned().await.ok();
                let mut disabled = inner.enabled.subscribe();
                tokio::select! {
                    biased;
                    _ = disabled.wait_for(|enabled| !*enabled) => None,
                    taken = inner.parts.queue.take() => Some((permit, taken)),
                }
            } => taken,
        };
        match taken {
            None => {}
            Some((permit, Ok(leased))) => {
                let inner = Arc::clone(inner);
                let stop = stop.clone();
                tracker.spawn(async move {
                    let _permit = permit;
                    inner.work(leased, &stop).await;
                });
            }
            Some((_, Err(error))) if error.kind == QueueErrorKind::Closed => return,
            Some((_, Err(error))) => {
                tracing::warn!(%error, "could not take a job");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = inner.pause(millis(STORE_PAUSE)) => {}
                }
            }
        }
    }
}

impl Inner {
    /// Works on a job until it is done, must wait, or is no longer ours.
    async fn work(&self, leased: LeasedJob, stop: &CancellationToken) {
        let LeasedJob {
            job,
            lease,
            delivery,
        } = leased;
        let id = &job.execution_id;
        let outcome = tokio::select! {
            biased;
            outcome = self.attend(id, delivery) => outcome,
            () = self.keep(&lease) => Outcome::LeaseLost,
            () = stop.cancelled() => Outcome::Later(None),
        };
        let said = match &outcome {
            Outcome::Done => self.parts.queue.complete(&lease).await,
            Outcome::Later(due) => self.parts.queue.put_off(&lease, *due).await,
            Outcome::Buried(reason) => self.parts.queue.bury(&lease, reason).await,
            Outcome::LeaseLost => {
                metrics::counter!("canary.leases.lost").increment(1);
                tracing::warn!(execution.id = %id, "lost the lease on an execution; another worker has it");
                Ok(())
            }
        };
        if let Err(error) = said {
            // The job comes back when its lease ends; all it needs is in the record.
            tracing::warn!(execution.id = %id, %error, "could not tell the queue what became of a job");
        }
    }

    /// Renews the lease for as long as it is polled; returns when it is lost.
    async fn keep(&self, lease: &Lease) {
        let every = millis(lease.duration / 3).max(1);
        let mut last = self.now();
        loop {
            self.pause(every).await;
            match self.parts.queue.renew(lease).await {
                Ok(()) => last = self.now(),
                Err(error) if error.kind == QueueErrorKind::LeaseLost => return,
                Err(error) => {
                    tracing::warn!(execution.id = %lease.execution_id, %error, "could not renew a lease");
                    // Unreachable for as long as the lease holds: someone else may have it.
                    if self.now() - last >= millis(lease.duration) {
                        return;
                    }
                }
            }
        }
    }

    /// Completes when the execution was ended or removed by someone else.
    pub(crate) async fn changed_elsewhere(&self, id: &str, changed: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = changed.cancelled() => return,
                () = self.pause(millis(self.options.cancel_poll).max(1)) => {}
            }
            match self.parts.executions.status(id).await {
                Ok(Some((status, _))) if !status.is_complete() => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(execution.id = %id, %error, "could not ask whether an execution was canceled");
                }
            }
        }
    }

    async fn attend(&self, id: &str, delivery: u32) -> Outcome {
        for _ in 0..RELOADS {
            let mut session = match self.open(id).await {
                Ok(Some(session)) => session,
                Ok(None) => return Outcome::Done,
                Err(error) if error.kind == EngineErrorKind::Internal => {
                    tracing::error!(execution.id = %id, %error, "gave up an execution");
                    return Outcome::Buried(error.message);
                }
                Err(error) => return self.later(id, &error),
            };
            let span = tracing::info_span!(
                "execution",
                id = %id,
                application = %session.execution.application
            );
            if session.execution.is_complete() {
                return self.after_end(&session.execution).instrument(span).await;
            }
            if !session.execution.has_job() {
                // Driven by its analysis' job, not by this one.
                return Outcome::Done;
            }
            if delivery > self.options.max_deliveries {
                let reason = format!(
                    "{} workers in a row died or lost touch while working on this execution.",
                    delivery - 1
                );
                match self.give_up(&mut session, &reason).await {
                    Ok(()) => {
                        self.archive(&session.execution).await;
                        return Outcome::Buried(reason);
                    }
                    Err(Interrupted::Changed) => continue,
                    Err(Interrupted::Failed(error)) => return self.later(id, &error),
                }
            }
            let attendance = self.board.attend(id);
            let driven = tokio::select! {
                biased;
                () = self.changed_elsewhere(id, &attendance.changed) => Err(Interrupted::Changed),
                driven = async {
                    match session.execution.task {
                        Task::Canary(_) => self.drive_canary(&mut session).await.map(|()| Next::Done),
                        Task::Analysis(_) => self.drive_analysis(&mut session).await,
                        Task::Comparison(_) => {
                            self.drive_comparison(&mut session).await.map(|()| Next::Done)
                        }
                    }
                }.instrument(span.clone()) => driven,
            };
            match driven {
                Ok(Next::Done) => {
                    return self.after_end(&session.execution).instrument(span).await;
                }
                Ok(Next::At(due)) => return Outcome::Later(Some(due)),
                Err(Interrupted::Changed) => {}
                Err(Interrupted::Failed(error)) => return self.later(id, &error),
            }
        }
        Outcome::Later(Some(self.soon(STORE_PAUSE)))
    }

    fn later(&self, id: &str, error: &EngineError) -> Outcome {
        tracing::warn!(execution.id = %id, %error, "a store failed; the execution goes on from its record later");
        Outcome::Later(Some(self.soon(STORE_PAUSE)))
    }

    fn soon(&self, pause: Duration) -> DateTime<Utc> {
        self.parts.clock.now() + TimeDelta::milliseconds(millis(pause))
    }

    /// What is left to do for a complete execution: stop what it started, archive it.
    async fn after_end(&self, execution: &Execution) -> Outcome {
        self.cancel_children(execution).await;
        if self.archive(execution).await {
            return Outcome::Done;
        }
        let now = self.now();
        let since = now - execution.end_time.unwrap_or(execution.build_time);
        if since > ARCHIVE_PATIENCE {
            tracing::error!(execution.id = %execution.id, "gave up archiving an execution");
            return Outcome::Buried("It could not be archived.".to_owned());
        }
        let pause = since.clamp(ARCHIVE_PAUSE.0, ARCHIVE_PAUSE.1);
        Outcome::Later(Some(
            self.parts.clock.now() + TimeDelta::milliseconds(pause),
        ))
    }

    /// Ends an execution nobody survives working on.
    async fn give_up(
        &self,
        session: &mut crate::session::Session,
        reason: &str,
    ) -> Result<(), Interrupted> {
        tracing::error!(execution.id = %session.execution.id, reason, "gave up an execution");
        let failure = Failure::new("IllegalStateException", reason);
        if session.execution.analysis().is_some() {
            return self.give_up_analysis(session, failure).await;
        }
        let now = session.now();
        give_up(&mut session.execution, failure, now);
        session.save().await
    }
}

/// Queues what has no job although it should: a process may have died between keeping a record and
/// queueing its job. Cheap in the long run: what is known to wait is not looked at again before its
/// time has come and gone.
async fn sweep(inner: &Arc<Inner>, shutdown: &CancellationToken) {
    let known = Mutex::new(HashMap::new());
    loop {
        if *inner.enabled.borrow() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                swept = sweep_once(inner, &known) => {
                    if let Err(error) = swept {
                        tracing::warn!(%error, "could not look for executions without a job");
                    }
                }
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = inner.pause(millis(inner.options.sweep_interval).max(1)) => {}
        }
    }
}

async fn sweep_once(inner: &Inner, known: &Mutex<HashMap<String, i64>>) -> Result<(), EngineError> {
    let unfinished = inner.parts.executions.unfinished(SWEEP_LIMIT).await?;
    let before = std::mem::take(
        &mut *known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    );
    let mut after = HashMap::with_capacity(unfinished.len());
    let mut pushed = 0_u64;
    for id in unfinished {
        let now = inner.now();
        if inner.board.attends(&id) {
            continue;
        }
        if let Some(due) = before.get(&id)
            && due.saturating_add(OVERDUE) > now
        {
            after.insert(id, *due);
            continue;
        }
        let Some(execution) = inner.find(&id).await.unwrap_or_default() else {
            continue;
        };
        if execution.is_complete() {
            continue;
        }
        let due = execution.due().filter(|due| *due > now);
        let job = Job {
            execution_id: id.clone(),
        };
        inner
            .parts
            .queue
            .push(&job, due.and_then(DateTime::from_timestamp_millis))
            .await?;
        pushed += 1;
        after.insert(id, due.unwrap_or(now));
    }
    tracing::debug!(
        unfinished = after.len(),
        pushed,
        "looked for executions without a job"
    );
    *known
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = after;
    Ok(())
}

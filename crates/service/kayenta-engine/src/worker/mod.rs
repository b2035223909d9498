//! The workers: take a job, keep its lease, drive its execution, say what becomes of it.

mod sweep;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_limits::{NoMemory, RUN_PATIENCE, lend_without_waiting, reserve, scope};
use kayenta_model::Clock;
use kayenta_queue::{Lease, LeasedJob, QueueErrorKind, WorkQueue};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};

use crate::{
    archiver::{Archived, Archiver},
    error::{EngineError, EngineErrorKind},
    executions::Executions,
    failure::Failure,
    notices::{Delivered, ExecutionHistory, NoticeBoard, NoticeDelivery, NoticeId, is_notice},
    options::{EngineOptions, EngineParts},
    record::{Execution, Task, execution_span},
    run::{AnalysisDriver, CanaryDriver, ComparisonDriver, Next},
    session::{Interrupted, Session},
    tasks::{PeriodicTask, is_task, job_id},
    traces::TraceCarrier,
};

/// Takes that wait for a job at a time.
const TAKERS: usize = 4;
/// How often the record of an execution may change under its worker before the job is put off.
const RELOADS: usize = 20;
/// Pause before a job whose store failed is looked at again.
const STORE_PAUSE: Duration = Duration::from_secs(2);
/// Longest time from the start of a process to the first round of a task.
const FIRST_ROUND: Duration = Duration::from_secs(60);
/// Pause before the outcome of a job is reported again; doubled up to [`STORE_PAUSE`].
const REPORT_PAUSE: Duration = Duration::from_millis(250);
/// An archive that could not be written is tried again after the time the execution has been
/// complete, within these bounds in milliseconds, and given up after the last.
const ARCHIVE_PAUSE_MS: (i64, i64) = (5_000, 600_000);
const ARCHIVE_PATIENCE_MS: i64 = 86_400_000;

/// Works on the jobs of executions.
#[derive(Debug)]
pub(crate) struct Workers {
    instance_id: String,
    /// Executions worked on at a time.
    capacity: usize,
    grace: Duration,
    sweep_interval: Duration,
    max_deliveries: u32,
    enabled: watch::Sender<bool>,
    clock: Arc<dyn Clock>,
    queue: Arc<dyn WorkQueue>,
    executions: Arc<Executions>,
    canary: Arc<CanaryDriver>,
    analysis: AnalysisDriver,
    comparison: ComparisonDriver,
    archiver: Arc<Archiver>,
    notices: Option<Arc<dyn NoticeBoard>>,
    traces: Option<Arc<dyn TraceCarrier>>,
}

/// What drives executions of each kind.
pub(crate) struct Drivers {
    pub(crate) canary: Arc<CanaryDriver>,
    pub(crate) analysis: AnalysisDriver,
    pub(crate) comparison: ComparisonDriver,
}

/// What a process does beside executions.
#[derive(Clone, Debug, Default)]
pub struct SideWork {
    /// Who delivers notices.
    pub notices: Option<Arc<dyn NoticeDelivery>>,
    /// Tasks that repeat.
    pub tasks: Vec<Arc<dyn PeriodicTask>>,
}

/// What becomes of a job.
#[derive(Debug)]
enum JobOutcome {
    Done,
    Later(Option<DateTime<Utc>>),
    Buried(String),
    LeaseLost,
}

impl Workers {
    pub(crate) fn new(
        executions: Arc<Executions>,
        drivers: Drivers,
        archiver: Arc<Archiver>,
        parts: &EngineParts,
        options: &EngineOptions,
    ) -> Self {
        Self {
            instance_id: options.instance_id.clone(),
            capacity: options.workers.max(1),
            grace: options.grace,
            sweep_interval: options.sweep_interval.max(Duration::from_millis(1)),
            max_deliveries: options.max_deliveries,
            enabled: watch::Sender::new(true),
            clock: Arc::clone(&parts.clock),
            queue: Arc::clone(&parts.queue),
            executions,
            canary: drivers.canary,
            analysis: drivers.analysis,
            comparison: drivers.comparison,
            archiver,
            notices: options.notices.clone(),
            traces: options.traces.clone(),
        }
    }

    /// Lets new work be taken or not; whether that is a change.
    pub(crate) fn set_enabled(&self, enabled: bool) -> bool {
        self.enabled.send_replace(enabled) != enabled
    }

    /// Whether new work is taken.
    pub(crate) fn is_enabled(&self) -> bool {
        *self.enabled.borrow()
    }

    /// Works until `shutdown`, then lets work under way end within the grace period and puts the
    /// rest back.
    pub(crate) async fn run(self: &Arc<Self>, shutdown: CancellationToken, side_work: SideWork) {
        tracing::info!(
            instance.id = %self.instance_id,
            workers = self.capacity,
            "the engine has started"
        );
        let tracker = TaskTracker::new();
        let permits = Arc::new(Semaphore::new(self.capacity));
        let stop = CancellationToken::new();
        let takers = (0..TAKERS.min(self.capacity))
            .map(|_| self.take_jobs(&permits, &tracker, &stop, &shutdown, &side_work));
        tokio::join!(
            futures::future::join_all(takers),
            sweep::sweep(self, &shutdown),
            futures::future::join_all(
                side_work
                    .tasks
                    .iter()
                    .map(|task| self.keep_queued(task.as_ref(), &shutdown))
            ),
        );
        tracker.close();
        tokio::select! {
            () = tracker.wait() => {}
            () = self.clock.sleep(self.grace) => {
                tracing::info!(
                    executions = self.executions.attended(),
                    "returning work in progress to the queue"
                );
                stop.cancel();
                tracker.wait().await;
            }
        }
        tracing::info!("the engine has stopped");
    }

    async fn take_jobs(
        self: &Arc<Self>,
        permits: &Arc<Semaphore>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
        shutdown: &CancellationToken,
        side_work: &SideWork,
    ) {
        let mut enabled = self.enabled.subscribe();
        loop {
            let taken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                taken = async {
                    // The sender lives as long as the workers.
                    let _ = enabled.wait_for(|enabled| *enabled).await;
                    let permit = Arc::clone(permits).acquire_owned().await.ok();
                    let mut disabled = self.enabled.subscribe();
                    tokio::select! {
                        biased;
                        _ = disabled.wait_for(|enabled| !*enabled) => None,
                        taken = self.queue.take() => Some((permit, taken)),
                    }
                } => taken,
            };
            match taken {
                None => {}
                Some((permit, Ok(leased))) => {
                    let workers = Arc::clone(self);
                    let (stop, shutdown) = (stop.clone(), shutdown.clone());
                    let side_work = side_work.clone();
                    // A job that waits for a receiver or a store takes no execution's place.
                    let id = &leased.job.execution_id;
                    let permit = permit.filter(|_| !is_notice(id) && !is_task(id));
                    tracker.spawn(async move {
                        let _permit = permit;
                        workers.work(leased, &stop, &shutdown, &side_work).await;
                    });
                }
                Some((_, Err(error))) if error.kind == QueueErrorKind::Closed => return,
                Some((_, Err(error))) => {
                    tracing::warn!(%error, "could not take a job");
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = self.clock.sleep(STORE_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Works on a job until it is done, must wait, or its lease is lost.
    async fn work(
        &self,
        leased: LeasedJob,
        stop: &CancellationToken,
        shutdown: &CancellationToken,
        side_work: &SideWork,
    ) {
        let LeasedJob {
            job,
            lease,
            delivery: deliveries,
        } = leased;
        let id = &job.execution_id;
        let attended = async {
            if let Ok(notice) = id.parse() {
                self.deliver(&notice, deliveries, side_work).await
            } else if is_task(id) {
                self.do_round(id, side_work, shutdown).await
            } else {
                self.attend(id, deliveries).await
            }
        };
        let outcome = tokio::select! {
            biased;
            outcome = attended => outcome,
            () = self.hold(&lease) => JobOutcome::LeaseLost,
            () = stop.cancelled() => JobOutcome::Later(None),
        };
        if matches!(outcome, JobOutcome::LeaseLost) {
            metrics::counter!("canary.leases.lost").increment(1);
            tracing::warn!(execution.id = %id, "lost the lease on an execution; another worker has it");
        }
        self.report(&lease, &outcome, shutdown).await;
    }

    /// Reports the outcome to the queue until the queue has heard it: a worker that falls silent
    /// counts as dead, and a failure of the store is no reason to give an execution up.
    async fn report(&self, lease: &Lease, outcome: &JobOutcome, shutdown: &CancellationToken) {
        let id = &lease.execution_id;
        let mut pause = REPORT_PAUSE;
        loop {
            let reported = match outcome {
                JobOutcome::Done => self.queue.complete(lease).await,
                JobOutcome::Later(due) => self.queue.put_off(lease, *due).await,
                JobOutcome::Buried(reason) => self.queue.bury(lease, reason).await,
                // Usually another worker has it by now. If none has, it is free.
                JobOutcome::LeaseLost => self.queue.put_off(lease, None).await,
            };
            let error = match reported {
                Ok(()) => return,
                Err(error) if error.kind == QueueErrorKind::LeaseLost => {
                    tracing::debug!(execution.id = %id, "the outcome of a job came after its lease");
                    return;
                }
                Err(error) => error,
            };
            // The job comes back when its lease ends; all it needs is in the record.
            if error.kind == QueueErrorKind::Closed || shutdown.is_cancelled() {
                tracing::warn!(execution.id = %id, %error, "could not report the outcome of a job to the queue");
                return;
            }
            if pause == REPORT_PAUSE {
                tracing::warn!(execution.id = %id, %error, "could not report the outcome of a job to the queue; retrying");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.clock.sleep(pause) => {}
            }
            pause = (2 * pause).min(STORE_PAUSE);
        }
    }

    /// Renews the lease for as long as it is polled; returns when it is lost.
    async fn hold(&self, lease: &Lease) {
        let every = (lease.duration / 3).max(Duration::from_millis(1));
        let mut last = self.clock.now();
        loop {
            self.clock.sleep(every).await;
            match self.queue.renew(lease).await {
                Ok(()) => last = self.clock.now(),
                Err(error) if error.kind == QueueErrorKind::LeaseLost => return,
                Err(error) => {
                    tracing::warn!(execution.id = %lease.execution_id, %error, "could not renew a lease");
                    // Unreachable for as long as the lease holds: someone else may have it.
                    let unrenewed = (self.clock.now() - last).to_std().unwrap_or_default();
                    if unrenewed >= lease.duration {
                        return;
                    }
                }
            }
        }
    }

    /// Delivers what a receiver is to know of an execution.
    async fn deliver(
        &self,
        notice: &NoticeId,
        deliveries: u32,
        side_work: &SideWork,
    ) -> JobOutcome {
        if deliveries > self.max_deliveries {
            return JobOutcome::Buried(reason_to_give_up(deliveries - 1));
        }
        let Some(delivery) = &side_work.notices else {
            return JobOutcome::Buried(format!(
                "There is no receiver of notifications called {}.",
                notice.receiver
            ));
        };
        match delivery.deliver(notice).await {
            Delivered::Done => JobOutcome::Done,
            Delivered::Later(due) => JobOutcome::Later(Some(due)),
            Delivered::GivenUp(reason) => JobOutcome::Buried(reason),
        }
    }

    /// Does a round of a task. A task that this process does not have is another version's; whoever has
    /// it queues it again.
    async fn do_round(
        &self,
        id: &str,
        side_work: &SideWork,
        shutdown: &CancellationToken,
    ) -> JobOutcome {
        let mut tasks = side_work.tasks.iter();
        let Some(task) = tasks.find(|task| job_id(task.as_ref()) == id) else {
            return JobOutcome::Done;
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => JobOutcome::Later(None),
            () = task.round() => JobOutcome::Later(Some(self.after(task.interval()))),
        }
    }

    /// Sees to it that the job of a task is queued, also after the queue has lost it.
    async fn keep_queued(&self, task: &dyn PeriodicTask, shutdown: &CancellationToken) {
        let mut pause = task.interval().min(FIRST_ROUND);
        loop {
            let due = Some(self.after(pause));
            if let Err(error) = self.executions.queue_job(&job_id(task), due).await {
                tracing::warn!(task = task.name(), %error, "could not queue a task");
            }
            pause = task.interval();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Queues the notices of what an execution has come to since they were last queued. Done again after
    /// a crash, it queues them again.
    async fn notice(&self, session: &mut Session) -> Result<(), Interrupted> {
        let Some(board) = &self.notices else {
            return Ok(());
        };
        if !session.execution.has_job() {
            return Ok(());
        }
        let history = ExecutionHistory::of(&session.execution);
        let receivers = board.receivers(&history, session.execution.noticed);
        if receivers.is_empty() {
            return Ok(());
        }
        for receiver in receivers {
            let id = &session.execution.id;
            self.executions.queue_notice(receiver, id).await?;
        }
        session.execution.noticed = history.events();
        session.save_progress().await
    }

    /// Attends to an execution with the memory it needs. What that is shows only as it goes on; it never waits for more
    /// with some in hand, but gives back what it has and begins again from its record with all of it.
    async fn attend(&self, id: &str, delivery: u32) -> JobOutcome {
        let mut needed = 0;
        let mut reloads = 0;
        while reloads < RELOADS {
            let reserved = match reserve("an execution", needed, RUN_PATIENCE).await {
                Ok(reserved) => reserved,
                Err(error) => return self.later(id, &error.into()),
            };
            let mut waiting = None;
            let attending = scope(self.attend_once(id, delivery, &mut waiting));
            let attended = lend_without_waiting(reserved, attending).await;
            // Beside what was lent and held for the work on it.
            if let Some(session) = waiting {
                self.executions.keep_waiting(session);
            }
            match attended {
                (None | Some(JobOutcome::Later(_)), more) if more > needed => {
                    tracing::debug!(execution.id = %id, bytes = more, "an execution begins again with more memory");
                    needed = more;
                }
                (Some(outcome), _) => return outcome,
                (None, _) => reloads += 1,
            }
        }
        JobOutcome::Later(Some(self.after(STORE_PAUSE)))
    }

    /// The span of work on an execution, in the trace of the request that asked for it.
    fn span_of(&self, execution: &Execution) -> Span {
        let span = || execution_span(execution);
        match &self.traces {
            Some(traces) => traces.begin(execution.trace().as_ref(), &span),
            None => span(),
        }
    }

    /// Attends to an execution as its record is now; `None` when that changes meanwhile. One that is put off until a
    /// time it waits for is left in `waiting`.
    async fn attend_once(
        &self,
        id: &str,
        delivery: u32,
        waiting: &mut Option<Session>,
    ) -> Option<JobOutcome> {
        let mut session = match self.executions.open(id).await {
            Ok(Some(session)) => session,
            Ok(None) => return Some(JobOutcome::Done),
            // A record that cannot be read, or is larger than all the memory there is.
            Err(error)
                if matches!(
                    error.kind,
                    EngineErrorKind::Internal | EngineErrorKind::InvalidRequest
                ) =>
            {
                tracing::error!(execution.id = %id, %error, "gave up an execution");
                return Some(JobOutcome::Buried(error.message));
            }
            Err(error) => return Some(self.later(id, &error)),
        };
        let span = self.span_of(&session.execution);
        if session.execution.is_complete() {
            match self.notice(&mut session).await {
                Ok(()) => {}
                Err(Interrupted::Changed) => return None,
                Err(Interrupted::Failed(error)) => return Some(self.later(id, &error)),
            }
            return Some(
                self.after_end(session.execution.into_inner())
                    .instrument(span)
                    .await,
            );
        }
        if !session.execution.has_job() {
            // Driven by its analysis' job, not by this one.
            return Some(JobOutcome::Done);
        }
        if delivery > self.max_deliveries {
            let reason = reason_to_give_up(delivery - 1);
            let given_up = match self.give_up(&mut session, &reason).await {
                Ok(()) => self.notice(&mut session).await,
                interrupted => interrupted,
            };
            match given_up {
                Ok(()) => {
                    self.archiver.archive(session.execution.into_inner()).await;
                    return Some(JobOutcome::Buried(reason));
                }
                Err(Interrupted::Changed) => return None,
                Err(Interrupted::Failed(error)) => return Some(self.later(id, &error)),
            }
        }
        let attendance = self.executions.attend(id);
        let driven = async {
            self.notice(&mut session).await?;
            self.drive(&mut session).await
        };
        let mut driven = tokio::select! {
            biased;
            () = self.executions.ended_elsewhere(id, &attendance.changed) => {
                Err(Interrupted::Changed)
            }
            driven = driven.instrument(span.clone()) => driven,
        };
        if driven.is_ok()
            && let Err(interrupted) = self.notice(&mut session).await
        {
            driven = Err(interrupted);
        }
        match driven {
            Ok(Next::Done) => Some(
                self.after_end(session.execution.into_inner())
                    .instrument(span)
                    .await,
            ),
            Ok(Next::At(due)) => {
                *waiting = Some(session);
                Some(JobOutcome::Later(Some(due)))
            }
            Err(Interrupted::Changed) => None,
            Err(Interrupted::Failed(error)) => Some(self.later(id, &error)),
        }
    }

    async fn drive(&self, session: &mut Session) -> Result<Next, Interrupted> {
        match session.execution.task {
            Task::Canary(_) => self.canary.drive(session).await.map(|()| Next::Done),
            Task::Analysis(_) => self.analysis.drive(session).await,
            Task::Comparison(_) => self.comparison.drive(session).await.map(|()| Next::Done),
        }
    }

    fn later(&self, id: &str, error: &EngineError) -> JobOutcome {
        if NoMemory::is_cause_of(error) {
            tracing::info!(execution.id = %id, %error, "an execution waits for memory");
            return JobOutcome::Later(Some(self.after(STORE_PAUSE)));
        }
        tracing::warn!(execution.id = %id, %error, "a store failed; the execution will continue from its record");
        JobOutcome::Later(Some(self.after(STORE_PAUSE)))
    }

    fn after(&self, pause: Duration) -> DateTime<Utc> {
        self.clock.now() + pause
    }

    /// What is left to do for a complete execution: stop what it started, archive it.
    async fn after_end(&self, execution: Execution) -> JobOutcome {
        self.executions.cancel_runs_of(&execution).await;
        let id = execution.id.clone();
        let ended = execution.end_time.unwrap_or(execution.build_time);
        if self.archiver.archive(execution).await == Archived::Settled {
            return JobOutcome::Done;
        }
        let now = self.clock.now();
        let since = now.timestamp_millis() - ended;
        if since > ARCHIVE_PATIENCE_MS {
            tracing::error!(execution.id = %id, "gave up archiving an execution");
            return JobOutcome::Buried("It could not be archived.".to_owned());
        }
        let pause = since.clamp(ARCHIVE_PAUSE_MS.0, ARCHIVE_PAUSE_MS.1);
        JobOutcome::Later(Some(now + TimeDelta::milliseconds(pause)))
    }

    /// Gives up an execution that keeps killing its workers.
    async fn give_up(&self, session: &mut Session, reason: &str) -> Result<(), Interrupted> {
        tracing::error!(execution.id = %session.execution.id, reason, "gave up an execution");
        let failure = Failure::new("IllegalStateException", reason);
        if session.execution.analysis().is_some() {
            return self.analysis.give_up(session, failure).await;
        }
        let now = session.now();
        session.execution.give_up(failure, now);
        session.save().await
    }
}

/// What was seen of an execution that lost so many workers, and what to do. The queue hands out a job
/// that has lost two workers to a process only while that process has no other such job.
fn reason_to_give_up(lost: u32) -> String {
    let alone = match lost.saturating_sub(2) {
        0 => String::new(),
        1 => ", the last time while it was the only one of its process that had lost several"
            .to_owned(),
        times => format!(
            ", the last {times} times while it was the only one of its process that had lost several"
        ),
    };
    format!(
        "{lost} workers in a row died while working on this execution{alone}. It probably needs more \
         memory than the service has: give the service more, or compare fewer metrics, a shorter time \
         or a longer step."
    )
}

//! The executions there are: their records, the jobs that drive them, and cancels.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use kayenta_limits::{drop_sized, hold, scope};
use kayenta_model::{CanaryStatusResponse, Clock, ExecutionStatus, ExecutionSummary};
use kayenta_queue::{
    ExecutionFilter, ExecutionStore, Job, ListedExecution, ListingPlace, QueueErrorKind,
    RecordVersion, WorkQueue,
};
use tokio_util::sync::CancellationToken;

use crate::{
    attendance::{Attendance, AttendedExecutions},
    error::{EngineError, EngineErrorKind},
    execution_query::ExecutionQuery,
    ids::accepted_millis,
    lost_execution::LostExecution,
    memory,
    notices::{NoticeId, is_notice},
    options::{EngineOptions, EngineParts},
    record::{COMPARISON_GROUP, Execution, Task, canary_group},
    request::CancelOutcome,
    session::Session,
    status,
    waiting_executions::WaitingExecutions,
};

/// Executions that one page of a listing looks at, at most: what bounds the cost of a filter that few pass.
const LOOKED_AT: usize = 5_000;
/// Executions that are read at once for a listing, at least.
const LISTED: usize = 60;

/// A page of a listing of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionPage {
    /// What matches.
    pub executions: Vec<ExecutionSummary>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<ListingPlace>,
}

/// What executions that are not complete may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfinishedWork {
    /// When the oldest of them was accepted, in milliseconds since 1970. They refer to nothing older, except for
    /// configs and for what `pair_lists` names.
    pub oldest_millis: Option<i64>,
    /// Pair lists that comparisons of judges read.
    pub pair_lists: Vec<String>,
}

/// Unfinished executions that can be looked at.
const MOST_UNFINISHED: usize = 1_000_000;

/// How often a cancel is tried again when someone else wrote the record meanwhile.
const CANCEL_TRIES: usize = 20;

/// Records and jobs of executions, and which of them this process works on.
#[derive(Debug)]
pub(crate) struct Executions {
    store: Arc<dyn ExecutionStore>,
    queue: Arc<dyn WorkQueue>,
    clock: Arc<dyn Clock>,
    attended: Arc<AttendedExecutions>,
    waiting: WaitingExecutions,
    cancel_poll: Duration,
    progress_interval: Duration,
}

impl Executions {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            store: Arc::clone(&parts.executions),
            queue: Arc::clone(&parts.queue),
            clock: Arc::clone(&parts.clock),
            attended: Arc::default(),
            waiting: WaitingExecutions::default(),
            cancel_poll: options.cancel_poll.max(Duration::from_millis(1)),
            progress_interval: options.progress_interval,
        }
    }

    /// Keeps a planned execution, queues its job and returns its id.
    pub(crate) async fn accept(&self, execution: Execution) -> Result<String, EngineError> {
        memory::hold_new_record(&execution).await?;
        let execution = Arc::new(execution);
        let record = memory::write_new_record(&execution).await?;
        self.store.create(&record).await?;
        let id = record.id.clone();
        // C-ENG-01: the record is kept, so the execution is accepted; a job that could not be queued
        // is queued by the next sweep.
        if let Err(error) = self.queue_job(&id, None).await {
            tracing::warn!(execution.id = %id, %error, "could not queue the job; the next sweep queues it");
        }
        tracing::debug!(
            execution.id = %id,
            execution.application = %execution.application,
            "accepted an execution"
        );
        drop_sized(
            memory::of_execution(&execution, record.body.len()),
            execution,
        );
        Ok(id)
    }

    /// Keeps an execution that another one's job drives, and opens it; `None` when another worker has
    /// created it meanwhile and it is gone again.
    pub(crate) async fn create_without_job(
        &self,
        execution: Execution,
    ) -> Result<Option<Session>, EngineError> {
        let execution = Arc::new(execution);
        let record = memory::write_new_record(&execution).await?;
        match self.store.create(&record).await {
            Ok(version) => {
                let mut execution = Arc::unwrap_or_clone(execution);
                execution.stages.note_kept();
                Ok(Some(self.session(execution, version, record.body.len())))
            }
            Err(error) if error.kind == QueueErrorKind::AlreadyExists => {
                self.open(&execution.id).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The execution to work on; `None` when its record is gone.
    pub(crate) async fn open(&self, id: &str) -> Result<Option<Session>, EngineError> {
        if let Some(session) = self.reopen(id).await? {
            return Ok(Some(session));
        }
        match self.store.get(id).await? {
            Some((record, version)) => {
                let length = record.body.len();
                let execution = memory::read_record(record).await?;
                Ok(Some(self.session(execution, version, length)))
            }
            None => Ok(None),
        }
    }

    /// Keeps an execution that was put off, so that it need not be read again.
    pub(crate) fn keep_waiting(&self, session: Session) {
        let (execution, version, length) = session.into_parts();
        self.waiting.keep(execution, version, length);
    }

    /// The execution as this process has kept it, unless someone has written its record since.
    async fn reopen(&self, id: &str) -> Result<Option<Session>, EngineError> {
        let Some(waiting) = self.waiting.take(id) else {
            return Ok(None);
        };
        let recorded = self.store.status(id).await?;
        if recorded.is_none_or(|(_, version)| version != waiting.version) {
            return Ok(None);
        }
        hold(waiting.reserved);
        Ok(Some(self.session(
            waiting.execution,
            waiting.version,
            waiting.length,
        )))
    }

    fn session(&self, execution: Execution, version: RecordVersion, length: usize) -> Session {
        Session::new(
            execution,
            (version, length),
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            self.progress_interval,
        )
    }

    /// The execution, if its record is still there.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Execution>, EngineError> {
        match self.store.get(id).await? {
            Some((record, _)) => memory::read_record(record).await.map(Some),
            None => Ok(None),
        }
    }

    /// The execution.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) when its record is gone.
    pub(crate) async fn get(&self, id: &str) -> Result<Execution, EngineError> {
        self.find(id)
            .await?
            .ok_or_else(|| EngineError::unknown_execution(id))
    }

    /// Whether an execution without record and archive was lost: the store lost its records after the
    /// execution was accepted, which its id tells.
    pub(crate) async fn find_lost(&self, id: &str) -> Result<Option<LostExecution>, EngineError> {
        let Some(accepted) = accepted_millis(id) else {
            return Ok(None);
        };
        let lost = self.store.lost_since(accepted).await?;
        Ok(lost.map(|at| LostExecution::new(id, accepted, at)))
    }

    /// Statuses of an application's canary runs, newest first.
    pub(crate) async fn list_canaries(
        &self,
        application: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<CanaryStatusResponse>, EngineError> {
        let records = self.store.list(&canary_group(application), filter).await?;
        // C-ENG-08: a record that cannot be read does not spoil the others.
        let mut listed = Vec::with_capacity(records.len());
        for record in records {
            let id = record.id.clone();
            let status = async {
                let execution = memory::read_record(record).await?;
                status::of(execution, status::canary).await?
            };
            match status.await {
                Ok(status) => listed.push(status),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::warn!(execution.id = %id, %error, "left an unreadable execution out of a listing");
                }
            }
        }
        Ok(listed)
    }

    /// Executions of all applications that match, newest first, after a place or from the newest on. Looks at a bounded
    /// number of them: where few match, a page may be short and still have a next one.
    pub(crate) async fn newest(
        &self,
        query: &ExecutionQuery,
        after: Option<ListingPlace>,
        limit: usize,
    ) -> Result<ExecutionPage, EngineError> {
        let mut page = ExecutionPage {
            next: after,
            ..ExecutionPage::default()
        };
        // Nothing later than the end of the wanted time is worth a look.
        if let (None, Some(to)) = (&page.next, query.to) {
            page.next = Some(ListingPlace {
                build_time_millis: to,
                id: String::new(),
            });
        }
        let mut looked_at = 0;
        while page.executions.len() < limit && looked_at < LOOKED_AT {
            let wanted = read_at_once(limit, looked_at);
            let listed = self.store.newest(page.next.as_ref(), wanted).await?;
            looked_at += listed.len();
            for execution in &listed {
                if query
                    .from
                    .is_some_and(|from| execution.build_time_millis < from)
                {
                    page.next = None;
                    return Ok(page);
                }
                page.next = Some(ListingPlace::from(execution));
                let Some(summary) = self.summary_of(execution).await? else {
                    continue;
                };
                if query.matches(&summary) {
                    page.executions.push(summary);
                    if page.executions.len() == limit {
                        return Ok(page);
                    }
                }
            }
            if listed.len() < wanted {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// The summary that is kept, or that of a record from before there were summaries. C-ENG-08: one that cannot be read
    /// does not spoil the others.
    async fn summary_of(
        &self,
        listed: &ListedExecution,
    ) -> Result<Option<ExecutionSummary>, EngineError> {
        if is_notice(&listed.id) {
            return Ok(None);
        }
        if !listed.summary.is_empty() {
            return Ok(serde_json::from_slice(&listed.summary)
                .inspect_err(|error| {
                    tracing::warn!(
                        execution.id = %listed.id,
                        %error,
                        "left an unreadable execution out of a listing"
                    );
                })
                .ok());
        }
        let Some((record, _)) = self.store.get(&listed.id).await? else {
            return Ok(None);
        };
        // Of its own scope: only the summary stays.
        match scope(memory::read_record(record)).await {
            Ok(execution) => Ok(Some(execution.summary())),
            Err(error) if error.is_transient() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Ids of all executions, in no order.
    pub(crate) async fn ids(&self) -> Result<Vec<String>, EngineError> {
        let mut ids = self.store.ids().await?;
        ids.retain(|id| !is_notice(id));
        Ok(ids)
    }

    /// Ids of executions that are not complete and should have a job, but have none; at most `limit` are looked at.
    pub(crate) async fn without_job(&self, limit: usize) -> Result<Vec<String>, EngineError> {
        let unfinished = self.store.unfinished(limit).await?;
        Ok(self.queue.without_job(unfinished).await?)
    }

    /// What executions that are not complete may refer to.
    pub(crate) async fn unfinished_work(&self) -> Result<UnfinishedWork, EngineError> {
        let ids = self.store.unfinished(MOST_UNFINISHED).await?;
        if ids.len() == MOST_UNFINISHED {
            return Err(EngineError::new(
                EngineErrorKind::Unavailable,
                format!("there are {MOST_UNFINISHED} unfinished executions or more"),
            ));
        }
        let accepted = ids.iter().filter(|id| !is_notice(id));
        let filter = ExecutionFilter {
            statuses: ExecutionStatus::ALL
                .into_iter()
                .filter(|status| !status.is_complete())
                .collect(),
            offset: 0,
            limit: MOST_UNFINISHED,
        };
        let comparisons = self.store.list(COMPARISON_GROUP, &filter).await?;
        Ok(UnfinishedWork {
            // What is no ULID is not known to be young.
            oldest_millis: accepted
                .map(|id| accepted_millis(id).unwrap_or(i64::MIN))
                .min(),
            pair_lists: comparisons
                .iter()
                .filter_map(|record| match Execution::from_record(record).ok()?.task {
                    Task::Comparison(task) => Some(task.pair_list_id),
                    _ => None,
                })
                .collect(),
        })
    }

    /// Forgets a complete execution.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id,
    /// [`Conflict`](EngineErrorKind::Conflict) when it is not complete.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), EngineError> {
        if !self.get(id).await?.is_complete() {
            return Err(EngineError::new(
                EngineErrorKind::Conflict,
                format!("Not deleting incomplete pipeline {id}"),
            ));
        }
        Ok(self.store.delete(id).await?)
    }

    /// Queues the job of an execution, to be taken at once or no earlier than `due`.
    pub(crate) async fn queue_job(
        &self,
        id: &str,
        due: Option<DateTime<Utc>>,
    ) -> Result<(), EngineError> {
        let job = Job {
            execution_id: id.to_owned(),
        };
        Ok(self.queue.push(&job, due).await?)
    }

    /// Queues the job that tells a receiver of an execution.
    pub(crate) async fn queue_notice(
        &self,
        receiver: String,
        execution_id: &str,
    ) -> Result<(), EngineError> {
        let notice = NoticeId {
            receiver,
            execution_id: execution_id.to_owned(),
        };
        self.queue_job(&notice.to_string(), None).await
    }

    /// Whether queue and records answer.
    pub(crate) async fn check(&self) -> Result<(), EngineError> {
        self.queue.check().await?;
        self.store.check().await?;
        Ok(())
    }

    /// Marks that this process works on the execution.
    pub(crate) fn attend(&self, id: &str) -> Attendance {
        self.attended.attend(id)
    }

    /// Whether this process works on the execution.
    pub(crate) fn attends(&self, id: &str) -> bool {
        self.attended.contains(id)
    }

    /// How many executions this process works on.
    pub(crate) fn attended(&self) -> usize {
        self.attended.len()
    }

    /// Completes when the execution was ended or removed by someone else.
    pub(crate) async fn ended_elsewhere(&self, id: &str, changed: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = changed.cancelled() => return,
                () = self.clock.sleep(self.cancel_poll) => {}
            }
            match self.store.status(id).await {
                Ok(Some((status, _))) if !status.is_complete() => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(execution.id = %id, %error, "could not check whether an execution was canceled");
                }
            }
        }
    }

    /// Marks an execution canceled whatever it is doing, and the runs it has started.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id.
    pub(crate) async fn cancel(
        &self,
        id: &str,
        by: &str,
        reason: Option<String>,
    ) -> Result<CancelOutcome, EngineError> {
        for _ in 0..CANCEL_TRIES {
            let Some((record, version)) = self.store.get(id).await? else {
                return Err(EngineError::unknown_execution(id));
            };
            if record.status.is_complete() {
                return Ok(CancelOutcome::AlreadyComplete);
            }
            let length = record.body.len();
            let mut execution = memory::read_record(record).await?;
            execution.cancel(by, reason.clone(), self.clock.now_millis());
            let execution = Arc::new(execution);
            let record = memory::write_record(&execution, length).await?;
            match self.store.save(&record, version).await {
                Ok(_) => {}
                Err(error) if error.kind == QueueErrorKind::Conflict => continue,
                Err(error) => return Err(error.into()),
            }
            self.attended.announce_change(id);
            self.cancel_runs_of(&execution).await;
            // C-ENG-09: canceled executions are archived too, by the worker this wakes; it also
            // clears a job that waits for a later time.
            if let Err(error) = self.queue_job(id, None).await {
                tracing::warn!(execution.id = %id, %error, "could not queue the archiving of a canceled execution");
            }
            tracing::info!(
                execution.id = %id,
                execution.application = %execution.application,
                "canceled an execution"
            );
            return Ok(CancelOutcome::Canceled);
        }
        Err(EngineError::new(
            EngineErrorKind::Unavailable,
            format!("Execution {id} keeps changing; it was not canceled"),
        ))
    }

    /// Cancels the runs of a canceled analysis that are not complete.
    pub(crate) async fn cancel_runs_of(&self, analysis: &Execution) {
        for (stage, run, id) in analysis.started_runs() {
            let settled = run.child_status.is_some_and(|status| status.is_complete());
            if settled || stage.status != ExecutionStatus::Canceled {
                continue;
            }
            let reason = Some(format!("Analysis {} was canceled.", analysis.id));
            match Box::pin(self.cancel(id, "system", reason)).await {
                Ok(_) => {}
                // Chosen but not created yet; the one that creates it looks after it.
                Err(error) if error.kind == EngineErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(execution.id = %id, %error, "could not cancel the run of a canceled analysis");
                }
            }
        }
    }
}

/// How many executions a listing reads next: one more than it shows, and never more than it may still look at.
fn read_at_once(limit: usize, looked_at: usize) -> usize {
    (limit + 1).max(LISTED).min(LOOKED_AT - looked_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_finds_nothing_ends_after_as_many_as_it_may_look_at() {
        for limit in [0, 1, LISTED, 200, LOOKED_AT, 2 * LOOKED_AT] {
            let mut looked_at = 0;
            while looked_at < LOOKED_AT {
                looked_at += read_at_once(limit, looked_at).max(1);
            }
            assert_eq!(looked_at, LOOKED_AT, "{limit}");
        }
    }
}

//! The handle everything else holds: starts executions, tells about them, ends them, and runs the
//! workers.

use std::sync::Arc;

use kayenta_judge::JudgeRegistry;
use kayenta_model::{
    AccountType, AnalysisStatusResponse, CanaryJudgeResult, CanaryStatusResponse, Clock, IdSource,
};
use kayenta_queue::{DeadLetter, ExecutionFilter, Job, QueueDepth, QueueErrorKind};
use kayenta_storage::{ObjectKind, ObjectRepository};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    account::{Account, Accounts},
    board::Board,
    error::{EngineError, EngineErrorKind},
    ids::accepted_millis,
    lost::LostExecution,
    options::{EngineOptions, EngineParts},
    pipeline,
    record::{AD_HOC, Execution, Task, canary_group},
    request::{
        CanaryListing, CancelOutcome, ComparisonStatus, FetchOneMetric, FetchOutcome,
        JudgeStoredPairs, StartAnalysis, StartCanary, StartComparison,
    },
    session::Session,
    status,
};

/// How often a write is tried again when someone else wrote the record meanwhile.
const CONFLICTS: usize = 20;

/// The engine. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) parts: EngineParts,
    pub(crate) options: EngineOptions,
    pub(crate) board: Arc<Board>,
    pub(crate) enabled: watch::Sender<bool>,
    pub(crate) fetches: Arc<Semaphore>,
    pub(crate) judgements: Arc<Semaphore>,
}

impl Engine {
    /// An engine; [`run`](Self::run) makes it work.
    #[must_use]
    pub fn new(parts: EngineParts, options: EngineOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                board: Arc::default(),
                enabled: watch::Sender::new(true),
                fetches: Arc::new(Semaphore::new(options.fetches_total.max(1))),
                judgements: Arc::new(Semaphore::new(options.judgements.max(1))),
                parts,
                options,
            }),
        }
    }

    /// The accounts callers may name.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.inner.parts.accounts
    }

    /// The judges configs may name.
    #[must_use]
    pub fn judges(&self) -> &Arc<JudgeRegistry> {
        &self.inner.parts.judges
    }

    /// The clock it lives by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.parts.clock
    }

    /// Where its ids come from.
    #[must_use]
    pub fn ids_source(&self) -> &Arc<dyn IdSource> {
        &self.inner.parts.ids
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.inner.options
    }

    /// Starts a canary run and tells its execution id, once record and job are kept.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) with the reference's text for the first
    /// check that fails, [`NotFound`](EngineErrorKind::NotFound) for an unknown config,
    /// [`Unavailable`](EngineErrorKind::Unavailable) when it cannot be kept.
    pub async fn start_canary(&self, start: StartCanary) -> Result<String, EngineError> {
        let execution = self.inner.plan_canary(start).await?;
        self.inner.accept(execution).await
    }

    /// How a canary run stands: from its record, else from the archive of the storage account. One that
    /// was lost with its record is `terminal` and says so (C-ENG-16).
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown account or an execution of
    /// another kind, [`NotFound`](EngineErrorKind::NotFound) when there is neither.
    pub async fn canary_status(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<CanaryStatusResponse, EngineError> {
        let account = self
            .accounts()
            .resolve(storage_account, AccountType::ObjectStore)?;
        match self.inner.find(id).await? {
            Some(execution) => status::canary(&execution),
            None => {
                let objects = self.accounts().object_store(&account)?;
                match objects.load(ObjectKind::CanaryResultArchive, id).await {
                    Err(error) if error.is_not_found() => match self.inner.lost(id).await? {
                        Some(lost) => Ok(lost.canary()),
                        None => Err(error.into()),
                    },
                    outcome => Ok(outcome?),
                }
            }
        }
    }

    /// The canary runs of an application that are still known, newest first.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown account.
    pub async fn list_canaries(
        &self,
        listing: CanaryListing,
    ) -> Result<Vec<CanaryStatusResponse>, EngineError> {
        let account = self
            .accounts()
            .resolve(listing.storage_account.as_deref(), AccountType::ObjectStore)?;
        self.accounts().object_store(&account)?;
        if listing.limit == 0 {
            return Ok(Vec::new());
        }
        let application = listing
            .application
            .filter(|application| !application.is_empty())
            .unwrap_or_else(|| AD_HOC.to_owned());
        // C-ENG-07: pages count from 1, as later releases of the reference do.
        let page = listing.page.max(1);
        let filter = ExecutionFilter {
            statuses: listing.statuses,
            offset: (page - 1).saturating_mul(listing.limit),
            limit: listing.limit,
        };
        let records = self
            .inner
            .parts
            .executions
            .list(&canary_group(&application), &filter)
            .await?;
        // C-ENG-08: a record that cannot be told does not spoil the others.
        Ok(records
            .iter()
            .filter_map(|record| {
                Execution::from_record(record)
                    .and_then(|execution| status::canary(&execution))
                    .inspect_err(|error| {
                        tracing::warn!(
                            execution.id = %record.id,
                            %error,
                            "left an unreadable execution out of a listing"
                        );
                    })
                    .ok()
            })
            .collect())
    }

    /// Starts a standalone analysis and tells its execution id, once record and job are kept. The
    /// request itself is looked at only when the analysis is planned, moments later.
    ///
    /// # Errors
    /// As [`start_canary`](Self::start_canary), for accounts, config and absent fields.
    pub async fn start_analysis(&self, start: StartAnalysis) -> Result<String, EngineError> {
        let execution = self.inner.plan_analysis(start).await?;
        self.inner.accept(execution).await
    }

    /// How a standalone analysis stands: from its record, else from the archive of the storage
    /// account, or of the default one when none is named (C-SCAPE-03). One that was lost with its record
    /// is `TERMINAL` and says so (C-ENG-16).
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown account,
    /// [`NotFound`](EngineErrorKind::NotFound) when there is neither.
    pub async fn analysis_status(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<AnalysisStatusResponse, EngineError> {
        if let Some(execution) = self.inner.find(id).await? {
            return Ok(status::analysis(&execution));
        }
        let archived = async {
            let account = self
                .accounts()
                .resolve(storage_account, AccountType::ObjectStore)?;
            let objects = self.accounts().object_store(&account)?;
            Ok::<_, EngineError>(
                objects
                    .load(ObjectKind::StandaloneCanaryResultArchive, id)
                    .await?,
            )
        };
        match archived.await {
            Err(error)
                if error.kind == EngineErrorKind::NotFound
                    || (error.kind == EngineErrorKind::InvalidRequest
                        && storage_account.is_none()) =>
            {
                match self.inner.lost(id).await? {
                    Some(lost) => Ok(lost.analysis()),
                    None if storage_account.is_none() => Err(EngineError::unknown_execution(id)),
                    None => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// Starts judging one stored pair list with two judges and tells the execution id.
    ///
    /// # Errors
    /// As [`start_canary`](Self::start_canary), for accounts and config.
    pub async fn start_comparison(&self, start: StartComparison) -> Result<String, EngineError> {
        let execution = self.inner.plan_comparison(start).await?;
        self.inner.accept(execution).await
    }

    /// How a comparison of judges stands.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id,
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an execution of another kind.
    pub async fn comparison_status(&self, id: &str) -> Result<ComparisonStatus, EngineError> {
        status::comparison(&self.inner.find_known(id).await?)
    }

    /// Judges a stored pair list while the caller waits.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown config or pair list,
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown judge,
    /// [`Upstream`](EngineErrorKind::Upstream) when a remote judge fails.
    pub async fn judge_stored_pairs(
        &self,
        request: JudgeStoredPairs,
    ) -> Result<CanaryJudgeResult, EngineError> {
        self.inner.judge_stored_pairs(request).await
    }

    /// Fetches one metric over one scope, with retries, and stores the metric set list; or only tells
    /// what the store would be sent.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) when the query cannot be built,
    /// [`Upstream`](EngineErrorKind::Upstream) when the metric store fails for good.
    pub async fn fetch(&self, request: FetchOneMetric) -> Result<FetchOutcome, EngineError> {
        self.inner.fetch_one_metric(request).await
    }

    /// Stops an execution: at once for every reader, within about a second for work in another
    /// process. The run an analysis is waiting for is stopped too.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id.
    pub async fn cancel(&self, id: &str) -> Result<CancelOutcome, EngineError> {
        self.inner.cancel(id, "anonymous", None).await
    }

    /// Forgets a complete execution; its archive stays.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id,
    /// [`Conflict`](EngineErrorKind::Conflict) when it is not complete.
    pub async fn delete(&self, id: &str) -> Result<(), EngineError> {
        let execution = self.inner.find_known(id).await?;
        if !execution.is_complete() {
            return Err(EngineError::new(
                EngineErrorKind::Conflict,
                format!("Not deleting incomplete pipeline {id}"),
            ));
        }
        Ok(self.inner.parts.executions.delete(id).await?)
    }

    /// Ids of all executions still known, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ids(&self) -> Result<Vec<String>, EngineError> {
        Ok(self.inner.parts.executions.ids().await?)
    }

    /// The raw form of an execution.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id.
    pub async fn pipeline(&self, id: &str) -> Result<Value, EngineError> {
        Ok(pipeline::raw(&self.inner.find_known(id).await?))
    }

    /// Lets this process take new work or not. Work it has begun goes on either way.
    pub fn set_enabled(&self, enabled: bool) {
        if self.inner.enabled.send_replace(enabled) != enabled {
            tracing::info!(enabled, "taking of new work was switched");
        }
    }

    /// Whether this process takes new work.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        *self.inner.enabled.borrow()
    }

    /// How many executions this process is working on.
    #[must_use]
    pub fn attended(&self) -> usize {
        self.inner.board.len()
    }

    /// How many jobs there are.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn depth(&self) -> Result<QueueDepth, EngineError> {
        Ok(self.inner.parts.queue.depth().await?)
    }

    /// The newest jobs that were given up, at most `limit`.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, EngineError> {
        Ok(self.inner.parts.queue.dead_letters(limit).await?)
    }

    /// Queues the job of a dead letter again and removes the letter, so that a worker looks at the
    /// execution once more: an archive that could not be written is written, a record that could not
    /// be read is read again. An execution that is over stays as it ended.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) when there is no such letter.
    pub async fn put_back(&self, dead_letter_id: &str) -> Result<(), EngineError> {
        self.inner.parts.queue.put_back(dead_letter_id).await?;
        tracing::info!(dead_letter.id = %dead_letter_id, "put a dead letter back into the queue");
        Ok(())
    }

    /// Whether queue and records can be reached, for `/health`.
    ///
    /// # Errors
    /// Why one of them cannot.
    pub async fn check(&self) -> Result<(), EngineError> {
        self.inner.parts.queue.check().await?;
        self.inner.parts.executions.check().await?;
        Ok(())
    }

    /// Works until `shutdown`, then lets work under way end within the grace period and puts the
    /// rest back into the queue for another process, or for the next start.
    pub async fn run(&self, shutdown: CancellationToken) {
        crate::worker::run(&self.inner, shutdown).await;
    }
}

impl Inner {
    pub(crate) fn now(&self) -> i64 {
        self.parts.clock.now_millis()
    }

    pub(crate) async fn open(&self, id: &str) -> Result<Option<Session>, EngineError> {
        Session::open(
            id,
            Arc::clone(&self.parts.executions),
            Arc::clone(&self.parts.clock),
        )
        .await
    }

    /// The execution, if its record is still there.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Execution>, EngineError> {
        match self.parts.executions.get(id).await? {
            Some((record, _)) => Execution::from_record(&record).map(Some),
            None => Ok(None),
        }
    }

    /// Whether an execution without record and archive was lost: the store lost its records after the
    /// execution was accepted, which its id tells.
    async fn lost(&self, id: &str) -> Result<Option<LostExecution>, EngineError> {
        let Some(accepted) = accepted_millis(id) else {
            return Ok(None);
        };
        let lost = self.parts.executions.lost_since(accepted).await?;
        Ok(lost.map(|at| LostExecution::new(id, accepted, at)))
    }

    async fn find_known(&self, id: &str) -> Result<Execution, EngineError> {
        self.find(id)
            .await?
            .ok_or_else(|| EngineError::unknown_execution(id))
    }

    /// Keeps a planned execution and queues its job.
    async fn accept(&self, execution: Execution) -> Result<String, EngineError> {
        self.parts
            .executions
            .create(&execution.to_record()?)
            .await?;
        let id = execution.id;
        // C-ENG-01: the record is kept, so the execution is accepted; a job that could not be queued
        // is queued by the next sweep.
        if let Err(error) = self.push(&id).await {
            tracing::warn!(execution.id = %id, %error, "could not queue the job; a sweep will");
        }
        tracing::debug!(
            execution.id = %id,
            execution.application = %execution.application,
            "accepted an execution"
        );
        Ok(id)
    }

    pub(crate) async fn push(&self, id: &str) -> Result<(), EngineError> {
        let job = Job {
            execution_id: id.to_owned(),
        };
        Ok(self.parts.queue.push(&job, None).await?)
    }

    /// Marks an execution canceled whatever it is doing, and the run it is waiting for.
    pub(crate) async fn cancel(
        &self,
        id: &str,
        by: &str,
        reason: Option<String>,
    ) -> Result<CancelOutcome, EngineError> {
        for _ in 0..CONFLICTS {
            let Some((record, version)) = self.parts.executions.get(id).await? else {
                return Err(EngineError::unknown_execution(id));
            };
            if record.status.is_complete() {
                return Ok(CancelOutcome::AlreadyComplete);
            }
            let mut execution = Execution::from_record(&record)?;
            execution.cancel(by, reason.clone(), self.now());
            match self
                .parts
                .executions
                .save(&execution.to_record()?, version)
                .await
            {
                Ok(_) => {}
                Err(error) if error.kind == QueueErrorKind::Conflict => continue,
                Err(error) => return Err(error.into()),
            }
            self.board.changed(id);
            self.cancel_children(&execution).await;
            // C-ENG-09: canceled executions are archived too, by the worker this wakes; it also
            // clears a job that waits for a later time.
            if let Err(error) = self.push(id).await {
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
    pub(crate) async fn cancel_children(&self, execution: &Execution) {
        for (stage, run, child) in execution.children() {
            let settled = run.child_status.is_some_and(|status| status.is_complete());
            if settled || stage.status != kayenta_model::ExecutionStatus::Canceled {
                continue;
            }
            let reason = Some(format!("Analysis {} was canceled.", execution.id));
            match Box::pin(self.cancel(child, "system", reason)).await {
                Ok(_) => {}
                // Chosen but not created yet; whoever creates it looks after it.
                Err(error) if error.kind == EngineErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(execution.id = %child, %error, "could not cancel the run of a canceled analysis");
                }
            }
        }
    }

    /// The store behind an account an execution recorded by name.
    pub(crate) fn objects_of(&self, account: &str) -> Result<Arc<ObjectRepository>, EngineError> {
        let account = self.account(account, AccountType::ObjectStore)?;
        self.parts.accounts.object_store(&account)
    }

    pub(crate) fn account(
        &self,
        name: &str,
        wanted: AccountType,
    ) -> Result<Arc<Account>, EngineError> {
        self.parts.accounts.resolve(Some(name), wanted)
    }

    /// Whether the execution writes an archive, and of which kind.
    pub(crate) fn archive_kind(&self, execution: &Execution) -> Option<ObjectKind> {
        if !self.options.archive {
            return None;
        }
        match execution.task {
            Task::Canary(_) => Some(ObjectKind::CanaryResultArchive),
            Task::Analysis(_) => Some(ObjectKind::StandaloneCanaryResultArchive),
            Task::Comparison(_) => None,
        }
    }
}

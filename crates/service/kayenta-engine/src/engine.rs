//! The handle everything else holds: starts executions, tells about them, ends them, and runs the
//! workers.

use std::{sync::Arc, time::Duration};

use kayenta_judge::{JudgeRegistry, JudgeRequest, ScoreThresholds};
use kayenta_limits::NoMemory;
use kayenta_model::{
    AccountType, AnalysisStatusResponse, CanaryJudgeResult, CanaryStatusResponse, Clock, IdSource,
    MetricSetPair,
    comparison::ComparisonStatus,
    explanation::{AnalysisExplanation, CanaryExplanation},
    pipeline::PipelineExecution,
};
use kayenta_queue::{DeadLetter, ExecutionFilter, ListingPlace, QueueDepth};
use kayenta_storage::{ObjectKind, ObjectRepository, check_room};
use tokio_util::sync::CancellationToken;

use crate::{
    account::Accounts,
    archiver::Archiver,
    error::{EngineError, EngineErrorKind},
    execution_query::ExecutionQuery,
    executions::{ExecutionPage, Executions, UnfinishedWork},
    explainer::{self, CanaryEvidence, Explainer, Judged, NewestVerdict, StageProgress},
    fetcher::Fetcher,
    judge_runner::JudgeRunner,
    notices::ExecutionHistory,
    options::{EngineOptions, EngineParts},
    pipeline,
    plan::Planner,
    record::{AD_HOC, Execution},
    request::{
        CanaryListing, CancelOutcome, FetchOneMetric, FetchOutcome, JudgePairs, JudgeStoredPairs,
        StartAnalysis, StartCanary, StartComparison,
    },
    run::{AnalysisDriver, CanaryDriver, ComparisonDriver},
    status,
    traces::TraceCarrier,
    worker::{Drivers, SideWork, Workers},
};

/// The engine. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Composed>,
}

/// What the engine is composed of. Each part holds what it uses and knows no part above it.
#[derive(Debug)]
struct Composed {
    parts: EngineParts,
    options: EngineOptions,
    executions: Arc<Executions>,
    planner: Arc<Planner>,
    fetcher: Arc<Fetcher>,
    judge_runner: Arc<JudgeRunner>,
    explainer: Explainer,
    workers: Arc<Workers>,
}

impl Composed {
    fn new(parts: EngineParts, options: EngineOptions) -> Self {
        let executions = Arc::new(Executions::new(&parts, &options));
        let planner = Arc::new(Planner::new(&parts, &options));
        let fetcher = Arc::new(Fetcher::new(&parts, &options));
        let judge_runner = Arc::new(JudgeRunner::new(&parts, &options));
        let archiver = Arc::new(Archiver::new(&parts, &options));
        let canary = Arc::new(CanaryDriver::new(
            Arc::clone(&fetcher),
            Arc::clone(&judge_runner),
            &parts,
            &options,
        ));
        let drivers = Drivers {
            analysis: AnalysisDriver::new(
                Arc::clone(&executions),
                Arc::clone(&planner),
                Arc::clone(&canary),
                Arc::clone(&archiver),
                &parts,
            ),
            comparison: ComparisonDriver::new(Arc::clone(&judge_runner), &parts),
            canary,
        };
        let workers = Workers::new(Arc::clone(&executions), drivers, archiver, &parts, &options);
        Self {
            parts,
            options,
            executions,
            planner,
            fetcher,
            explainer: Explainer::new(Arc::clone(&judge_runner)),
            judge_runner,
            workers: Arc::new(workers),
        }
    }
}

impl Engine {
    /// An engine; [`run`](Self::run) makes it work.
    #[must_use]
    pub fn new(parts: EngineParts, options: EngineOptions) -> Self {
        Self {
            shared: Arc::new(Composed::new(parts, options)),
        }
    }

    /// Who carries traces, if there are any.
    #[must_use]
    pub fn traces(&self) -> Option<&Arc<dyn TraceCarrier>> {
        self.shared.options.traces.as_ref()
    }

    /// The accounts callers may name.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.shared.parts.accounts
    }

    /// The judges configs may name.
    #[must_use]
    pub fn judges(&self) -> &Arc<JudgeRegistry> {
        &self.shared.parts.judges
    }

    /// The clock it lives by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.parts.clock
    }

    /// Where its ids come from.
    #[must_use]
    pub fn ids_source(&self) -> &Arc<dyn IdSource> {
        &self.shared.parts.ids
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.shared.options
    }

    /// Starts a canary run and tells its execution id, once record and job are kept.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) with the reference's text for the first
    /// check that fails, [`NotFound`](EngineErrorKind::NotFound) for an unknown config,
    /// [`Unavailable`](EngineErrorKind::Unavailable) when it cannot be kept.
    pub async fn start_canary(&self, start: StartCanary) -> Result<String, EngineError> {
        let execution = self.shared.planner.canary(start).await?;
        self.accept(execution).await
    }

    /// Keeps a planned execution, unless its results could not be kept.
    async fn accept(&self, mut execution: Execution) -> Result<String, EngineError> {
        let traces = self.shared.options.traces.as_ref();
        execution.put_into(traces.and_then(|traces| traces.current()));
        // C-ENG-20; any other fault of the account shows when it is used.
        let account = self.accounts().get(&execution.accounts.storage);
        if let Some(objects) = account.and_then(|account| account.objects.clone()) {
            check_room(objects.object_store()).await?;
        }
        self.shared.executions.accept(execution).await
    }

    /// How a canary run stands: from its record, else from the archive of the storage account, also when
    /// the records do not answer (C-ENG-19). One that was lost with its record is `terminal` and says so (C-ENG-16).
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown account or an execution of
    /// another kind, [`NotFound`](EngineErrorKind::NotFound) when there is neither.
    pub async fn canary_status(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<CanaryStatusResponse, EngineError> {
        let (status, ()) = self.canary(id, storage_account, |_| ()).await?;
        Ok(status)
    }

    /// How a canary run stands, with what `beside` takes from its record while that is still known.
    async fn canary<T: Default + Send>(
        &self,
        id: &str,
        storage_account: Option<&str>,
        beside: impl FnOnce(&Execution) -> T + Send,
    ) -> Result<(CanaryStatusResponse, T), EngineError> {
        let account = self
            .accounts()
            .resolve(storage_account, AccountType::ObjectStore)?;
        let found = self.shared.executions.find(id).await;
        if let Ok(Some(execution)) = found {
            let beside = beside(&execution);
            let status = status::of(execution, status::canary).await??;
            return Ok((status, beside));
        }
        let objects = self.accounts().object_store(&account)?;
        let archived = objects.load(ObjectKind::CanaryResultArchive, id).await;
        match (found, archived) {
            (_, Ok(archived)) => Ok((archived, T::default())),
            // C-ENG-19: without the records, what is not archived is unknown, not absent.
            (Err(error), Err(_)) => Err(error),
            (Ok(_), Err(error)) if error.is_not_found() => {
                match self.shared.executions.find_lost(id).await? {
                    Some(lost) => Ok((lost.canary(), T::default())),
                    None => Err(error.into()),
                }
            }
            (Ok(_), Err(error)) => Err(error.into()),
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
        self.shared
            .executions
            .list_canaries(&application, &filter)
            .await
    }

    /// Executions of all applications that match, newest first, after a place or from the newest on, at most `limit`. It
    /// looks at a bounded number of executions, so a page may have fewer although another one follows.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_executions(
        &self,
        query: &ExecutionQuery,
        after: Option<ListingPlace>,
        limit: usize,
    ) -> Result<ExecutionPage, EngineError> {
        self.shared.executions.newest(query, after, limit).await
    }

    /// Starts a standalone analysis and tells its execution id, once record and job are kept. The
    /// request itself is checked only when the analysis is planned, shortly after.
    ///
    /// # Errors
    /// As [`start_canary`](Self::start_canary), for accounts, config and absent fields.
    pub async fn start_analysis(&self, start: StartAnalysis) -> Result<String, EngineError> {
        let execution = self.shared.planner.analysis(start).await?;
        self.accept(execution).await
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
        Ok(self.analysis_progress(id, storage_account).await?.0)
    }

    /// How a standalone analysis stands, and when its next run is due, in milliseconds since 1970. It is found as
    /// [`analysis_status`](Self::analysis_status) finds it; the status alone, which is that of the reference, does not
    /// say when a run is due.
    ///
    /// # Errors
    /// As [`analysis_status`](Self::analysis_status).
    pub async fn analysis_progress(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<(AnalysisStatusResponse, Option<i64>), EngineError> {
        let found = self.shared.executions.find(id).await;
        if let Ok(Some(execution)) = found {
            let next_run = execution.next_run();
            let status = status::of(execution, status::analysis).await?;
            return Ok((status, next_run));
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
        match (found, archived.await) {
            (_, Ok(archived)) => Ok((archived, None)),
            // C-ENG-19: without the records, what is not archived is unknown, not absent.
            (Err(error), Err(_)) => Err(error),
            (Ok(_), Err(error))
                if error.kind == EngineErrorKind::NotFound
                    || (error.kind == EngineErrorKind::InvalidRequest
                        && storage_account.is_none()) =>
            {
                match self.shared.executions.find_lost(id).await? {
                    Some(lost) => Ok((lost.analysis(), None)),
                    None if storage_account.is_none() => Err(EngineError::unknown_execution(id)),
                    None => Err(error),
                }
            }
            (Ok(_), Err(error)) => Err(error),
        }
    }

    /// Why a canary run has its verdict, computed from its stored pair list. The run is found as
    /// [`canary_status`](Self::canary_status) finds it.
    ///
    /// # Errors
    /// As [`canary_status`](Self::canary_status); [`NotFound`](EngineErrorKind::NotFound) when the pair list
    /// is gone; [`Conflict`](EngineErrorKind::Conflict) when the run has no verdict.
    pub async fn explain_canary(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<CanaryExplanation, EngineError> {
        let status = self.canary_status(id, storage_account).await?;
        let objects = self.objects_of(status.storage_account_name.as_deref(), storage_account)?;
        let judged = Judged::of_canary(id, status)?;
        self.shared.explainer.explain(judged, &objects).await
    }

    /// A canary run with its series and its explanation as far as they can be had, found as
    /// [`canary_status`](Self::canary_status) finds it.
    ///
    /// # Errors
    /// As [`canary_status`](Self::canary_status).
    pub async fn canary_evidence(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<CanaryEvidence, EngineError> {
        let mut evidence = self.canary_without_series(id, storage_account).await?;
        let status = &evidence.status;
        let Some(list) = &status.metric_set_pair_list_id else {
            return Ok(evidence);
        };
        // What is missing takes nothing from the rest.
        let missing = |error: &EngineError| {
            tracing::info!(execution.id = %id, %error, "a run is shown without its series or without an explanation");
        };
        let pairs = async {
            let objects =
                self.objects_of(status.storage_account_name.as_deref(), storage_account)?;
            Ok::<_, EngineError>(objects.load(ObjectKind::MetricSetPairList, list).await?)
        };
        let pairs = match pairs.await.inspect_err(missing) {
            Ok(pairs) => Arc::new(pairs),
            Err(error) => {
                evidence.no_memory = NoMemory::of(&error).map(NoMemory::to_string);
                return Ok(evidence);
            }
        };
        if let Ok(judged) = Judged::of_canary(id, status.clone()) {
            let explained = self
                .shared
                .explainer
                .explain_pairs(judged, Arc::clone(&pairs));
            evidence.explanation = explained.await.inspect_err(missing).ok();
        }
        evidence.pairs = pairs;
        Ok(evidence)
    }

    /// A canary run without its series and its explanation, found as [`canary_status`](Self::canary_status) finds it.
    ///
    /// # Errors
    /// As [`canary_status`](Self::canary_status).
    pub async fn canary_without_series(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<CanaryEvidence, EngineError> {
        let of_record = |execution: &Execution| {
            let analysis = execution.canary().and_then(|task| task.analysis_id.clone());
            let stages = execution.stages.iter().map(StageProgress::of).collect();
            (analysis, stages)
        };
        let (status, (analysis_id, stages)) = self.canary(id, storage_account, of_record).await?;
        Ok(CanaryEvidence {
            status,
            analysis_id,
            stages,
            pairs: Arc::default(),
            explanation: None,
            no_memory: None,
        })
    }

    /// The pair with the id among the series of a canary run, `None` if it has none. Of many series only that pair is kept.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) when the series are gone, and whatever keeps their store from answering.
    pub async fn canary_pair(
        &self,
        status: &CanaryStatusResponse,
        storage_account: Option<&str>,
        pair_id: &str,
    ) -> Result<Option<MetricSetPair>, EngineError> {
        let Some(list) = &status.metric_set_pair_list_id else {
            return Ok(None);
        };
        let objects = self.objects_of(status.storage_account_name.as_deref(), storage_account)?;
        Ok(objects.load_pair(list, pair_id).await?)
    }

    /// Why a standalone analysis stands as it does: the explanation of its newest verdict. The analysis is
    /// found as [`analysis_status`](Self::analysis_status) finds it.
    ///
    /// # Errors
    /// As [`analysis_status`](Self::analysis_status); [`NotFound`](EngineErrorKind::NotFound) when the pair
    /// list is gone; [`Conflict`](EngineErrorKind::Conflict) when no run has a verdict.
    pub async fn explain_analysis(
        &self,
        id: &str,
        storage_account: Option<&str>,
    ) -> Result<AnalysisExplanation, EngineError> {
        let status = self.analysis_status(id, storage_account).await?;
        let objects = self.objects_of(status.storage_account_name.as_deref(), storage_account)?;
        let newest = match NewestVerdict::of_analysis(id, &status)? {
            Some(newest) => newest,
            None => self.newest_verdict(id, &status, storage_account).await?,
        };
        self.shared.explainer.explain_newest(newest, &objects).await
    }

    /// The newest verdict of an analysis that is not summed up yet.
    async fn newest_verdict(
        &self,
        id: &str,
        status: &AnalysisStatusResponse,
        storage_account: Option<&str>,
    ) -> Result<NewestVerdict, EngineError> {
        // The newest run may be under way; one before it has a verdict, or the analysis would have ended.
        for (before, run) in status.runs_newest_first().take(2) {
            let run_status = match self.canary_status(run, storage_account).await {
                Ok(run_status) => run_status,
                // Chosen, and not created yet.
                Err(error) if error.kind == EngineErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Ok(judged) = Judged::of_canary(run, run_status) {
                let look = explainer::look(status, before);
                return Ok(NewestVerdict::of_run(run, look, judged));
            }
        }
        let is = status
            .execution_status
            .map_or_else(|| "unknown".to_owned(), |status| status.to_string());
        Err(explainer::without_verdict(
            "analysis",
            id,
            status.complete,
            &is,
        ))
    }

    /// The store of an execution: that of the account it names, if there is one of the name, else that of
    /// the account in which its archive was found.
    fn objects_of(
        &self,
        recorded: Option<&str>,
        storage_account: Option<&str>,
    ) -> Result<Arc<ObjectRepository>, EngineError> {
        let accounts = self.accounts();
        if let Some(recorded) = recorded.filter(|name| !name.is_empty())
            && let Ok(objects) = accounts.recorded_object_store(recorded)
        {
            return Ok(objects);
        }
        let account = accounts.resolve(storage_account, AccountType::ObjectStore)?;
        accounts.object_store(&account)
    }

    /// Starts judging one stored pair list with two judges and tells the execution id.
    ///
    /// # Errors
    /// As [`start_canary`](Self::start_canary), for accounts and config.
    pub async fn start_comparison(&self, start: StartComparison) -> Result<String, EngineError> {
        let execution = self.shared.planner.comparison(start).await?;
        self.accept(execution).await
    }

    /// How a comparison of judges stands.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id,
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an execution of another kind.
    pub async fn comparison_status(&self, id: &str) -> Result<ComparisonStatus, EngineError> {
        status::comparison(self.shared.executions.get(id).await?)
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
        self.shared.judge_runner.judge_stored_pairs(request).await
    }

    /// Judges series at hand while the caller waits, and explains the verdict where that can be had. Nothing is stored.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) for an unknown judge and for settings that cannot be read,
    /// [`Upstream`](EngineErrorKind::Upstream) when a remote judge fails.
    pub async fn judge_pairs(
        &self,
        request: JudgePairs,
    ) -> Result<(CanaryJudgeResult, Option<CanaryExplanation>), EngineError> {
        let request = JudgeRequest {
            canary_config: Arc::new(request.config),
            thresholds: ScoreThresholds::from(request.thresholds),
            metric_set_pairs: request.pairs,
            look: request.look,
        };
        let runner = &self.shared.judge_runner;
        let verdict = runner.judge(request.clone(), None).await?.result;
        let explanation = runner.explain(request, verdict.clone()).await.ok();
        Ok((verdict, explanation))
    }

    /// Fetches one metric over one scope, with retries, and stores the metric set list; or only tells
    /// what the store would be sent.
    ///
    /// # Errors
    /// [`InvalidRequest`](EngineErrorKind::InvalidRequest) when the query cannot be built,
    /// [`Upstream`](EngineErrorKind::Upstream) when the metric store fails for good.
    pub async fn fetch(&self, request: FetchOneMetric) -> Result<FetchOutcome, EngineError> {
        self.shared.fetcher.fetch_one_metric(request).await
    }

    /// Stops an execution: at once for every reader, within about a second for work in another
    /// process. The run an analysis is waiting for is stopped too.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id.
    pub async fn cancel(&self, id: &str) -> Result<CancelOutcome, EngineError> {
        self.shared.executions.cancel(id, "anonymous", None).await
    }

    /// Forgets a complete execution; its archive stays.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id,
    /// [`Conflict`](EngineErrorKind::Conflict) when it is not complete.
    pub async fn delete(&self, id: &str) -> Result<(), EngineError> {
        self.shared.executions.delete(id).await
    }

    /// Ids of all executions still known, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ids(&self) -> Result<Vec<String>, EngineError> {
        self.shared.executions.ids().await
    }

    /// The raw form of an execution.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) for an unknown id.
    pub async fn pipeline(&self, id: &str) -> Result<PipelineExecution, EngineError> {
        Ok(pipeline::raw(
            &self.shared.executions.get(id).await?,
            self.shared.options.json_times,
        ))
    }

    /// Lets this process take new work or not. Work it has begun goes on either way.
    pub fn set_enabled(&self, enabled: bool) {
        if self.shared.workers.set_enabled(enabled) {
            tracing::info!("accepting new work: {}", if enabled { "on" } else { "off" });
        }
    }

    /// Whether this process takes new work.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.shared.workers.is_enabled()
    }

    /// How many executions this process is working on.
    #[must_use]
    pub fn attended(&self) -> usize {
        self.shared.executions.attended()
    }

    /// How many jobs there are.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn depth(&self) -> Result<QueueDepth, EngineError> {
        Ok(self.shared.parts.queue.depth().await?)
    }

    /// How long the job has waited for a worker that has been due for longest; `None` when no job is due.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn oldest_due(&self) -> Result<Option<Duration>, EngineError> {
        Ok(self.shared.parts.queue.oldest_due().await?)
    }

    /// The newest jobs that were given up, at most `limit`.
    ///
    /// # Errors
    /// When the queue fails.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, EngineError> {
        Ok(self.shared.parts.queue.dead_letters(limit).await?)
    }

    /// Queues the job of a dead letter again and removes the letter, so that a worker looks at the
    /// execution once more: an archive that could not be written is written, a record that could not
    /// be read is read again. An execution that is over stays as it ended.
    ///
    /// # Errors
    /// [`NotFound`](EngineErrorKind::NotFound) when there is no such letter.
    pub async fn put_back(&self, dead_letter_id: &str) -> Result<(), EngineError> {
        self.shared.parts.queue.put_back(dead_letter_id).await?;
        tracing::info!(dead_letter.id = %dead_letter_id, "put a dead letter back into the queue");
        Ok(())
    }

    /// Whether queue and records can be reached, for `/health`.
    ///
    /// # Errors
    /// Why one of them cannot.
    pub async fn check(&self) -> Result<(), EngineError> {
        self.shared.executions.check().await
    }

    /// What an operator should know of the queue although it can be reached, for `/health`.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.shared.parts.queue.warnings()
    }

    /// How far an execution has come; `None` when there is no record of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history(&self, id: &str) -> Result<Option<ExecutionHistory>, EngineError> {
        let found = self.shared.executions.find(id).await?;
        Ok(found.map(|execution| ExecutionHistory::of(&execution)))
    }

    /// Works until `shutdown`, then lets work under way end within the grace period and puts the
    /// rest back into the queue for another process, or for the next start. Notices become dead
    /// letters.
    pub async fn run(&self, shutdown: CancellationToken) {
        self.run_with(shutdown, SideWork::default()).await;
    }

    /// [`run`](Self::run) for a process that delivers notices and does its share of tasks, too.
    pub async fn run_with(&self, shutdown: CancellationToken, side_work: SideWork) {
        self.shared.workers.run(shutdown, side_work).await;
    }

    /// What executions that are not complete may refer to.
    ///
    /// # Errors
    /// When the store fails, or when they are too many to look at.
    pub async fn unfinished_work(&self) -> Result<UnfinishedWork, EngineError> {
        self.shared.executions.unfinished_work().await
    }
}

//! From a caller's wish to a planned execution: accounts, config, checks, stages.

mod canary;
pub(crate) mod timetable;
pub(crate) mod windows;

use std::sync::Arc;

use kayenta_judge::{Judge, JudgeRegistry};
use kayenta_limits::{Panicked, compute_sized};
use kayenta_model::{AccountType, CanaryConfig, Clock, ExecutionStatus, IdSource, Instant, Look};

use self::canary::CanaryInputs;
use crate::{
    account::Accounts,
    computing::METRIC,
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    memory,
    options::{EngineOptions, EngineParts},
    pieces::PieceRules,
    record::{
        AD_HOC, AccountNames, AnalysisPlan, AnalysisTask, ComparisonTask, Execution, Stage,
        StageWork, Task,
    },
    request::{ConfigSource, StartAnalysis, StartCanary, StartComparison},
};

/// Application and parent of every comparison of judges.
const JUDGE_COMPARISON: &str = "judge-comparison";

/// Checks what callers ask for, and plans it as an execution with every object id chosen.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    accounts: Arc<Accounts>,
    judges: Arc<JudgeRegistry>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    instance_id: String,
    refuse_impossible_requests: bool,
    piece_rules: PieceRules,
}

/// What every start needs, resolved in the reference's order.
struct Sources {
    accounts: AccountNames,
    config: CanaryConfig,
    config_id: Option<String>,
}

/// Why a run of an analysis cannot be planned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunPlanError {
    #[error("the analysis is not planned")]
    NotPlanned,
    #[error("{0}")]
    Window(Failure),
    #[error(transparent)]
    Refused(#[from] EngineError),
}

/// The config with its templates escaped.
async fn escaped(config: CanaryConfig) -> Result<CanaryConfig, EngineError> {
    let size = METRIC * config.metrics().len();
    compute_sized(size, move || config.escaped())
        .await
        .map_err(broke_off)
}

fn broke_off(panicked: Panicked) -> EngineError {
    EngineError::new(EngineErrorKind::Internal, "planning an execution panicked")
        .caused_by(panicked)
}

impl Planner {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            judges: Arc::clone(&parts.judges),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
            instance_id: options.instance_id.clone(),
            refuse_impossible_requests: options.refuse_impossible_requests,
            piece_rules: PieceRules::new(parts, options),
        }
    }

    /// A new execution id.
    pub(crate) fn execution_id(&self) -> String {
        self.ids.ulid(self.clock.now_millis())
    }

    /// A canary run.
    pub(crate) async fn canary(&self, start: StartCanary) -> Result<Execution, EngineError> {
        let ad_hoc = matches!(start.config_source, ConfigSource::AdHoc { .. });
        let sources = self
            .sources(
                start.metrics_account.as_deref(),
                start.storage_account.as_deref(),
                start.config_source,
            )
            .await?;
        let request = start.request.ok_or_else(|| {
            EngineError::invalid("executionRequest must be provided for ad-hoc requests")
        })?;
        // C-ENG-11: without the config's id and name.
        metrics::counter!("canary.pipelines.initiated").increment(1);
        let application = match start.application {
            None if ad_hoc => AD_HOC.to_owned(),
            application => application.unwrap_or_default(),
        };
        let needs_baseline = self.needs_baseline(&sources.config);
        if self.refuse_impossible_requests {
            canary::check(&sources.config, &request, &self.accounts, needs_baseline)?;
            self.check_usable(&sources)?;
        }
        let now = self.clock.now_millis();
        self.planned_canary(CanaryInputs {
            id: self.ids.ulid(now),
            now,
            application,
            parent_pipeline_execution_id: start.parent_pipeline_execution_id,
            accounts: sources.accounts,
            config: Arc::new(escaped(sources.config).await?),
            config_id: sources.config_id.unwrap_or_else(|| AD_HOC.to_owned()),
            request,
            analysis_id: None,
            look: None,
            needs_baseline,
        })
        .await
    }

    /// Run `number` of an analysis, from 1, under the id chosen for it.
    pub(crate) async fn run_of(
        &self,
        analysis: &Execution,
        number: i64,
        id: String,
    ) -> Result<Execution, RunPlanError> {
        let (task, plan) = analysis
            .planned_analysis()
            .ok_or(RunPlanError::NotPlanned)?;
        let needs_baseline = self.needs_baseline(&analysis.config);
        let mut request =
            windows::run_request(&task.request, plan, number).map_err(RunPlanError::Window)?;
        if !needs_baseline {
            windows::drop_absent_controls(&mut request);
        }
        let inputs = CanaryInputs {
            id,
            now: self.clock.now_millis(),
            application: analysis.application.clone(),
            parent_pipeline_execution_id: analysis.parent_pipeline_execution_id.clone(),
            accounts: AccountNames {
                configuration: None,
                ..analysis.accounts.clone()
            },
            config: Arc::clone(&analysis.config),
            config_id: analysis
                .config_id
                .clone()
                .unwrap_or_else(|| AD_HOC.to_owned()),
            request,
            analysis_id: Some(analysis.id.clone()),
            look: self.look(&analysis.config, plan, number),
            needs_baseline,
        };
        Ok(self.planned_canary(inputs).await?)
    }

    /// Whether the judge of a config compares with a baseline; an unknown one is refused when it is to judge.
    fn needs_baseline(&self, config: &CanaryConfig) -> bool {
        self.judges
            .select(config.judge.as_ref(), None)
            .map_or(true, Judge::needs_baseline)
    }

    /// The look that run `number` is to a judge that heeds it. A run that failed or was canceled before
    /// has spent its share, as the numbers are those of the plan.
    fn look(&self, config: &CanaryConfig, plan: &AnalysisPlan, number: i64) -> Option<Look> {
        let judge = self.judges.select(config.judge.as_ref(), None).ok()?;
        let look = Look {
            index: u32::try_from(number).ok()?,
            total: u32::try_from(plan.runs).ok()?,
        };
        (judge.heeds_looks() && look.total > 1).then_some(look)
    }

    /// C-ENG-22: what is missing now fails the run for certain, after all its fetches.
    fn check_usable(&self, sources: &Sources) -> Result<(), EngineError> {
        self.accounts
            .check_usable(&sources.accounts.metrics, AccountType::MetricsStore)?;
        self.accounts
            .check_usable(&sources.accounts.storage, AccountType::ObjectStore)?;
        match self.judges.select(sources.config.judge.as_ref(), None) {
            Ok(_) => Ok(()),
            Err(error) => Err(EngineError::invalid(format!(
                "{error} {}",
                self.judges.hint(&error)
            ))),
        }
    }

    async fn planned_canary(&self, inputs: CanaryInputs) -> Result<Execution, EngineError> {
        let (config, request) = (&inputs.config, &inputs.request);
        let storage = &inputs.accounts.storage;
        let size = self.piece_rules.of_run(config, request, storage);
        memory::check_size(config, request, &size)?;
        let size = METRIC * inputs.config.metrics().len();
        let planner = self.clone();
        compute_sized(size, move || {
            let ids = planner.ids.as_ref();
            canary::plan(inputs, &planner.accounts, ids, &planner.instance_id)
        })
        .await
        .map_err(broke_off)?
    }

    /// A standalone analysis. Its timetable is made when work on it begins, by the clock at that time; here only what would
    /// fail at any time is refused.
    pub(crate) async fn analysis(&self, start: StartAnalysis) -> Result<Execution, EngineError> {
        let sources = self
            .sources(
                start.metrics_account.as_deref(),
                start.storage_account.as_deref(),
                start.config_source,
            )
            .await?;
        let request = start.request.ok_or_else(|| {
            EngineError::invalid("executionRequest must be provided for ad-hoc requests")
        })?;
        let now = self.clock.now_millis();
        if self.refuse_impossible_requests {
            let instant = Instant::from_millis(now).ok_or_else(|| {
                EngineError::new(EngineErrorKind::Internal, "the clock is out of range")
            })?;
            let first_run = timetable::first_run(&request, instant)?;
            let needs_baseline = self.needs_baseline(&sources.config);
            canary::check(&sources.config, &first_run, &self.accounts, needs_baseline)?;
            self.check_usable(&sources)?;
            let storage = &sources.accounts.storage;
            let size = self
                .piece_rules
                .of_run(&sources.config, &first_run, storage);
            memory::check_size(&sources.config, &first_run, &size)?;
        }
        Ok(Execution {
            id: self.ids.ulid(now),
            application: start.application.unwrap_or_else(|| AD_HOC.to_owned()),
            status: ExecutionStatus::NotStarted,
            noticed: 0,
            traceparent: None,
            tracestate: None,
            build_time: now,
            start_time: None,
            end_time: None,
            cancellation: None,
            parent_pipeline_execution_id: start.parent_pipeline_execution_id,
            accounts: sources.accounts,
            config: Arc::new(escaped(sources.config).await?),
            config_id: sources.config_id,
            task: Task::Analysis(AnalysisTask {
                request,
                user: start.user.unwrap_or_else(|| "anonymous".to_owned()),
                plan: None,
                result: None,
            }),
            stages: vec![timetable::setup_stage()].into(),
        })
    }

    /// A comparison of two judges.
    pub(crate) async fn comparison(
        &self,
        start: StartComparison,
    ) -> Result<Execution, EngineError> {
        let configuration = self.accounts.resolve(
            start.configuration_account.as_deref(),
            AccountType::ConfigurationStore,
        )?;
        let storage = self
            .accounts
            .resolve(start.storage_account.as_deref(), AccountType::ObjectStore)?;
        let (configuration, config) = self
            .accounts
            .load_config(Some(&configuration.name), &start.config_id)
            .await?;
        let now = self.clock.now_millis();
        let judge = |ref_id: &str, index: usize| {
            Stage::new(
                ref_id,
                "canaryJudge",
                format!("Perform Analysis with Judge {}", index + 1),
                StageWork::Judge { index },
            )
        };
        Ok(Execution {
            id: self.ids.ulid(now),
            application: JUDGE_COMPARISON.to_owned(),
            status: ExecutionStatus::NotStarted,
            noticed: 0,
            traceparent: None,
            tracestate: None,
            build_time: now,
            start_time: None,
            end_time: None,
            cancellation: None,
            parent_pipeline_execution_id: Some(JUDGE_COMPARISON.to_owned()),
            accounts: AccountNames {
                metrics: String::new(),
                storage: storage.name.clone(),
                configuration: Some(configuration),
            },
            config: Arc::new(escaped(config).await?),
            config_id: Some(start.config_id),
            task: Task::Comparison(ComparisonTask {
                pair_list_id: start.pair_list_id,
                thresholds: start.thresholds,
                override_judges: [start.override_judge_1, start.override_judge_2],
                results: [None, None],
            }),
            stages: vec![
                Stage::new(
                    "setupContext",
                    "setupCanary",
                    "Setup Canary",
                    StageWork::Setup,
                ),
                judge("judge", 0),
                judge("judge-2", 1),
                Stage::new(
                    "compareJudgeResults",
                    "compareJudgeResults",
                    "Compare Judge Results",
                    StageWork::Compare,
                ),
            ]
            .into(),
        })
    }

    /// Resolves metrics, storage and (by id) configuration account, then loads the config. A config
    /// that was not sent along is refused only after that.
    async fn sources(
        &self,
        metrics: Option<&str>,
        storage: Option<&str>,
        source: ConfigSource,
    ) -> Result<Sources, EngineError> {
        let metrics = self.accounts.resolve(metrics, AccountType::MetricsStore)?;
        let storage = self.accounts.resolve(storage, AccountType::ObjectStore)?;
        let mut names = AccountNames {
            metrics: metrics.name.clone(),
            storage: storage.name.clone(),
            configuration: None,
        };
        match source {
            ConfigSource::ById {
                configuration_account,
                config_id,
            } => {
                let (account, config) = self
                    .accounts
                    .load_config(configuration_account.as_deref(), &config_id)
                    .await?;
                names.configuration = Some(account);
                Ok(Sources {
                    accounts: names,
                    config,
                    config_id: Some(config_id),
                })
            }
            ConfigSource::AdHoc { config } => Ok(Sources {
                accounts: names,
                config: config.ok_or_else(|| {
                    EngineError::invalid("canaryConfig must be provided for ad-hoc requests")
                })?,
                config_id: None,
            }),
        }
    }
}

//! From a caller's wish to a planned execution: accounts, config, checks.

use std::sync::Arc;

use kayenta_model::{AccountType, CanaryConfig, ExecutionStatus, Instant};
use kayenta_storage::ObjectKind;

use crate::{
    analysis_plan,
    canary_plan::{self, CanaryInputs},
    engine::Inner,
    error::{EngineError, EngineErrorKind},
    record::{
        AD_HOC, AccountNames, AnalysisTask, ComparisonTask, Execution, Stage, StageWork, Task,
    },
    request::{ConfigSource, StartAnalysis, StartCanary, StartComparison},
};

/// Application and parent of every comparison of judges.
const JUDGE_COMPARISON: &str = "judge-comparison";

/// What every start needs, resolved in the reference's order.
struct Sources {
    accounts: AccountNames,
    config: CanaryConfig,
    config_id: Option<String>,
}

impl Inner {
    /// Resolves metrics, storage and (by id) configuration account, then loads the config. A config
    /// that was not sent along is refused only after that.
    async fn sources(
        &self,
        metrics: Option<&str>,
        storage: Option<&str>,
        source: ConfigSource,
    ) -> Result<Sources, EngineError> {
        let accounts = &self.parts.accounts;
        let metrics = accounts.resolve(metrics, AccountType::MetricsStore)?;
        let storage = accounts.resolve(storage, AccountType::ObjectStore)?;
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

    /// A stored config, and the name of the account it was found in.
    pub(crate) async fn load_config(
        &self,
        account: Option<&str>,
        id: &str,
    ) -> Result<(String, CanaryConfig), EngineError> {
        let accounts = &self.parts.accounts;
        let account = accounts.resolve(account, AccountType::ConfigurationStore)?;
        let objects = accounts.object_store(&account)?;
        let config = objects.load(ObjectKind::CanaryConfig, id).await?;
        Ok((account.name.clone(), config))
    }

    pub(crate) async fn plan_canary(&self, start: StartCanary) -> Result<Execution, EngineError> {
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
        let now = self.now();
        canary_plan::plan(
            CanaryInputs {
                id: self.parts.ids.ulid(now),
                now,
                application,
                parent_pipeline_execution_id: start.parent_pipeline_execution_id,
                accounts: sources.accounts,
                config: sources.config,
                config_id: sources.config_id.unwrap_or_else(|| AD_HOC.to_owned()),
                request,
                analysis_id: None,
            },
            &self.parts.accounts,
            self.parts.ids.as_ref(),
            &self.options.instance_id,
        )
    }

    pub(crate) async fn plan_analysis(
        &self,
        start: StartAnalysis,
    ) -> Result<Execution, EngineError> {
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
        let now = self.now();
        if self.options.refuse_impossible_analyses {
            let moment = Instant::from_millis(now).ok_or_else(|| {
                EngineError::new(EngineErrorKind::Internal, "the clock is out of range")
            })?;
            if let Some(first_run) = analysis_plan::check(&request, moment)? {
                canary_plan::check(&sources.config, &first_run, &self.parts.accounts)?;
            }
        }
        Ok(Execution {
            id: self.parts.ids.ulid(now),
            application: start.application.unwrap_or_else(|| AD_HOC.to_owned()),
            status: ExecutionStatus::NotStarted,
            build_time: now,
            start_time: None,
            end_time: None,
            cancellation: None,
            parent_pipeline_execution_id: start.parent_pipeline_execution_id,
            accounts: sources.accounts,
            config: Arc::new(sources.config.escaped()),
            config_id: sources.config_id,
            task: Task::Analysis(AnalysisTask {
                request,
                user: start.user.unwrap_or_else(|| "anonymous".to_owned()),
                plan: None,
                result: None,
            }),
            stages: vec![analysis_plan::setup_stage()],
        })
    }

    pub(crate) async fn plan_comparison(
        &self,
        start: StartComparison,
    ) -> Result<Execution, EngineError> {
        let accounts = &self.parts.accounts;
        let configuration = accounts.resolve(
            start.configuration_account.as_deref(),
            AccountType::ConfigurationStore,
        )?;
        let storage =
            accounts.resolve(start.storage_account.as_deref(), AccountType::ObjectStore)?;
        let (configuration, config) = self
            .load_config(Some(&configuration.name), &start.config_id)
            .await?;
        let now = self.now();
        let judge = |ref_id: &str, index: usize| {
            Stage::new(
                ref_id,
                "canaryJudge",
                format!("Perform Analysis with Judge {}", index + 1),
                StageWork::Judge { index },
            )
        };
        Ok(Execution {
            id: self.parts.ids.ulid(now),
            application: JUDGE_COMPARISON.to_owned(),
            status: ExecutionStatus::NotStarted,
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
            config: Arc::new(config.escaped()),
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
            ],
        })
    }
}

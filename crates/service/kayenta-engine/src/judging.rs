//! Judging: on a thread of its own for judges that compute, on the network for those that ask.

use std::sync::Arc;

use kayenta_judge::{Judge, JudgeError, JudgeRequest, RemoteJudge, ScoreThresholds};
use kayenta_model::{AccountType, CanaryConfig, CanaryJudgeResult, MetricSetPair, Thresholds};
use kayenta_storage::ObjectKind;

use crate::{
    engine::Inner,
    error::{EngineError, EngineErrorKind},
    exception::Failure,
    request::JudgeStoredPairs,
};

/// How long an unavailable remote judge is asked again, in milliseconds.
const REMOTE_PATIENCE_MS: i64 = 120_000;
/// How long after a failure it is asked again, in milliseconds.
const REMOTE_PAUSE_MS: i64 = 2_000;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVerdict {
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A bug in a judge fails the run, not the process.
    #[error("judge '{judge}' panicked")]
    Panicked {
        judge: String,
        #[source]
        source: tokio::task::JoinError,
    },
}

impl From<&NoVerdict> for Failure {
    fn from(error: &NoVerdict) -> Self {
        match error {
            NoVerdict::Judge(error) => error.into(),
            NoVerdict::Panicked { source, .. } => Self::with_errors(
                "IllegalStateException",
                vec![error.to_string()],
                Some(source),
            ),
        }
    }
}

impl From<NoVerdict> for EngineError {
    fn from(error: NoVerdict) -> Self {
        match error {
            NoVerdict::Judge(error) => error.into(),
            NoVerdict::Panicked { .. } => {
                Self::new(EngineErrorKind::Internal, error.to_string()).caused_by(error)
            }
        }
    }
}

impl Inner {
    /// The verdict on the pairs by the override, the config's judge, or the default one.
    pub(crate) async fn judge(
        &self,
        config: &Arc<CanaryConfig>,
        override_name: Option<&str>,
        thresholds: Thresholds,
        pairs: Arc<Vec<MetricSetPair>>,
    ) -> Result<CanaryJudgeResult, NoVerdict> {
        let judge = self
            .parts
            .judges
            .select(config.judge.as_ref(), override_name)?
            .clone();
        let request = JudgeRequest {
            canary_config: Arc::clone(config),
            thresholds: ScoreThresholds::from(thresholds),
            metric_set_pairs: pairs,
        };
        let began = self.parts.clock.now();
        let name = judge.name().to_owned();
        let verdict = match judge {
            Judge::Local(judge) => {
                // Never closed, so a permit always comes.
                let permit = Arc::clone(&self.judgements).acquire_owned().await.ok();
                let span = tracing::Span::current();
                tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    span.in_scope(|| judge.judge(&request))
                })
                .await
                .map_err(|source| NoVerdict::Panicked {
                    judge: name.clone(),
                    source,
                })?
            }
            Judge::Remote(judge) => self.ask_remote(judge.as_ref(), &request).await,
        };
        let took = self.parts.clock.now() - began;
        metrics::histogram!("canary.judge.seconds", "judge" => name.clone())
            .record(took.as_seconds_f64());
        tracing::debug!(
            judge = %name,
            duration_ms = took.num_milliseconds(),
            score = verdict.as_ref().ok().and_then(CanaryJudgeResult::total),
            "judged"
        );
        Ok(verdict?)
    }

    async fn ask_remote(
        &self,
        judge: &dyn RemoteJudge,
        request: &JudgeRequest,
    ) -> Result<CanaryJudgeResult, JudgeError> {
        let deadline = self.now().saturating_add(REMOTE_PATIENCE_MS);
        loop {
            match judge.judge(request).await {
                Err(error) if error.is_retryable() && self.now() < deadline => {
                    tracing::debug!(judge = judge.name(), %error, "judge is unavailable; asking again");
                    self.pause(REMOTE_PAUSE_MS).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Lets some milliseconds pass on the engine's clock.
    pub(crate) async fn pause(&self, millis: i64) {
        let until = self.parts.clock.now() + chrono::TimeDelta::milliseconds(millis);
        self.parts.clock.sleep_until(until).await;
    }

    pub(crate) async fn judge_stored_pairs(
        &self,
        request: JudgeStoredPairs,
    ) -> Result<CanaryJudgeResult, EngineError> {
        let accounts = &self.parts.accounts;
        let configuration = accounts.resolve(
            request.configuration_account.as_deref(),
            AccountType::ConfigurationStore,
        )?;
        let storage =
            accounts.resolve(request.storage_account.as_deref(), AccountType::ObjectStore)?;
        let (_, config) = self
            .load_config(Some(&configuration.name), &request.config_id)
            .await?;
        self.parts.judges.select(config.judge.as_ref(), None)?;
        let pairs = accounts
            .object_store(&storage)?
            .load(ObjectKind::MetricSetPairList, &request.pair_list_id)
            .await?;
        Ok(self
            .judge(&Arc::new(config), None, request.thresholds, Arc::new(pairs))
            .await?)
    }
}

//! Judging: on a thread of its own for judges that compute, on the network for those that ask.

use std::sync::Arc;

use chrono::TimeDelta;
use kayenta_judge::{
    Judge, JudgeError, JudgeRegistry, JudgeRequest, JudgedPairs, LookVerdict, PairJudge,
    ScoreThresholds, explanation,
};
use kayenta_limits::Panicked;
use kayenta_model::{
    AccountType, CanaryJudgeResult, Clock, MetricSetPair,
    explanation::{CanaryExplanation, MetricFinding},
};
use kayenta_storage::ObjectKind;
use tokio::sync::Semaphore;

use crate::{
    account::Accounts,
    computing::{compute_values, is_little},
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    options::{EngineOptions, EngineParts},
    request::JudgeStoredPairs,
};

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
        source: Panicked,
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

/// Judges, so many at a time in this process.
#[derive(Debug)]
pub(crate) struct JudgeRunner {
    accounts: Arc<Accounts>,
    judges: Arc<JudgeRegistry>,
    clock: Arc<dyn Clock>,
    permits: Arc<Semaphore>,
    /// Whether every verdict is explained in its metadata, and not only those of configs that ask for it.
    explains: bool,
}

impl JudgeRunner {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            judges: Arc::clone(&parts.judges),
            clock: Arc::clone(&parts.clock),
            permits: Arc::new(Semaphore::new(options.judgements.max(1))),
            explains: options.explanations,
        }
    }

    /// The verdict on the pairs by the override, the config's judge, or the default one.
    pub(crate) async fn judge(
        &self,
        request: JudgeRequest,
        override_name: Option<&str>,
    ) -> Result<LookVerdict, NoVerdict> {
        let judge = self
            .judges
            .select(request.canary_config.judge.as_ref(), override_name)?
            .clone();
        let began = self.clock.now();
        let name = judge.name().to_owned();
        let explains = self.explains || explanation::is_wanted(&request.canary_config);
        let values = values_of(&request);
        let verdict = match judge {
            Judge::Local(judge) => {
                self.compute(&name, values, move || {
                    let mut verdict = judge.judge_look(&request)?;
                    if explains {
                        add_explanations(&request, &mut verdict.result);
                    }
                    Ok(verdict)
                })
                .await?
            }
            Judge::Remote(judge) => match judge.judge(&request).await {
                Ok(mut result) if explains => {
                    self.compute(&name, values, move || {
                        add_explanations(&request, &mut result);
                        Ok(LookVerdict::from(result))
                    })
                    .await?
                }
                // Asks again itself where that helps.
                outcome => outcome.map(LookVerdict::from),
            },
        };
        let score = verdict.as_ref().ok();
        let score = score.and_then(|verdict| verdict.result.total());
        note_judged(&name, self.clock.now() - began, score);
        Ok(verdict?)
    }

    /// Computes with so many values on a thread for computing, so many at a time unless they are few; `name` is that of
    /// the judge.
    async fn compute<T: Send + 'static>(
        &self,
        name: &str,
        values: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoVerdict> {
        let permit = if is_little(values) {
            None
        } else {
            // Never closed, so a permit always comes.
            Arc::clone(&self.permits).acquire_owned().await.ok()
        };
        let span = tracing::Span::current();
        compute_values(values, move || {
            let _permit = permit;
            span.in_scope(work)
        })
        .await
        .map_err(|source| NoVerdict::Panicked {
            judge: name.to_owned(),
            source,
        })
    }

    /// Why a verdict on the request is what it is.
    pub(crate) async fn explain(
        &self,
        request: JudgeRequest,
        verdict: CanaryJudgeResult,
    ) -> Result<CanaryExplanation, NoVerdict> {
        let name = verdict.judge_name.clone().unwrap_or_default();
        let explained = self
            .compute(&name, values_of(&request), move || {
                explanation::explain(&request, &verdict)
            })
            .await?;
        Ok(explained?)
    }

    /// Judges a stored pair list for a caller who waits.
    pub(crate) async fn judge_stored_pairs(
        &self,
        request: JudgeStoredPairs,
    ) -> Result<CanaryJudgeResult, EngineError> {
        let configuration = self.accounts.resolve(
            request.configuration_account.as_deref(),
            AccountType::ConfigurationStore,
        )?;
        let storage = self
            .accounts
            .resolve(request.storage_account.as_deref(), AccountType::ObjectStore)?;
        let (_, config) = self
            .accounts
            .load_config(Some(&configuration.name), &request.config_id)
            .await?;
        self.judges.select(config.judge.as_ref(), None)?;
        let pairs = self
            .accounts
            .object_store(&storage)?
            .load(ObjectKind::MetricSetPairList, &request.pair_list_id)
            .await?;
        let request = JudgeRequest {
            canary_config: Arc::new(config),
            thresholds: ScoreThresholds::from(request.thresholds),
            metric_set_pairs: Arc::new(pairs),
            ..JudgeRequest::default()
        };
        Ok(self.judge(request, None).await?.result)
    }
}

/// The judgement of a run that comes in pieces.
#[derive(Debug)]
pub(crate) struct PiecewiseJudgement {
    runner: Arc<JudgeRunner>,
    judge: Arc<dyn PairJudge>,
    /// The request without pairs.
    request: JudgeRequest,
    /// What the judge made of the pairs so far.
    judged: Result<JudgedPairs, NoVerdict>,
    took: TimeDelta,
}

impl PiecewiseJudgement {
    pub(crate) fn new(
        runner: &Arc<JudgeRunner>,
        judge: Arc<dyn PairJudge>,
        request: JudgeRequest,
    ) -> Self {
        Self {
            runner: Arc::clone(runner),
            judge,
            request,
            judged: Ok(JudgedPairs::default()),
            took: TimeDelta::zero(),
        }
    }

    /// Judges the pairs that follow. After a failure, which the verdict will be, it does nothing.
    pub(crate) async fn add(&mut self, pairs: Arc<Vec<MetricSetPair>>) {
        let Ok(judged) = &mut self.judged else {
            return;
        };
        let began = self.runner.clock.now();
        let request = JudgeRequest {
            metric_set_pairs: pairs,
            ..self.request.clone()
        };
        let values = values_of(&request);
        let judge = Arc::clone(&self.judge);
        let work = move || judge.judge_pairs(&request);
        match self.runner.compute(self.judge.name(), values, work).await {
            Ok(Ok(following)) => judged.append(following),
            Ok(Err(error)) => self.judged = Err(error.into()),
            Err(error) => self.judged = Err(error),
        }
        self.took += self.runner.clock.now() - began;
    }

    /// The verdict on all pairs.
    pub(crate) fn verdict(self) -> Result<LookVerdict, NoVerdict> {
        let name = self.judge.name();
        let verdict = self
            .judged
            .and_then(|judged| Ok(judged.verdict(name, &self.request)?));
        let score = verdict.as_ref().ok().and_then(CanaryJudgeResult::total);
        note_judged(name, self.took, score);
        verdict.map(LookVerdict::from)
    }
}

/// Counts a judgement.
fn note_judged(judge: &str, took: TimeDelta, score: Option<f64>) {
    metrics::histogram!("canary.judge.seconds", "judge" => judge.to_owned())
        .record(took.as_seconds_f64());
    tracing::debug!(%judge, duration_ms = took.num_milliseconds(), score, "judged");
}

/// How many values there are to be judged.
fn values_of(request: &JudgeRequest) -> usize {
    let sides = |pair: &MetricSetPair| -> usize {
        let sides = pair.values.iter().flat_map(|sides| sides.values());
        sides.map(Vec::len).sum()
    };
    request.metric_set_pairs.iter().map(sides).sum()
}

/// Adds explanations to the metadata of a verdict, and its findings to the log. A verdict that cannot be
/// explained stays as it is.
fn add_explanations(request: &JudgeRequest, verdict: &mut CanaryJudgeResult) {
    let explained = match explanation::explain(request, verdict) {
        Ok(explained) => explained,
        Err(error) => {
            tracing::warn!(%error, "a verdict cannot be explained");
            return;
        }
    };
    for MetricFinding {
        metric, finding, ..
    } in &explained.findings
    {
        let metric = metric.as_deref().unwrap_or_default();
        tracing::info!(metric, id = finding.id.as_str(), "{}", finding.sentence);
    }
    if let Err(error) = explanation::attach(verdict, &explained) {
        tracing::warn!(%error, "an explanation cannot be written");
    }
}

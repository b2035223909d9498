//! Why a run or an analysis has its verdict: computed from what is stored (config, pair list, verdict)
//! whenever somebody asks, so it exists for runs of the Java service, too.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, ScoreThresholds};
use kayenta_model::{
    AnalysisStatusResponse, CanaryConfig, CanaryJudgeResult, CanaryStatusResponse, Instant, Look,
    MetricSetPair, Side, Thresholds,
    explanation::{AnalysisExplanation, CanaryExplanation},
};
use kayenta_storage::{ObjectKind, ObjectRepository};

use crate::{
    error::{EngineError, EngineErrorKind},
    judge_runner::JudgeRunner,
    plan::timetable,
    record::{Stage, StageWork},
};

/// Explains verdicts.
#[derive(Debug)]
pub(crate) struct Explainer {
    judge_runner: Arc<JudgeRunner>,
}

/// A run with all that its verdict rests on.
#[derive(Clone, Debug)]
pub struct CanaryEvidence {
    /// How it stands.
    pub status: CanaryStatusResponse,
    /// The analysis it is a run of; `None` for a run on its own, and once its record is gone.
    pub analysis_id: Option<String>,
    /// Its stages, in the order of the status; empty once its record is gone.
    pub stages: Vec<StageProgress>,
    /// The compared series; empty before they are mixed and once they are gone.
    pub pairs: Arc<Vec<MetricSetPair>>,
    /// Why it has its verdict; `None` without one, without series, and when the judge's settings cannot be read.
    pub explanation: Option<CanaryExplanation>,
    /// Why there is no memory for all series together, if that is why they are missing.
    pub no_memory: Option<String>,
}

/// One stage of a run: what it fetches, and when that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageProgress {
    /// Its name in the status, such as `fetchControl0`.
    pub stage: String,
    /// The side and the position of the metric that it fetches.
    pub fetches: Option<(Side, usize)>,
    /// When it began, in milliseconds since 1970.
    pub start_time_millis: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub end_time_millis: Option<i64>,
}

impl StageProgress {
    pub(crate) fn of(stage: &Stage) -> Self {
        Self {
            stage: stage.ref_id.clone(),
            fetches: match stage.work {
                StageWork::Fetch { side, metric, .. } => Some((side, metric)),
                _ => None,
            },
            start_time_millis: stage.start_time,
            end_time_millis: stage.end_time,
        }
    }
}

/// A verdict with what it is a verdict on.
#[derive(Debug)]
pub(crate) struct Judged {
    config: CanaryConfig,
    thresholds: Thresholds,
    pair_list_id: String,
    look: Look,
    verdict: CanaryJudgeResult,
}

/// The newest verdict of an analysis and the run it comes from.
#[derive(Debug)]
pub(crate) struct NewestVerdict {
    pub(crate) execution_id: Option<String>,
    pub(crate) judged: Judged,
}

impl Judged {
    /// What a run was judged by.
    ///
    /// # Errors
    /// [`Conflict`](EngineErrorKind::Conflict) while there is no verdict, and after a run without one.
    pub(crate) fn of_canary(id: &str, status: CanaryStatusResponse) -> Result<Self, EngineError> {
        let verdict = status.result.and_then(|result| result.judge_result);
        let (Some(verdict), Some(pair_list_id)) = (verdict, status.metric_set_pair_list_id) else {
            let is = status.status.unwrap_or_else(|| "unknown".to_owned());
            return Err(without_verdict("canary run", id, status.complete, &is));
        };
        Ok(Self {
            config: status.config.ok_or_else(|| without_config(id))?,
            thresholds: thresholds(status.canary_execution_request.and_then(|r| r.thresholds)),
            pair_list_id,
            look: status.look.unwrap_or_default(),
            verdict,
        })
    }
}

impl NewestVerdict {
    /// The last verdict of an analysis that has ended; `None` when none of its runs has one.
    ///
    /// # Errors
    /// When an archive lacks its config.
    pub(crate) fn of_analysis(
        id: &str,
        status: &AnalysisStatusResponse,
    ) -> Result<Option<Self>, EngineError> {
        let results = status.canary_analysis_execution_result.as_ref();
        let runs = results.map_or(&[][..], |result| &result.canary_execution_results);
        let newest = runs.iter().enumerate().rev().find_map(|(index, run)| {
            let verdict = run.result.as_ref()?.judge_result.as_ref()?;
            Some((index, run, run.metric_set_pair_list_id.as_ref()?, verdict))
        });
        let Some((index, run, pair_list_id, verdict)) = newest else {
            return Ok(None);
        };
        let request = status.canary_analysis_execution_request.as_ref();
        Ok(Some(Self {
            execution_id: run.execution_id.clone(),
            judged: Judged {
                config: status
                    .canary_config
                    .clone()
                    .ok_or_else(|| without_config(id))?,
                thresholds: thresholds(request.and_then(|request| request.thresholds)),
                pair_list_id: pair_list_id.clone(),
                look: look(status, index),
                verdict: verdict.clone(),
            },
        }))
    }
}

/// Which look of its analysis the run is that follows `before` others. The timetable follows from the
/// request and from when work began, so archives of the Java service have it, too.
pub(crate) fn look(status: &AnalysisStatusResponse, before: usize) -> Look {
    let planned = || {
        let start = Instant::from_millis(status.start_time_millis?)?;
        let request = status.canary_analysis_execution_request.as_ref()?;
        u32::try_from(timetable::planned_runs(request, start)?).ok()
    };
    let index = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
    Look {
        index,
        total: planned().unwrap_or(1).max(index),
    }
}

impl Explainer {
    pub(crate) fn new(judge_runner: Arc<JudgeRunner>) -> Self {
        Self { judge_runner }
    }

    /// The explanation of a verdict on pairs in `objects`.
    pub(crate) async fn explain(
        &self,
        judged: Judged,
        objects: &ObjectRepository,
    ) -> Result<CanaryExplanation, EngineError> {
        let pairs = objects
            .load(ObjectKind::MetricSetPairList, &judged.pair_list_id)
            .await?;
        self.explain_pairs(judged, Arc::new(pairs)).await
    }

    /// The explanation of a verdict on pairs at hand.
    pub(crate) async fn explain_pairs(
        &self,
        judged: Judged,
        pairs: Arc<Vec<MetricSetPair>>,
    ) -> Result<CanaryExplanation, EngineError> {
        let request = JudgeRequest {
            canary_config: Arc::new(judged.config),
            thresholds: ScoreThresholds::from(judged.thresholds),
            metric_set_pairs: pairs,
            look: judged.look,
        };
        Ok(self.judge_runner.explain(request, judged.verdict).await?)
    }

    /// The explanation of the newest verdict of an analysis.
    pub(crate) async fn explain_newest(
        &self,
        newest: NewestVerdict,
        objects: &ObjectRepository,
    ) -> Result<AnalysisExplanation, EngineError> {
        Ok(AnalysisExplanation {
            execution_id: newest.execution_id,
            look: newest.judged.look,
            explanation: self.explain(newest.judged, objects).await?,
        })
    }
}

impl NewestVerdict {
    /// The verdict of a run of an analysis that goes on.
    pub(crate) fn of_run(id: &str, look: Look, judged: Judged) -> Self {
        Self {
            execution_id: Some(id.to_owned()),
            judged: Judged { look, ..judged },
        }
    }
}

/// The refusal to explain what has no verdict.
pub(crate) fn without_verdict(what: &str, id: &str, complete: bool, status: &str) -> EngineError {
    let message = if complete {
        format!("There is nothing to explain: {what} {id} ended ({status}) without a verdict.")
    } else {
        format!(
            "There is nothing to explain yet: {what} {id} has no verdict ({status}); ask again later."
        )
    };
    EngineError::new(EngineErrorKind::Conflict, message)
}

fn without_config(id: &str) -> EngineError {
    EngineError::new(
        EngineErrorKind::Conflict,
        format!("{id} cannot be explained: its archive does not contain the canary config."),
    )
}

/// Absent thresholds count as 0, as they do when a run is judged.
fn thresholds(given: Option<Thresholds>) -> Thresholds {
    given.unwrap_or_default()
}

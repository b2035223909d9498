//! The judge `NetflixACAJudge-v1.0`: clean, classify, score.

use std::{num::NonZeroUsize, sync::Arc};

use kayenta_model::{
    AnalysisResult, CanaryJudgeResult, Double, JsonMap, MetricConfig, MetricSetPair, MetricStats,
    judgement::SideMetadata,
};
use kayenta_stats::{Summary, ratio_of_means};
use serde_json::Value;

use crate::{
    JudgeError, JudgeRequest, JudgedPairs, LocalJudge, PairJudge,
    classification::classify,
    cleaning::{CONTROL, CleanSample, EXPERIMENT, side},
    metrics_by_name::MetricsByName,
    pool,
    scoring::Judged,
    settings::MetricSettings,
};

/// The default judge: a Mann-Whitney test per metric, percentages per group, a weighted total.
///
/// It equals the reference bit for bit where that is deterministic; where noise decides there, this
/// one always draws the same noise (C-JUDGE-01).
#[derive(Clone, Copy, Debug)]
pub struct NetflixAcaJudge {
    threads: NonZeroUsize,
}

/// Samples from which several threads are worth their start.
const POINTS_WORTH_THREADS: usize = 100_000;

impl Default for NetflixAcaJudge {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
        }
    }
}

impl NetflixAcaJudge {
    /// The name configs ask for.
    pub const NAME: &str = "NetflixACAJudge-v1.0";

    /// Lets a judgement use up to this many threads when there are enough values to make it worth
    /// while. The result does not depend on it.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads }
    }
}

impl LocalJudge for NetflixAcaJudge {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn visible(&self) -> bool {
        true
    }

    fn pair_by_pair(self: Arc<Self>) -> Option<Arc<dyn PairJudge>> {
        Some(self)
    }

    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        self.judge_pairs(request)?.verdict(Self::NAME, request)
    }
}

impl PairJudge for NetflixAcaJudge {
    fn judge_pairs(&self, request: &JudgeRequest) -> Result<JudgedPairs, JudgeError> {
        let pairs = &request.metric_set_pairs[..];
        let points: usize = pairs
            .iter()
            .flat_map(|pair| pair.values.iter().flatten())
            .map(|(_, values)| values.len())
            .sum();
        let threads = if points < POINTS_WORTH_THREADS {
            NonZeroUsize::MIN
        } else {
            self.threads
        };
        let metrics = MetricsByName::of(&request.canary_config);
        pool::map(pairs, threads, |pair| judge_pair(&metrics, pair))
            .into_iter()
            .collect()
    }
}

fn judge_pair(metrics: &MetricsByName<'_>, pair: &MetricSetPair) -> Result<Judged, JudgeError> {
    let metric = metrics.of_pair(pair)?;
    let name = metric.name();
    let raw_experiment = side(pair, name, EXPERIMENT)?;
    let raw_control = side(pair, name, CONTROL)?;
    let settings = MetricSettings::read(metric)?;

    let experiment = CleanSample::new(raw_experiment, &settings);
    let control = CleanSample::new(raw_control, &settings);
    let (experiment_summary, control_summary) = (experiment.summary(), control.summary());
    let mean_ratio = ratio_of_means(experiment_summary.mean, control_summary.mean);
    let outcome = classify(name, &settings, &experiment, &control, mean_ratio);

    Ok(Judged {
        label: outcome.label,
        result: AnalysisResult {
            classification: Some(outcome.label.as_str().to_owned()),
            classification_reason: outcome.reason,
            result_metadata: outcome.deviation.map(ratio_metadata),
            critical: outcome.critical,
            muted: settings.muted,
            ..blank_result(metric, pair, experiment_summary, control_summary)
        },
    })
}

/// A result with everything but the verdict.
pub(crate) fn blank_result(
    metric: &MetricConfig,
    pair: &MetricSetPair,
    experiment: Summary,
    control: Summary,
) -> AnalysisResult {
    AnalysisResult {
        name: pair.name.clone(),
        tags: Some(pair.tags.clone().unwrap_or_default()),
        id: pair.id.clone(),
        // The reference fails without groups; a metric in no group is harmless (C-JUDGE-04).
        groups: Some(metric.groups.clone().unwrap_or_default()),
        experiment_metadata: Some(side_metadata(experiment)),
        control_metadata: Some(side_metadata(control)),
        ..AnalysisResult::default()
    }
}

fn side_metadata(summary: Summary) -> SideMetadata {
    SideMetadata::of(MetricStats {
        count: i64::try_from(summary.count).unwrap_or(i64::MAX),
        mean: Double(summary.mean),
        min: Double(summary.min),
        std: Double(summary.std),
        max: Double(summary.max),
    })
}

/// A result's metadata with the ratio of means.
pub(crate) fn ratio_metadata(ratio: f64) -> JsonMap {
    // Non-finite ratios are words on the wire.
    let value = serde_json::Number::from_f64(ratio)
        .map_or_else(|| Value::String(Double(ratio).to_string()), Value::Number);
    JsonMap::from_iter([("ratio".to_owned(), value)])
}

//! The judge `StaticLimitJudge-v1.0`: an objective instead of a baseline.

use std::sync::Arc;

use kayenta_model::{AnalysisResult, CanaryJudgeResult, MetricConfig, MetricSetPair};
use kayenta_stats::ratio_of_means;

use crate::{
    JudgeError, JudgeRequest, JudgedPairs, LocalJudge, PairJudge,
    classification::{Classification, Label, classify_missing},
    cleaning::{CONTROL, CleanSample, EXPERIMENT, side},
    figures::{figure, percent},
    metrics_by_name::MetricsByName,
    netflix::{blank_result, ratio_metadata},
    scoring::Judged,
    settings::{MetricSettings, Reader},
};

/// A judge that holds a statistic of the canary against fixed limits and needs no baseline.
///
/// The limits of a metric stand under `analysisConfigurations.canary.staticLimit`: `upper`, `lower` or both,
/// `statistic` (`mean`, `median`, `p95`, `p99`, `max` or `share`) and, for `share`, `toleratedShare`: the
/// share of points that may lie beyond a limit. `nanStrategy`, `outliers`, `critical`, `mustHaveData` and
/// `muted` mean what they mean to the built-in judge; `direction` and `effectSize` are ignored, the limits
/// say both. Scores and weights are the built-in judge's.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaticLimitJudge;

impl StaticLimitJudge {
    /// The name configs ask for.
    pub const NAME: &str = "StaticLimitJudge-v1.0";
}

impl LocalJudge for StaticLimitJudge {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn visible(&self) -> bool {
        true
    }

    fn needs_baseline(&self) -> bool {
        false
    }

    fn pair_by_pair(self: Arc<Self>) -> Option<Arc<dyn PairJudge>> {
        Some(self)
    }

    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        self.judge_pairs(request)?.verdict(Self::NAME, request)
    }
}

impl PairJudge for StaticLimitJudge {
    fn judge_pairs(&self, request: &JudgeRequest) -> Result<JudgedPairs, JudgeError> {
        let metrics = MetricsByName::of(&request.canary_config);
        let pairs = request.metric_set_pairs.iter();
        pairs.map(|pair| judge_pair(&metrics, pair)).collect()
    }
}

fn judge_pair(metrics: &MetricsByName<'_>, pair: &MetricSetPair) -> Result<Judged, JudgeError> {
    let metric = metrics.of_pair(pair)?;
    let raw_experiment = side(pair, metric.name(), EXPERIMENT)?;
    let raw_control = match side(pair, metric.name(), CONTROL) {
        // A baseline need not be measured.
        Err(JudgeError::MissingValues { .. }) => &[],
        side => side?,
    };
    let settings = MetricSettings::read(metric)?;
    let limits = Limits::read(metric)?;
    let experiment = CleanSample::new(raw_experiment, &settings);
    let control = CleanSample::new(raw_control, &settings);
    let (canary, baseline) = (experiment.summary(), control.summary());
    let ratio = if experiment.is_empty() || control.is_empty() {
        1.0
    } else {
        ratio_of_means(canary.mean, baseline.mean)
    };
    let outcome = if experiment.is_empty() {
        classify_missing(metric.name(), &settings)
    } else {
        limits.classify(
            metric.name(),
            &settings,
            &limits.measure(&experiment),
            ratio,
        )
    };
    Ok(Judged {
        label: outcome.label,
        result: AnalysisResult {
            classification: Some(outcome.label.as_str().to_owned()),
            classification_reason: outcome.reason,
            result_metadata: outcome.deviation.map(ratio_metadata),
            critical: outcome.critical,
            muted: settings.muted,
            ..blank_result(metric, pair, canary, baseline)
        },
    })
}

/// Which statistic the limits hold for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Statistic {
    Mean,
    Median,
    P95,
    P99,
    Max,
    /// Every point, but for a tolerated share of them.
    Share {
        tolerated: f64,
    },
}

impl Statistic {
    /// The word in the settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
            Self::Share { .. } => "share",
        }
    }
}

/// The limits of one metric; at least one of the two is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) statistic: Statistic,
    pub(crate) upper: Option<f64>,
    pub(crate) lower: Option<f64>,
}

/// What is held against limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The statistic, unless it is a share.
    pub(crate) value: Option<f64>,
    /// Share of points above the upper limit, for a share.
    pub(crate) share_above: Option<f64>,
    /// Share of points below the lower limit, for a share.
    pub(crate) share_below: Option<f64>,
}

const SECTION: &str = "staticLimit";

impl Limits {
    pub(crate) fn read(metric: &MetricConfig) -> Result<Self, JudgeError> {
        let reader = Reader::new(metric);
        let elsewhere = metric.analysis_configurations.iter().flatten();
        if reader.has(&["staticBaseline"])
            || elsewhere
                .into_iter()
                .any(|(key, _)| key == "staticBaseline")
        {
            return Err(JudgeError::StaticBaseline {
                metric: metric.name().to_owned(),
            });
        }
        let upper = reader.optional_number(&[SECTION, "upper"])?;
        let lower = reader.optional_number(&[SECTION, "lower"])?;
        let wrong = |setting: &str, found: String, expected| JudgeError::Setting {
            metric: metric.name().to_owned(),
            setting: format!("canary.{SECTION}{setting}"),
            found,
            expected,
        };
        match (upper, lower) {
            (None, None) => {
                let found = "without a limit".to_owned();
                return Err(wrong("", found, "an object with 'upper', 'lower' or both"));
            }
            (Some(upper), Some(lower)) if upper < lower => {
                let found = format!("the number {upper}");
                return Err(wrong(".upper", found, "a number that is not below 'lower'"));
            }
            _ => {}
        }
        let tolerated = reader.optional_number(&[SECTION, "toleratedShare"])?;
        let statistic = match reader.text(&[SECTION, "statistic"]) {
            None if !reader.has(&[SECTION, "statistic"]) => Statistic::Mean,
            Some("mean") => Statistic::Mean,
            Some("median") => Statistic::Median,
            Some("p95") => Statistic::P95,
            Some("p99") => Statistic::P99,
            Some("max") => Statistic::Max,
            Some("share") => Statistic::Share {
                tolerated: tolerated.unwrap_or_default(),
            },
            other => {
                let found = other.map_or("no word".to_owned(), |word| {
                    format!("the string \"{word}\"")
                });
                let expected = "'mean', 'median', 'p95', 'p99', 'max' or 'share'";
                return Err(wrong(".statistic", found, expected));
            }
        };
        if let Some(tolerated) = tolerated {
            let found = format!("the number {tolerated}");
            if !matches!(statistic, Statistic::Share { .. }) {
                let expected = "absent unless 'statistic' is 'share'";
                return Err(wrong(".toleratedShare", found, expected));
            }
            if !(0.0..1.0).contains(&tolerated) {
                let expected = "a number from 0 on and below 1";
                return Err(wrong(".toleratedShare", found, expected));
            }
        }
        Ok(Self {
            statistic,
            upper,
            lower,
        })
    }

    /// Takes the statistic of a side that has values.
    pub(crate) fn measure(&self, sample: &CleanSample<'_>) -> Measured {
        let sorted = &sample.sorted;
        let value = match self.statistic {
            Statistic::Mean => Some(sample.summary().mean),
            Statistic::Median => Some(sorted.percentile(50.0)),
            Statistic::P95 => Some(sorted.percentile(95.0)),
            Statistic::P99 => Some(sorted.percentile(99.0)),
            Statistic::Max => sorted.values().last().copied(),
            Statistic::Share { .. } => None,
        };
        let share = |beyond: &dyn Fn(f64) -> bool| {
            let count = sorted
                .values()
                .iter()
                .filter(|value| beyond(**value))
                .count();
            count as f64 / sorted.len() as f64
        };
        let (mut share_above, mut share_below) = (None, None);
        if value.is_none() {
            share_above = self.upper.map(|limit| share(&|value| value > limit));
            share_below = self.lower.map(|limit| share(&|value| value < limit));
        }
        Measured {
            value,
            share_above,
            share_below,
        }
    }

    fn classify(
        &self,
        metric: &str,
        settings: &MetricSettings,
        measured: &Measured,
        ratio: f64,
    ) -> Classification {
        if measured.value.is_some_and(f64::is_nan) {
            return Classification {
                label: Label::Error,
                reason: Some("Metric Classification Failed".to_owned()),
                deviation: None,
                critical: false,
            };
        }
        let (label, why) = if let Some(why) = self.beyond(measured, true) {
            (Label::High, why)
        } else if let Some(why) = self.beyond(measured, false) {
            (Label::Low, why)
        } else {
            return Classification::pass(ratio);
        };
        let word = label.as_str();
        Classification {
            label,
            reason: Some(if settings.critical {
                format!("The metric {metric} was classified as {word} (Critical): {why}")
            } else {
                format!("{metric} was classified as {word}: {why}")
            }),
            deviation: Some(ratio),
            critical: settings.critical,
        }
    }

    /// Why a limit is broken, if it is. A value that equals its limit keeps it.
    fn beyond(&self, measured: &Measured, above: bool) -> Option<String> {
        let limit = if above { self.upper } else { self.lower }?;
        let side = if above { "above" } else { "below" };
        if let Statistic::Share { tolerated } = self.statistic {
            let share = if above {
                measured.share_above
            } else {
                measured.share_below
            }?;
            return (share > tolerated).then(|| {
                format!(
                    "{} of the points are {side} the limit of {}, {} are tolerated",
                    percent(share),
                    figure(limit),
                    percent(tolerated)
                )
            });
        }
        let value = measured.value?;
        let broken = if above { value > limit } else { value < limit };
        broken.then(|| {
            format!(
                "the {} of {} is {side} the limit of {}",
                self.statistic.as_str(),
                figure(value),
                figure(limit)
            )
        })
    }
}

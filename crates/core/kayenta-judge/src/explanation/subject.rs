//! A metric set pair and what is needed of it for explanation and findings alike.

use std::cell::OnceCell;

use kayenta_model::{AnalysisResult, CanaryJudgeResult, MetricSetPair};
use kayenta_stats::{CompletePairs, Gaps, Summary};

use super::{design_effect::DesignEffect, numbers::Numbers};
use crate::{
    JudgeError,
    classification::Label,
    cleaning::{CONTROL, CleanSample, EXPERIMENT},
    metrics_by_name::MetricsByName,
    paired::{Difference, PairedSeries, is_concurrent},
    settings::{MetricSettings, NanStrategy},
};

/// Fewest pairs that are worth a test.
pub(super) const FEWEST_PAIRS: usize = 8;

#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) pair: &'a MetricSetPair,
    pub(super) settings: MetricSettings,
    /// As the config has it, for judges with settings of their own.
    pub(super) metric: &'a kayenta_model::MetricConfig,
    pub(super) raw_control: &'a [f64],
    pub(super) raw_experiment: &'a [f64],
    pub(super) control: CleanSample<'a>,
    pub(super) experiment: CleanSample<'a>,
    pub(super) control_summary: Summary,
    pub(super) experiment_summary: Summary,
    pub(super) series: PairedSeries,
    /// The clipped differences, when there are enough.
    pub(super) neutral: Option<Difference>,
    pub(super) design_effect: Option<DesignEffect>,
    pub(super) concurrent: bool,
    /// The label that is explained, and whether the result is muted.
    pub(super) label: Option<Label>,
    pub(super) muted: bool,
    /// The reason the result gives.
    pub(super) reason: Option<String>,
    /// The built-in judge's numbers, computed on first use.
    numbers: OnceCell<Option<Numbers>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        metrics: &MetricsByName<'a>,
        result: &CanaryJudgeResult,
        index: usize,
        pair: &'a MetricSetPair,
    ) -> Result<Self, JudgeError> {
        let metric = metrics.of_pair(pair)?;
        let settings = MetricSettings::read(metric)?;
        // A judge without a baseline has only one side.
        let side = |side| -> &'a [f64] {
            pair.values
                .as_ref()
                .and_then(|values| values.get(side))
                .map_or(&[], |values| values)
        };
        let (raw_control, raw_experiment) = (side(CONTROL), side(EXPERIMENT));
        let control = CleanSample::new(raw_control, &settings);
        let experiment = CleanSample::new(raw_experiment, &settings);
        let gaps = match settings.nan_strategy {
            NanStrategy::Remove => Gaps::Keep,
            NanStrategy::Replace => Gaps::Zero,
        };
        let series = PairedSeries::new(CompletePairs::new(raw_control, raw_experiment, gaps));
        let enough = series.len() >= FEWEST_PAIRS;
        let neutral = enough.then(|| Difference::new(&series, 1.0));
        let design_effect = enough.then(|| DesignEffect::new(&series.pairs)).flatten();
        let judged: Option<&AnalysisResult> =
            result.results.as_ref().and_then(|all| all.get(index));
        let label = judged
            .and_then(|judged| judged.classification.as_deref())
            .and_then(Label::parse);
        Ok(Self {
            name: metric.name(),
            pair,
            muted: judged.map_or(settings.muted, |judged| judged.muted),
            settings,
            metric,
            raw_control,
            raw_experiment,
            control_summary: control.summary(),
            experiment_summary: experiment.summary(),
            control,
            experiment,
            series,
            neutral,
            design_effect,
            concurrent: is_concurrent(pair),
            label,
            reason: judged.and_then(|judged| judged.classification_reason.clone()),
            numbers: OnceCell::new(),
        })
    }

    /// The numbers behind the built-in judge's label, if there are any.
    pub(super) fn numbers(&self) -> Option<&Numbers> {
        let make = || {
            Numbers::new(
                (&self.control, &self.experiment),
                (self.control_summary.mean, self.experiment_summary.mean),
                &self.settings,
                self.design_effect,
            )
        };
        self.numbers.get_or_init(make).as_ref()
    }

    /// Values judged on the side that has fewer.
    pub(super) fn used(&self) -> usize {
        self.control.sorted.len().min(self.experiment.sorted.len())
    }

    /// Independent points a side that carry as much information as those that were used.
    pub(super) fn effective_points(&self) -> Option<f64> {
        let effect = self.design_effect?;
        Some(self.used() as f64 / effect.factor.max(1.0))
    }

    /// A shift in percent of the baseline's mean; `None` when that is 0 or the outcome is not finite.
    pub(super) fn percent_of_baseline(&self, shift: f64) -> Option<f64> {
        let percent = 100.0 * shift / self.control_summary.mean;
        percent.is_finite().then_some(percent)
    }

    /// The label pair as people write it: `zone=a, host=b`.
    pub(super) fn tags(&self) -> String {
        let tags = self.pair.tags.iter().flatten();
        let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
        tags.join(", ")
    }
}

//! The numbers behind a label of `NetflixACAJudge-v1.0`.

use kayenta_stats::{Interval, MannWhitney, ratio_of_means};

use super::design_effect::DesignEffect;
use crate::{
    classification::{CRITICAL_VALUE, TOLERANCE, interval},
    cleaning::CleanSample,
    settings::{EffectMeasure, MetricSettings},
};

/// Standard errors by which a shift has to exceed the critical one to be found that often: the quantile
/// of the standard normal distribution at 0.8.
const POWER_QUANTILE: f64 = 0.841_621_233_572_914_3;

/// The numbers of a metric for which the judge has an interval.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) interval: Interval,
    pub(super) bound: f64,
    /// Canary over baseline, or the common language effect size.
    pub(super) effect: f64,
    pub(super) to_high: Reach,
    pub(super) to_low: Reach,
    /// Shift that is found four times in five, in the unit of the metric.
    pub(super) detectable: f64,
}

/// How far a label is away, and which of its conditions is the last to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    pub(super) shift: f64,
    pub(super) because: &'static str,
}

impl Numbers {
    /// `None` when a side is empty, both hold the same values, or all are tied. `canary` and `baseline` are
    /// the means of the samples as they are summarized.
    pub(super) fn new(
        (control, experiment): (&CleanSample<'_>, &CleanSample<'_>),
        (baseline, canary): (f64, f64),
        settings: &MetricSettings,
        design_effect: Option<DesignEffect>,
    ) -> Option<Self> {
        let (x, y) = (&experiment.sorted, &control.sorted);
        let one_value = x.is_constant() && y.is_constant() && x.values()[0] == y.values()[0];
        if x.is_empty() || y.is_empty() || x.same_values(y) || one_value {
            return None;
        }
        let interval = interval(experiment, control).ok()?;
        let Interval {
            lower,
            upper,
            estimate,
        } = interval;
        let effect = match settings.measure {
            EffectMeasure::MeanRatio => ratio_of_means(canary, baseline),
            EffectMeasure::CommonLanguage => MannWhitney::new(x, y).common_language_effect(),
        };
        // A shift of every canary value moves the interval, its estimate and the mean alike.
        let by_mean = settings.measure == EffectMeasure::MeanRatio && baseline > 0.0;
        let by_effect = |allowed: f64| by_mean.then_some(allowed * baseline - canary);
        let reach = |by_interval: f64, by_effect: Option<f64>, last: fn(f64, f64) -> bool| {
            match by_effect {
                Some(shift) if last(shift, by_interval) => Reach {
                    shift,
                    because: "effect",
                },
                _ => Reach {
                    shift: by_interval,
                    because: "interval",
                },
            }
        };
        let part = TOLERANCE * estimate;
        let to_high = reach(
            (part - lower) / (1.0 - TOLERANCE),
            by_effect(settings.allowed_increase),
            |effect, interval| effect > interval,
        );
        let to_low = reach(
            (part - upper) / (1.0 - TOLERANCE),
            by_effect(settings.allowed_decrease),
            |effect, interval| effect < interval,
        );
        let half_width = (upper - lower) / 2.0;
        let design_effect = design_effect.map_or(1.0, |effect| effect.factor);
        let detectable = half_width / (1.0 - TOLERANCE)
            + POWER_QUANTILE * (half_width / -CRITICAL_VALUE) * design_effect.sqrt();
        let all = [
            lower,
            upper,
            estimate,
            to_high.shift,
            to_low.shift,
            detectable,
        ];
        all.iter().all(|number| number.is_finite()).then_some(Self {
            interval,
            bound: TOLERANCE * estimate.abs(),
            effect,
            to_high,
            to_low,
            detectable,
        })
    }
}

//! What the data of a metric are like.

use kayenta_model::{
    Double,
    explanation::{DataQuality, SideQuality},
};
use kayenta_stats::{CompletePairs, LongRun, SortedSample, normal_sf, sample_std};

use super::subject::Subject;
use crate::{
    classification::{CRITICAL_VALUE, TOLERANCE},
    cleaning::CleanSample,
    settings::NanStrategy,
};

/// By how much the variance of the built-in judge's comparison exceeds what independent, unrelated points
/// would give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DesignEffect {
    /// Above 1 when neighbouring points resemble each other, below 1 when both sides share a movement.
    pub(super) factor: f64,
}

impl DesignEffect {
    /// `None` when the sides do not overlap, which leaves no variance.
    pub(super) fn new(pairs: &CompletePairs) -> Option<Self> {
        let control = SortedSample::new(pairs.control.iter().copied());
        let experiment = SortedSample::new(pairs.experiment.iter().copied());
        let x = middle_ranks(&pairs.experiment, &control);
        let y = middle_ranks(&pairs.control, &experiment);
        let independent = sample_std(&x).powi(2) + sample_std(&y).powi(2);
        // Ranks are shares with a common denominator: anything smaller is rounding.
        if independent <= 1e-24 {
            return None;
        }
        let differences: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
        let factor = LongRun::new(&differences, 0).variance() / independent;
        factor.is_finite().then_some(Self { factor })
    }

    /// The built-in judge's chance of a wrong label: its interval and its quarter of the estimate
    /// together ask for 3.1 standard errors.
    pub(super) fn false_alarm_rate(self) -> f64 {
        if self.factor == 0.0 {
            return 0.0;
        }
        let errors = -CRITICAL_VALUE / (1.0 - TOLERANCE);
        2.0 * normal_sf(errors / self.factor.sqrt())
    }
}

/// For each value the share of the others below it, and half of those that are equal.
fn middle_ranks(values: &[f64], others: &SortedSample) -> Vec<f64> {
    let others = others.values();
    values
        .iter()
        .map(|value| {
            let below = others.partition_point(|other| other < value);
            let upto = others.partition_point(|other| other <= value);
            (below + upto) as f64 / (2 * others.len()) as f64
        })
        .collect()
}

/// How often values repeat over both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ties {
    /// Share of values that occur more than once; 0 without values.
    pub(super) share: f64,
    /// Different values.
    pub(super) distinct: usize,
}

impl Ties {
    pub(super) fn new(a: &SortedSample, b: &SortedSample) -> Self {
        let (a, b) = (a.values(), b.values());
        let (mut i, mut j, mut tied, mut distinct) = (0, 0, 0, 0);
        while i < a.len() || j < b.len() {
            let next = match (a.get(i), b.get(j)) {
                (Some(&x), Some(&y)) if y < x => y,
                (Some(&x), _) => x,
                (None, Some(&y)) => y,
                (None, None) => break,
            };
            let of = |values: &[f64]| values.iter().take_while(|value| **value == next).count();
            let (in_a, in_b) = (of(&a[i..]), of(&b[j..]));
            i += in_a;
            j += in_b;
            distinct += 1;
            if in_a + in_b > 1 {
                tied += in_a + in_b;
            }
        }
        let all = a.len() + b.len();
        Self {
            share: if all == 0 {
                0.0
            } else {
                tied as f64 / all as f64
            },
            distinct,
        }
    }
}

/// Points at which exactly one side has a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coverage {
    pub(super) one_sided: usize,
    /// Points of the longer side.
    pub(super) points: usize,
}

impl Coverage {
    fn new(control: &[f64], experiment: &[f64], gaps: NanStrategy) -> Self {
        let has = |side: &[f64], index: usize| {
            side.get(index)
                .is_some_and(|value| gaps == NanStrategy::Replace || !value.is_nan())
        };
        let points = control.len().max(experiment.len());
        let one_sided = (0..points)
            .filter(|&index| has(control, index) != has(experiment, index))
            .count();
        Self { one_sided, points }
    }

    pub(super) fn share(self) -> f64 {
        if self.points == 0 {
            0.0
        } else {
            self.one_sided as f64 / self.points as f64
        }
    }
}

impl Subject<'_> {
    pub(super) fn ties(&self) -> Ties {
        Ties::new(&self.control.sorted, &self.experiment.sorted)
    }

    pub(super) fn coverage(&self) -> Coverage {
        Coverage::new(
            self.raw_control,
            self.raw_experiment,
            self.settings.nan_strategy,
        )
    }

    pub(super) fn quality(&self) -> DataQuality {
        let autocorrelation = self
            .neutral
            .as_ref()
            .map(|neutral| Double(neutral.memory.autocorrelation));
        let effect = self.design_effect;
        DataQuality {
            control: side(self.raw_control, &self.control, self.settings.nan_strategy),
            experiment: side(
                self.raw_experiment,
                &self.experiment,
                self.settings.nan_strategy,
            ),
            pairs: self.series.len(),
            one_sided: Double(self.coverage().share()),
            tie_share: Double(self.ties().share),
            autocorrelation,
            design_effect: effect.map(|effect| Double(effect.factor)),
            effective_points: self.effective_points().map(Double),
            false_alarm_rate: effect.map(|effect| Double(effect.false_alarm_rate())),
        }
    }
}

fn side(raw: &[f64], clean: &CleanSample<'_>, gaps: NanStrategy) -> SideQuality {
    let missing = raw.iter().filter(|value| value.is_nan()).count();
    let kept = match gaps {
        NanStrategy::Remove => raw.len() - missing,
        NanStrategy::Replace => raw.len(),
    };
    let sorted = clean.sorted.values();
    let mut longest_gap = 0;
    let mut gap = 0;
    for value in raw {
        gap = if value.is_nan() { gap + 1 } else { 0 };
        longest_gap = longest_gap.max(gap);
    }
    SideQuality {
        given: raw.len(),
        missing,
        outliers_dropped: kept - sorted.len(),
        used: sorted.len(),
        distinct: sorted.chunk_by(|a, b| a == b).count(),
        longest_gap,
    }
}

//! What the data of a metric are like.

use kayenta_model::{
    Double,
    explanation::{DataQuality, SideQuality},
};
use kayenta_stats::SortedSample;

use super::subject::Subject;
use crate::{cleaning::CleanSample, settings::NanStrategy};

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

//! By how much dependence between points misleads the built-in judge.

use kayenta_stats::{CompletePairs, LongRun, SortedSample, normal_sf, sample_std};

use crate::classification::{CRITICAL_VALUE, TOLERANCE};

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

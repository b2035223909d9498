//! The difference between the sides, point by point.

use kayenta_stats::{Clipped, CompletePairs, LongRun, mean, rounding_floor};

/// Fewest coefficients of a drift test, which needs others to hold the first one against.
pub(crate) const DRIFT_TERMS: usize = 4;

/// Complete pairs, and how they are compared: by ratio where all values are positive, by difference
/// otherwise.
#[derive(Debug)]
pub(crate) struct PairedSeries {
    pub(crate) pairs: CompletePairs,
    /// Logarithms of canary over baseline, when ratios are compared.
    log_ratios: Option<Vec<f64>>,
    pub(crate) mean_control: f64,
    pub(crate) mean_experiment: f64,
    /// What counts as zero among differences.
    pub(crate) negligible: f64,
}

impl PairedSeries {
    pub(crate) fn new(pairs: CompletePairs) -> Self {
        let positive = pairs.iter().all(|(c, e)| c > 0.0 && e > 0.0);
        let log_ratios = positive.then(|| pairs.iter().map(|(c, e)| e.ln() - c.ln()).collect());
        let negligible = if positive {
            rounding_floor(0.0)
        } else {
            let sizes: Vec<f64> = pairs.control.iter().map(|c| c.abs()).collect();
            rounding_floor(mean(&sizes))
        };
        Self {
            log_ratios,
            mean_control: mean(&pairs.control),
            mean_experiment: mean(&pairs.experiment),
            negligible,
            pairs,
        }
    }

    /// Number of pairs.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether ratios are compared.
    pub(crate) fn is_log(&self) -> bool {
        self.log_ratios.is_some()
    }

    /// By how much the canary exceeds `allowed` times the baseline at every point: a logarithm of a
    /// ratio, or a difference in the unit of the metric. The sign of a negative baseline does not turn an
    /// allowance around.
    pub(crate) fn distances(&self, allowed: f64) -> Vec<f64> {
        match &self.log_ratios {
            Some(ratios) => {
                let allowed = allowed.ln();
                ratios.iter().map(|ratio| ratio - allowed).collect()
            }
            None => self
                .pairs
                .iter()
                .map(|(c, e)| e - c - (allowed - 1.0) * c.abs())
                .collect(),
        }
    }

    /// A difference or logarithm of a ratio as a relative change of the baseline; `None` when its mean
    /// is 0, or when the change is not finite.
    pub(crate) fn relative(&self, difference: f64) -> Option<f64> {
        let relative = if self.is_log() {
            difference.exp_m1()
        } else {
            difference / self.mean_control.abs()
        };
        relative.is_finite().then_some(relative)
    }

    /// Canary over baseline of the typical point by ratio, of the means otherwise; NaN when either mean
    /// is 0.
    pub(crate) fn effect(&self, neutral: &Difference) -> f64 {
        if self.is_log() {
            neutral.mean.exp()
        } else {
            kayenta_stats::ratio_of_means(self.mean_experiment, self.mean_control)
        }
    }
}

/// The distances at one allowed ratio, clipped, with what is known of their memory.
#[derive(Debug)]
pub(crate) struct Difference {
    allowed: f64,
    pub(crate) clipped: Clipped,
    pub(crate) mean: f64,
    pub(crate) memory: LongRun,
}

impl Difference {
    pub(crate) fn new(series: &PairedSeries, allowed: f64) -> Self {
        let clipped = Clipped::new(series.distances(allowed));
        Self {
            allowed,
            mean: mean(&clipped.values),
            memory: LongRun::new(&clipped.values, DRIFT_TERMS),
            clipped,
        }
    }

    fn third(&self) -> usize {
        self.clipped.values.len() / 3
    }

    /// Mean of the first third.
    pub(crate) fn first_third(&self) -> f64 {
        mean(&self.clipped.values[..self.third()])
    }

    /// Mean of the last third.
    pub(crate) fn last_third(&self) -> f64 {
        let values = &self.clipped.values;
        mean(&values[values.len() - self.third()..])
    }
}

/// The differences at the ratios that were asked for; most settings ask for the same ones again.
#[derive(Debug)]
pub(crate) struct Differences<'a> {
    pub(crate) series: &'a PairedSeries,
    given: Option<&'a Difference>,
    known: Vec<Difference>,
}

impl<'a> Differences<'a> {
    pub(crate) fn new(series: &'a PairedSeries) -> Self {
        Self {
            series,
            given: None,
            known: Vec::new(),
        }
    }

    /// The same when one of them is known already.
    pub(crate) fn with(series: &'a PairedSeries, given: &'a Difference) -> Self {
        Self {
            given: Some(given),
            ..Self::new(series)
        }
    }

    /// The difference at an allowed ratio.
    pub(crate) fn at(&mut self, allowed: f64) -> &Difference {
        if let Some(given) = self.given.filter(|given| given.allowed == allowed) {
            return given;
        }
        let index = match self.known.iter().position(|known| known.allowed == allowed) {
            Some(index) => index,
            None => {
                self.known.push(Difference::new(self.series, allowed));
                self.known.len() - 1
            }
        };
        &self.known[index]
    }
}

//! The Mann-Whitney engine: statistic, confidence interval and Hodges-Lehmann shift.

use std::{error::Error, fmt};

use crate::{SortedSample, rank::order_key, zeroin};

/// All observations are tied at some shift, so the statistic has no variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllTied;

impl fmt::Display for AllTied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot compute confidence interval when all observations are tied")
    }
}

impl Error for AllTied {}

/// Where the shift between two samples lies, in the unit of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end of the confidence interval.
    pub lower: f64,
    /// Upper end of the confidence interval.
    pub upper: f64,
    /// The Hodges-Lehmann shift as the reference finds it: some point at which the corrected
    /// statistic is zero, not the median difference.
    pub estimate: f64,
}

/// Two samples under the two-sided Mann-Whitney test with continuity correction, asymptotic, with the
/// variance corrected for ties.
///
/// The samples are sorted once. Subtracting a constant keeps the order under rounding, so every
/// evaluation is one merge of two sorted runs that allocates nothing; ranks and ties are counted in
/// integers and are exact up to 208,000 pooled values, where the reference's own sums begin to round.
#[derive(Clone, Debug)]
pub struct MannWhitney<'a> {
    x: &'a [f64],
    y: &'a [f64],
}

/// What one merge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    /// Twice the number of pairs in which x exceeds y, ties counting half.
    twice_wins: u64,
    /// Sum over tie groups of length³ − length.
    ties: u128,
}

impl<'a> MannWhitney<'a> {
    /// The shift from `control` to `experiment` is sought.
    #[must_use]
    pub fn new(experiment: &'a SortedSample, control: &'a SortedSample) -> Self {
        Self {
            x: experiment.values(),
            y: control.values(),
        }
    }

    /// The smallest and the largest difference between a value of the experiment and one of the
    /// control, between which all results lie. NaN for empty samples.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        match (self.x, self.y) {
            ([x_min, ..], [y_min, ..]) => (
                x_min - self.y[self.y.len() - 1],
                self.x[self.x.len() - 1] - y_min,
            ),
            _ => (f64::NAN, f64::NAN),
        }
    }

    /// The standardised, tie- and continuity-corrected statistic after `mu` is subtracted from the
    /// experiment. Falls as `mu` grows.
    ///
    /// # Errors
    /// [`AllTied`] when no two pooled values differ, or a sample is empty.
    pub fn statistic(&self, mu: f64) -> Result<f64, AllTied> {
        let counts = self.count(mu);
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        let total = m + n;
        let excess = (counts.twice_wins as f64 - m * n) / 2.0;
        let correction = if excess == 0.0 {
            0.0
        } else {
            0.5 * excess.signum()
        };
        let sigma =
            (m * n / 12.0 * ((total + 1.0) - counts.ties as f64 / (total * (total - 1.0)))).sqrt();
        if sigma == 0.0 || self.x.is_empty() || self.y.is_empty() {
            return Err(AllTied);
        }
        Ok((excess - correction) / sigma)
    }

    /// Both ends of the confidence interval and the shift. `critical` is the negative critical value
    /// of the level, see [`critical_value`](crate::critical_value).
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at a shift the search comes by.
    pub fn interval(&self, critical: f64) -> Result<Interval, AllTied> {
        let (mu_min, mu_max) = self.range();
        let (g_min, g_max) = (self.statistic(mu_min)?, self.statistic(mu_max)?);
        let search = |q: f64| {
            zeroin((mu_min, g_min - q), (mu_max, g_max - q), |mu| {
                Ok(self.statistic(mu)? - q)
            })
        };
        let end = |q: f64| {
            if g_min - q <= 0.0 {
                Ok(mu_min)
            } else if g_max - q >= 0.0 {
                Ok(mu_max)
            } else {
                search(q)
            }
        };
        Ok(Interval {
            lower: end(-critical)?,
            upper: end(critical)?,
            estimate: search(0.0)?,
        })
    }

    /// The chance that a value of the experiment exceeds one of the control, ties counting half.
    #[must_use]
    pub fn common_language_effect(&self) -> f64 {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        self.count(0.0).twice_wins as f64 / (2.0 * n * m)
    }

    fn count(&self, mu: f64) -> Counts {
        count_by_merge(self.x, self.y, mu)
    }
}

/// One pass over both samples in the order of their keys, NaN (infinity minus infinity) counting as +∞.
fn count_by_merge(x: &[f64], y: &[f64], mu: f64) -> Counts {
    let x_key = |i: usize| x.get(i).map(|value| order_key(value - mu));
    let y_key = |j: usize| y.get(j).map(|&value| order_key(value));
    let (mut i, mut j) = (0, 0);
    let mut counts = Counts {
        twice_wins: 0,
        ties: 0,
    };
    loop {
        let key = match (x_key(i), y_key(j)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(key), None) | (None, Some(key)) => key,
            (None, None) => return counts,
        };
        let (x_start, y_start) = (i, j);
        while x_key(i) == Some(key) {
            i += 1;
        }
        while y_key(j) == Some(key) {
            j += 1;
        }
        counts.twice_wins += (i - x_start) as u64 * (y_start + j) as u64;
        let length = (i - x_start + j - y_start) as u128;
        counts.ties += length * length * length - length;
    }
}

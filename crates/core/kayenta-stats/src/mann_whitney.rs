//! The Mann-Whitney engine: statistic, confidence interval and Hodges-Lehmann shift.

use std::{error::Error, fmt};

use crate::{
    SortedSample,
    merge::{Counts, count_by_merge},
    rank::total_order_key,
    shift_search::ShiftSearch,
};

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
/// The samples are sorted once. Subtracting a constant keeps the order under rounding, so no
/// evaluation has to sort or allocate; ranks and ties are counted in integers and are exact up to
/// 208,000 pooled values, where the reference's own sums begin to round.
#[derive(Clone, Copy, Debug)]
pub struct MannWhitney<'a> {
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a [f64],
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
            (&[x_min, ..], &[y_min, ..]) => {
                let (x_max, y_max) = (self.x[self.x.len() - 1], self.y[self.y.len() - 1]);
                (x_min - y_max, x_max - y_min)
            }
            _ => (f64::NAN, f64::NAN),
        }
    }

    /// Whether no shift between the ends of [`range`](Self::range) can tie all observations, so that
    /// a search cannot fail.
    #[must_use]
    pub fn never_ties(&self) -> bool {
        let (mu_min, mu_max) = self.range();
        let (&[x_min, ..], &[y_min, ..]) = (self.x, self.y) else {
            return false;
        };
        let (x_max, y_max) = (self.x[self.x.len() - 1], self.y[self.y.len() - 1]);
        if total_order_key(y_min) != total_order_key(y_max) {
            return true;
        }
        // Both ends of x may round to one value once mu is subtracted, if they are that close.
        x_max - x_min > absorbed_gap((x_max - mu_min).abs().max((x_min - mu_max).abs()))
    }

    /// The standardised, tie- and continuity-corrected statistic after `mu` is subtracted from the
    /// experiment. Falls as `mu` grows.
    ///
    /// A search that evaluates many shifts is quicker, see [`search`](Self::search).
    ///
    /// # Errors
    /// [`AllTied`] when no two pooled values differ, or a sample is empty.
    pub fn statistic(&self, mu: f64) -> Result<f64, AllTied> {
        let counts = count_by_merge(self.x, self.y, mu);
        Ok(self.standardised(counts.twice_wins, self.sigma(counts)?))
    }

    /// Standard deviation of the number of wins, ties taken into account.
    pub(crate) fn sigma(&self, counts: Counts) -> Result<f64, AllTied> {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        let total = m + n;
        let sigma =
            (m * n / 12.0 * ((total + 1.0) - counts.ties as f64 / (total * (total - 1.0)))).sqrt();
        if sigma == 0.0 || self.x.is_empty() || self.y.is_empty() {
            return Err(AllTied);
        }
        Ok(sigma)
    }

    /// Excess of wins over chance, half a win nearer to zero, in standard deviations.
    pub(crate) fn standardised(&self, twice_wins: u64, sigma: f64) -> f64 {
        let pairs = self.x.len() as f64 * self.y.len() as f64;
        let excess = (twice_wins as f64 - pairs) / 2.0;
        let correction = if excess == 0.0 {
            0.0
        } else {
            0.5 * excess.signum()
        };
        (excess - correction) / sigma
    }

    /// Starts the search for the interval and the shift. `critical` is the negative critical value of
    /// the level, see [`critical_value`](crate::critical_value).
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at an end of the range.
    pub fn search(&self, critical: f64) -> Result<ShiftSearch<'a>, AllTied> {
        ShiftSearch::new(*self, critical)
    }

    /// Both ends of the confidence interval and the shift; see [`search`](Self::search).
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at a shift the search comes by.
    pub fn interval(&self, critical: f64) -> Result<Interval, AllTied> {
        let mut search = self.search(critical)?;
        Ok(Interval {
            lower: search.lower()?,
            upper: search.upper()?,
            estimate: search.estimate()?,
        })
    }

    /// The chance that a value of the experiment exceeds one of the control, ties counting half.
    #[must_use]
    pub fn common_language_effect(&self) -> f64 {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        count_by_merge(self.x, self.y, 0.0).twice_wins as f64 / (2.0 * n * m)
    }
}

/// Two numbers farther apart than this stay different when they are rounded to a double of at most
/// that magnitude. Twice the spacing of doubles there, to be safe against rounding of the gap itself.
pub(crate) fn absorbed_gap(magnitude: f64) -> f64 {
    magnitude * (2.0 * f64::EPSILON)
}

//! A sample sorted once and used for everything that depends on order alone.

use crate::rank::{from_total_order_key, total_order_key};

/// Values in ascending order, without NaN. −0.0 sorts below 0.0.
///
/// Sorting once serves percentiles, outlier fences, distinctness, equality of two samples, ranks and
/// the Mann-Whitney search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SortedSample {
    values: Vec<f64>,
}

/// Values outside are outliers; both ends belong to the inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fences {
    /// Values below are outliers.
    pub low: f64,
    /// Values above are outliers.
    pub high: f64,
}

impl Fences {
    /// Whether a value is no outlier. NaN fences, those of an empty sample, keep everything.
    #[must_use]
    pub fn keep(&self, value: f64) -> bool {
        !(value > self.high || value < self.low)
    }
}

impl SortedSample {
    /// Sorts the values; NaN is dropped.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        // Integers with the order of the floats sort with plain comparisons.
        let values = values.into_iter();
        let mut keys: Vec<i64> = Vec::with_capacity(values.size_hint().0);
        keys.extend(values.filter(|value| !value.is_nan()).map(total_order_key));
        keys.sort_unstable();
        Self {
            values: keys.into_iter().map(from_total_order_key).collect(),
        }
    }

    /// The values in ascending order.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether there is exactly one distinct value; zeros of either sign are one.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        match (self.values.first(), self.values.last()) {
            (Some(first), Some(last)) => first == last,
            _ => false,
        }
    }

    /// Whether both samples hold the same values the same number of times; zeros of either sign are
    /// the same. Two empty samples are.
    #[must_use]
    pub fn same_values(&self, other: &Self) -> bool {
        self.values == other.values
    }

    /// Percentile `p` in (0, 100] by linear interpolation between order statistics (type 7 of
    /// Hyndman and Fan, 1996). NaN for an empty sample; the value itself for a single one.
    #[must_use]
    pub fn percentile(&self, p: f64) -> f64 {
        let n = self.values.len();
        let (Some(&first), Some(&last)) = (self.values.first(), self.values.last()) else {
            return f64::NAN;
        };
        if n == 1 {
            return first;
        }
        let q = p / 100.0;
        let position = if q == 1.0 {
            n as f64
        } else {
            1.0 + (n as f64 - 1.0) * q
        };
        if position < 1.0 {
            return first;
        }
        if position >= n as f64 {
            return last;
        }
        let whole = position.floor();
        let below = self.values[whole as usize - 1];
        let above = self.values[whole as usize];
        below + (position - whole) * (above - below)
    }

    /// Tukey's fences at `factor` interquartile ranges beyond the quartiles, widened to the 1st and
    /// 99th percentile where those lie further out. NaN for an empty sample.
    #[must_use]
    pub fn outlier_fences(&self, factor: f64) -> Fences {
        let (low_quartile, high_quartile) = (self.percentile(25.0), self.percentile(75.0));
        let range = high_quartile - low_quartile;
        Fences {
            low: nan_min(self.percentile(1.0), low_quartile - factor * range),
            high: nan_max(self.percentile(99.0), high_quartile + factor * range),
        }
    }

    /// Keeps the values inside the fences. Order is not disturbed: outliers sit at the ends.
    pub fn retain_within(&mut self, fences: &Fences) {
        self.values.retain(|&value| fences.keep(value));
    }
}

impl FromIterator<f64> for SortedSample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self::new(values)
    }
}

/// Java's `Math.min`: NaN wins, −0.0 is below 0.0.
fn nan_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a.total_cmp(&b).is_le() {
        a
    } else {
        b
    }
}

/// Java's `Math.max`: NaN wins, 0.0 is above −0.0.
fn nan_max(a: f64, b: f64) -> f64 {
    -nan_min(-a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> SortedSample {
        SortedSample::new(values.iter().copied())
    }

    #[test]
    fn percentiles_interpolate() {
        let s = sample(&[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        assert!((s.percentile(5.0) - 0.175).abs() < 1e-15);
        assert_eq!((s.percentile(50.0), s.percentile(100.0)), (1.75, 3.5));
        let tens: SortedSample = (0..10).map(f64::from).collect();
        assert_eq!(tens.percentile(50.0), 4.5);
        let nist = sample(&[
            95.1772, 95.1567, 95.1937, 95.1959, 95.1442, 95.061, 95.1591, 95.1195, 95.1772,
            95.0925, 95.199, 95.1682,
        ]);
        assert_eq!(nist.percentile(90.0), 95.19568);
        assert_eq!(sample(&[1.0]).percentile(100.0), 1.0);
        assert!(sample(&[]).percentile(50.0).is_nan());
    }

    #[test]
    fn fences_follow_the_wider_of_quartiles_and_percentiles() {
        let s = sample(&[21.0, 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0]);
        let fences = s.outlier_fences(3.0);
        assert_eq!((fences.low, fences.high), (12.0, 48.529999999999994));
        let mut kept = s.clone();
        kept.retain_within(&fences);
        assert_eq!(kept.len(), 7);

        let mut values = vec![1.0; 10];
        values.insert(5, 20.0);
        let fences = sample(&values).outlier_fences(3.0);
        assert_eq!((fences.low, fences.high), (1.0, 18.10000000000001));
    }

    #[test]
    fn fences_of_nothing_keep_everything() {
        let fences = sample(&[]).outlier_fences(3.0);
        assert!(fences.low.is_nan() && fences.keep(1e300));
    }

    #[test]
    fn equality_and_distinctness_ignore_the_sign_of_zero() {
        assert!(sample(&[0.0, 1.0]).same_values(&sample(&[1.0, -0.0])));
        assert!(!sample(&[0.0]).same_values(&sample(&[0.0, 0.0])));
        assert!(sample(&[0.0, -0.0]).is_constant());
        assert!(!sample(&[]).is_constant());
        assert!(sample(&[]).same_values(&sample(&[f64::NAN])));
    }

    #[test]
    fn infinities_sort_to_the_ends() {
        let s = sample(&[f64::INFINITY, 1.0, f64::NEG_INFINITY, f64::NAN, -0.0, 0.0]);
        assert_eq!(
            s.values(),
            [f64::NEG_INFINITY, -0.0, 0.0, 1.0, f64::INFINITY]
        );
        assert!(s.values()[1].is_sign_negative());
    }
}

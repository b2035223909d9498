//! A series with its far-out values pulled in.

/// What counts as zero beside a number of size `x`: the mean of a constant series is not exact, so its
/// residue must not be taken for movement.
#[must_use]
pub fn rounding_floor(x: f64) -> f64 {
    1e-12 * x.abs().max(1.0)
}

/// Makes the median absolute deviation of normal data their standard deviation.
const DEVIATION_PER_MEDIAN: f64 = 1.4826;

/// Values may lie this many scales from the median.
const REACH: f64 = 3.0;

/// A series cut to three robust standard deviations around its median (winsorized by the median absolute
/// deviation; Hampel 1974).
#[derive(Clone, Debug, PartialEq)]
pub struct Clipped {
    /// The series, as long as before.
    pub values: Vec<f64>,
    /// Its median, in the unit of the series.
    pub median: f64,
    /// 1.4826 times the median absolute deviation, in the unit of the series; 0 when it is no more than
    /// rounding, and nothing is cut then.
    pub scale: f64,
    /// How many values were cut.
    pub changed: usize,
}

impl Clipped {
    /// Clips a series without NaN.
    #[must_use]
    pub fn new(mut values: Vec<f64>) -> Self {
        let mut scratch = values.clone();
        let median = median(&mut scratch);
        for (deviation, value) in scratch.iter_mut().zip(&values) {
            *deviation = (value - median).abs();
        }
        let scale = DEVIATION_PER_MEDIAN * self::median(&mut scratch);
        if scale.is_nan() || scale <= rounding_floor(median) {
            return Self {
                values,
                median,
                scale: 0.0,
                changed: 0,
            };
        }
        let (low, high) = (median - REACH * scale, median + REACH * scale);
        let mut changed = 0;
        for value in &mut values {
            let clipped = value.clamp(low, high);
            changed += usize::from(clipped != *value);
            *value = clipped;
        }
        Self {
            values,
            median,
            scale,
            changed,
        }
    }
}

/// The middle value, or the mean of the two middle values; NaN for an empty series. Reorders the values.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = (lower + upper) / 2.0;
    // The sum of two huge values may be infinite, their mean is not.
    if mean.is_finite() {
        mean
    } else {
        lower / 2.0 + upper / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert_eq!(median(&mut [f64::MAX, f64::MAX]), f64::MAX);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn values_beyond_three_scales_are_cut() {
        let clipped = Clipped::new(vec![1.0, 2.0, 3.0, 4.0, 100.0]);
        assert_eq!((clipped.median, clipped.scale), (3.0, 1.4826));
        assert_eq!(
            clipped.values,
            [1.0, 2.0, 3.0, 4.0, 3.0 + REACH * DEVIATION_PER_MEDIAN]
        );
        assert_eq!(clipped.changed, 1);
    }

    #[test]
    fn nothing_is_cut_when_most_values_are_equal() {
        let values = vec![2.0, 2.0, 2.0, 2.0 + 1e-13, 50.0];
        let clipped = Clipped::new(values.clone());
        assert_eq!((clipped.scale, clipped.changed), (0.0, 0));
        assert_eq!(clipped.values, values);
    }
}

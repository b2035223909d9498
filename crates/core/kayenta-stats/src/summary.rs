//! Moments and extremes of a sample, in the order of operations of the reference.

/// Arithmetic mean in two passes: the plain mean, then the mean of the residues is added. `0.0` for an
/// empty sample. Infinite values give NaN (the correction pass subtracts infinity from infinity).
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let n = values.len() as f64;
    let mut sum = 0.0;
    for &value in values {
        sum += value;
    }
    let plain = sum / n;
    let mut correction = 0.0;
    for &value in values {
        correction += value - plain;
    }
    plain + correction / n
}

/// Sample standard deviation (divisor n − 1) around [`mean`], with the residue of the mean taken out
/// of the sum of squares. `0.0` for fewer than two values.
#[must_use]
pub fn sample_std(values: &[f64]) -> f64 {
    std_around(values, mean(values))
}

fn std_around(values: &[f64], mean: f64) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let n = values.len() as f64;
    let mut squares = 0.0;
    let mut residue = 0.0;
    for &value in values {
        let deviation = value - mean;
        squares += deviation * deviation;
        residue += deviation;
    }
    ((squares - residue * residue / n) / (n - 1.0)).sqrt()
}

/// Smallest value that is not NaN; of equal values (zeros of either sign) the last. NaN when there is
/// none, `0.0` for an empty sample.
#[must_use]
pub fn min(values: &[f64]) -> f64 {
    extreme(values, |best, value| best < value)
}

/// Largest value that is not NaN; of equal values (zeros of either sign) the last. NaN when there is
/// none, `0.0` for an empty sample.
#[must_use]
pub fn max(values: &[f64]) -> f64 {
    extreme(values, |best, value| best > value)
}

fn extreme(values: &[f64], keeps: impl Fn(f64, f64) -> bool) -> f64 {
    let Some(&first) = values.first() else {
        return 0.0;
    };
    let mut best = first;
    for &value in values {
        if !value.is_nan() && !keeps(best, value) {
            best = value;
        }
    }
    best
}

/// What a result reports about one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of values.
    pub count: usize,
    /// [`mean`].
    pub mean: f64,
    /// [`min`].
    pub min: f64,
    /// [`sample_std`].
    pub std: f64,
    /// [`max`].
    pub max: f64,
}

impl Summary {
    /// Summarises values in the order they were measured; the order matters to the last bit of mean
    /// and deviation. All zero for an empty sample.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mean = mean(values);
        Self {
            count: values.len(),
            mean,
            min: min(values),
            std: std_around(values, mean),
            max: max(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_summaries() {
        assert_eq!(Summary::of(&[]), Summary::default());
        let one = Summary::of(&[4.0]);
        assert_eq!((one.min, one.max, one.mean, one.std), (4.0, 4.0, 4.0, 0.0));
        let six = Summary::of(&[1.0, 1.0, 1.0, 10.0, 10.0, 10.0]);
        assert_eq!((six.mean, six.std, six.count), (5.5, 4.929503017546495, 6));
        let s7 = Summary::of(&[20.0, 22.0, 21.0, 25.0, 30.0]);
        assert_eq!((s7.mean, s7.std), (23.6, 4.03732584763727));
        let s8 = Summary::of(&[1.0, 2.2, 1.1, 2.5, 3.0]);
        assert_eq!((s8.mean, s8.std), (1.96, 0.8792041856133306));
    }

    #[test]
    fn extremes_skip_nan_and_keep_the_last_zero() {
        assert_eq!(min(&[2.0, f64::NAN, 1.0]), 1.0);
        assert_eq!(max(&[f64::NEG_INFINITY, f64::NAN, 1.0]), 1.0);
        assert!(min(&[0.0, -0.0]).is_sign_negative());
        assert!(min(&[-0.0, 0.0]).is_sign_positive());
        assert!(max(&[0.0, -0.0]).is_sign_negative());
    }

    #[test]
    fn a_leading_nan_stays_as_in_the_reference() {
        // The comparison with NaN is false, so the first real value replaces it.
        assert_eq!(min(&[f64::NAN, 3.0, 2.0]), 2.0);
        assert!(min(&[f64::NAN]).is_nan());
    }

    #[test]
    fn infinities_make_moments_nan() {
        let s = Summary::of(&[1.0, f64::INFINITY]);
        assert!(s.mean.is_nan() && s.std.is_nan());
        assert_eq!(s.max, f64::INFINITY);
    }
}

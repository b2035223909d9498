//! Variance of the mean of a series whose neighbouring points resemble each other.
//!
//! The long-run variance is estimated from the first few coefficients of the cosine transform
//! (E. Lazarus, D. Lewis, J. Stock, M. Watson, "HAR Inference: Recommendations for Practice", *Journal of
//! Business & Economic Statistics* 36, 2018; U. Müller, M. Watson, "Testing Models of Low-Frequency
//! Variability", *Econometrica* 76, 2008). A mean divided by its square root then follows Student's
//! distribution with as many degrees of freedom as there are coefficients.

use std::f64::consts::PI;

use crate::{mean, rounding_floor};

/// Fewest coefficients that are taken.
const FEWEST_TERMS: usize = 3;

/// Most coefficients that are taken.
const MOST_TERMS: usize = 64;

/// Points after which the recurrence for the cosine starts anew, so that rounding does not build up.
const RESTART: usize = 64;

/// Coefficients computed side by side.
const LANES: usize = 4;

/// Correlation of neighbouring points, in −1..=1; 0 for a series that is constant but for rounding, and
/// for one whose squares are beyond the largest double.
#[must_use]
pub fn autocorrelation(series: &[f64]) -> f64 {
    let mean = mean(series);
    let floor = rounding_floor(mean);
    let squares: f64 = series.iter().map(|u| (u - mean) * (u - mean)).sum();
    if !squares.is_finite() || squares <= series.len() as f64 * floor * floor {
        return 0.0;
    }
    let products: f64 = series
        .windows(2)
        .map(|pair| (pair[1] - mean) * (pair[0] - mean))
        .sum();
    products / squares
}

/// An autocorrelation that rather errs upwards: `lag_one` of a series of `n` points, corrected twice for
/// the bias of short series (M. G. Kendall, "Note on bias in the estimation of autocorrelation",
/// *Biometrika* 41, 1954) and raised by one standard error, within 0.05..=0.95.
#[must_use]
pub fn cautious_autocorrelation(lag_one: f64, n: usize) -> f64 {
    let n = n as f64;
    let unbiased = lag_one + 2.0 * (1.0 + 3.0 * lag_one) / n;
    let error = ((1.0 - (unbiased * unbiased).min(1.0)).max(0.0) / n).sqrt();
    (unbiased + error).clamp(0.05, 0.95)
}

/// How many coefficients balance size and power of a test for a series of `n` points whose
/// [`cautious_autocorrelation`] is `rho`: 3 to 64, and at most half the points unless that is below 3.
#[must_use]
pub fn term_count(n: usize, rho: f64) -> usize {
    let points = n as f64;
    let balanced = (points * points * (1.0 - rho) * (1.0 - rho) / (2.0 * rho)).cbrt();
    (balanced.floor() as usize)
        .min(n / 2)
        .clamp(FEWEST_TERMS, MOST_TERMS)
}

/// The coefficients 1 to `terms` of the orthonormal type-II cosine transform of the series, whose mean
/// does not matter; in the unit of the series. Takes n · terms / 2 multiplications of complex numbers.
#[must_use]
pub fn cosine_coefficients(series: &[f64], terms: usize) -> Vec<f64> {
    let n = series.len();
    let mean = mean(series);
    // The cosine of an even coefficient is the same at both ends of the series and that of an odd one
    // changes its sign, so half of the points need one: their sums and their differences.
    let half = n.div_ceil(2);
    let mut sums = Vec::with_capacity(half);
    let mut differences = Vec::with_capacity(half);
    for (first, last) in series[..half].iter().zip(series.iter().rev()) {
        let (first, last) = (first - mean, last - mean);
        sums.push(first + last);
        differences.push(first - last);
    }
    if !n.is_multiple_of(2) {
        // The point in the middle is its own partner.
        sums[half - 1] /= 2.0;
    }
    let mut coefficients = vec![0.0; terms];
    let scale = (2.0 / n as f64).sqrt();
    for (parity, folded) in [(1, &differences), (2, &sums)] {
        let mut first = parity;
        while first <= terms {
            let frequencies = std::array::from_fn(|lane| first + 2 * lane);
            let projections = project(folded, frequencies, n);
            for (frequency, projection) in frequencies.into_iter().zip(projections) {
                if frequency <= terms {
                    coefficients[frequency - 1] = scale * projection;
                }
            }
            first += 2 * LANES;
        }
    }
    coefficients
}

/// Sums of `values[t] · cos(π j (t + ½) / n)` for several frequencies j.
fn project(values: &[f64], frequencies: [usize; LANES], n: usize) -> [f64; LANES] {
    let step = frequencies.map(|frequency| PI * frequency as f64 / n as f64);
    let (turn_sin, turn_cos) = (step.map(f64::sin), step.map(f64::cos));
    let mut sums = [0.0; LANES];
    for (block, values) in values.chunks(RESTART).enumerate() {
        let start = (block * RESTART) as f64 + 0.5;
        let mut sin = step.map(|step| (step * start).sin());
        let mut cos = step.map(|step| (step * start).cos());
        for value in values {
            for lane in 0..LANES {
                sums[lane] += value * cos[lane];
                let turned = cos[lane] * turn_cos[lane] - sin[lane] * turn_sin[lane];
                sin[lane] = sin[lane] * turn_cos[lane] + cos[lane] * turn_sin[lane];
                cos[lane] = turned;
            }
        }
    }
    sums
}

/// Mean of the squared coefficients: the long-run variance, n times the variance of the mean; in the
/// squared unit of the series.
#[must_use]
pub fn mean_square(coefficients: &[f64]) -> f64 {
    let squares: f64 = coefficients.iter().map(|lambda| lambda * lambda).sum();
    squares / coefficients.len() as f64
}

/// A series without NaN, seen as a sample of a process with memory.
#[derive(Clone, Debug, PartialEq)]
pub struct LongRun {
    /// [`autocorrelation`].
    pub autocorrelation: f64,
    /// Number of coefficients the variance rests on, which are the degrees of freedom of a test.
    pub terms: usize,
    /// The coefficients, at least `terms`.
    pub coefficients: Vec<f64>,
}

impl LongRun {
    /// Estimates the memory of a series and takes the coefficients it allows for, or
    /// `at_least` ones if that is more.
    #[must_use]
    pub fn new(series: &[f64], at_least: usize) -> Self {
        let autocorrelation = autocorrelation(series);
        let rho = cautious_autocorrelation(autocorrelation, series.len());
        let terms = term_count(series.len(), rho);
        Self {
            autocorrelation,
            terms,
            coefficients: cosine_coefficients(series, terms.max(at_least)),
        }
    }

    /// The long-run variance: n times the variance of the mean, in the squared unit of the series.
    #[must_use]
    pub fn variance(&self) -> f64 {
        mean_square(&self.coefficients[..self.terms])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(series: &[f64], terms: usize) -> Vec<f64> {
        let n = series.len() as f64;
        let mean = mean(series);
        (1..=terms)
            .map(|j| {
                let sum: f64 = series
                    .iter()
                    .enumerate()
                    .map(|(t, u)| (u - mean) * (PI * j as f64 * (t as f64 + 0.5) / n).cos())
                    .sum();
                (2.0 / n).sqrt() * sum
            })
            .collect()
    }

    #[test]
    fn folded_and_rotated_coefficients_are_those_of_the_definition() {
        let mut source = crate::GaussianSource::new(7);
        for n in [8, 9, 63, 64, 65, 128, 129, 1440, 10_081] {
            let series: Vec<f64> = (0..n).map(|_| 100.0 + source.normal()).collect();
            for terms in [1, 3, 4, 37, 64] {
                let fast = cosine_coefficients(&series, terms);
                for (a, b) in fast.iter().zip(plain(&series, terms)) {
                    assert!((a - b).abs() < 2e-12, "{n} {terms}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn constants_of_every_length_have_no_autocorrelation() {
        for n in 1..400 {
            for value in [0.1, 1.1, 7.3, 1e9 / 3.0, 1e-9 / 3.0] {
                assert_eq!(autocorrelation(&vec![value; n]), 0.0, "{n} {value}");
            }
        }
    }

    #[test]
    fn the_number_of_terms_stays_within_its_bounds() {
        for n in [1, 6, 8, 30, 240, 100_000] {
            for rho in [0.05, 0.4, 0.95] {
                let terms = term_count(n, rho);
                assert!((3..=64).contains(&terms) && (terms <= n / 2 || terms == 3));
            }
        }
        assert_eq!(term_count(240, 0.7), 15);
    }

    #[test]
    fn series_whose_squares_overflow_have_no_autocorrelation() {
        for series in [[f64::MAX, 0.0, -f64::MAX, 0.0], [1e200, -1e200, 1e200, 3.0]] {
            assert_eq!(autocorrelation(&series), 0.0, "{series:?}");
        }
    }

    #[test]
    fn caution_raises_an_autocorrelation() {
        for n in [8, 60, 1440] {
            for lag_one in [-0.3, 0.0, 0.4, 0.8] {
                assert!(cautious_autocorrelation(lag_one, n) > lag_one);
            }
        }
        assert_eq!(cautious_autocorrelation(-0.9, 60), 0.05);
        assert_eq!(cautious_autocorrelation(0.99, 60), 0.95);
    }
}

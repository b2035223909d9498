//! The three tests of a metric: its typical point, its rare points, its course.

use kayenta_stats::{
    LongRun, incomplete_beta, mean, mean_square, rounding_floor, student_isf, student_sf,
};

use super::difference::{DRIFT_TERMS, Difference, Differences, PairedSeries};

/// One-sided p-values of both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tails {
    /// Of the canary being higher.
    pub(crate) high: f64,
    /// Of the canary being lower.
    pub(crate) low: f64,
}

impl Tails {
    /// Nothing speaks for either direction.
    const NEITHER: Self = Self {
        high: 1.0,
        low: 1.0,
    };

    /// The tails of Student's distribution beyond t; those of 0 when t is not a number, as in data whose
    /// differences overflow.
    fn of_student(t: f64, df: usize) -> Self {
        let t = if t.is_nan() { 0.0 } else { t };
        Self {
            high: student_sf(t, df),
            low: student_sf(-t, df),
        }
    }
}

/// A statistic that is `numerator` over a deviation that is nothing but rounding: 0 when the numerator is
/// negligible, too, else infinite.
fn beyond_all_measure(numerator: f64, negligible: f64) -> f64 {
    if numerator.abs() <= negligible {
        0.0
    } else {
        numerator.signum() * f64::INFINITY
    }
}

/// Whether the typical point exceeds what is allowed: the mean of the clipped differences against its
/// long-run standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) mean: f64,
    pub(crate) se: f64,
    pub(crate) df: usize,
    pub(crate) t: f64,
    pub(crate) tails: Tails,
}

impl Body {
    pub(crate) fn new(series: &PairedSeries, difference: &Difference) -> Self {
        let mean = difference.mean;
        let se = (difference.memory.variance() / series.len() as f64).sqrt();
        let df = difference.memory.terms;
        let t = if se <= rounding_floor(difference.mean) {
            beyond_all_measure(mean, series.negligible)
        } else {
            mean / se
        };
        Self {
            mean,
            se,
            df,
            t,
            tails: Tails::of_student(t, df),
        }
    }

    /// Half the width of the interval that leaves out `tail` at either end.
    pub(crate) fn half_width(&self, tail: f64) -> f64 {
        student_isf(tail, self.df) * self.se
    }

    /// The difference that is found four times in five at one-sided level `tail`.
    pub(crate) fn detectable(&self, tail: f64) -> f64 {
        /// How often a difference that counts as detectable is missed.
        const MISSED: f64 = 0.2;
        self.half_width(tail) + self.half_width(MISSED)
    }
}

/// What the second test counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecondKind {
    /// Points that are zero on one side only.
    Sparse,
    /// Points far from the usual distance.
    Excursions,
}

impl SecondKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Excursions => "excursions",
        }
    }
}

/// Whether rare points are more on one side: a sign test of the points that stand out, with fewer of them
/// counted when they come in bursts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Second {
    pub(crate) kind: SecondKind,
    pub(crate) up: usize,
    pub(crate) down: usize,
    /// Those of `up` that are beyond the allowed ratio.
    pub(crate) up_beyond: usize,
    /// Those of `down` that are beyond the allowed ratio.
    pub(crate) down_beyond: usize,
    /// Allowed odds of up to down for High and for Low; 1 for excursions.
    pub(crate) odds_high: f64,
    pub(crate) odds_low: f64,
    pub(crate) dispersion: f64,
    pub(crate) tails: Tails,
}

/// Share of zeros, mean of both sides, from which a metric is sparse.
const SPARSE_FROM: f64 = 0.3;

/// Scales from the median beyond which a point is an excursion.
const EXCURSION: f64 = 3.0;

impl Second {
    pub(crate) fn new(
        differences: &mut Differences<'_>,
        allowed_increase: f64,
        allowed_decrease: f64,
    ) -> Self {
        let series = differences.series;
        let n = series.len() as f64;
        let zeros = |values: &[f64]| values.iter().filter(|value| **value == 0.0).count() as f64;
        let control_zeros = zeros(&series.pairs.control) / n;
        let zero_share = (zeros(&series.pairs.experiment) / n + control_zeros) / 2.0;
        let negative = series.pairs.iter().any(|(c, e)| c < 0.0 || e < 0.0);
        if zero_share >= SPARSE_FROM && !negative {
            Self::sparse(series, control_zeros, allowed_increase, allowed_decrease)
        } else {
            Self::excursions(
                differences.at(1.0),
                series,
                allowed_increase,
                allowed_decrease,
            )
        }
    }

    fn sparse(
        series: &PairedSeries,
        control_zeros: f64,
        allowed_increase: f64,
        allowed_decrease: f64,
    ) -> Self {
        // Odds of "only the canary" to "only the baseline" of Poisson counts whose rates have that ratio.
        let rate = -control_zeros.ln();
        let odds = |ratio: f64| {
            if ratio == 1.0 {
                1.0
            } else if 0.0 < control_zeros && control_zeros < 1.0 {
                (ratio * rate).exp_m1() / rate.exp_m1()
            } else {
                ratio
            }
        };
        let signs: Vec<f64> = series
            .pairs
            .iter()
            .map(|(c, e)| {
                f64::from(u8::from(e != 0.0 && c == 0.0))
                    - f64::from(u8::from(c != 0.0 && e == 0.0))
            })
            .collect();
        let (up, down) = counts(&signs);
        let counted = Self {
            kind: SecondKind::Sparse,
            up,
            down,
            up_beyond: up,
            down_beyond: down,
            odds_high: odds(allowed_increase),
            odds_low: odds(allowed_decrease),
            dispersion: 1.0,
            tails: Tails::NEITHER,
        };
        counted.tested(&signs)
    }

    fn excursions(
        neutral: &Difference,
        series: &PairedSeries,
        allowed_increase: f64,
        allowed_decrease: f64,
    ) -> Self {
        let (median, reach) = (neutral.clipped.median, EXCURSION * neutral.clipped.scale);
        let distances = series.distances(1.0);
        let signs: Vec<f64> = distances
            .iter()
            .map(|distance| {
                if reach == 0.0 {
                    0.0
                } else {
                    let from = distance - median;
                    f64::from(u8::from(from > reach)) - f64::from(u8::from(from < -reach))
                }
            })
            .collect();
        let (up, down) = counts(&signs);
        let beyond = |sign: f64, allowed: f64| {
            let at_allowed = series.distances(allowed);
            signs
                .iter()
                .zip(at_allowed)
                .filter(|&(&s, distance)| s == sign && sign * distance > series.negligible)
                .count()
        };
        let counted = Self {
            kind: SecondKind::Excursions,
            up,
            down,
            up_beyond: if up == 0 {
                0
            } else {
                beyond(1.0, allowed_increase)
            },
            down_beyond: if down == 0 {
                0
            } else {
                beyond(-1.0, allowed_decrease)
            },
            odds_high: 1.0,
            odds_low: 1.0,
            dispersion: 1.0,
            tails: Tails::NEITHER,
        };
        counted.tested(&signs)
    }

    /// Adds dispersion and p-values. Only the count that accuses is cut down by an allowance, never the
    /// one it is held against: cutting both would turn a generous `allowedIncrease` into an accusation of
    /// Low.
    fn tested(mut self, signs: &[f64]) -> Self {
        if self.up == 0 && self.down == 0 {
            return self;
        }
        let squares = (self.up + self.down) as f64 / signs.len() as f64;
        self.dispersion = (LongRun::new(signs, 0).variance() / squares).max(1.0);
        let scaled = |count: usize| count as f64 / self.dispersion;
        let chance = |odds: f64| {
            if odds.is_infinite() {
                1.0
            } else {
                odds / (1.0 + odds)
            }
        };
        if self.up_beyond > 0 {
            self.tails.high = incomplete_beta(
                scaled(self.up_beyond),
                scaled(self.down) + 1.0,
                chance(self.odds_high),
            );
        }
        if self.down_beyond > 0 {
            self.tails.low = incomplete_beta(
                scaled(self.down_beyond),
                scaled(self.up) + 1.0,
                1.0 / (1.0 + self.odds_low),
            );
        }
        self
    }
}

fn counts(signs: &[f64]) -> (usize, usize) {
    let count = |sign: f64| signs.iter().filter(|s| **s == sign).count();
    (count(1.0), count(-1.0))
}

/// Whether the difference grows or falls during the run: the first cosine coefficient of the clipped
/// differences against the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drift {
    pub(crate) t: f64,
    pub(crate) df: usize,
    /// Before the gate.
    pub(crate) raw: Tails,
    /// Mean of the last third at the allowed increase.
    pub(crate) last_high: f64,
    /// Mean of the last third at the allowed decrease.
    pub(crate) last_low: f64,
    /// After the gate: a difference that ends within the allowance is no reason to fail.
    pub(crate) tails: Tails,
    /// Mean of the last third minus that of the first: a logarithm of a ratio or in the unit of the metric.
    pub(crate) change: f64,
}

impl Drift {
    pub(crate) fn new(
        differences: &mut Differences<'_>,
        allowed_increase: f64,
        allowed_decrease: f64,
    ) -> Self {
        let (series, n) = (differences.series, differences.series.len() as f64);
        let last_high = differences.at(allowed_increase).last_third();
        let last_low = differences.at(allowed_decrease).last_third();
        let neutral = differences.at(1.0);
        let terms = neutral.memory.terms.max(DRIFT_TERMS);
        let coefficients = &neutral.memory.coefficients;
        let df = terms - 1;
        let deviation = mean_square(&coefficients[1..terms]).sqrt();
        let negligible = rounding_floor(neutral.mean) * n.sqrt();
        // The first coefficient is a half wave that falls.
        let slope = -coefficients[0];
        let t = if deviation <= negligible {
            beyond_all_measure(slope, negligible)
        } else {
            slope / deviation
        };
        let raw = Tails::of_student(t, df);
        Self {
            t,
            df,
            raw,
            last_high,
            last_low,
            tails: Tails {
                high: if last_high > series.negligible {
                    raw.high
                } else {
                    1.0
                },
                low: if last_low < -series.negligible {
                    raw.low
                } else {
                    1.0
                },
            },
            change: neutral.last_third() - neutral.first_third(),
        }
    }
}

/// Whether the canary moves more from point to point than the baseline, beyond a quarter more; a finding,
/// never a reason to fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// Movement of the canary over that of the baseline; `None` when neither moves.
    pub(crate) ratio: Option<f64>,
    pub(crate) df: usize,
    pub(crate) tails: Tails,
}

/// Movement may differ by this factor.
const SPREAD_MARGIN: f64 = 1.25;

impl Spread {
    pub(crate) fn new(series: &PairedSeries) -> Self {
        let relative = series.mean_control > 0.0 && series.mean_experiment > 0.0;
        let moves = |values: &[f64], mean: f64| -> Vec<f64> {
            let unit = if relative { mean } else { 1.0 };
            values
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).abs() / unit)
                .collect()
        };
        let x = moves(&series.pairs.experiment, series.mean_experiment);
        let y = moves(&series.pairs.control, series.mean_control);
        let differences: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
        let memory = LongRun::new(&differences, 0);
        let df = memory.terms;
        let (x_mean, y_mean) = (mean(&x), mean(&y));
        let x_terms = kayenta_stats::cosine_coefficients(&x, df);
        let y_terms = kayenta_stats::cosine_coefficients(&y, df);
        let t = |factor: f64| {
            let numerator = (x.len() as f64).sqrt() * (x_mean - factor * y_mean);
            let residues: Vec<f64> = x_terms
                .iter()
                .zip(&y_terms)
                .map(|(x, y)| x - factor * y)
                .collect();
            let variance = mean_square(&residues);
            if variance <= 1e-24 * (numerator * numerator).max(1.0) {
                beyond_all_measure(numerator, 0.0)
            } else {
                numerator / variance.sqrt()
            }
        };
        let ratio = if y_mean == 0.0 && x_mean == 0.0 {
            None
        } else if y_mean == 0.0 {
            Some(f64::INFINITY)
        } else {
            Some(x_mean / y_mean)
        };
        Self {
            ratio,
            df,
            tails: Tails {
                high: Tails::of_student(t(SPREAD_MARGIN), df).high,
                low: Tails::of_student(t(1.0 / SPREAD_MARGIN), df).low,
            },
        }
    }
}

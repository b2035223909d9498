//! Two finite samples prepared for many evaluations of the statistic.

use std::borrow::Cow;

use crate::{
    AllTied,
    mann_whitney::{MannWhitney, absorbed_gap},
    merge::{Counts, tie_term},
    open_pairs::OpenPairs,
    positions::{AFTER, BEFORE, Row, positions},
    rank::total_order_key,
};

/// For each x at one shift how many of the y lie below, and the sum of that.
#[derive(Clone, Debug)]
struct Positions {
    mu: f64,
    below: Vec<u32>,
    sum: u64,
}

impl Positions {
    fn set(&mut self, mu: f64, below: u32) {
        self.mu = mu;
        self.below.fill(below);
        self.sum = self.below.len() as u64 * u64::from(below);
    }
}

/// The samples, the two shifts between which the root lies, and what is known at them.
///
/// Samples in which most values repeat are kept as distinct values with counts.
#[derive(Debug)]
pub(crate) struct Pooled<'a> {
    test: MannWhitney<'a>,
    x: Cow<'a, [f64]>,
    y: Cow<'a, [f64]>,
    /// How often each x occurs, and how many y lie before each; empty when each stands for itself.
    x_counts: Vec<u32>,
    y_before: Vec<u32>,
    /// Keys of x − mu and of y with a sentinel at either end.
    rows: Vec<Row>,
    y_keys: Vec<i64>,
    /// Neighbours among x that are equal, and the smallest distance of those that are not.
    equal_neighbours: usize,
    smallest_gap: f64,
    /// Ties inside the samples, and the deviation when there are no others.
    ties: u128,
    sigma: Result<f64, AllTied>,
    lower: Positions,
    upper: Positions,
    /// What the last evaluation found; becomes one of the two above.
    latest: Positions,
    /// The pairs not decided between the two shifts, once they are few.
    open: Option<OpenPairs>,
}

impl<'a> Pooled<'a> {
    /// Prepares the samples; `None` when some difference is not finite, or there are too many values.
    pub(crate) fn new(test: MannWhitney<'a>) -> Option<Self> {
        let (mu_min, mu_max) = test.range();
        let finite = reach(test.x, mu_min, mu_max).is_finite()
            && test.y.first()?.is_finite()
            && test.y.last()?.is_finite();
        if !finite || u32::try_from(test.x.len().max(test.y.len())).is_err() {
            return None;
        }

        let x_runs = Runs::of(test.x);
        let y_runs = Runs::of(test.y);
        let (mut x, mut y) = (Cow::Borrowed(test.x), Cow::Borrowed(test.y));
        let (mut x_counts, mut y_before) = (Vec::new(), Vec::new());
        if 2 * (x_runs.distinct + y_runs.distinct) <= test.x.len() + test.y.len() {
            let (x_values, y_values);
            (x_values, x_counts) = groups(test.x);
            (y_values, y_before) = groups(test.y);
            (x, y) = (Cow::Owned(x_values), Cow::Owned(y_values));
            y_before.insert(0, 0);
            for j in 1..y_before.len() {
                y_before[j] += y_before[j - 1];
            }
        }

        let ties = x_runs.ties + y_runs.ties;
        let sigma = test.sigma(Counts {
            twice_wins: 0,
            ties,
        });
        let mut y_keys = Vec::with_capacity(y.len() + 2);
        y_keys.push(BEFORE);
        y_keys.extend(y.iter().map(|&value| total_order_key(value)));
        y_keys.push(AFTER);
        let mut rows = vec![Row::default(); x.len() + 2];
        rows[0].key = BEFORE;
        rows[x.len() + 1].key = AFTER;
        let blank = Positions {
            mu: f64::NAN,
            below: vec![0; x.len()],
            sum: 0,
        };
        let mut pooled = Self {
            test,
            smallest_gap: x_runs.smallest_gap,
            equal_neighbours: x.len() - x_runs.distinct,
            x,
            y,
            x_counts,
            y_before,
            rows,
            y_keys,
            ties,
            sigma,
            lower: blank.clone(),
            upper: blank.clone(),
            latest: blank,
            open: None,
        };
        pooled.widen();
        Some(pooled)
    }

    /// Forgets what was decided: the root may lie anywhere again.
    pub(crate) fn widen(&mut self) {
        self.lower.set(f64::NEG_INFINITY, self.y.len() as u32);
        self.upper.set(f64::INFINITY, 0);
        self.open = None;
    }

    /// The statistic at a shift, which should lie between the two enclosing ones.
    pub(crate) fn statistic(&mut self, mu: f64) -> Result<f64, AllTied> {
        let counts = match &self.open {
            Some(open) => {
                let wins = if self.encloses(mu) {
                    open.wins(mu)
                } else {
                    None
                };
                wins.map(|wins| Counts {
                    twice_wins: 2 * wins,
                    ties: self.ties,
                })
            }
            None => self.count(mu),
        };
        match counts {
            Some(counts) if counts.ties == self.ties => {
                Ok(self.test.standardised(counts.twice_wins, self.sigma?))
            }
            Some(counts) => Ok(self
                .test
                .standardised(counts.twice_wins, self.test.sigma(counts)?)),
            None => self.test.statistic(mu),
        }
    }

    /// A root finder never leaves the two shifts; nothing would be known outside.
    fn encloses(&self, mu: f64) -> bool {
        self.lower.mu <= mu && mu <= self.upper.mu
    }

    /// Says that the root lies above `mu`, the shift evaluated last.
    pub(crate) fn raise_lower(&mut self, mu: f64) {
        if !self.encloses(mu) {
            return;
        }
        self.lower.mu = mu;
        match &mut self.open {
            Some(open) => open.raise_lower(mu),
            None => {
                std::mem::swap(&mut self.lower, &mut self.latest);
                self.open_if_few();
            }
        }
    }

    /// Says that the root lies below `mu`, the shift evaluated last.
    pub(crate) fn cut_upper(&mut self, mu: f64) {
        if !self.encloses(mu) {
            return;
        }
        self.upper.mu = mu;
        match &mut self.open {
            Some(open) => open.cut_upper(mu),
            None => {
                std::mem::swap(&mut self.upper, &mut self.latest);
                self.open_if_few();
            }
        }
    }

    /// Counts at a shift by looking at all values; leaves the positions in `latest`. `None` when
    /// rounding makes different values of x equal.
    fn count(&mut self, mu: f64) -> Option<Counts> {
        let m = self.x.len();
        for (row, &value) in self.rows[1..=m].iter_mut().zip(&self.x[..]) {
            row.key = total_order_key(value - mu);
        }
        let tied = positions(&mut self.rows, &self.y_keys, &mut self.latest.below);
        self.latest.mu = mu;
        self.latest.sum = self.latest.below.iter().map(|&b| u64::from(b)).sum();
        if self.smallest_gap <= absorbed_gap(reach(&self.x, mu, mu)) {
            let equal = self.rows[1..=m]
                .windows(2)
                .filter(|pair| pair[0].key == pair[1].key)
                .count();
            if equal != self.equal_neighbours {
                return None;
            }
        }
        let wins = if self.x_counts.is_empty() {
            self.latest.sum
        } else {
            let weighted = self.x_counts.iter().zip(&self.latest.below);
            weighted
                .map(|(&count, &below)| u64::from(count) * u64::from(self.y_before[below as usize]))
                .sum()
        };
        let mut counts = Counts {
            twice_wins: 2 * wins,
            ties: self.ties,
        };
        if tied {
            self.add_ties(&mut counts);
        }
        Some(counts)
    }

    /// Adds the pairs of equal values, which are half won, and corrects the tie groups that they join.
    fn add_ties(&self, counts: &mut Counts) {
        let mut i = 0;
        while i < self.x.len() {
            let key = self.rows[i + 1].key;
            let below = self.latest.below[i] as usize;
            let next = i
                + 1
                + self.rows[i + 2..]
                    .iter()
                    .take_while(|row| row.key == key)
                    .count();
            if self.y_keys[below + 1] == key {
                let equal = self.y_keys[below + 1..].iter().take_while(|&&y| y == key);
                let upto = below + equal.count();
                let (a, b) = if self.x_counts.is_empty() {
                    (next - i, upto - below)
                } else {
                    let b = self.y_before[upto] - self.y_before[below];
                    (self.x_counts[i] as usize, b as usize)
                };
                counts.twice_wins += a as u64 * b as u64;
                counts.ties += tie_term(a + b) - tie_term(a) - tie_term(b);
            }
            i = next;
        }
    }

    /// Lists the undecided pairs once that is less work than going through all values.
    fn open_if_few(&mut self) {
        let few = (self.x.len() + self.y.len()) as u64;
        let (lower, upper) = (&self.lower, &self.upper);
        if lower.sum - upper.sum > few || !lower.mu.is_finite() || !upper.mu.is_finite() {
            return;
        }
        let mut open = OpenPairs::with_capacity((lower.sum - upper.sum) as usize);
        // Values of x this close may become tied by rounding at some shift in between.
        let close = absorbed_gap(reach(&self.x, lower.mu, upper.mu));
        if self.smallest_gap <= close {
            for pair in self.x.windows(2) {
                if pair[0].to_bits() != pair[1].to_bits() && pair[1] - pair[0] <= close {
                    open.watch(pair[0], pair[1]);
                }
            }
        }
        let bounds = upper.below.iter().zip(&lower.below);
        for (i, (&x, (&first, &last))) in self.x.iter().zip(bounds).enumerate() {
            let (first, mut last) = (first as usize, last as usize);
            // Those tied at the lower shift are undecided, too.
            let key = total_order_key(x - lower.mu);
            while self.y_keys[last + 1] == key {
                last += 1;
            }
            if self.x_counts.is_empty() {
                open.decide(first as u64);
                for &y in &self.y[first..last] {
                    open.push(x, y, 1);
                }
            } else {
                let count = u64::from(self.x_counts[i]);
                open.decide(count * u64::from(self.y_before[first]));
                for j in first..last {
                    let of_y = u64::from(self.y_before[j + 1] - self.y_before[j]);
                    open.push(x, self.y[j], count * of_y);
                }
            }
        }
        self.open = Some(open);
    }
}

/// The largest magnitude of x − mu for shifts between two.
fn reach(x: &[f64], mu_min: f64, mu_max: f64) -> f64 {
    match (x.first(), x.last()) {
        (Some(x_min), Some(x_max)) => (x_max - mu_min).abs().max((x_min - mu_max).abs()),
        _ => 0.0,
    }
}

/// Runs of equal values in a sorted sample.
struct Runs {
    distinct: usize,
    ties: u128,
    /// The smallest distance of different neighbours.
    smallest_gap: f64,
}

impl Runs {
    fn of(values: &[f64]) -> Self {
        let neighbours = || values.iter().zip(values.get(1..).unwrap_or_default());
        let differ = |a: f64, b: f64| a.to_bits() != b.to_bits();
        let distinct =
            usize::from(!values.is_empty()) + neighbours().filter(|&(&a, &b)| differ(a, b)).count();
        // A plain selection, which a processor does for several values at once.
        let smallest_gap = neighbours().fold(f64::INFINITY, |smallest, (&a, &b)| {
            let gap = if differ(a, b) { b - a } else { f64::INFINITY };
            if gap < smallest { gap } else { smallest }
        });
        let ties = if distinct == values.len() {
            0
        } else {
            values
                .chunk_by(|&a, &b| !differ(a, b))
                .map(|run| tie_term(run.len()))
                .sum()
        };
        Self {
            distinct,
            ties,
            smallest_gap,
        }
    }
}

/// Distinct values and how often each occurs.
fn groups(values: &[f64]) -> (Vec<f64>, Vec<u32>) {
    values
        .chunk_by(|left, right| left.to_bits() == right.to_bits())
        .map(|run| (run[0], run.len() as u32))
        .unzip()
}

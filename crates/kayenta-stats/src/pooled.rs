//! Two finite samples prepared for many evaluations of the statistic.

use crate::{
    AllTied,
    mann_whitney::{MannWhitney, absorbed_gap},
    merge::{Counts, tie_term},
    open_pairs::OpenPairs,
    rank::total_order_key,
};

/// Below every key of a finite value.
const BEFORE: i64 = i64::MIN;
/// Above every key of a finite value.
const AFTER: i64 = i64::MAX;

/// For each x at one shift how many of the y lie below, and the sum of that.
#[derive(Clone, Debug)]
struct Positions {
    mu: f64,
    /// One per x from index 1 on; index 0 takes what nobody wants.
    below: Vec<u32>,
    sum: u64,
}

/// The samples, the two shifts between which the root lies, and what is known at them.
///
/// Samples in which most values repeat are kept as distinct values with counts.
#[derive(Debug)]
pub(crate) struct Pooled<'a> {
    test: MannWhitney<'a>,
    x: Vec<f64>,
    y: Vec<f64>,
    /// How often each x occurs, and how many y lie before each; empty when each stands for itself.
    x_counts: Vec<u32>,
    y_before: Vec<u32>,
    /// Keys of y and of x − mu with a sentinel at either end.
    y_keys: Vec<i64>,
    x_keys: Vec<i64>,
    /// Neighbours among x that are equal, and the smallest distance of those that are not.
    equal_neighbours: usize,
    smallest_gap: f64,
    /// The deviation when nothing is tied but what is tied inside the samples.
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
        let (x_min, x_max) = (*test.x.first()?, *test.x.last()?);
        let finite = (x_max - mu_min).is_finite()
            && (x_min - mu_max).is_finite()
            && test.y.first()?.is_finite()
            && test.y.last()?.is_finite();
        if !finite || u32::try_from(test.x.len().max(test.y.len())).is_err() {
            return None;
        }

        let x_runs = Runs::of(test.x);
        let y_runs = Runs::of(test.y);
        let grouped = 2 * (x_runs.distinct + y_runs.distinct) <= test.x.len() + test.y.len();
        let (x, x_counts, y, y_before) = if grouped {
            let (x, x_counts) = groups(test.x);
            let (y, y_counts) = groups(test.y);
            let mut y_before = Vec::with_capacity(y.len() + 1);
            let mut before = 0;
            for count in y_counts {
                y_before.push(before);
                before += count;
            }
            y_before.push(before);
            (x, x_counts, y, y_before)
        } else {
            (test.x.to_vec(), Vec::new(), test.y.to_vec(), Vec::new())
        };

        let ties = x_runs.ties + y_runs.ties;
        let sigma = test.sigma(Counts {
            twice_wins: 0,
            ties,
        });
        let mut y_keys = Vec::with_capacity(y.len() + 2);
        y_keys.push(BEFORE);
        y_keys.extend(y.iter().map(|&value| total_order_key(value)));
        y_keys.push(AFTER);
        let mut x_keys = vec![BEFORE; x.len() + 2];
        x_keys[x.len() + 1] = AFTER;
        let equal_neighbours = x.len() - x_runs.distinct;
        let blank = Positions {
            mu: f64::NAN,
            below: vec![0; x.len() + 1],
            sum: 0,
        };
        Some(Self {
            test,
            smallest_gap: x_runs.smallest_gap,
            x,
            y,
            x_counts,
            y_before,
            y_keys,
            x_keys,
            equal_neighbours,
            sigma,
            lower: blank.clone(),
            upper: blank.clone(),
            latest: blank,
            open: None,
        })
    }

    /// Forgets what was decided: the root may lie anywhere again.
    pub(crate) fn widen(&mut self) {
        let all = self.y.len() as u32;
        self.lower.mu = f64::NEG_INFINITY;
        self.lower.below.fill(all);
        self.lower.sum = self.x.len() as u64 * u64::from(all);
        self.upper.mu = f64::INFINITY;
        self.upper.below.fill(0);
        self.upper.sum = 0;
        self.open = None;
    }

    /// The statistic at a shift, which should lie between the two enclosing ones.
    pub(crate) fn statistic(&mut self, mu: f64) -> Result<f64, AllTied> {
        let wins = match &self.open {
            Some(open) if self.encloses(mu) => open.wins(mu),
            Some(_) => None,
            None => self.wins(mu),
        };
        match wins {
            // Nothing is tied but what is tied in the samples themselves.
            Some(wins) => Ok(self.test.standardised(2 * wins, self.sigma?)),
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

    /// Pairs won at a shift, by looking at all values; leaves the positions in `latest`. `None` when the
    /// shift makes ties.
    fn wins(&mut self, mu: f64) -> Option<u64> {
        let m = self.x.len();
        let mut previous = BEFORE;
        let mut equal = 0;
        for (key, &value) in self.x_keys[1..=m].iter_mut().zip(&self.x) {
            *key = total_order_key(value - mu);
            equal += usize::from(*key == previous);
            previous = *key;
        }
        self.latest.mu = mu;
        positions(&self.x_keys, &self.y_keys, &mut self.latest.below);

        let (mut sum, mut tied) = (0, equal != self.equal_neighbours);
        for (&key, &below) in self.x_keys[1..=m].iter().zip(&self.latest.below[1..]) {
            sum += u64::from(below);
            tied |= self.y_keys[below as usize + 1] == key;
        }
        self.latest.sum = sum;
        if tied {
            return None;
        }
        if self.x_counts.is_empty() {
            return Some(sum);
        }
        let weighted = self.x_counts.iter().zip(&self.latest.below[1..]);
        Some(
            weighted
                .map(|(&count, &below)| u64::from(count) * u64::from(self.y_before[below as usize]))
                .sum(),
        )
    }

    /// Lists the undecided pairs once that is less work than going through all values.
    fn open_if_few(&mut self) {
        let few = (self.x.len() + self.y.len()) as u64;
        if self.lower.sum - self.upper.sum > few
            || !self.lower.mu.is_finite()
            || !self.upper.mu.is_finite()
        {
            return;
        }
        // Values of x this close may become tied by rounding at some shift in between.
        let (x_min, x_max) = (self.x[0], self.x[self.x.len() - 1]);
        let reach = (x_max - self.lower.mu)
            .abs()
            .max((x_min - self.upper.mu).abs());
        let close = absorbed_gap(reach);
        let mut open = OpenPairs::default();
        if self.smallest_gap <= close {
            for pair in self.x.windows(2) {
                if total_order_key(pair[0]) != total_order_key(pair[1])
                    && pair[1] - pair[0] <= close
                {
                    open.watch(pair[0], pair[1]);
                }
            }
        }
        for (i, &x) in self.x.iter().enumerate() {
            let first = self.upper.below[i + 1] as usize;
            let mut last = self.lower.below[i + 1] as usize;
            // Those tied at the lower shift are undecided, too.
            let key = total_order_key(x - self.lower.mu);
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

/// For each key of `x` the number of keys of `y` below it. Both begin and end with a sentinel.
///
/// A merge from both ends towards the middle without a branch that depends on data: which side a step
/// takes is random, so a processor would guess it wrong every other time, and the two directions do
/// not wait for each other.
fn positions(x: &[i64], y: &[i64], below: &mut [u32]) {
    let (m, n) = (x.len() - 2, y.len() - 2);
    let (mut i, mut j) = (1, 1);
    let (mut k, mut l) = (m, n);
    for _ in 0..(m + n) / 2 {
        let take_x = x[i] <= y[j];
        below[if take_x { i } else { 0 }] = (j - 1) as u32;
        i += usize::from(take_x);
        j += usize::from(!take_x);

        let take_x = x[k] > y[l];
        below[if take_x { k } else { 0 }] = l as u32;
        k -= usize::from(take_x);
        l -= usize::from(!take_x);
    }
    if i <= k {
        // An odd number of values, and the last one is an x.
        below[i] = (j - 1) as u32;
    }
}

/// Runs of equal values in a sorted sample.
struct Runs {
    distinct: usize,
    ties: u128,
    smallest_gap: f64,
}

impl Runs {
    fn of(values: &[f64]) -> Self {
        let mut runs = Self {
            distinct: 0,
            ties: 0,
            smallest_gap: f64::INFINITY,
        };
        let mut start = 0;
        for end in 1..=values.len() {
            let ended = end == values.len()
                || total_order_key(values[end]) != total_order_key(values[end - 1]);
            if ended {
                runs.distinct += 1;
                if end - start > 1 {
                    runs.ties += tie_term(end - start);
                }
                start = end;
                if let Some(next) = values.get(end) {
                    runs.smallest_gap = runs.smallest_gap.min(next - values[end - 1]);
                }
            }
        }
        runs
    }
}

/// Distinct values and how often each occurs.
fn groups(values: &[f64]) -> (Vec<f64>, Vec<u32>) {
    values
        .chunk_by(|&left, &right| total_order_key(left) == total_order_key(right))
        .map(|run| (run[0], run.len() as u32))
        .unzip()
}

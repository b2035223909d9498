//! Counting wins and ties of two sorted samples, the plain way.

use crate::rank::order_key;

/// What decides the statistic at one shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Twice the number of pairs in which x exceeds y, ties counting half.
    pub(crate) twice_wins: u64,
    /// Sum over tie groups of length³ − length.
    pub(crate) ties: u128,
}

/// One pass over both samples in the order of their keys after `mu` is subtracted from `x`. NaN, which
/// is infinity minus infinity, counts as +∞.
///
/// Right for any data whatever; the search has quicker ways for the usual ones.
pub(crate) fn count_by_merge(x: &[f64], y: &[f64], mu: f64) -> Counts {
    let mut counts = Counts {
        twice_wins: 0,
        ties: 0,
    };
    let (mut i, mut j) = (0, 0);
    let mut x_run = Run::at(x, 0, mu);
    let mut y_run = Run::at(y, 0, 0.0);
    loop {
        let key = x_run.key.min(y_run.key);
        if key == Run::NONE {
            return counts;
        }
        let (x_start, y_start) = (i, j);
        if x_run.key == key {
            i = x_run.end;
            x_run = Run::at(x, i, mu);
        }
        if y_run.key == key {
            j = y_run.end;
            y_run = Run::at(y, j, 0.0);
        }
        counts.twice_wins += (i - x_start) as u64 * (y_start + j) as u64;
        counts.ties += tie_term(i - x_start + j - y_start);
    }
}

/// Values that are equal after the shift.
#[derive(Clone, Copy, Debug)]
struct Run {
    key: i64,
    /// After its last value.
    end: usize,
}

impl Run {
    /// The key when no value is left, above those of all values.
    const NONE: i64 = i64::MAX;

    #[inline]
    fn at(values: &[f64], start: usize, mu: f64) -> Self {
        let Some((first, rest)) = values.get(start..).and_then(<[f64]>::split_first) else {
            return Self {
                key: Self::NONE,
                end: start,
            };
        };
        let key = order_key(first - mu);
        let more = rest
            .iter()
            .take_while(|&value| order_key(value - mu) == key)
            .count();
        Self {
            key,
            end: start + 1 + more,
        }
    }
}

/// What a tie group of this length adds to [`Counts::ties`].
pub(crate) fn tie_term(length: usize) -> u128 {
    if length < 2 {
        return 0;
    }
    let length = length as u128;
    length * length * length - length
}

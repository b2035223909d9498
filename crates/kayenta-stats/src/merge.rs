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
        counts.ties += tie_term(i - x_start + j - y_start);
    }
}

/// What a tie group of this length adds to [`Counts::ties`].
pub(crate) fn tie_term(length: usize) -> u128 {
    let length = length as u128;
    length * length * length - length
}

//! Ranks of pooled values.

/// Ranks from 1, ties sharing the average, NaN counting as the largest value and tied with +∞.
///
/// Zeros of different sign are not tied: −0.0 ranks below 0.0.
#[must_use]
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let key = |index: &usize| order_key(values[*index]);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(key);
    let mut ranks = vec![0.0; values.len()];
    let mut position = 1;
    for run in order.chunk_by(|left, right| key(left) == key(right)) {
        let rank = (2 * position + run.len() - 1) as f64 / 2.0;
        for &index in run {
            ranks[index] = rank;
        }
        position += run.len();
    }
    ranks
}

/// Sum of the ranks that `x` gets in the pool of `x` and `y`.
#[must_use]
pub fn rank_sum(x: &[f64], y: &[f64]) -> f64 {
    let pool: Vec<f64> = x.iter().chain(y).copied().collect();
    average_ranks(&pool)[..x.len()].iter().sum()
}

/// An integer with the order of [`f64::total_cmp`], NaN recoded to +∞.
pub(crate) fn order_key(value: f64) -> i64 {
    let value = if value.is_nan() { f64::INFINITY } else { value };
    total_order_key(value)
}

/// An integer with the order of [`f64::total_cmp`].
pub(crate) fn total_order_key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The value of a [`total_order_key`].
pub(crate) fn from_total_order_key(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_average_rank() {
        assert_eq!(average_ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(average_ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn nan_ties_with_infinity_and_zeros_are_distinguished() {
        assert_eq!(
            average_ranks(&[f64::NAN, f64::INFINITY, 0.0, -0.0, f64::NEG_INFINITY]),
            [4.5, 4.5, 3.0, 2.0, 1.0]
        );
    }

    #[test]
    fn keys_keep_order_and_value() {
        let values = [f64::NEG_INFINITY, -1.0, -0.0, 0.0, 1e-300, f64::INFINITY];
        for pair in values.windows(2) {
            assert!(total_order_key(pair[0]) < total_order_key(pair[1]));
        }
        for value in values {
            assert_eq!(
                from_total_order_key(total_order_key(value)).to_bits(),
                value.to_bits()
            );
        }
    }

    #[test]
    fn rank_sums() {
        assert_eq!(rank_sum(&[4.0, 5.0], &[1.0, 2.0]), 7.0);
        assert_eq!(rank_sum(&[1.0], &[1.0, 1.0]), 2.0);
    }
}

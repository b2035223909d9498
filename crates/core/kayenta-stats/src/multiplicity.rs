//! Which of many p-values are small enough.

/// Ranks of p-values in ascending order, ties by index.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

/// Marks the first `rejected` of an order.
fn marked(order: &[usize], rejected: usize) -> Vec<bool> {
    let mut marks = vec![false; order.len()];
    for &index in &order[..rejected] {
        marks[index] = true;
    }
    marks
}

/// Step-down rejections at `level`: the chance of any wrong one is at most that, whatever the dependence
/// of the tests (S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", *Scandinavian Journal
/// of Statistics* 6, 1979). In the order of `p`.
#[must_use]
pub fn holm(p: &[f64], level: f64) -> Vec<bool> {
    let order = ascending(p);
    let rejected = order
        .iter()
        .enumerate()
        .take_while(|&(rank, &index)| p[index] <= level / (p.len() - rank) as f64)
        .count();
    marked(&order, rejected)
}

/// Step-up rejections at `rate`: the expected share of wrong ones among them is at most that, for
/// independent or positively dependent tests (Y. Benjamini, Y. Hochberg, "Controlling the False Discovery
/// Rate", *Journal of the Royal Statistical Society* B 57, 1995). In the order of `p`.
#[must_use]
pub fn benjamini_hochberg(p: &[f64], rate: f64) -> Vec<bool> {
    let order = ascending(p);
    let rejected = order
        .iter()
        .enumerate()
        .rposition(|(rank, &index)| p[index] <= rate * (rank + 1) as f64 / p.len() as f64)
        .map_or(0, |last| last + 1);
    marked(&order, rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rejected_of_nothing() {
        assert_eq!(holm(&[], 0.05), [false; 0]);
        assert_eq!(benjamini_hochberg(&[], 0.05), [false; 0]);
    }

    #[test]
    fn one_p_value_is_held_against_the_level_itself() {
        for procedure in [holm, benjamini_hochberg] {
            assert_eq!(procedure(&[0.05], 0.05), [true]);
            assert_eq!(procedure(&[0.051], 0.05), [false]);
        }
    }

    #[test]
    fn step_up_rejects_what_step_down_stops_at() {
        let p = [0.03, 0.02, 0.04];
        assert_eq!(holm(&p, 0.05), [false; 3]);
        assert_eq!(benjamini_hochberg(&p, 0.05), [true; 3]);
    }
}

//! A reference implementation as plain as it can be: ranks of the pooled values at every evaluation.

use kayenta_stats::{Interval, average_ranks, zeroin};

/// The statistic from first principles; `None` when all values are tied.
pub(crate) fn statistic(x: &[f64], y: &[f64], mu: f64) -> Option<f64> {
    let pool: Vec<f64> = x
        .iter()
        .map(|value| value - mu)
        .chain(y.iter().copied())
        .collect();
    let (m, n) = (x.len() as f64, y.len() as f64);
    let ranks = average_ranks(&pool);
    let rank_sum: f64 = ranks[..x.len()].iter().sum();
    let mut sorted = ranks;
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|run| (run.len() as f64).powi(3) - run.len() as f64)
        .sum();
    let dz = (rank_sum - m * (m + 1.0) / 2.0) - m * n / 2.0;
    let correction = if dz == 0.0 { 0.0 } else { 0.5 * dz.signum() };
    let total = m + n;
    let sigma = (m * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)))).sqrt();
    (sigma != 0.0).then(|| (dz - correction) / sigma)
}

/// Interval and shift with six evaluations at the ends, in the order of the reference.
pub(crate) fn interval(x: &[f64], y: &[f64], critical: f64) -> Option<Interval> {
    // The sign of a zero end is visible only in data with zeros of both signs.
    let min = |v: &[f64]| v.iter().copied().min_by(f64::total_cmp).unwrap();
    let max = |v: &[f64]| v.iter().copied().max_by(f64::total_cmp).unwrap();
    let mu_min = min(x) - max(y);
    let mu_max = max(x) - min(y);
    let f = |mu: f64, q: f64| statistic(x, y, mu).map(|g| g - q).ok_or(());
    let end = |q: f64| {
        let lower = f(mu_min, q)?;
        let upper = f(mu_max, q)?;
        if lower <= 0.0 {
            Ok(mu_min)
        } else if upper >= 0.0 {
            Ok(mu_max)
        } else {
            zeroin((mu_min, lower), (mu_max, upper), |mu| f(mu, q))
        }
    };
    let lower = end(-critical).ok()?;
    let upper = end(critical).ok()?;
    let estimate = zeroin(
        (mu_min, f(mu_min, 0.0).ok()?),
        (mu_max, f(mu_max, 0.0).ok()?),
        |mu| f(mu, 0.0),
    )
    .ok()?;
    Some(Interval {
        lower,
        upper,
        estimate,
    })
}

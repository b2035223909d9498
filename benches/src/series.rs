//! Series like those metric stores return, the same on every machine.

use kayenta_stats::GaussianSource;

/// What a series looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Hardly two equal values: latencies.
    Continuous,
    /// A dozen distinct values: counts.
    HeavyTies,
    /// Nine zeros in ten: errors.
    ZeroInflated,
    /// One value throughout: a gauge that does not change.
    Constant,
}

impl Shape {
    /// Name in benches and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::HeavyTies => "ties",
            Self::ZeroInflated => "zeros",
            Self::Constant => "constant",
        }
    }
}

/// A series of `size` values from `seed`, moved up by `shift` standard deviations.
#[must_use]
pub fn series(shape: Shape, size: usize, seed: i64, shift: f64) -> Vec<f64> {
    let mut source = GaussianSource::new(seed);
    (0..size)
        .map(|_| {
            let normal = source.normal() + shift;
            match shape {
                Shape::Continuous => 100.0 + 15.0 * normal,
                Shape::HeavyTies => (10.0 + 2.0 * normal).round(),
                Shape::ZeroInflated if source.uniform() < 0.9 => 0.0,
                Shape::ZeroInflated => (1.0 + normal.abs() * 3.0).floor(),
                Shape::Constant => 7.0 + shift,
            }
        })
        .collect()
}

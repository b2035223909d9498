//! Samples of every temper a metric has, the same in every run.

use kayenta_stats::GaussianSource;

/// Points a side: an hour, four hours and a day of minutes, a week of minutes, and more than anybody has.
pub const SIZES: [usize; 5] = [60, 240, 1440, 10_080, 100_000];

/// What the values of a sample look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Latencies: continuous, skewed, no ties.
    LogNormal,
    /// The same, the experiment one and a half times slower.
    Shifted,
    /// Request counts: a dozen different values.
    HeavyTies,
    /// Error counts: seven of ten are zero, the rest continuous.
    ZeroInflated,
    /// One value on each side, two different ones.
    Constant,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 5] = [
        Self::LogNormal,
        Self::Shifted,
        Self::HeavyTies,
        Self::ZeroInflated,
        Self::Constant,
    ];

    /// The name in bench reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogNormal => "lognormal",
            Self::Shifted => "shifted",
            Self::HeavyTies => "ties",
            Self::ZeroInflated => "zeros",
            Self::Constant => "constant",
        }
    }

    /// Experiment and control of `size` points each. `seed` tells pairs apart.
    #[must_use]
    pub fn pair(self, size: usize, seed: i64) -> (Vec<f64>, Vec<f64>) {
        let mut source = GaussianSource::new(seed);
        let experiment = (0..size).map(|_| self.value(&mut source, true)).collect();
        let control = (0..size).map(|_| self.value(&mut source, false)).collect();
        (experiment, control)
    }

    fn value(self, source: &mut GaussianSource, experiment: bool) -> f64 {
        match self {
            Self::LogNormal => 100.0 * (0.5 * source.normal()).exp(),
            Self::Shifted if experiment => 150.0 * (0.5 * source.normal()).exp(),
            Self::Shifted => 100.0 * (0.5 * source.normal()).exp(),
            Self::HeavyTies => (6.0 + 2.0 * source.normal()).round().clamp(0.0, 12.0),
            Self::ZeroInflated if source.uniform() < 0.7 => 0.0,
            Self::ZeroInflated => 5.0 * source.uniform(),
            Self::Constant if experiment => 10.0,
            Self::Constant => 4.0,
        }
    }
}

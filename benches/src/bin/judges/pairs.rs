//! Synthetic pairs of series: what both sides share, what each has for itself, and what is changed.

use std::f64::consts::TAU;

use kayenta_stats::GaussianSource;

/// What a metric is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Lognormal, in milliseconds.
    Latency,
    /// The same with gamma-distributed noise.
    LatencyGamma,
    /// With a heavy tail.
    LatencyP99,
    /// An integer gauge in percent.
    Cpu,
    /// Requests a second.
    Traffic,
    /// Counts of about four.
    Errors,
    /// Counts that come in bursts.
    ErrorsBursty,
    /// A saw-tooth with restarts, each side with its own.
    Memory,
    /// Nothing in the baseline; the effect is the expected number of events in the canary's window.
    Rare,
    /// The effect is the expected number of events on either side.
    RareHealthy,
}

impl Family {
    /// Those of metrics that are always there.
    pub(crate) const COMMON: [Self; 8] = [
        Self::Latency,
        Self::LatencyGamma,
        Self::LatencyP99,
        Self::Cpu,
        Self::Traffic,
        Self::Errors,
        Self::ErrorsBursty,
        Self::Memory,
    ];

    /// Whether a gap of it means that nothing happened.
    pub(crate) fn counts(self) -> bool {
        matches!(
            self,
            Self::Errors | Self::ErrorsBursty | Self::Rare | Self::RareHealthy
        )
    }

    /// Which way is bad.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Traffic => "decrease",
            _ => "increase",
        }
    }
}

/// What is changed in the canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// Every value is larger by this share.
    Shift(f64),
    /// Every value is smaller by this share.
    Drop(f64),
    /// The canary's own noise is larger by this factor.
    Variance(f64),
    /// Three in a hundred points are larger by this share.
    Tail(f64),
    /// The share grows from zero to this during the window.
    Drift(f64),
    /// The last fifth is larger by this share.
    LateStep(f64),
    /// Three hundredths of the window, all together, are larger by this share.
    Burst(f64),
    /// Three in ten points are larger by this share.
    SecondMode(f64),
    /// Events of the families of rare ones, expected in the window.
    Events(f64),
}

impl Change {
    /// Name in tables.
    pub(crate) fn name(self) -> String {
        let percent = |share: f64| (100.0 * share).round();
        match self {
            Self::None => "nothing".to_owned(),
            Self::Shift(share) => format!("shift +{} %", percent(share)),
            Self::Drop(share) => format!("shift −{} %", percent(share)),
            Self::Variance(factor) => format!("noise × {factor}"),
            Self::Tail(share) => format!("3 % of points × {}", 1.0 + share),
            Self::Drift(share) => format!("drift to +{} %", percent(share)),
            Self::LateStep(share) => format!("last fifth +{} %", percent(share)),
            Self::Burst(share) => format!("burst of 3 % × {}", 1.0 + share),
            Self::SecondMode(share) => format!("30 % of points +{} %", percent(share)),
            Self::Events(count) => format!("no errors → {count}"),
        }
    }

    /// Factor on the canary's level at every point.
    fn profile(self, points: usize, source: &mut GaussianSource) -> Vec<f64> {
        let mut level = vec![1.0; points];
        match self {
            Self::Shift(share) => level.fill(1.0 + share),
            Self::Drop(share) => level.fill(1.0 - share),
            Self::Tail(share) => scatter(&mut level, 0.03, share, source),
            Self::SecondMode(share) => scatter(&mut level, 0.30, share, source),
            Self::Drift(share) => {
                let last = points.saturating_sub(1).max(1) as f64;
                for (index, level) in level.iter_mut().enumerate() {
                    *level += share * index as f64 / last;
                }
            }
            Self::LateStep(share) => {
                let first = points * 4 / 5;
                level[first..].fill(1.0 + share);
            }
            Self::Burst(share) => {
                let length = ((0.03 * points as f64).round() as usize).max(1);
                let first = below(points - length + 1, source);
                level[first..first + length].fill(1.0 + share);
            }
            Self::None | Self::Variance(_) | Self::Events(_) => {}
        }
        level
    }
}

fn scatter(level: &mut [f64], chance: f64, share: f64, source: &mut GaussianSource) {
    for level in level {
        if source.uniform() < chance {
            *level += share;
        }
    }
}

/// A whole number below a limit.
fn below(limit: usize, source: &mut GaussianSource) -> usize {
    (source.uniform() * limit as f64) as usize
}

/// What is the matter with the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Nothing.
    Full,
    /// One point in ten is missing on each side, and on one side 15 % of the window together.
    Gaps,
    /// Hardly any different values.
    Ties,
}

/// Baseline and canary of one metric.
pub(crate) fn pair(
    family: Family,
    points: usize,
    phi: f64,
    change: Change,
    data: Data,
    source: &mut GaussianSource,
) -> (Vec<f64>, Vec<f64>) {
    let (mut control, mut experiment) = sides(family, points, phi, change, source);
    let step = if data == Data::Ties {
        let std = kayenta_stats::sample_std(&control);
        if std > 0.0 { 0.5 * std } else { 1.0 }
    } else {
        match family {
            Family::Latency | Family::LatencyGamma | Family::LatencyP99 => 0.01,
            Family::Traffic => 0.1,
            _ => 1.0,
        }
    };
    for value in control.iter_mut().chain(&mut experiment) {
        *value = (*value / step).round() * step;
    }
    if data == Data::Gaps {
        for side in [&mut control, &mut experiment] {
            for value in side.iter_mut() {
                if source.uniform() < 0.10 {
                    *value = f64::NAN;
                }
            }
        }
        let length = (0.15 * points as f64) as usize;
        let first = below(points - length + 1, source);
        let side = if source.uniform() < 0.5 {
            &mut control
        } else {
            &mut experiment
        };
        side[first..first + length].fill(f64::NAN);
    }
    (control, experiment)
}

fn sides(
    family: Family,
    points: usize,
    phi: f64,
    change: Change,
    source: &mut GaussianSource,
) -> (Vec<f64>, Vec<f64>) {
    let level = change.profile(points, source);
    let own_noise = match change {
        Change::Variance(factor) => factor,
        _ => 1.0,
    };
    match family {
        Family::Latency | Family::LatencyGamma | Family::LatencyP99 => {
            let sigma = match family {
                Family::Latency => 0.12,
                Family::LatencyGamma => 0.25,
                _ => 0.35,
            };
            let day = day(points, 0.25, source);
            let shared = memory(points, 0.9, source);
            let mut side = |level: Option<&[f64]>, noise: f64| -> Vec<f64> {
                let own = memory(points, phi, source);
                let mut values: Vec<f64> = (0..points)
                    .map(|t| {
                        let base = (120.0_f64.ln() + day[t] + 0.05 * shared[t]).exp();
                        let factor = if family == Family::LatencyGamma {
                            gamma((sigma * noise).powi(-2), own[t])
                        } else {
                            let sigma_own = sigma * noise;
                            (sigma_own * own[t] - sigma_own * sigma_own / 2.0).exp()
                        };
                        base * factor * level.map_or(1.0, |level| level[t])
                    })
                    .collect();
                if family == Family::LatencyP99 {
                    for value in &mut values {
                        if source.uniform() < 0.02 {
                            *value *= 3.0;
                        }
                    }
                }
                values
            };
            (side(None, 1.0), side(Some(&level), own_noise))
        }
        Family::Cpu => {
            let day = day(points, 0.15, source);
            let mut side = |level: Option<&[f64]>, noise: f64| -> Vec<f64> {
                let own = memory(points, phi, source);
                (0..points)
                    .map(|t| {
                        let base = 55.0 * (1.0 + day[t]) * level.map_or(1.0, |level| level[t]);
                        (base + 5.0 * noise * own[t]).clamp(0.0, 100.0)
                    })
                    .collect()
            };
            (side(None, 1.0), side(Some(&level), own_noise))
        }
        Family::Traffic => {
            let day = day(points, 0.4, source);
            let shared = memory(points, 0.9, source);
            let mut side = |level: Option<&[f64]>, noise: f64| -> Vec<f64> {
                let own = memory(points, phi, source);
                (0..points)
                    .map(|t| {
                        let base = 400.0 * (day[t] + 0.03 * shared[t]).exp();
                        base * level.map_or(1.0, |level| level[t]) * (0.04 * noise * own[t]).exp()
                    })
                    .collect()
            };
            (side(None, 1.0), side(Some(&level), own_noise))
        }
        Family::Errors | Family::ErrorsBursty => {
            let day = day(points, 0.3, source);
            let mut side = |level: Option<&[f64]>, noise: f64| -> Vec<f64> {
                let bursty = family == Family::ErrorsBursty;
                let own = memory(points, if bursty { phi.max(0.3) } else { phi }, source);
                (0..points)
                    .map(|t| {
                        let shape = day[t].exp() * level.map_or(1.0, |level| level[t]);
                        let rate = if !bursty {
                            4.0 * shape * (0.15 * noise * own[t]).exp()
                        } else if own[t] > 1.6 {
                            // About one minute in twenty.
                            0.3 * shape * 12.0
                        } else {
                            0.3 * shape
                        };
                        poisson(rate, source)
                    })
                    .collect()
            };
            (side(None, 1.0), side(Some(&level), own_noise))
        }
        Family::Memory => {
            let mut side = |level: Option<&[f64]>| -> Vec<f64> {
                let period = 60 + below(180, source);
                let phase = below(period, source);
                let own = memory(points, phi, source);
                (0..points)
                    .map(|t| {
                        let filled = ((t + phase) % period) as f64 / period as f64;
                        let base = 900.0 + 600.0 * filled + 15.0 * own[t];
                        base * level.map_or(1.0, |level| level[t])
                    })
                    .collect()
            };
            (side(None), side(Some(&level)))
        }
        Family::Rare | Family::RareHealthy => {
            let expected = match change {
                Change::Events(count) => count / points as f64,
                _ => 0.0,
            };
            let mut events =
                || -> Vec<f64> { (0..points).map(|_| poisson(expected, source)).collect() };
            let control = match family {
                Family::RareHealthy => events(),
                _ => vec![0.0; points],
            };
            (control, events())
        }
    }
}

/// Stationary noise of variance 1 whose neighbours correlate by `phi`.
fn memory(points: usize, phi: f64, source: &mut GaussianSource) -> Vec<f64> {
    let innovation = (1.0 - phi * phi).sqrt();
    let mut value = source.normal();
    (0..points)
        .map(|_| {
            value = phi * value + innovation * source.normal();
            value
        })
        .collect()
}

/// The course of a day of minutes from some time on.
fn day(points: usize, amplitude: f64, source: &mut GaussianSource) -> Vec<f64> {
    let start = 1440.0 * source.uniform();
    (0..points)
        .map(|t| amplitude * (TAU * (t as f64 + start) / 1440.0).sin())
        .collect()
}

/// A gamma variable of mean 1 at a standard normal one (E. B. Wilson, M. M. Hilferty, 1931).
fn gamma(shape: f64, normal: f64) -> f64 {
    let ninth = 1.0 / (9.0 * shape);
    (1.0 - ninth + normal * ninth.sqrt()).max(0.0).powi(3)
}

/// A Poisson count, by multiplying uniform draws (D. E. Knuth); rates here are small.
fn poisson(rate: f64, source: &mut GaussianSource) -> f64 {
    let limit = (-rate).exp();
    let (mut count, mut product) = (0.0, source.uniform());
    while product > limit {
        count += 1.0;
        product *= source.uniform();
    }
    count
}

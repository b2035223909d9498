//! Whether a figure stays where it is.

use std::{error::Error, time::Duration};

use indexmap::IndexMap;

use crate::rows::row;

/// Growth that counts as none, as a part of the median.
const FLAT: f64 = 0.1;

/// One figure at one time.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// Growth that counts as none however small the median is.
    pub(crate) floor: f64,
}

/// Figures over time.
#[derive(Default)]
pub(crate) struct Trends {
    series: IndexMap<&'static str, Series>,
}

struct Series {
    unit: &'static str,
    floor: f64,
    /// Seconds, value.
    points: Vec<(f64, f64)>,
}

impl Trends {
    pub(crate) fn add(&mut self, at: Duration, figures: Vec<Figure>) {
        for figure in figures {
            let series = self.series.entry(figure.name).or_insert_with(|| Series {
                unit: figure.unit,
                floor: figure.floor,
                points: Vec::new(),
            });
            series.points.push((at.as_secs_f64(), figure.value));
        }
    }

    /// Prints a row for each figure: what it was after the warm-up, how it grew, and the bound.
    ///
    /// # Errors
    /// Names the figures that grew beyond their bounds.
    pub(crate) fn judge(&self, warm_up: Duration) -> Result<(), Box<dyn Error>> {
        let mut grown = Vec::new();
        for (name, series) in &self.series {
            let points: Vec<_> = series
                .points
                .iter()
                .copied()
                .filter(|(at, _)| *at >= warm_up.as_secs_f64())
                .collect();
            let (Some(first), Some(last)) = (points.first(), points.last()) else {
                return Err(format!("no sample of {name} after the warm-up").into());
            };
            let mut values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
            values.sort_by(f64::total_cmp);
            let median = values[values.len() / 2];
            let slope = slope(&points);
            let seconds = last.0 - first.0;
            let (growth, bound) = (slope * seconds, (median * FLAT).max(series.floor));
            let flat = growth <= bound;
            if !flat {
                grown.push(*name);
            }
            let unit = series.unit;
            row(
                name,
                &format!(
                    "median {median:.1}{unit}, {:.1} to {:.1}{unit}; slope {:+.2}{unit} an hour, {growth:+.2}{unit} in the {seconds:.0} s \
                     after the warm-up, bound {bound:.1}{unit}: {}",
                    values[0],
                    values[values.len() - 1],
                    slope * 3600.0,
                    if flat { "flat" } else { "GROWS" }
                ),
            );
        }
        match grown.is_empty() {
            true => Ok(()),
            false => Err(format!("not flat: {}", grown.join(", ")).into()),
        }
    }
}

/// Least squares; units per second.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (at, value) = (mean(|point| point.0), mean(|point| point.1));
    let (mut above, mut below) = (0.0, 0.0);
    for point in points {
        above += (point.0 - at) * (point.1 - value);
        below += (point.0 - at).powi(2);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

//! A chart, read from its bytes straight into series of doubles on a grid.

use std::fmt;

use indexmap::IndexMap;
use kayenta_json::JsonError;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

/// Most values one series may have on its grid. Two points a decade apart would otherwise make any
/// number of gaps.
const MOST_VALUES: i64 = 10_000_000;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Chart {
    /// The query as Wavefront understood it.
    pub query: Option<String>,
    /// What it has to say about it.
    pub warnings: Option<String>,
    /// The series; `None` when the query found nothing at all.
    pub timeseries: Option<Vec<Series>>,
}

/// One series of a chart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Series {
    /// Point tags.
    #[serde(default)]
    pub tags: Option<IndexMap<String, String>>,
    /// The points in time order.
    #[serde(default)]
    pub data: Points,
}

/// Points of a series: seconds since 1970 and values, side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Seconds since 1970.
    pub times: Vec<i64>,
    /// The values; NaN for a `null`.
    pub values: Vec<f64>,
}

/// A series that cannot be put on its grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a series from second {first} to second {last} has more than {MOST_VALUES} steps of {step} s; ask for \
     a shorter window or a larger step"
)]
pub struct TooManySteps {
    first: i64,
    last: i64,
    step: i64,
}

/// Values of one series from its first to its last point, one each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Time of the first value in seconds since 1970.
    pub first: i64,
    /// Time of the last point.
    pub last: i64,
    /// The values; NaN where no point lies exactly on the step.
    pub values: Vec<f64>,
}

/// Reads a whole answer.
///
/// # Errors
/// When it is no JSON or of another shape.
pub fn read(body: &[u8]) -> Result<Chart, JsonError> {
    Ok(serde_json::from_slice(body)?)
}

impl Points {
    /// Puts the points on a grid of `step` seconds (at least 1) from the first one on; `None` without
    /// points. Points between two steps are passed over.
    ///
    /// # Errors
    /// When there would be more than ten million steps.
    pub fn on_grid(&self, step: i64) -> Result<Option<Grid>, TooManySteps> {
        let (Some(&first), Some(&last)) = (self.times.first(), self.times.last()) else {
            return Ok(None);
        };
        let too_many = TooManySteps { first, last, step };
        let span = last.checked_sub(first).ok_or(too_many)?;
        let steps = span.checked_div(step.max(1)).unwrap_or_default();
        if steps >= MOST_VALUES {
            return Err(too_many);
        }
        let mut values = Vec::with_capacity(usize::try_from(steps + 1).unwrap_or_default());
        let mut at = 0;
        for k in 0..=steps {
            let time = first + k * step.max(1);
            while self.times[at] < time && at + 1 < self.times.len() {
                at += 1;
            }
            values.push(if self.times[at] == time {
                self.values[at]
            } else {
                f64::NAN
            });
        }
        Ok(Some(Grid {
            first,
            last,
            values,
        }))
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Points;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of points")
            }
            fn visit_unit<E>(self) -> Result<Points, E> {
                Ok(Points::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Points, A::Error> {
                let mut points = Points::default();
                while let Some((time, value)) = seq.next_element::<(f64, Option<f64>)>()? {
                    points.times.push(time.trunc() as i64);
                    points.values.push(value.unwrap_or(f64::NAN));
                }
                Ok(points)
            }
        }
        deserializer.deserialize_any(List)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grid(points: serde_json::Value, step: i64) -> Option<Vec<String>> {
        let points: Points = serde_json::from_value(points).unwrap();
        let grid = points.on_grid(step).unwrap()?;
        Some(grid.values.iter().map(f64::to_string).collect())
    }

    /// The series the reference's own test pins.
    #[test]
    fn pinned_series_come_out_value_for_value() {
        let points = json!([[0, 0], [2, 2], [4, 4]]);
        let values = |step| grid(points.clone(), step).unwrap();
        assert_eq!(values(2), ["0", "2", "4"]);
        assert_eq!(values(1), ["0", "NaN", "2", "NaN", "4"]);
        assert_eq!(values(4), ["0", "4"]);
        assert_eq!(values(3), ["0", "NaN"]);
        assert_eq!(values(100), ["0"]);
    }

    #[test]
    fn points_may_be_missing_alone_or_null() {
        assert_eq!(grid(json!([]), 60), None);
        assert_eq!(grid(serde_json::Value::Null, 60), None);
        assert_eq!(grid(json!([[7, 1.5]]), 60).unwrap(), ["1.5"]);
        assert_eq!(grid(json!([[0, null], [60, 2]]), 60).unwrap(), ["NaN", "2"]);
    }

    #[test]
    fn c_wavefront_02_a_series_of_gaps_has_bounds() {
        let points: Points = serde_json::from_value(json!([[0, 1], [10_000_000, 2]])).unwrap();
        assert_eq!(
            points.on_grid(1).unwrap_err().to_string(),
            "a series from second 0 to second 10000000 has more than 10000000 steps of 1 s; ask for a \
             shorter window or a larger step"
        );
        assert_eq!(points.on_grid(2).unwrap().unwrap().values.len(), 5_000_001);
        let extremes: Points = serde_json::from_value(json!([[-9.3e18, 1], [9.3e18, 2]])).unwrap();
        assert!(extremes.on_grid(60).is_err());
    }

    #[test]
    fn charts_may_lack_everything() {
        let chart = read(br#"{"query": "ts(x)", "warnings": "w", "granularity": 60}"#).unwrap();
        assert_eq!(chart.timeseries, None);
        let chart = read(br#"{"timeseries": [{"label": "m", "host": "h"}]}"#).unwrap();
        assert_eq!(chart.timeseries.unwrap()[0].data, Points::default());
        assert!(read(b"<html>").is_err());
        assert!(read(br#"{"timeseries": [{"data": [[1, "x"]]}]}"#).is_err());
    }
}

//! A rendering, read from its bytes straight into series of doubles.

use std::fmt;

use kayenta_json::JsonError;
use kayenta_metrics::reading::fold_list;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

/// One target of a rendering.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Time of the first point, seconds since 1970; 0 without points.
    pub start_seconds: i64,
    /// Time of the last point.
    pub end_seconds: i64,
    /// Whole seconds between the first two points, 1 with fewer.
    pub step_seconds: i64,
    /// The values in order, NaN for `null`. Points the store left out are not filled in.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
struct Target {
    datapoints: Points,
}

#[derive(Default)]
struct Points {
    first: f64,
    second: f64,
    last: f64,
    values: Vec<f64>,
}

/// Graphite's own words in an error answer: the first line of a text that is no page for browsers.
#[must_use]
pub fn error_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next()?.trim();
    (!line.starts_with('<')).then(|| line.to_owned())
}

/// Reads a whole answer; no target is an empty list.
///
/// # Errors
/// When it is no rendering.
pub fn read(body: &[u8]) -> Result<Vec<Series>, JsonError> {
    let targets: Vec<Target> = serde_json::from_slice(body)?;
    Ok(targets
        .into_iter()
        .map(|target| finished(target.datapoints))
        .collect())
}

fn finished(mut points: Points) -> Series {
    points.values.shrink_to_fit();
    let step_seconds = match points.values.len() {
        0 | 1 => 1,
        _ => (points.second - points.first) as i64,
    };
    Series {
        start_seconds: points.first as i64,
        end_seconds: points.last as i64,
        step_seconds,
        values: points.values,
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fold_list(
            deserializer,
            "a list of data points",
            |points: &mut Self, Point { value, time }| {
                match points.values.len() {
                    0 => points.first = time,
                    1 => points.second = time,
                    _ => {}
                }
                points.last = time;
                points.values.push(value);
            },
        )
    }
}

/// `[value or null, seconds since 1970]`.
struct Point {
    value: f64,
    time: f64,
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Point;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value and its time")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Point, A::Error> {
                let wrong_size = |size: usize| {
                    de::Error::custom(format!(
                        "data format from graphite is invalid, expected size of 2 for datapoint, \
                         got: {size}"
                    ))
                };
                let value: Option<f64> = seq.next_element()?.ok_or_else(|| wrong_size(0))?;
                let time: f64 = seq.next_element()?.ok_or_else(|| wrong_size(1))?;
                let mut size = 2;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    size += 1;
                }
                if size > 2 {
                    return Err(wrong_size(size));
                }
                Ok(Point {
                    value: value.unwrap_or(f64::NAN),
                    time,
                })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one(points: Value) -> Series {
        let body = json!([{"target": "t", "tags": {"name": "t"}, "datapoints": points}]);
        read(body.to_string().as_bytes()).unwrap().remove(0)
    }

    /// Counts and times as the reference's own test has them.
    #[test]
    fn times_come_from_the_first_two_and_the_last_point() {
        let points: Vec<_> = (0..24)
            .map(|i| json!([f64::from(i), 946_685_480 + 10 * i]))
            .collect();
        let series = one(points.into());
        assert_eq!(
            (series.start_seconds, series.step_seconds),
            (946_685_480, 10)
        );
        assert_eq!(series.end_seconds, 946_685_480 + 230);
        assert_eq!(series.values.len(), 24);
        let single = one(json!([[7, 100]]));
        assert_eq!(
            (
                single.start_seconds,
                single.end_seconds,
                single.step_seconds
            ),
            (100, 100, 1)
        );
        let none = one(json!([]));
        assert_eq!(
            (none.start_seconds, none.end_seconds, none.step_seconds),
            (0, 0, 1)
        );
        assert!(none.values.is_empty());
    }

    #[test]
    fn nulls_are_nan_and_gaps_stay_gaps() {
        let series = one(json!([[1.5, 0], [null, 120], [2, 180]]));
        let texts: Vec<_> = series.values.iter().map(f64::to_string).collect();
        assert_eq!(texts, ["1.5", "NaN", "2"]);
        assert_eq!((series.step_seconds, series.end_seconds), (120, 180));
        assert!(read(b"[]").unwrap().is_empty());
    }

    #[test]
    fn points_of_another_size_and_other_shapes_are_refused() {
        let error = |body: &str| read(body.as_bytes()).unwrap_err().to_string();
        for (points, size) in [("[[]]", 0), ("[[1]]", 1), ("[[1,2,3]]", 3)] {
            let error = error(&format!(r#"[{{"target":"t","datapoints":{points}}}]"#));
            let wanted = format!(
                "data format from graphite is invalid, expected size of 2 for datapoint, got: {size}"
            );
            assert!(error.starts_with(&wanted), "{error}");
        }
        for bad in [
            "",
            "<html>",
            "{}",
            r#"[{"target":"t"}]"#,
            r#"[{"target":"t","datapoints":[[NaN,1]]}]"#,
            r#"[{"target":"t","datapoints":[[1,null]]}]"#,
        ] {
            error(bad);
        }
    }

    #[test]
    fn the_store_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text("Unknown function: sumx\n at …").as_deref(),
            Some("Unknown function: sumx")
        );
        assert_eq!(text("<!DOCTYPE html><html>"), None);
        assert_eq!(text(" "), None);
        assert_eq!(error_text(&[0xff, 0xfe]), None);
    }
}

//! Finds series in any JSON by JSONPath, and puts them on a time axis.

use indexmap::IndexMap;
use kayenta_json::JsonError;
use kayenta_metrics::series::Axis;
use kayenta_model::{Instant, number::parse_java_double};
use serde_json::Value;
use serde_json_path::JsonPath;

/// Most values one series may have once its gaps are filled.
const MOST_VALUES: usize = 10_000_000;

/// A JSONPath and how its setting is called.
#[derive(Clone, Debug)]
pub struct Path {
    setting: &'static str,
    text: String,
    path: JsonPath,
}

/// A setting that is not a valid JSONPath.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} '{text}' is not a valid JSONPath (RFC 9535): {reason}")]
pub struct PathError {
    setting: &'static str,
    text: String,
    reason: String,
}

impl Path {
    /// Reads a JSONPath.
    ///
    /// # Errors
    /// When it is none; the text says where it goes wrong.
    pub fn parse(setting: &'static str, text: &str) -> Result<Self, PathError> {
        let path = JsonPath::parse(text).map_err(|error| PathError {
            setting,
            text: text.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            setting,
            text: text.to_owned(),
            path,
        })
    }

    fn of<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        self.path.query(root).all()
    }

    /// What the path finds; a list that is found alone stands for its elements.
    fn elements<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        match self.of(root)[..] {
            [Value::Array(list)] => list.iter().collect(),
            ref found => found.to_vec(),
        }
    }

    fn wrong(&self, found: &Value, wanted: &'static str) -> AnswerError {
        AnswerError::Wrong {
            setting: self.setting,
            path: self.text.clone(),
            found: describe(found),
            wanted,
        }
    }
}

/// What timestamps count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Seconds since 1970, whole or not.
    #[default]
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Texts in ISO-8601.
    Iso,
}

/// Where the numbers of an answer are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `seriesPath`: one node for each series, which the other paths start from; `None`: the answer is
    /// one series.
    pub series: Option<Path>,
    /// `tagsPath`: an object of labels.
    pub tags: Option<Path>,
    /// `timestampsPath`; `None`: the values lie evenly over the window.
    pub timestamps: Option<Path>,
    /// `timestampUnit`.
    pub unit: TimestampUnit,
    /// `valuesPath`: numbers, numbers in texts, or `null`.
    pub values: Path,
}

/// One series as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub tags: IndexMap<String, String>,
    /// Milliseconds since 1970, ascending; `None` without `timestampsPath`.
    pub times: Option<Vec<i64>>,
    /// The values; NaN for a `null`.
    pub values: Vec<f64>,
}

/// Why no series could be made of an answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// No JSON.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A path finds something of the wrong kind.
    #[error("{setting} '{path}' finds {found} where {wanted} is wanted")]
    Wrong {
        /// The setting.
        setting: &'static str,
        /// The path.
        path: String,
        /// What is there.
        found: String,
        /// What should be.
        wanted: &'static str,
    },
    /// Timestamps and values do not belong together.
    #[error("timestampsPath finds {times} timestamps for the {values} values of valuesPath")]
    Uneven {
        /// Number of timestamps.
        times: usize,
        /// Number of values.
        values: usize,
    },
    /// Two series that cannot be distinguished.
    #[error("two series have the same tags {0}; tagsPath has to tell them apart")]
    Twins(String),
    /// A series of gaps.
    #[error(
        "with its gaps filled a series has more than {MOST_VALUES} values; ask for a larger step"
    )]
    TooLong,
}

/// A value in a few words, for an error text.
fn describe(value: &Value) -> String {
    const MOST_CHARS: usize = 60;
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the text",
        Value::Array(_) => "the list",
        Value::Object(_) => "the object",
    };
    let text = value.to_string();
    let mut shown: String = text.chars().take(MOST_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{kind} {shown}")
}

/// Finds every series of an answer; those without values are left out.
///
/// # Errors
/// See [`AnswerError`].
pub fn read(body: &[u8], paths: &Paths) -> Result<Vec<Series>, AnswerError> {
    let root: Value = serde_json::from_slice(body).map_err(JsonError::from)?;
    let nodes = match &paths.series {
        Some(path) => path.elements(&root),
        None => vec![&root],
    };
    let mut all: Vec<Series> = Vec::new();
    for node in nodes {
        let series = one(node, paths)?;
        if series.values.is_empty() {
            continue;
        }
        if all.iter().any(|other| other.tags == series.tags) {
            let tags: Vec<_> = series
                .tags
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            return Err(AnswerError::Twins(format!("{{{}}}", tags.join(", "))));
        }
        all.push(series);
    }
    Ok(all)
}

fn one(node: &Value, paths: &Paths) -> Result<Series, AnswerError> {
    let mut values = paths
        .values
        .elements(node)
        .into_iter()
        .map(|found| value(found).ok_or_else(|| paths.values.wrong(found, "a number")))
        .collect::<Result<Vec<f64>, _>>()?;
    let mut times = None;
    if let Some(path) = &paths.timestamps {
        let found = path
            .elements(node)
            .into_iter()
            .map(|found| {
                time(found, paths.unit).ok_or_else(|| path.wrong(found, wanted(paths.unit)))
            })
            .collect::<Result<Vec<i64>, _>>()?;
        if found.len() != values.len() {
            return Err(AnswerError::Uneven {
                times: found.len(),
                values: values.len(),
            });
        }
        if found.is_sorted() {
            times = Some(found);
        } else {
            // Some servers tell the newest first.
            let mut points: Vec<_> = found.into_iter().zip(values).collect();
            points.sort_by_key(|(time, _)| *time);
            let (sorted, ordered) = points.into_iter().unzip();
            (times, values) = (Some(sorted), ordered);
        }
    }
    let tags = match &paths.tags {
        Some(path) => tags(path, node)?,
        None => IndexMap::new(),
    };
    Ok(Series {
        tags,
        times,
        values,
    })
}

fn value(found: &Value) -> Option<f64> {
    match found {
        Value::Null => Some(f64::NAN),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "+Inf" | "Inf" => Some(f64::INFINITY),
            "-Inf" => Some(f64::NEG_INFINITY),
            text => parse_java_double(text),
        },
        _ => None,
    }
}

fn wanted(unit: TimestampUnit) -> &'static str {
    match unit {
        TimestampUnit::Seconds => "a timestamp in seconds",
        TimestampUnit::Millis => "a timestamp in milliseconds",
        TimestampUnit::Iso => "a timestamp in ISO-8601",
    }
}

fn time(found: &Value, unit: TimestampUnit) -> Option<i64> {
    let scale = match unit {
        TimestampUnit::Iso => return Some(found.as_str()?.parse::<Instant>().ok()?.millis()),
        TimestampUnit::Seconds => 1000.0,
        TimestampUnit::Millis => 1.0,
    };
    let number = value(found).filter(|number| number.is_finite())?;
    Some((number * scale).round() as i64)
}

fn tags(path: &Path, node: &Value) -> Result<IndexMap<String, String>, AnswerError> {
    let mut tags = IndexMap::new();
    for found in path.of(node) {
        let labels = found
            .as_object()
            .ok_or_else(|| path.wrong(found, "an object of labels"))?;
        for (name, label) in labels {
            let text = match label {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => label.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(path.wrong(label, "a label"));
                }
            };
            tags.insert(name.clone(), text);
        }
    }
    Ok(tags)
}

impl Series {
    /// The time axis, and the values on it. With timestamps the axis begins at the first one and has the
    /// step that was asked for: where the next point is further away, NaN stands for each missing one;
    /// no point is dropped. Without timestamps the values lie evenly over the window.
    ///
    /// # Errors
    /// When the gaps are more than any query could mean.
    pub fn on_axis(
        self,
        (start, end): (Instant, Instant),
        step_seconds: i64,
    ) -> Result<(Axis, Vec<f64>), AnswerError> {
        let length = |values: &[f64]| i64::try_from(values.len()).unwrap_or(i64::MAX);
        let Some(times) = self.times else {
            let span = end.millis().saturating_sub(start.millis());
            let axis = Axis {
                start_millis: start.millis(),
                end_millis: end.millis(),
                step_millis: span / length(&self.values).max(1),
            };
            return Ok((axis, self.values));
        };
        let step = step_seconds.saturating_mul(1000);
        let mut values = Vec::with_capacity(self.values.len());
        let mut before = None;
        for (time, value) in times.iter().zip(self.values) {
            if let Some(before) = before.replace(*time) {
                let steps = (time.saturating_sub(before) as f64 / step as f64).round() as usize;
                let missing = steps.saturating_sub(1);
                if missing > MOST_VALUES - values.len().min(MOST_VALUES) {
                    return Err(AnswerError::TooLong);
                }
                values.extend(std::iter::repeat_n(f64::NAN, missing));
            }
            values.push(value);
        }
        let start_millis = times.first().copied().unwrap_or_default();
        let axis = Axis {
            start_millis,
            end_millis: start_millis.saturating_add(step.saturating_mul(length(&values))),
            step_millis: step,
        };
        Ok((axis, values))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(setting: &'static str, text: &str) -> Path {
        Path::parse(setting, text).unwrap()
    }

    fn paths(timestamps: Option<&str>, values: &str) -> Paths {
        Paths {
            series: None,
            tags: None,
            timestamps: timestamps.map(|text| path("timestampsPath", text)),
            unit: TimestampUnit::Seconds,
            values: path("valuesPath", values),
        }
    }

    fn found(body: &Value, paths: &Paths) -> Result<Vec<Series>, String> {
        read(body.to_string().as_bytes(), paths).map_err(|error| error.to_string())
    }

    fn texts(values: &[f64]) -> Vec<String> {
        values.iter().map(f64::to_string).collect()
    }

    #[test]
    fn points_lists_and_pairs_are_all_found() {
        let points =
            json!({"data": [{"t": 60, "v": 1}, {"t": "120.5", "v": "2.5"}, {"t": 180, "v": null}]});
        let lists = json!({"data": {"t": [60, 120.5, 180], "v": [1, 2.5, null]}});
        let pairs = json!({"data": [[60, 1], [120.5, "2.5"], [180, null]]});
        for (body, timestamps, values) in [
            (&points, "$.data[*].t", "$.data[*].v"),
            (&lists, "$.data.t", "$.data.v"),
            (&lists, "$.data.t[*]", "$.data.v[*]"),
            (&pairs, "$.data[*][0]", "$.data[*][1]"),
        ] {
            let series = found(body, &paths(Some(timestamps), values))
                .unwrap()
                .remove(0);
            assert_eq!(
                series.times,
                Some(vec![60_000, 120_500, 180_000]),
                "{values}"
            );
            assert_eq!(texts(&series.values), ["1", "2.5", "NaN"], "{values}");
        }
    }

    #[test]
    fn every_unit_of_time_is_read_and_the_newest_may_come_first() {
        let body = json!({"t": ["2020-11-20T23:01:00Z", "2020-11-20T23:00:00+00:00"], "v": [2, 1]});
        let mut paths = paths(Some("$.t"), "$.v");
        paths.unit = TimestampUnit::Iso;
        let series = found(&body, &paths).unwrap().remove(0);
        assert_eq!(
            series.times,
            Some(vec![1_605_913_200_000, 1_605_913_260_000])
        );
        assert_eq!(series.values, [1.0, 2.0]);
        paths.unit = TimestampUnit::Millis;
        let series = found(
            &json!({"t": [1_605_913_200_123_i64], "v": ["-Inf"]}),
            &paths,
        )
        .unwrap()
        .remove(0);
        assert_eq!(series.times, Some(vec![1_605_913_200_123]));
        assert_eq!(series.values, [f64::NEG_INFINITY]);
    }

    #[test]
    fn each_node_of_the_series_path_is_a_series_with_its_tags() {
        let body = json!({"data": {"result": [
            {"metric": {"zone": "a", "n": 1, "none": null}, "values": [[0, "1"]]},
            {"metric": {"zone": "b"}, "values": []},
            {"metric": {"zone": "c"}, "values": [[0, "3"], [60, "4"]]},
        ]}});
        let several = Paths {
            series: Some(path("seriesPath", "$.data.result[*]")),
            tags: Some(path("tagsPath", "$.metric")),
            ..paths(Some("$.values[*][0]"), "$.values[*][1]")
        };
        let series = found(&body, &several).unwrap();
        let tags: Vec<_> = series
            .iter()
            .map(|one| serde_json::to_value(&one.tags).unwrap())
            .collect();
        assert_eq!(tags, [json!({"zone": "a", "n": "1"}), json!({"zone": "c"})]);
        assert_eq!(series[1].values, [3.0, 4.0]);
        // A list that is found alone is its elements.
        let listed = Paths {
            series: Some(path("seriesPath", "$.data.result")),
            ..several.clone()
        };
        assert_eq!(found(&body, &listed).unwrap(), series);
        let untold = Paths {
            tags: None,
            ..several
        };
        assert_eq!(
            found(&body, &untold).unwrap_err(),
            "two series have the same tags {}; tagsPath has to tell them apart"
        );
    }

    #[test]
    fn what_does_not_fit_is_reported() {
        let error = |body: Value, paths: &Paths| found(&body, paths).unwrap_err();
        let plain = paths(Some("$.t"), "$.v");
        assert_eq!(
            error(json!({"t": [1], "v": [1, 2]}), &plain),
            "timestampsPath finds 1 timestamps for the 2 values of valuesPath"
        );
        assert_eq!(
            error(json!({"t": [1], "v": [{"a": 1}]}), &plain),
            "valuesPath '$.v' finds the object {\"a\":1} where a number is wanted"
        );
        assert_eq!(
            error(json!({"t": [true], "v": [1]}), &plain),
            "timestampsPath '$.t' finds the boolean true where a timestamp in seconds is wanted"
        );
        assert_eq!(
            error(json!({"t": [null], "v": [1]}), &plain),
            "timestampsPath '$.t' finds null where a timestamp in seconds is wanted"
        );
        assert!(error(json!({"t": [1], "v": ["x".repeat(500)]}), &plain).contains("xxx… where"));
        let tagged = Paths {
            tags: Some(path("tagsPath", "$.tags")),
            ..plain.clone()
        };
        assert_eq!(
            error(json!({"t": [1], "v": [1], "tags": ["a"]}), &tagged),
            "tagsPath '$.tags' finds the list [\"a\"] where an object of labels is wanted"
        );
        assert!(
            read(b"<html>", &plain)
                .unwrap_err()
                .to_string()
                .starts_with("it cannot be read: expected value")
        );
        assert!(found(&json!({"other": 1}), &plain).unwrap().is_empty());
        let refused = Path::parse("valuesPath", "data[*]")
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("valuesPath 'data[*]' is not a valid JSONPath (RFC 9535): "),
            "{refused}"
        );
    }

    fn window() -> (Instant, Instant) {
        let at = |text: &str| text.parse().unwrap();
        (at("2020-11-20T23:00:00Z"), at("2020-11-20T23:10:00Z"))
    }

    fn axis(times: Option<&[i64]>, values: &[f64], step: i64) -> (Axis, Vec<String>) {
        let series = Series {
            tags: IndexMap::new(),
            times: times.map(<[i64]>::to_vec),
            values: values.to_vec(),
        };
        let (axis, values) = series.on_axis(window(), step).unwrap();
        (axis, texts(&values))
    }

    #[test]
    fn gaps_are_filled_and_no_point_is_dropped() {
        let times = [0, 60_000, 240_000, 270_000, 330_000];
        let (axis, values) = axis(Some(&times), &[1.0, 2.0, 3.0, 4.0, 5.0], 60);
        assert_eq!(values, ["1", "2", "NaN", "NaN", "3", "4", "5"]);
        assert_eq!(
            (axis.start_millis, axis.step_millis, axis.end_millis),
            (0, 60_000, 420_000)
        );
    }

    #[test]
    fn without_timestamps_the_values_lie_evenly_over_the_window() {
        let (axis, values) = axis(None, &[1.0, 2.0, 3.0, 4.0], 60);
        assert_eq!(values, ["1", "2", "3", "4"]);
        assert_eq!(axis.step_millis, 150_000);
        assert_eq!(axis.end_millis - axis.start_millis, 600_000);
    }

    #[test]
    fn a_series_of_gaps_has_bounds() {
        let series = Series {
            tags: IndexMap::new(),
            times: Some(vec![i64::MIN, i64::MAX]),
            values: vec![1.0, 2.0],
        };
        assert!(matches!(
            series.on_axis(window(), 1),
            Err(AnswerError::TooLong)
        ));
    }
}

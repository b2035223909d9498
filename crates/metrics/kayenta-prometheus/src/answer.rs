//! The matrix of a range query, read from its bytes straight into series of doubles: no tree of JSON
//! values is built, a million points cost eight million bytes.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use indexmap::IndexMap;
use kayenta_metrics::reading::{BodyError, fold_list};
use kayenta_model::number::parse_java_double;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

/// One series of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Labels without `__name__`.
    pub tags: IndexMap<String, String>,
    /// Time of the first point, milliseconds since 1970.
    pub start_millis: i64,
    /// Whole seconds between the first two points, 0 with one point only.
    pub step_seconds: i64,
    /// One step after the last point.
    pub end_millis: i64,
    /// The values in time order. Points the store left out are not filled in.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    data: Option<Data>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: Option<String>,
    result: Option<RawResult>,
}

/// `result` holds series in a matrix and a bare pair in a scalar; the pair is only recognised.
enum RawResult {
    Series(Vec<RawSeries>),
    Other,
}

#[derive(Deserialize)]
struct RawSeries {
    metric: Option<IndexMap<String, String>>,
    values: Option<Points>,
}

#[derive(Default)]
struct Points {
    count: i64,
    first_millis: i64,
    second_millis: i64,
    values: Vec<f64>,
}

/// Prometheus' own words in an error answer: `bad_data: parse error …`.
#[must_use]
pub fn error_text(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    joined(body.error_type, body.error)
}

fn joined(error_type: Option<String>, error: Option<String>) -> Option<String> {
    match (error_type, error) {
        (Some(kind), Some(error)) => Some(format!("{kind}: {error}")),
        (kind, error) => error.or(kind),
    }
}

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The series; none is an empty list.
    pub series: Vec<Series>,
    /// `warnings`: why the series may be incomplete, in the store's words.
    pub warnings: Vec<String>,
}

/// Reads a whole answer.
///
/// # Errors
/// See [`BodyError`].
pub fn read(body: &[u8]) -> Result<Found, BodyError> {
    let mut part = Part::read(body)?;
    let warnings = std::mem::take(&mut part.warnings);
    Ok(Found {
        series: part.finished()?,
        warnings,
    })
}

/// The answer for one part of a range, whose series are not finished yet.
pub struct Part {
    kind: String,
    series: Vec<RawSeries>,
    warnings: Vec<String>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} series)", self.series.len())
    }
}

impl Part {
    /// Reads the answer.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let body: Body = serde_json::from_slice(body)?;
        if body.status.as_deref() == Some("error") {
            let words = joined(body.error_type, body.error);
            return Err(BodyError::Failure(
                words.unwrap_or_else(|| "it does not say which".to_owned()),
            ));
        }
        let data = body
            .data
            .ok_or_else(|| BodyError::Unusable("it has no data".to_owned()))?;
        let kind = data.result_type.unwrap_or_else(|| "none".to_owned());
        match data.result {
            Some(RawResult::Series(series)) => Ok(Self {
                kind,
                series,
                warnings: body.warnings.unwrap_or_default(),
            }),
            Some(RawResult::Other) | None => Err(BodyError::Unusable(format!(
                "it holds no series (resultType {kind})"
            ))),
        }
    }

    fn finished(self) -> Result<Vec<Series>, BodyError> {
        let kind = self.kind;
        self.series
            .into_iter()
            .map(|series| finished(series, &kind))
            .collect()
    }
}

/// Joins the answers for the parts of a range, in order of time, as if they were one answer: series with
/// the same labels are one series, and series are sorted by their labels, as Prometheus sorts a matrix.
///
/// # Errors
/// See [`BodyError`].
pub fn join(parts: Vec<Part>) -> Result<Found, BodyError> {
    let mut whole = Part {
        kind: "matrix".to_owned(),
        series: Vec::new(),
        warnings: Vec::new(),
    };
    let mut by_labels: BTreeMap<Vec<(String, String)>, RawSeries> = BTreeMap::new();
    for part in parts {
        for warning in part.warnings {
            if !whole.warnings.contains(&warning) {
                whole.warnings.push(warning);
            }
        }
        for series in part.series {
            let mut labels: Vec<(String, String)> = series
                .metric
                .iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            labels.sort_unstable();
            match by_labels.entry(labels) {
                Entry::Vacant(first) => {
                    first.insert(series);
                }
                Entry::Occupied(mut known) => {
                    if let Some(points) = series.values {
                        known.get_mut().append(points);
                    }
                }
            }
        }
    }
    whole.series = by_labels.into_values().collect();
    let warnings = std::mem::take(&mut whole.warnings);
    Ok(Found {
        series: whole.finished()?,
        warnings,
    })
}

impl RawSeries {
    /// Adds points that are later than all it has.
    fn append(&mut self, later: Points) {
        match &mut self.values {
            None => self.values = Some(later),
            Some(points) if points.count == 0 => *points = later,
            Some(points) => {
                if points.count == 1 && later.count > 0 {
                    points.second_millis = later.first_millis;
                }
                points.count += later.count;
                points.values.extend(later.values);
            }
        }
    }
}

fn finished(raw: RawSeries, kind: &str) -> Result<Series, BodyError> {
    let lacks = |what| BodyError::Unusable(format!("a series has no {what} (resultType {kind})"));
    let mut tags = raw.metric.ok_or_else(|| lacks("metric"))?;
    tags.shift_remove("__name__");
    let mut points = raw
        .values
        .filter(|points| points.count > 0)
        .ok_or_else(|| lacks("values"))?;
    points.values.shrink_to_fit();
    let step_seconds = if points.count > 1 {
        points.second_millis.saturating_sub(points.first_millis) / 1000
    } else {
        0
    };
    let length = points
        .count
        .saturating_mul(step_seconds)
        .saturating_mul(1000);
    Ok(Series {
        tags,
        start_millis: points.first_millis,
        step_seconds,
        end_millis: points.first_millis.saturating_add(length),
        values: points.values,
    })
}

impl<'de> Deserialize<'de> for RawResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = RawResult;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of series")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawResult, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element::<SeriesOrScalar>()? {
                    match item {
                        SeriesOrScalar::Series(series) => list.push(series),
                        SeriesOrScalar::Scalar => {
                            while seq.next_element::<IgnoredAny>()?.is_some() {}
                            return Ok(RawResult::Other);
                        }
                    }
                }
                Ok(RawResult::Series(list))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

enum SeriesOrScalar {
    Series(RawSeries),
    Scalar,
}

impl<'de> Deserialize<'de> for SeriesOrScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Item;
        impl<'de> Visitor<'de> for Item {
            type Value = SeriesOrScalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a series")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let series = RawSeries::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(SeriesOrScalar::Series(series))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(SeriesOrScalar::Scalar)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(SeriesOrScalar::Scalar)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(SeriesOrScalar::Scalar)
            }
        }
        deserializer.deserialize_any(Item)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fold_list(
            deserializer,
            "a list of points",
            |points: &mut Self, (Time(millis), Value(value))| {
                match points.count {
                    0 => points.first_millis = millis,
                    1 => points.second_millis = millis,
                    _ => {}
                }
                points.count += 1;
                points.values.extend(value);
            },
        )
    }
}

/// Seconds as a number or a numeric string, cut to milliseconds.
struct Time(i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970")
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Time, E> {
                Ok(Time((seconds * 1000.0).trunc() as i64))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Time, E> {
                self.visit_f64(seconds as f64)
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Time, E> {
                self.visit_f64(seconds as f64)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                let seconds = parse_java_double(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))?;
                self.visit_f64(seconds)
            }
        }
        deserializer.deserialize_any(Seconds)
    }
}

/// A value in a string; `null` is none.
struct Value(Option<f64>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value in a string")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value(None))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let value = match text {
                    "+Inf" => Some(f64::INFINITY),
                    "-Inf" => Some(f64::NEG_INFINITY),
                    _ => parse_java_double(text),
                };
                value
                    .map(|value| Value(Some(value)))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matrix(result: serde_json::Value) -> Result<Vec<Series>, BodyError> {
        found(result).map(|found| found.series)
    }

    fn found(result: serde_json::Value) -> Result<Found, BodyError> {
        let body = json!({
            "status": "success",
            "data": {"resultType": "matrix", "result": result, "stats": {}},
            "warnings": ["w"]
        });
        read(body.to_string().as_bytes())
    }

    #[test]
    fn times_and_steps_come_from_the_data() {
        // First timestamps and counts as the reference's own tests pin them.
        for (start, count, end) in [
            (1_599_657_179.540, 58, 1_599_657_237_540),
            (1_599_658_195.474, 57, 1_599_658_252_474),
        ] {
            let points: Vec<_> = (0..count)
                .map(|i| json!([start + f64::from(i), "43"]))
                .collect();
            let series =
                matrix(json!([{"metric": {"__name__": "m", "uri": "/uri-1"}, "values": points}]))
                    .unwrap()
                    .remove(0);
            assert_eq!(series.start_millis, (start * 1000.0) as i64);
            assert_eq!((series.step_seconds, series.end_millis), (1, end));
            assert_eq!(series.values.len(), count as usize);
            assert_eq!(
                series.tags,
                IndexMap::from([("uri".to_owned(), "/uri-1".to_owned())])
            );
        }
    }

    #[test]
    fn parts_of_a_range_join_without_a_seam() {
        let one = |labels: serde_json::Value, points: Vec<(i64, f64)>| {
            let points: Vec<_> = points
                .into_iter()
                .map(|(at, value)| json!([at, value.to_string()]))
                .collect();
            json!({"metric": labels, "values": points})
        };
        let a = json!({"__name__": "m", "v": "a"});
        let b = json!({"__name__": "m", "v": "b", "zone": "1"});
        let points =
            |from: i64, to: i64| (from..to).map(|i| (i * 60, i as f64)).collect::<Vec<_>>();
        let whole = found(json!([
            one(a.clone(), points(2, 9)),
            one(b.clone(), points(0, 7))
        ]));
        let parts = [
            // Labels in another order, one point only, and a series that is absent from a part.
            json!([one(
                json!({"zone": "1", "v": "b", "__name__": "m"}),
                points(0, 1)
            )]),
            json!([one(a.clone(), points(2, 3)), one(b.clone(), points(1, 5))]),
            json!([one(b, points(5, 7)), one(a, points(3, 9))]),
        ]
        .map(|result| {
            let body = json!({"status": "success", "warnings": ["w"],
                "data": {"resultType": "matrix", "result": result}});
            Part::read(body.to_string().as_bytes()).unwrap()
        });
        assert_eq!(join(parts.into()).unwrap(), whole.unwrap());
    }

    #[test]
    fn every_spelling_of_a_value_is_read_and_gaps_stay_gaps() {
        let points = json!([
            [0, "1.5"],
            ["60", "+Inf"],
            [120.0, "-Inf"],
            [300, "NaN"],
            [360, null],
            [420, "1e3"]
        ]);
        let series = matrix(json!([{"metric": {}, "values": points}]))
            .unwrap()
            .remove(0);
        let texts: Vec<_> = series.values.iter().map(f64::to_string).collect();
        assert_eq!(texts, ["1.5", "inf", "-inf", "NaN", "1000"]);
        assert_eq!((series.step_seconds, series.end_millis), (60, 360_000));
    }

    #[test]
    fn one_point_and_short_steps_have_no_step() {
        let series = |points| {
            matrix(json!([{"metric": {}, "values": points}]))
                .unwrap()
                .remove(0)
        };
        let one = series(json!([[1.25, "1"]]));
        assert_eq!(
            (one.start_millis, one.step_seconds, one.end_millis),
            (1250, 0, 1250)
        );
        let short = series(json!([[0, "1"], [0.5, "2"]]));
        assert_eq!((short.step_seconds, short.end_millis), (0, 0));
        let cut = series(json!([[0, "1"], [1.5, "2"]]));
        assert_eq!((cut.step_seconds, cut.end_millis), (1, 2000));
    }

    #[test]
    fn other_shapes_are_refused_with_what_they_are() {
        let text =
            |body: serde_json::Value| read(body.to_string().as_bytes()).unwrap_err().to_string();
        assert_eq!(
            text(json!({"status": "error", "errorType": "timeout", "error": "query timed out"})),
            "it reports an error: timeout: query timed out"
        );
        assert_eq!(text(json!({"status": "success"})), "it has no data");
        let data = |data| text(json!({"status": "success", "data": data}));
        assert_eq!(
            data(json!({"resultType": "scalar", "result": [1.5, "1"]})),
            "it holds no series (resultType scalar)"
        );
        assert_eq!(
            data(json!({"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]})),
            "a series has no values (resultType vector)"
        );
        assert_eq!(
            data(json!({"resultType": "matrix", "result": [{"metric": {}, "values": []}]})),
            "a series has no values (resultType matrix)"
        );
        assert_eq!(
            data(json!({"resultType": "matrix", "result": [{"values": [[1, "1"]]}]})),
            "a series has no metric (resultType matrix)"
        );
        for bad in [
            "",
            "OK",
            "[]",
            "{\"data\":{\"result\":[{\"metric\":{},\"values\":[[1,2]]}]}}",
        ] {
            assert!(
                matches!(read(bad.as_bytes()), Err(BodyError::Unreadable(_))),
                "{bad}"
            );
        }
        assert!(matrix(json!([{"metric": {}, "values": [[1, "x"]]}])).is_err());
        assert!(matrix(json!([])).unwrap().is_empty());
        assert_eq!(found(json!([])).unwrap().warnings, ["w"]);
    }

    #[test]
    fn the_store_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text(r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#).as_deref(),
            Some("bad_data: parse error")
        );
        assert_eq!(text(r#"{"error":"x"}"#).as_deref(), Some("x"));
        assert_eq!(text("404 page not found"), None);
        assert_eq!(text("{}"), None);
    }
}

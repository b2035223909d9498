//! The time series of an Insights query, read from its bytes straight into doubles.

use std::fmt;

use kayenta_metrics::reading::{BodyError, fold_list};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The one series an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Begin of the window as New Relic understood it, milliseconds since 1970.
    pub begin_millis: i64,
    /// End of the window, milliseconds since 1970.
    pub end_millis: i64,
    /// Seconds from the first entry to the next one that begins at another time; 0 without one.
    pub spacing_seconds: i64,
    /// One value an entry; NaN where no event was inspected or nothing came of them.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    error: Option<String>,
    metadata: Option<Metadata>,
    time_series: Option<Entries>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    begin_time_millis: i64,
    end_time_millis: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    begin_time_seconds: i64,
    inspected_count: u64,
    results: Results,
}

/// The entries of an answer as they arrive: values, and the first two different times.
#[derive(Default)]
struct Entries {
    first: Option<i64>,
    spacing: i64,
    values: Vec<f64>,
}

/// New Relic's own words in an error answer: `NRQL Syntax Error: …`.
#[must_use]
pub fn error_text(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Words {
        error: Option<String>,
        message: Option<String>,
    }
    let words: Words = serde_json::from_slice(body).ok()?;
    words.message.or(words.error)
}

/// Reads a whole answer; it may have no values.
///
/// # Errors
/// See [`BodyError`].
pub fn read(body: &[u8]) -> Result<Series, BodyError> {
    let body: Body = serde_json::from_slice(body)?;
    if let Some(words) = body.error {
        return Err(BodyError::Failure(words));
    }
    let entries = body.time_series.ok_or_else(|| {
        BodyError::Unusable("it has no timeSeries (a query with FACET has none)".to_owned())
    })?;
    let metadata = body
        .metadata
        .ok_or_else(|| BodyError::Unusable("it has no metadata".to_owned()))?;
    Ok(Series {
        begin_millis: metadata.begin_time_millis,
        end_millis: metadata.end_time_millis,
        spacing_seconds: entries.spacing,
        values: entries.values,
    })
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fold_list(
            deserializer,
            "a list of entries",
            |entries: &mut Self, entry: Entry| {
                let first = *entries.first.get_or_insert(entry.begin_time_seconds);
                if entries.spacing == 0 {
                    entries.spacing = entry.begin_time_seconds.saturating_sub(first);
                }
                let Results(value) = entry.results;
                entries.values.push(match value {
                    Some(value) if entry.inspected_count > 0 => value,
                    _ => f64::NAN,
                });
            },
        )
    }
}

/// The first value of the first result: `[{"average": 1.5}]`, `[{"percentiles": {"95": 1.5}}]`.
struct Results(Option<f64>);

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Results;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list with one result")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Results, A::Error> {
                let First(value) = seq
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &self))?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Results(value))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// The first value of an object that has a number, `null`, or an object of such in it.
struct First(Option<f64>);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object { nested: false })
    }
}

struct Object {
    nested: bool,
}

impl<'de> Visitor<'de> for Object {
    type Value = First;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a number")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<First, A::Error> {
        if map.next_key::<IgnoredAny>()?.is_none() {
            return Err(de::Error::invalid_length(0, &self));
        }
        let value = map.next_value_seed(Value {
            nested: self.nested,
        })?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(First(value))
    }
}

struct Value {
    nested: bool,
}

impl<'de> de::DeserializeSeed<'de> for Value {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<f64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_unit<E>(self) -> Result<Option<f64>, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, value: f64) -> Result<Option<f64>, E> {
        Ok(Some(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Option<f64>, E> {
        Ok(Some(value as f64))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Option<f64>, E> {
        Ok(Some(value as f64))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<f64>, A::Error> {
        if self.nested {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        let First(value) = Object { nested: true }.visit_map(map)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn series(entries: serde_json::Value) -> Result<Series, BodyError> {
        let body = json!({
            "total": {"results": [{"count": 1}], "inspectedCount": 7},
            "timeSeries": entries,
            "metadata": {"beginTimeMillis": 0, "endTimeMillis": 180_000, "guid": "g"},
            "performanceStats": {"inspectedCount": 7},
        });
        read(body.to_string().as_bytes())
    }

    fn entry(begin: i64, inspected: i64, results: serde_json::Value) -> serde_json::Value {
        json!({
            "results": results, "beginTimeSeconds": begin, "endTimeSeconds": begin + 60,
            "inspectedCount": inspected
        })
    }

    #[test]
    fn the_first_value_of_each_entry_counts() {
        let read = series(json!([
            entry(0, 3, json!([{"count": 3}])),
            entry(0, 3, json!([{"average": 1.5, "unit": "s"}, {"count": 9}])),
            entry(60, 3, json!([{"percentiles": {"95": 2.5, "99": 9}}])),
            entry(120, 0, json!([{"average": 7}])),
            entry(180, 3, json!([{"average": null}])),
            entry(240, 3, json!([{"sum": -4}])),
        ]))
        .unwrap();
        assert_eq!((read.begin_millis, read.end_millis), (0, 180_000));
        assert_eq!(read.spacing_seconds, 60);
        let texts: Vec<_> = read.values.iter().map(f64::to_string).collect();
        assert_eq!(texts, ["3", "1.5", "2.5", "NaN", "NaN", "-4"]);
    }

    #[test]
    fn no_entries_are_no_values() {
        let read = series(json!([])).unwrap();
        assert!(read.values.is_empty());
        assert_eq!(read.spacing_seconds, 0);
    }

    #[test]
    fn c_newrelic_02_other_shapes_are_refused_with_what_they_are() {
        let text = |body: &str| read(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            text(r#"{"error": "NRQL Syntax Error"}"#),
            "it reports an error: NRQL Syntax Error"
        );
        assert_eq!(
            text(r#"{"metadata": {"beginTimeMillis": 0, "endTimeMillis": 0}, "facets": []}"#),
            "it has no timeSeries (a query with FACET has none)"
        );
        assert_eq!(text(r#"{"timeSeries": []}"#), "it has no metadata");
        assert!(text("<html>").starts_with("it cannot be read: expected value"));
        for results in [
            json!([]),
            json!([{}]),
            json!([{"latest": "text"}]),
            json!([{"histogram": [1, 2]}]),
            json!([{"a": {"b": {"c": 1}}}]),
            json!([{"a": {}}]),
        ] {
            assert!(
                series(json!([entry(0, 1, results.clone())])).is_err(),
                "{results}"
            );
        }
        let uninspected = json!([{"results": [{"a": 1}], "beginTimeSeconds": 0}]);
        assert!(
            series(uninspected)
                .unwrap_err()
                .to_string()
                .contains("inspectedCount")
        );
    }

    #[test]
    fn the_store_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text(r#"{"error":"NRQL Syntax Error"}"#).as_deref(),
            Some("NRQL Syntax Error")
        );
        assert_eq!(text(r#"{"message":"m","error":"e"}"#).as_deref(), Some("m"));
        assert_eq!(text("nothing here"), None);
    }
}

//! Rows of a query, read from their bytes straight into one series of doubles a column.

use std::fmt;

use kayenta_metrics::reading::BodyError;
use kayenta_model::Instant;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The first series of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Time of the first row, milliseconds since 1970, cut off.
    pub first_millis: i64,
    /// Milliseconds from the first row to the second; 0 with one row only (C-INFLUX-03).
    pub step_millis: i64,
    /// The columns after the time.
    pub columns: Vec<Column>,
}

/// One field, or what a function made of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// The values in row order. Rows without one are left out, not NaN.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
struct Body {
    error: Option<String>,
    results: Option<FirstOf<Outcome>>,
}

#[derive(Deserialize)]
struct Outcome {
    error: Option<String>,
    series: Option<FirstOf<Rows>>,
}

/// InfluxDB's own words in an error answer.
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

/// Reads a whole answer: the first series of its first result, `None` when there is none.
///
/// # Errors
/// See [`BodyError`].
pub fn read(body: &[u8]) -> Result<Option<Rows>, BodyError> {
    let body: Body = serde_json::from_slice(body)?;
    if let Some(words) = body.error {
        return Err(BodyError::Failure(words));
    }
    let outcome = body
        .results
        .and_then(|results| results.0)
        .ok_or_else(|| BodyError::Unusable("it has no results".to_owned()))?;
    if let Some(words) = outcome.error {
        return Err(BodyError::Failure(words));
    }
    let rows = outcome.series.and_then(|series| series.0);
    Ok(rows.filter(|rows| !rows.columns.is_empty()))
}

/// The first element of a list; the others are passed over unread.
struct FirstOf<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FirstOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = FirstOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FirstOf<T>, A::Error> {
                let first = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(FirstOf(first))
            }
        }
        deserializer.deserialize_seq(List(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Series;
        impl<'de> Visitor<'de> for Series {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a series with columns and values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
                let (mut columns, mut table) = (Vec::<String>::new(), Table::default());
                while let Some(member) = map.next_key::<String>()? {
                    match member.as_str() {
                        "columns" => columns = map.next_value()?,
                        "values" => map.next_value_seed(&mut table)?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                table.named(columns).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_map(Series)
    }
}

/// The rows as they arrive, turned into columns; names may come before or after them.
#[derive(Default)]
struct Table {
    first: Option<i64>,
    second: Option<i64>,
    columns: Vec<Vec<f64>>,
}

impl Table {
    fn named(self, names: Vec<String>) -> Result<Rows, String> {
        let fields = names.len().saturating_sub(1);
        if self.first.is_some() && self.columns.len() != fields {
            return Err(format!(
                "a row has {} values for {fields} columns",
                self.columns.len()
            ));
        }
        let Some(first) = self.first else {
            return Ok(Rows::default());
        };
        Ok(Rows {
            first_millis: first,
            step_millis: self.second.map_or(0, |second| second.saturating_sub(first)),
            columns: names
                .into_iter()
                .skip(1)
                .zip(self.columns)
                .map(|(name, values)| Column { name, values })
                .collect(),
        })
    }
}

impl<'de> DeserializeSeed<'de> for &mut Table {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Table {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Row(self))?.is_some() {}
        Ok(())
    }
}

/// One row: its time, then a value for each column.
struct Row<'t>(&'t mut Table);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time and one value for each column")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let table = self.0;
        let Time(time) = seq
            .next_element()?
            .ok_or_else(|| de::Error::custom("a row is empty"))?;
        let is_first = table.first.is_none();
        if is_first {
            table.first = Some(time);
        } else if table.second.is_none() {
            table.second = Some(time);
        }
        let mut at = 0;
        while let Some(value) = seq.next_element::<Option<f64>>()? {
            if is_first {
                table.columns.push(Vec::new());
            }
            let column = table
                .columns
                .get_mut(at)
                .ok_or_else(|| de::Error::custom("rows differ in length"))?;
            column.extend(value);
            at += 1;
        }
        if at != table.columns.len() {
            return Err(de::Error::custom("rows differ in length"));
        }
        Ok(())
    }
}

/// A time in ISO-8601, cut to milliseconds.
struct Time(i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in ISO-8601")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse::<Instant>()
                    .map(|instant| Time(instant.millis()))
                    .map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn series(series: serde_json::Value) -> Result<Option<Rows>, BodyError> {
        let body = json!({"results": [{"statement_id": 0, "series": series}]});
        read(body.to_string().as_bytes())
    }

    /// The answers the reference's own test pins.
    #[test]
    fn pinned_answers_come_out_value_for_value() {
        let answer = |values: [[f64; 2]; 3]| {
            let times = [
                "2018-05-27T04:50:44.105612486Z",
                "2018-05-27T04:51:44.105612486Z",
                "2018-05-27T04:52:06.585796188Z",
            ];
            let rows: Vec<_> = times
                .iter()
                .zip(values)
                .map(|(time, [a, b])| json!([time, a, b]))
                .collect();
            series(json!([
                {"name": "temperature", "columns": ["time", "external", "internal"], "values": rows}
            ]))
            .unwrap()
            .unwrap()
        };
        let rows = answer([[25.0, 37.0], [25.0, 37.0], [26.0, 38.0]]);
        assert_eq!(
            (rows.first_millis, rows.step_millis),
            (1_527_396_644_105, 60_000)
        );
        assert_eq!(rows.columns[0].name, "external");
        assert_eq!(rows.columns[0].values, [25.0, 25.0, 26.0]);
        assert_eq!(rows.columns[1].name, "internal");
        assert_eq!(rows.columns[1].values, [37.0, 37.0, 38.0]);
        let rows = answer([[25.1, 37.1], [25.0, 37.2], [26.5, 38.0]]);
        assert_eq!(rows.columns[0].values, [25.1, 25.0, 26.5]);
        assert_eq!(rows.columns[1].values, [37.1, 37.2, 38.0]);
    }

    #[test]
    fn nulls_are_left_out_and_only_the_first_series_counts() {
        let rows = series(json!([
            {"values": [["2020-01-01T00:00:00Z", 1, null], ["2020-01-01T00:00:10Z", null, 2],
                        ["2020-01-01T00:00:20Z", 3, -4e2]], "columns": ["time", "a", "b"]},
            {"columns": ["time"], "values": [["no time at all"]]},
        ]))
        .unwrap()
        .unwrap();
        assert_eq!(rows.step_millis, 10_000);
        assert_eq!(rows.columns[0].values, [1.0, 3.0]);
        assert_eq!(rows.columns[1].values, [2.0, -400.0]);
    }

    #[test]
    fn c_influx_03_one_row_has_no_step() {
        let rows = series(json!([
            {"columns": ["time", "a"], "values": [["2020-01-01T00:00:00Z", 1.5]]}
        ]))
        .unwrap()
        .unwrap();
        assert_eq!(
            (rows.step_millis, rows.columns[0].values.as_slice()),
            (0, &[1.5][..])
        );
    }

    #[test]
    fn no_series_and_no_rows_are_no_data() {
        for results in [
            json!([{"statement_id": 0}]),
            json!([{"series": []}]),
            json!([{"series": [{"columns": ["time", "a"], "values": []}]}]),
            json!([{"series": [{"columns": ["time", "a"]}]}]),
        ] {
            let body = json!({"results": results}).to_string();
            assert_eq!(read(body.as_bytes()).unwrap(), None, "{body}");
        }
    }

    #[test]
    fn c_influx_02_errors_and_other_shapes_are_reported() {
        let text = |body: &str| read(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            text(r#"{"results":[{"statement_id":0,"error":"database not found: cpu"}]}"#),
            "it reports an error: database not found: cpu"
        );
        assert_eq!(
            text(r#"{"error":"timeout"}"#),
            "it reports an error: timeout"
        );
        for body in [r#"{"foo":"bar"}"#, r#"{"results":[]}"#] {
            assert_eq!(text(body), "it has no results");
        }
        assert!(text("<html>").starts_with("it cannot be read: expected value"));
        for rows in [
            json!([["2020-01-01T00:00:00Z", "text"]]),
            json!([["2020-01-01T00:00:00Z", true]]),
            json!([["2020-01-01T00:00:00Z", 1, 2]]),
            json!([["2020-01-01T00:00:00Z", 1], ["2020-01-01T00:00:10Z"]]),
            json!([["2020-01-01T00:00:00Z", 1], ["2020-01-01T00:00:10Z", 1, 2]]),
            json!([["yesterday", 1]]),
            json!([[1577836800000i64, 1]]),
            json!([[]]),
        ] {
            let read = series(json!([{"columns": ["time", "a"], "values": rows}]));
            assert!(matches!(read, Err(BodyError::Unreadable(_))), "{rows}");
        }
    }

    #[test]
    fn the_store_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text(r#"{"error":"parse error"}"#).as_deref(),
            Some("parse error")
        );
        assert_eq!(
            text(r#"{"code":"unauthorized","message":"unauthorized access"}"#).as_deref(),
            Some("unauthorized access")
        );
        assert_eq!(text("404"), None);
    }
}

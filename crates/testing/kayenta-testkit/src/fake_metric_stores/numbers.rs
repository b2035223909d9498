//! The numbers of every series: a function of the query's text, the time and the series.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

pub(super) use crate::fake_prometheus::value;

/// 2020-11-20T23:00:00Z, for queries that carry no time.
pub(super) const DEFAULT_START: i64 = 1_605_913_200;

/// One place on the grid of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    /// The store has nothing there.
    Hole,
    /// The store says `null`.
    Null,
    Value(f64),
}

impl Sample {
    /// As JSON, with what stands for neither.
    pub(super) fn or(self, absent: Value) -> Value {
        match self {
            Self::Value(value) => json!(value),
            Self::Null | Self::Hole => absent,
        }
    }
}

/// Whether the end of the window belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Included,
    Excluded,
}

/// Every place on the grid of series `i`, holes and all.
pub(super) fn grid(
    query: &str,
    (start, end): (i64, i64),
    step: i64,
    last: End,
    i: usize,
) -> Vec<(i64, Sample)> {
    let step = step.max(1);
    let mut samples = Vec::new();
    let mut t = start;
    while t < end || (last == End::Included && t == end) {
        let sample = match samples.len() {
            k if query.contains("gappy") && k % 3 == 1 => Sample::Hole,
            k if query.contains("nulls") && k % 4 == 2 => Sample::Null,
            _ => Sample::Value(value(query, t as f64, i)),
        };
        samples.push((t, sample));
        if query.contains("single") {
            break;
        }
        t += step;
    }
    samples
}

/// The same without the holes.
pub(super) fn points(
    query: &str,
    window: (i64, i64),
    step: i64,
    last: End,
    i: usize,
) -> Vec<(i64, Sample)> {
    let mut samples = grid(query, window, step, last, i);
    samples.retain(|(_, sample)| *sample != Sample::Hole);
    samples
}

/// How many series a query has.
pub(super) fn series_count(query: &str) -> usize {
    if query.contains("empty") {
        0
    } else if query.contains("multi") {
        3
    } else {
        1
    }
}

/// The tags of series `i`.
pub(super) fn labels(query: &str, i: usize) -> Map<String, Value> {
    let mut labels = Map::new();
    if query.contains("multi") {
        labels.insert("version".to_owned(), format!("v{i}").into());
        let zone = if i.is_multiple_of(2) { "a" } else { "b" };
        labels.insert("zone".to_owned(), zone.into());
    }
    labels
}

/// The number right after the first `word` that has one.
pub(super) fn number_after(text: &str, word: &str) -> Option<i64> {
    text.match_indices(word).find_map(|(at, _)| {
        let rest = &text[at + word.len()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        rest[..digits].parse().ok()
    })
}

/// `stepN` in the query, else `default`.
pub(super) fn step_of(query: &str, default: i64) -> i64 {
    number_after(query, "step").unwrap_or(default)
}

/// Seconds since 1970 of an ISO time, fractions cut.
pub(super) fn seconds(text: &str) -> anyhow::Result<i64> {
    Ok(DateTime::parse_from_rfc3339(text)?.timestamp())
}

/// A time as ISO text in whole seconds.
pub(super) fn iso(t: i64) -> String {
    DateTime::from_timestamp(t, 0)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_have_holes_and_nulls_where_the_query_says() {
        let kinds = |query: &str| -> Vec<&str> {
            grid(query, (0, 240), 60, End::Included, 0)
                .iter()
                .map(|(_, sample)| match sample {
                    Sample::Hole => "hole",
                    Sample::Null => "null",
                    Sample::Value(_) => "value",
                })
                .collect()
        };
        assert_eq!(kinds("gappy"), ["value", "hole", "value", "value", "hole"]);
        assert_eq!(kinds("nulls"), ["value", "value", "null", "value", "value"]);
        assert_eq!(kinds("single"), ["value"]);
        assert_eq!(points("gappy", (0, 240), 60, End::Excluded, 0).len(), 3);
    }

    #[test]
    fn numbers_and_times_are_found_in_queries() {
        assert_eq!(number_after("UNTIL x UNTIL 17 y", "UNTIL "), Some(17));
        assert_eq!(step_of("avg:step20", 60), 20);
        assert_eq!(step_of("a step", 60), 60);
        assert_eq!(seconds("2020-11-20T23:00:00.750Z").unwrap(), DEFAULT_START);
        assert_eq!(iso(DEFAULT_START), "2020-11-20T23:00:00Z");
    }
}

//! Metric sets from what a store answered: the part every store has in common.

use indexmap::IndexMap;
use kayenta_model::{Instant, MetricSet};

use crate::store::MetricQuery;

/// The time axis of one series, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Time of the first value.
    pub start_millis: i64,
    /// End of the series: the last value or one step after it, depending on the store.
    pub end_millis: i64,
    /// Distance of values.
    pub step_millis: i64,
}

/// A time no calendar has; an answer with one is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} ms is not a valid time")]
pub struct NoTime(i64);

/// One series as a metric set.
///
/// # Errors
/// When start or end lie outside every calendar.
pub fn metric_set(
    name: &str,
    axis: Axis,
    values: Vec<f64>,
    tags: IndexMap<String, String>,
    attributes: IndexMap<String, String>,
) -> Result<MetricSet, NoTime> {
    let iso = |millis| {
        Instant::from_millis(millis)
            .map(|instant| Some(instant.to_string()))
            .ok_or(NoTime(millis))
    };
    Ok(MetricSet {
        name: Some(name.to_owned()),
        tags: Some(tags),
        start_time_millis: axis.start_millis,
        start_time_iso: iso(axis.start_millis)?,
        end_time_millis: axis.end_millis,
        end_time_iso: iso(axis.end_millis)?,
        step_millis: axis.step_millis,
        values: Some(values),
        attributes: Some(attributes),
    })
}

/// What stands for "no data", so that mixing finds a set to pair: the window of the request, no
/// values, no tags.
#[must_use]
pub fn placeholder(
    query: &MetricQuery<'_>,
    (start, end): (Instant, Instant),
    step_millis: i64,
    attributes: IndexMap<String, String>,
) -> MetricSet {
    MetricSet {
        name: Some(query.metric.name().to_owned()),
        tags: Some(IndexMap::new()),
        start_time_millis: start.millis(),
        start_time_iso: Some(start.to_string()),
        end_time_millis: end.millis(),
        end_time_iso: Some(end.to_string()),
        step_millis,
        values: Some(Vec::new()),
        attributes: Some(attributes),
    }
}

/// The attributes of a set that has none but its query text.
#[must_use]
pub fn query_attribute(text: impl Into<String>) -> IndexMap<String, String> {
    IndexMap::from([("query".to_owned(), text.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_reported_twice_and_must_be_times() {
        let axis = Axis {
            start_millis: 1_605_913_200_750,
            end_millis: 1_605_913_260_000,
            step_millis: 60_000,
        };
        let set = metric_set("m", axis, vec![1.0], IndexMap::new(), query_attribute("up")).unwrap();
        assert_eq!(
            serde_json::to_string(&set).unwrap(),
            r#"{"name":"m","tags":{},"startTimeMillis":1605913200750,"startTimeIso":"2020-11-20T23:00:00.750Z","endTimeMillis":1605913260000,"endTimeIso":"2020-11-20T23:01:00Z","stepMillis":60000,"values":[1.0],"attributes":{"query":"up"}}"#
        );
        let never = Axis {
            end_millis: i64::MAX,
            ..axis
        };
        let error = metric_set("m", never, vec![], IndexMap::new(), IndexMap::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "9223372036854775807 ms is not a valid time"
        );
    }
}

//! Pages of time series, read straight into doubles.

use indexmap::IndexMap;
use kayenta_http::Answer;
use kayenta_metrics::FetchError;
use kayenta_model::{Double, Instant};
use serde::Deserialize;

/// One series over all pages.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) tags: IndexMap<String, String>,
    /// Start of the oldest and end of the newest point; `None` without points.
    pub(crate) span: Option<(Instant, Instant)>,
    /// Oldest first.
    pub(crate) values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    time_series: Vec<Part>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    metric: Labelled,
    #[serde(default)]
    resource: Labelled,
    value_type: Option<String>,
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Labelled {
    r#type: String,
    labels: IndexMap<String, String>,
}

#[derive(Deserialize)]
struct Point {
    interval: Interval,
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interval {
    start_time: Option<Instant>,
    end_time: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    double_value: Option<Double>,
    /// A text in JSON, since JavaScript's numbers are too short.
    int64_value: Option<Double>,
}

/// A series in the making: its points still newest first.
struct Gathering {
    metric: Labelled,
    resource: Labelled,
    value_type: Option<String>,
    newest_first: Vec<f64>,
    oldest_start: Option<Instant>,
    newest_end: Option<Instant>,
}

/// Puts pages together.
#[derive(Default)]
pub(crate) struct Pages {
    series: Vec<Gathering>,
}

impl Pages {
    /// Takes a page; the token of the next one, if there is one.
    ///
    /// # Errors
    /// When it is no page of time series.
    pub(crate) fn take(&mut self, answer: &Answer) -> Result<Option<String>, FetchError> {
        let page: Page = answer.json()?;
        for part in page.time_series {
            self.part(part);
        }
        Ok(page.next_page_token.filter(|token| !token.is_empty()))
    }

    /// A series may go on in the next page, further into the past.
    fn part(&mut self, part: Part) {
        let known = self
            .series
            .iter_mut()
            .rev()
            .find(|known| known.metric == part.metric && known.resource == part.resource);
        let gathering = match known {
            Some(known) => known,
            None => {
                if let Some(kind) = part.value_type.as_deref()
                    && !matches!(kind, "DOUBLE" | "INT64")
                {
                    tracing::warn!(
                        metric = part.metric.r#type,
                        "expected values of type DOUBLE or INT64, but got {kind}; choose an \
                         aligner that produces numbers"
                    );
                }
                self.series.push(Gathering {
                    metric: part.metric,
                    resource: part.resource,
                    value_type: part.value_type,
                    newest_first: Vec::with_capacity(part.points.len()),
                    oldest_start: None,
                    newest_end: part.points.first().map(|point| point.interval.end_time),
                });
                let Some(added) = self.series.last_mut() else {
                    return;
                };
                added
            }
        };
        if let Some(oldest) = part.points.last() {
            // A gauge's interval may have an end only.
            let interval = &oldest.interval;
            gathering.oldest_start = Some(interval.start_time.unwrap_or(interval.end_time));
        }
        let kind = gathering.value_type.as_deref();
        gathering
            .newest_first
            .extend(part.points.iter().filter_map(|point| value(point, kind)));
    }

    /// The series, oldest point first.
    pub(crate) fn finish(self) -> Vec<Series> {
        self.series
            .into_iter()
            .map(|gathering| {
                let mut tags = gathering.resource.labels;
                tags.shift_remove("project_id");
                tags.extend(gathering.metric.labels);
                let mut values = gathering.newest_first;
                values.reverse();
                Series {
                    tags,
                    span: gathering.oldest_start.zip(gathering.newest_end),
                    values,
                }
            })
            .collect()
    }
}

/// A point's number: nothing for a series without a type, NaN where the point has none of its type.
fn value(point: &Point, kind: Option<&str>) -> Option<f64> {
    let value = match kind? {
        "INT64" => point.value.int64_value,
        _ => point.value.double_value,
    };
    Some(value.map_or(f64::NAN, f64::from))
}

/// Google's own words in the body of an error answer.
pub(crate) fn error_text(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Words,
    }
    #[derive(Deserialize)]
    struct Words {
        message: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    Some(body.error.message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn series(parts: Vec<serde_json::Value>) -> Vec<Series> {
        let mut pages = Pages::default();
        for part in parts {
            pages.part(serde_json::from_value(part).unwrap());
        }
        pages.finish()
    }

    fn point(start: i64, end: i64, value: serde_json::Value) -> serde_json::Value {
        let time = |second| format!("1970-01-01T00:00:{second:02}Z");
        json!({"interval": {"startTime": time(start), "endTime": time(end)}, "value": value})
    }

    /// The cases of the reference's own test, and an untyped series.
    #[test]
    fn numbers_are_read_by_the_type_of_the_series() {
        let part = |kind: Option<&str>, value: serde_json::Value| json!({"valueType": kind, "points": [point(0, 1, value)]});
        for (kind, value, wanted) in [
            (Some("INT64"), json!({"int64Value": "64"}), "[64.0]"),
            (Some("DOUBLE"), json!({"doubleValue": 3.25}), "[3.25]"),
            (Some("STRING"), json!({"doubleValue": 3.25}), "[3.25]"),
            (Some("INT64"), json!({"doubleValue": 3.25}), "[NaN]"),
            (Some("DOUBLE"), json!({"doubleValue": "NaN"}), "[NaN]"),
            (None, json!({"doubleValue": 3.25}), "[]"),
        ] {
            let found = series(vec![part(kind, value)]);
            assert_eq!(format!("{:?}", found[0].values), wanted);
            let (start, end) = found[0].span.unwrap();
            assert_eq!((start.millis(), end.millis()), (0, 1000));
        }
        let empty = series(vec![json!({"valueType": "DOUBLE"})]);
        assert!(empty[0].span.is_none() && empty[0].values.is_empty());
    }

    #[test]
    fn c_stackdriver_03_a_series_goes_on_in_the_next_page() {
        let part = |version: &str, points: serde_json::Value| {
            json!({
                "metric": {"type": "m", "labels": {"version": version}},
                "resource": {"type": "global", "labels": {"project_id": "p", "zone": "z"}},
                "valueType": "DOUBLE", "points": points
            })
        };
        let value = |n: i64| json!({"doubleValue": n});
        let found = series(vec![
            part("a", json!([point(3, 4, value(4)), point(2, 3, value(3))])),
            part("b", json!([point(3, 4, value(9))])),
            part("a", json!([point(1, 2, value(2)), point(0, 1, value(1))])),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].values, [1.0, 2.0, 3.0, 4.0]);
        let (start, end) = found[0].span.unwrap();
        assert_eq!((start.millis(), end.millis()), (0, 4000));
        let tags: Vec<_> = found[0].tags.iter().collect();
        assert_eq!(format!("{tags:?}"), r#"[("zone", "z"), ("version", "a")]"#);
        assert_eq!(found[1].values, [9.0]);
    }

    #[test]
    fn google_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text(r#"{"error":{"code":400,"message":"bad filter","status":"INVALID_ARGUMENT"}}"#)
                .as_deref(),
            Some("bad filter")
        );
        assert_eq!(text("<html>"), None);
    }
}

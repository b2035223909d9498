//! The messages of one answer, merged into series as they arrive.

use indexmap::IndexMap;
use kayenta_http::Events;
use kayenta_json::JsonError;
use kayenta_metrics::{FetchError, series::Axis};
use kayenta_model::Double;
use serde::{Deserialize, Deserializer};

/// Most values a series may have, the NaNs between its chunks included.
const MOST_VALUES: usize = 10_000_000;

/// One series.
#[derive(Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) axis: Axis,
    /// Tags it is grouped by.
    pub(crate) tags: IndexMap<String, String>,
    pub(crate) values: Vec<f64>,
}

/// A part of a series.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default)]
    id: String,
    start: i64,
    end: i64,
    step: i64,
    #[serde(default)]
    tags: Option<IndexMap<String, String>>,
    #[serde(default)]
    group_by_keys: Option<Vec<String>>,
    data: Values,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<Sample>,
}

/// A number, a text such as `"NaN"`, or `null`, which is NaN too.
struct Sample(f64);

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<Double>::deserialize(deserializer)?;
        Ok(Self(value.map_or(f64::NAN, f64::from)))
    }
}

/// What a message means for the answer as a whole.
#[derive(Debug, PartialEq)]
enum Step {
    /// More follows.
    On,
    /// That was all.
    Close,
    /// The query failed.
    Failed(String),
}

#[derive(Default)]
struct Gathered {
    chunks: IndexMap<String, Vec<Chunk>>,
}

impl Gathered {
    /// Takes one message. What is no JSON or of an unknown type is passed over, as in the reference; a
    /// series that cannot be read is not (C-ATLAS-03).
    fn take(&mut self, line: &str) -> Result<Step, JsonError> {
        #[derive(Deserialize)]
        struct Kind {
            r#type: Option<String>,
        }
        #[derive(Deserialize)]
        struct Failure {
            message: Option<String>,
        }
        let kind = serde_json::from_str::<Kind>(line)
            .ok()
            .and_then(|kind| kind.r#type);
        match kind.as_deref() {
            Some("timeseries") => {
                let chunk: Chunk = serde_json::from_str(line)?;
                self.chunks.entry(chunk.id.clone()).or_default().push(chunk);
                Ok(Step::On)
            }
            Some("close") => Ok(Step::Close),
            Some("error") => {
                let failure: Failure = serde_json::from_str(line)?;
                Ok(Step::Failed(failure.message.unwrap_or_default()))
            }
            other => {
                tracing::debug!(
                    r#type = other,
                    "ignored an Atlas message of an unknown type"
                );
                Ok(Step::On)
            }
        }
    }

    fn series(self) -> Result<Vec<Series>, String> {
        self.chunks.into_values().map(merged).collect()
    }
}

/// The chunks of one series in time order, with a NaN for each step between them.
fn merged(mut chunks: Vec<Chunk>) -> Result<Series, String> {
    chunks.sort_by_key(|chunk| chunk.start);
    let mut chunks = chunks.into_iter();
    let Some(first) = chunks.next() else {
        return Err("a series has no chunk".to_owned());
    };
    let tags = first.tags.unwrap_or_default();
    let mut series = Series {
        axis: Axis {
            start_millis: first.start,
            end_millis: first.end,
            step_millis: first.step,
        },
        tags: first
            .group_by_keys
            .unwrap_or_default()
            .into_iter()
            .filter_map(|key| {
                let value = tags.get(&key)?.clone();
                Some((key, value))
            })
            .collect(),
        values: samples(first.data),
    };
    for chunk in chunks {
        let gap = chunk.start.saturating_sub(series.axis.end_millis);
        let missing = match chunk.step {
            step if step > 0 => usize::try_from(gap / step).unwrap_or(0),
            _ => 0,
        };
        if missing.saturating_add(series.values.len()) > MOST_VALUES {
            return Err(format!("a series has a hole of {missing} values"));
        }
        series
            .values
            .resize(series.values.len() + missing, f64::NAN);
        series.values.extend(samples(chunk.data));
        series.axis.end_millis = chunk.end;
    }
    Ok(series)
}

fn samples(values: Values) -> Vec<f64> {
    values.values.into_iter().map(|sample| sample.0).collect()
}

/// Reads an answer to its `close`.
///
/// `fatal` is the failure of a query Atlas does not understand.
///
/// # Errors
/// Those of the stream; an `error` message; an end without `close`, which is worth another try.
pub(crate) async fn read(
    mut events: Events,
    fatal: impl Fn(&str) -> FetchError,
) -> Result<Vec<Series>, FetchError> {
    let mut gathered = Gathered::default();
    let mut any = false;
    while let Some(event) = events.next().await? {
        any = true;
        // A message is a line, whether or not a blank one follows it.
        for line in event.data.lines().filter(|line| !line.trim().is_empty()) {
            let step = gathered.take(line).map_err(|error| {
                FetchError::from(
                    events.unexpected(format_args!("a message cannot be read: {error}")),
                )
            })?;
            match step {
                Step::On => {}
                // All data is here; how the connection ends does not matter any more.
                Step::Close => {
                    return gathered
                        .series()
                        .map_err(|what| events.unexpected(what).into());
                }
                // C-ATLAS-02: the reference retries these too.
                Step::Failed(message) if message.contains("IllegalStateException") => {
                    return Err(fatal(&events.masked(&message)));
                }
                Step::Failed(message) => {
                    return Err(events
                        .incomplete(format!("Atlas query failed: {message}"))
                        .into());
                }
            }
        }
    }
    if !any {
        return Err(events.without_events().into());
    }
    let message =
        "Atlas response did not end in a 'close', we cannot guarantee all data was received.";
    Err(events.incomplete(message).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gathered(messages: &[serde_json::Value]) -> Result<Vec<Series>, String> {
        let mut gathered = Gathered::default();
        for message in messages {
            assert_eq!(gathered.take(&message.to_string()).unwrap(), Step::On);
        }
        gathered.series()
    }

    /// Three values of a minute each.
    fn chunk(id: &str, start: i64, end: i64) -> serde_json::Value {
        json!({
            "type": "timeseries", "id": id, "query": "q", "label": "l", "start": start * 1000,
            "end": end * 1000, "step": 60_000, "data": {"type": "array", "values": [1, 2.0, 3]}
        })
    }

    fn texts(series: &Series) -> String {
        let texts: Vec<_> = series.values.iter().map(f64::to_string).collect();
        texts.join(",")
    }

    /// The cases of the reference's own test: its chunks overlap or leave steps out.
    #[test]
    fn chunks_are_put_in_order_and_holes_are_filled() {
        for (chunks, values, end) in [
            (
                vec![chunk("a", 0, 60), chunk("a", 60, 120)],
                "1,2,3,1,2,3",
                120,
            ),
            (
                vec![chunk("a", 60, 120), chunk("a", 0, 60)],
                "1,2,3,1,2,3",
                120,
            ),
            (
                vec![chunk("a", 0, 60), chunk("a", 120, 240)],
                "1,2,3,NaN,1,2,3",
                240,
            ),
            (
                vec![chunk("a", 0, 60), chunk("a", 300, 420)],
                "1,2,3,NaN,NaN,NaN,NaN,1,2,3",
                420,
            ),
        ] {
            let series = gathered(&chunks).unwrap();
            assert_eq!(series.len(), 1);
            assert_eq!(texts(&series[0]), values);
            assert_eq!(
                series[0].axis,
                Axis {
                    start_millis: 0,
                    end_millis: end * 1000,
                    step_millis: 60_000
                }
            );
        }
        let two = gathered(&[
            chunk("abc", 0, 60),
            chunk("def", 0, 60),
            chunk("abc", 60, 120),
        ]);
        let lengths: Vec<_> = two.unwrap().iter().map(|s| s.values.len()).collect();
        assert_eq!(lengths, [6, 3]);
    }

    #[test]
    fn every_spelling_of_a_value_is_read_and_tags_are_those_grouped_by() {
        let mut message = chunk("a", 0, 60);
        message["data"]["values"] = json!([1, "NaN", null, "Infinity", 2.5]);
        message["tags"] = json!({"version": "v1", "name": "m"});
        let series = gathered(&[message.clone()]).unwrap();
        assert_eq!(texts(&series[0]), "1,NaN,NaN,inf,2.5");
        assert!(series[0].tags.is_empty());
        message["groupByKeys"] = json!(["version", "nowhere"]);
        let series = gathered(&[message]).unwrap();
        let version = IndexMap::from([("version".to_owned(), "v1".to_owned())]);
        assert_eq!(series[0].tags, version);
    }

    #[test]
    fn c_atlas_03_a_series_that_cannot_be_read_is_not_passed_over() {
        let mut gathered = Gathered::default();
        for passed_over in ["no json", "[]", r#"{"type":"notice","message":"x"}"#, "{}"] {
            assert_eq!(gathered.take(passed_over).unwrap(), Step::On);
        }
        assert!(gathered.take(r#"{"type":"timeseries","id":"a"}"#).is_err());
        assert_eq!(gathered.take(r#"{"type":"close"}"#).unwrap(), Step::Close);
        let failed = gathered.take(r#"{"type":"error","message":"m"}"#).unwrap();
        assert_eq!(failed, Step::Failed("m".to_owned()));
    }

    #[test]
    fn holes_are_bounded() {
        let far = chunk("a", 1_000_000_000_000, 1_000_000_000_060);
        let error = gathered(&[chunk("a", 0, 60), far]).unwrap_err();
        assert!(error.starts_with("a series has a hole of"), "{error}");
        let mut stepless = chunk("a", 600, 660);
        stepless["step"] = 0.into();
        let series = gathered(&[chunk("a", 0, 60), stepless]).unwrap();
        assert_eq!(texts(&series[0]), "1,2,3,1,2,3");
    }
}

//! The events of one execution, gathered into a time series.

use std::collections::HashSet;

use kayenta_http::{Event, Events};
use kayenta_json::JsonError;
use kayenta_metrics::{FetchError, FetchErrorKind};
use serde::Deserialize;
use serde_json::Value;

/// Longest text of an error event that is passed on, in characters.
const MOST_CHARS: usize = 2000;

/// What an execution gave.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// One value per time, NaN where the program gave none.
    pub(crate) values: Vec<f64>,
    /// First and last time, milliseconds since 1970.
    pub(crate) span: Option<(i64, i64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    logical_timestamp_ms: i64,
    #[serde(default)]
    data: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    ts_id: String,
    #[serde(default)]
    value: Option<f64>,
}

#[derive(Deserialize)]
struct Control {
    event: Option<String>,
}

/// Why a stream is of no use.
enum Trouble {
    /// The program failed; what SignalFx says of it.
    Program(String),
    /// Two series at one time.
    SeveralValues,
    /// No JSON of the expected shape.
    Unreadable(JsonError),
}

fn unreadable(error: serde_json::Error) -> Trouble {
    Trouble::Unreadable(error.into())
}

#[derive(Default)]
struct Reader {
    outcome: Outcome,
    any: bool,
    /// Whether the channel reported that it was opened, and that it is done.
    begun: bool,
    ended: bool,
}

impl Reader {
    fn take(&mut self, event: &Event) -> Result<(), Trouble> {
        self.any = true;
        match event.name.as_str() {
            "data" => self.data(&event.data),
            "error" => Err(Trouble::Program(words_of(&event.data))),
            "control-message" => {
                let control: Control = serde_json::from_str(&event.data).map_err(unreadable)?;
                match control.event.as_deref() {
                    Some("END_OF_CHANNEL") => self.ended = true,
                    Some("CHANNEL_ABORT") => return Err(Trouble::Program(words_of(&event.data))),
                    _ => self.begun = true,
                }
                Ok(())
            }
            // Metadata, messages, whatever is added one day.
            _ => Ok(()),
        }
    }

    fn data(&mut self, text: &str) -> Result<(), Trouble> {
        let data: Data = serde_json::from_str(text).map_err(unreadable)?;
        let series: HashSet<_> = data.data.iter().map(|point| point.ts_id.as_str()).collect();
        if series.len() > 1 {
            return Err(Trouble::SeveralValues);
        }
        let value = data.data.first().and_then(|point| point.value);
        self.outcome.values.push(value.unwrap_or(f64::NAN));
        let at = data.logical_timestamp_ms;
        let first = self.outcome.span.map_or(at, |(first, _)| first);
        self.outcome.span = Some((first, at));
        Ok(())
    }
}

/// Reads a stream to its end.
///
/// `failed` words the failure of the program in the reference's way.
///
/// # Errors
/// Those of the stream; a program that failed; several values at one time; no event at all
/// (C-SIGNALFX-02); an end before the channel said so (C-SIGNALFX-03).
pub(crate) async fn read(
    mut events: Events,
    failed: impl Fn(&str) -> String,
) -> Result<Outcome, FetchError> {
    let mut reader = Reader::default();
    while let Some(event) = events.next().await? {
        reader.take(&event).map_err(|trouble| match trouble {
            Trouble::Program(words) => refused("RuntimeException", failed(&events.masked(&words))),
            Trouble::SeveralValues => refused(
                "IllegalStateException",
                "There was more than one value for a given timestamp, a SignalFlow stream method \
                 that can aggregate should have been applied to the data in the SignalFlow program",
            ),
            Trouble::Unreadable(error) => events
                .unexpected(format!("its {} event cannot be read: {error}", event.name))
                .into(),
        })?;
    }
    if !reader.any {
        return Err(events.without_events().into());
    }
    if reader.begun && !reader.ended {
        return Err(events.incomplete(
            "The SignalFlow stream ended before its end was announced (no END_OF_CHANNEL), data \
             may be missing",
        )
        .into());
    }
    Ok(reader.outcome)
}

pub(crate) fn refused(class: &'static str, message: impl Into<String>) -> FetchError {
    FetchError::new(FetchErrorKind::Refused { class }, message)
}

/// The words of an error: the messages of its `errors`, or all of it on one line.
fn words_of(payload: &str) -> String {
    let text = match serde_json::from_str::<Value>(payload) {
        Ok(value) => {
            let errors = value["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let words: Vec<_> = errors.iter().filter_map(words).collect();
            if words.is_empty() {
                value.to_string()
            } else {
                words.join("; ")
            }
        }
        Err(_) => payload.to_owned(),
    };
    text.chars().take(MOST_CHARS).collect()
}

/// `CODE: message` of one error, or what there is of it.
fn words(error: &Value) -> Option<String> {
    let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
    let kind = text("code").or(text("errorType"));
    match (kind, text("message")) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (kind, message) => message.or(kind).map(str::to_owned),
    }
}

/// SignalFx's own words in the body of an error answer.
pub(crate) fn error_text(body: &[u8]) -> Option<String> {
    words(&serde_json::from_slice(body).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found() {
        assert_eq!(
            words_of(r#"{"error":1,"errors":[{"code":"A","message":"b"},{"message":"c"}]}"#),
            "A: b; c"
        );
        assert_eq!(words_of("{\n \"error\": 1\n}"), r#"{"error":1}"#);
        assert_eq!(words_of("plain"), "plain");
        assert_eq!(
            error_text(br#"{"code":400,"errorType":"SIGNALFLOW_INVALID","message":"x"}"#)
                .as_deref(),
            Some("SIGNALFLOW_INVALID: x")
        );
        assert_eq!(error_text(b"<html>"), None);
        assert_eq!(error_text(b"{}"), None);
    }
}

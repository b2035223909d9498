//! SignalFx: a stream of events. `streamerror`: an error event instead of data.

use serde::Serialize;
use serde_json::{Map, Value, json, ser::PrettyFormatter};

use super::{
    asked::{Asked, Said},
    numbers::{End, Sample, grid, labels, series_count, value},
};

pub(super) fn execute(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let program = asked.body;
    let start = asked.seconds_of_millis("start")?;
    let stop = asked.seconds_of_millis("stop")?;
    let step = asked.seconds_of_millis("resolution")?;
    let count = series_count(program);

    let mut stream = String::from(": scripted stream\n\n");
    let control = |event: &str, t: i64| json!({"event": event, "timestampMs": t * 1000});
    push(
        &mut stream,
        "control-message",
        None,
        &control("STREAM_START", start),
    )?;
    let job = json!({"event": "JOB_START", "handle": "H", "timestampMs": start * 1000});
    push(&mut stream, "control-message", None, &job)?;
    for i in 0..count {
        let mut properties = Map::new();
        properties.insert("sf_key".to_owned(), json!(["env"]));
        properties.insert("sf_metric".to_owned(), "m".into());
        properties.insert("sf_type".to_owned(), "MetricTimeSeries".into());
        properties.extend(labels(program, i));
        let series = json!({"tsId": series_id(i), "properties": properties});
        push(&mut stream, "metadata", None, &series)?;
    }
    let message = json!({
        "logicalTimestampMs": start * 1000,
        "message": {
            "messageCode": "JOB_RUNNING_RESOLUTION", "messageLevel": "INFO",
            "contents": {"resolutionMs": step * 1000}, "timestampMs": start * 1000,
            "blockContexts": [], "blockSerialNumbers": [], "numInputTimeSeries": 0
        }
    });
    push(&mut stream, "message", None, &message)?;
    if program.contains("streamerror") {
        let error = json!({
            "error": 1,
            "errors": [{"code": "ANALYTICS_PROGRAM_NAME_ERROR", "message": "scripted failure"}]
        });
        push(&mut stream, "error", None, &error)?;
        return Ok(Said::Text(stream));
    }
    let samples = if count == 0 {
        Vec::new()
    } else {
        grid(program, (start, stop), step, End::Excluded, 0)
    };
    for (t, sample) in samples {
        let data: Vec<Value> = match sample {
            Sample::Value(first) => (0..count)
                .map(|i| {
                    let value = if i == 0 {
                        first
                    } else {
                        value(program, t as f64, i)
                    };
                    json!({"tsId": series_id(i), "value": value})
                })
                .collect(),
            Sample::Hole | Sample::Null => Vec::new(),
        };
        let block = json!({"data": data, "logicalTimestampMs": t * 1000, "maxDelayMs": 2000});
        push(
            &mut stream,
            "data",
            Some(format!("data-{}", t * 1000)),
            &block,
        )?;
    }
    push(
        &mut stream,
        "control-message",
        None,
        &control("END_OF_CHANNEL", stop),
    )?;
    Ok(Said::Text(stream))
}

fn series_id(i: usize) -> String {
    format!("AAAA{i}")
}

/// One event whose data is JSON over several lines, as the real service writes it.
fn push(stream: &mut String, kind: &str, id: Option<String>, data: &Value) -> anyhow::Result<()> {
    stream.push_str(&format!("event: {kind}\n"));
    if let Some(id) = id {
        stream.push_str(&format!("id: {id}\n"));
    }
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b" ");
    data.serialize(&mut serde_json::Serializer::with_formatter(
        &mut text, formatter,
    ))?;
    for line in String::from_utf8(text)?.lines() {
        stream.push_str(&format!("data: {line}\n"));
    }
    stream.push('\n');
    Ok(())
}

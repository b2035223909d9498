//! Atlas: server-sent lines of JSON, two chunks a series. `chunkgap`: a hole of two steps between the
//! chunks; `astate`, `aerror`: error messages; `notice`: a message of an unknown type; `noclose`:
//! the stream ends without saying so.

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{End, Sample, grid, labels, series_count},
};

pub(super) fn fetch(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("q");
    let window = (asked.seconds_of_millis("s")?, asked.seconds_of_millis("e")?);
    let step = duration_seconds(asked.text("step"))?.max(1);
    let mut lines = Vec::new();
    if text.contains("notice") {
        lines.push(json!({"type": "notice", "message": "for your information"}));
    }
    if text.contains("astate") {
        lines.push(
            json!({"type": "error", "message": "IllegalStateException: unknown word ':eqx'"}),
        );
    }
    if text.contains("aerror") {
        lines.push(json!({"type": "error", "message": "something went wrong"}));
    }
    for i in 0..series_count(text) {
        let samples = grid(text, window, step, End::Excluded, i);
        let half = samples.len() / 2;
        let hole = if text.contains("chunkgap") { 2 } else { 0 };
        let chunks = [
            &samples[..half],
            samples.get(half + hole..).unwrap_or_default(),
        ];
        // The later chunk of every series but the first comes first.
        let order = if i == 0 { [0, 1] } else { [1, 0] };
        lines.extend(
            order
                .into_iter()
                .filter_map(|which| chunk(text, i, step, chunks[which])),
        );
    }
    if !text.contains("noclose") {
        lines.push(json!({"type": "close"}));
    }
    let stream = lines
        .iter()
        .map(|line| format!("data: {line}\n\n"))
        .collect();
    Ok(Said::Text(stream))
}

fn chunk(text: &str, i: usize, step: i64, samples: &[(i64, Sample)]) -> Option<Value> {
    let ((first, _), (last, _)) = (samples.first()?, samples.last()?);
    let mut tags = Map::new();
    tags.insert("name".to_owned(), "m".into());
    tags.insert("atlas.legacy".to_owned(), "epic".into());
    tags.extend(labels(text, i));
    let values: Vec<Value> = samples
        .iter()
        .map(|(_, sample)| sample.or("NaN".into()))
        .collect();
    let mut line = json!({
        "type": "timeseries", "id": format!("c{i}"), "query": text, "label": format!("series {i}"),
        "start": first * 1000, "end": (last + step) * 1000, "step": step * 1000, "tags": tags,
        "data": {"type": "array", "values": values}
    });
    if text.contains("multi") {
        line["groupByKeys"] = json!(["version"]);
    }
    Some(line)
}

/// Seconds of `PT1H2M3S`.
fn duration_seconds(text: &str) -> anyhow::Result<i64> {
    let no_duration = || format!("'{text}' is no duration");
    let mut rest = text.strip_prefix("PT").with_context(no_duration)?;
    let mut seconds = 0;
    while let Some(at) = rest.find(|c: char| !c.is_ascii_digit()) {
        let number: i64 = rest[..at].parse().with_context(no_duration)?;
        seconds += number
            * match rest.as_bytes()[at] {
                b'H' => 3600,
                b'M' => 60,
                b'S' => 1,
                _ => anyhow::bail!(no_duration()),
            };
        rest = &rest[at + 1..];
    }
    Ok(seconds)
}

pub(super) fn backends(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let backend = |cname: &str,
                   target: &str,
                   deployment: &str,
                   dataset: &str,
                   environments: Value,
                   regions: Value| {
        json!({
            "description": "x", "step": "PT1M", "deployment": deployment,
            "cname": format!("{}/{cname}", asked.tls_host), "target": target, "dataset": dataset,
            "environments": environments, "regions": regions
        })
    };
    let environments = json!(["test", "prod"]);
    Ok(json!([
        backend(
            "$(region).$(dataset)",
            "$(region).$(deployment)",
            "main",
            "regional",
            Value::Null,
            json!(["us-east-1", "us-west-2"])
        ),
        backend(
            "global.$(env)",
            "$(env).global",
            "main",
            "global",
            environments.clone(),
            Value::Null
        ),
        backend(
            "$(deployment)-$(env).$(region)",
            "$(region).$(env).$(deployment)",
            "other",
            "regional",
            environments,
            json!(["eu-west-1", "us-east-1"])
        ),
        backend(
            "single",
            "single.$(dataset)",
            "main",
            "one",
            Value::Null,
            Value::Null
        ),
    ])
    .into())
}

pub(super) fn storage(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let host = asked.tls_host;
    Ok(json!({"atlas_storage": {"123456789012": {
        "global": format!("{host}/storage-global"), "regional": format!("{host}/storage-$(region)"),
        "regions": ["us-east-1", "ap-south-1"]
    }}})
    .into())
}

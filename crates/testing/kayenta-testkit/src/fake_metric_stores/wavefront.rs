//! Wavefront. `nodata`: one more series, without points.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{End, Sample, labels, points, series_count, step_of},
};

pub(super) fn chart(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let (text, name) = (asked.text("q"), asked.text("n"));
    let granularity = match asked.text("g") {
        "s" => 1,
        "h" => 3600,
        "d" => 86_400,
        _ => 60,
    };
    if text.contains("noseries") {
        return Ok(json!({
            "query": text, "name": name, "warnings": "scripted warning", "granularity": granularity
        })
        .into());
    }
    let window = (asked.seconds_of_millis("s")?, asked.seconds_of_millis("e")?);
    let step = step_of(text, granularity);
    let mut series: Vec<Value> = (0..series_count(text))
        .map(|i| {
            let data: Vec<Value> = points(text, window, step, End::Included, i)
                .into_iter()
                .filter_map(|(t, sample)| match sample {
                    Sample::Value(value) => Some(json!([t, value])),
                    Sample::Hole | Sample::Null => None,
                })
                .collect();
            json!({"label": "m", "host": format!("h{i}"), "tags": labels(text, i), "data": data})
        })
        .collect();
    if text.contains("nodata") {
        series.push(json!({"label": "m", "host": "none", "data": []}));
    }
    let hosts: Vec<&Value> = series.iter().map(|one| &one["host"]).collect();
    Ok(json!({
        "query": text, "name": name, "granularity": granularity, "hostsUsed": hosts,
        "stats": {"keys": series.len(), "points": 1}, "timeseries": series
    })
    .into())
}

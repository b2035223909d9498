//! Datadog. `offgrid`: the second point is a second late; `short`: no points in the last fifth.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{End, labels, points, series_count, step_of},
};

pub(super) fn query(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("query");
    let window = (asked.number("from")?, asked.number("to")?);
    if text.contains("noseries") {
        return Ok(json!({"status": "error", "error": "scripted failure"}).into());
    }
    let step = step_of(text, 60);
    let series: Vec<Value> = (0..series_count(text))
        .map(|i| {
            let mut points: Vec<(f64, Value)> = points(text, window, step, End::Included, i)
                .into_iter()
                .map(|(t, sample)| (t as f64 * 1000.0, sample.or(Value::Null)))
                .collect();
            let last = points.last().map_or(0.0, |(t, _)| *t) as i64;
            if text.contains("offgrid")
                && let Some((t, _)) = points.get_mut(1)
            {
                *t += 1000.0;
            }
            if text.contains("short") {
                points.truncate(points.len() * 4 / 5);
            }
            let tags: Vec<String> = labels(text, i)
                .iter()
                .map(|(key, value)| format!("{key}:{}", value.as_str().unwrap_or_default()))
                .collect();
            let scope = if tags.is_empty() {
                "*".to_owned()
            } else {
                tags.join(",")
            };
            json!({
                "metric": text, "display_name": text, "scope": scope, "tag_set": tags, "aggr": null,
                "start": window.0 * 1000, "end": last, "interval": step, "length": points.len(),
                "pointlist": points, "unit": null
            })
        })
        .collect();
    Ok(json!({
        "status": "ok", "res_type": "time_series", "from_date": window.0 * 1000,
        "to_date": window.1 * 1000, "query": text, "message": "", "group_by": [], "series": series
    })
    .into())
}

pub(super) fn metrics(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let names = [
        "system.cpu.user",
        "system.cpu.idle",
        "App.Errors",
        "app.requests",
    ];
    Ok(json!({"from": asked.text("from"), "metrics": names}).into())
}

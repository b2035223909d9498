//! New Relic. `percentile`: nested values; `inspected0`: every third `inspectedCount` is 0.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{DEFAULT_START, End, iso, number_after, points, step_of},
};

pub(super) fn query(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("nrql");
    if text.contains("noseries") {
        return Ok(json!({"error": "scripted failure"}).into());
    }
    let start = number_after(text, "SINCE ").unwrap_or(DEFAULT_START);
    let end = number_after(text, "UNTIL ").unwrap_or(DEFAULT_START + 600);
    let step = number_after(text, "TIMESERIES ").unwrap_or_else(|| step_of(text, 60));
    let found = if text.contains("empty") {
        Vec::new()
    } else {
        points(text, (start, end), step, End::Excluded, 0)
    };
    let entries: Vec<Value> = found
        .into_iter()
        .enumerate()
        .map(|(k, (t, sample))| {
            let value = sample.or(Value::Null);
            let result = if text.contains("percentile") {
                json!({"percentiles": {"95": value}})
            } else if text.contains("count") {
                json!({"count": value})
            } else {
                json!({"average": value})
            };
            let unseen = text.contains("inspected0") && k % 3 == 0;
            json!({
                "results": [result], "beginTimeSeconds": t, "endTimeSeconds": t + step,
                "inspectedCount": if unseen { 0 } else { 7 }
            })
        })
        .collect();
    Ok(json!({
        "total": {
            "results": [{"count": 1}], "beginTimeSeconds": start, "endTimeSeconds": end,
            "inspectedCount": 7
        },
        "timeSeries": entries,
        "performanceStats": {"inspectedCount": 7},
        "metadata": {
            "eventTypes": ["Transaction"], "beginTime": iso(start), "endTime": iso(end),
            "beginTimeMillis": start * 1000, "endTimeMillis": end * 1000,
            "rawSince": start.to_string(), "guid": "g", "bucketSizeMillis": step * 1000
        }
    })
    .into())
}

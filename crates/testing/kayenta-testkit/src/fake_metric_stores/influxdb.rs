//! InfluxDB. `noresults`: an error without `results`; `twoseries`: the series once more under another
//! name.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{DEFAULT_START, End, Sample, iso, number_after, points, seconds, step_of, value},
};

pub(super) fn query(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("q");
    if text.contains("noseries") {
        return Ok(json!({"results": [{"statement_id": 0, "error": "scripted failure"}]}).into());
    }
    if text.contains("noresults") {
        return Ok(json!({"error": "scripted failure"}).into());
    }
    let first = between(text, "time >= '", "'").map_or(Ok(DEFAULT_START), seconds)?;
    let end = match between(text, "time < '", "'") {
        // A point in the second that has begun lies before its end.
        Some(end) => seconds(end)? + i64::from(end.contains('.')),
        None => DEFAULT_START + 600,
    };
    let window = (first, end);
    let step = number_after(text, "time(").unwrap_or_else(|| step_of(text, 60));
    let names = between(text, "SELECT ", " FROM").unwrap_or("x");
    let columns: Vec<&str> = if names.contains('*') {
        vec!["external", "internal"]
    } else {
        names.split(',').map(str::trim).collect()
    };
    let rows: Vec<Value> = points(text, window, step, End::Excluded, 0)
        .into_iter()
        .map(|(t, sample)| {
            let cells = (0..columns.len()).map(|i| match sample {
                Sample::Value(_) => json!(value(text, t as f64, i)),
                Sample::Null | Sample::Hole => Value::Null,
            });
            std::iter::once(Value::from(iso(t))).chain(cells).collect()
        })
        .collect();
    let headings: Vec<&str> = std::iter::once("time").chain(columns).collect();
    let series = |name: &str| json!({"name": name, "columns": headings, "values": rows});
    let mut result = json!({"statement_id": 0});
    if text.contains("twoseries") {
        result["series"] = json!([series("m"), series("n")]);
    } else if !text.contains("empty") {
        result["series"] = json!([series("m")]);
    }
    Ok(json!({"results": [result]}).into())
}

/// The text after the first `before`, up to the next `after`.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    rest.find(after).map(|end| &rest[..end])
}

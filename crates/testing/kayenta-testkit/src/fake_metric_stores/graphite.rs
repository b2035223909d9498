//! Graphite.

use serde_json::{Value, json};

use super::{
    asked::{Asked, Said},
    numbers::{End, points, series_count, step_of},
};

pub(super) fn render(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("target");
    let window = (asked.number("from")?, asked.number("until")?);
    let series: Vec<Value> = (0..series_count(text))
        .map(|i| {
            let target = if text.contains("multi") {
                format!("{text}.v{i}")
            } else {
                text.to_owned()
            };
            let points: Vec<(Value, i64)> =
                points(text, window, step_of(text, 60), End::Included, i)
                    .into_iter()
                    .map(|(t, sample)| (sample.or(Value::Null), t))
                    .collect();
            json!({"target": target, "tags": {"name": text}, "datapoints": points})
        })
        .collect();
    Ok(Value::from(series).into())
}

/// Below a path that ends in `re…` there is a leaf, below every other a branch; each is listed
/// twice, as a real server with several storages does.
pub(super) fn find(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let text = asked.text("query");
    if text.contains("empty") {
        return Ok(json!({"metrics": []}).into());
    }
    let (base, rest) = text.split_at(text.rfind('.').map_or(0, |dot| dot + 1));
    let found = if rest.starts_with("re") {
        json!({"path": format!("{base}requests"), "name": "requests", "is_leaf": "1"})
    } else {
        json!({"path": format!("{base}servers."), "name": "servers", "is_leaf": "0"})
    };
    Ok(json!({"metrics": [found, found]}).into())
}

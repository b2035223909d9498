//! A remote judge: a metric with `bad` in its name is High, every other passes.

use serde_json::{Value, json};

use super::asked::{Asked, Said};

pub(super) fn judge(asked: &Asked<'_>) -> anyhow::Result<Said> {
    let request: Value = serde_json::from_str(asked.body)?;
    let pairs = request["metricSetPairList"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let results: Vec<Value> = pairs
        .iter()
        .map(|pair| {
            let bad = pair["name"].as_str().is_some_and(|name| name.contains("bad"));
            let side = |name: &str| {
                let count = pair["values"][name].as_array().map_or(0, Vec::len);
                json!({"stats": {"count": count}})
            };
            json!({
                "name": pair["name"], "tags": pair.get("tags").cloned().unwrap_or_else(|| json!({})),
                "id": pair["id"], "classification": if bad { "High" } else { "Pass" },
                "classificationReason": bad.then_some("scripted reason"), "groups": ["Remote"],
                "experimentMetadata": side("experiment"), "controlMetadata": side("control"),
                "resultMetadata": {"ratio": 1.5}, "critical": false, "muted": bad
            })
        })
        .collect();
    let passed = results
        .iter()
        .filter(|result| result["classification"] == "Pass")
        .count();
    let score = 100.0 * passed as f64 / results.len().max(1) as f64;
    let score: f64 = format!("{score:.2}").parse()?;
    let threshold = |name: &str| {
        request["scoreThresholds"][name]
            .as_f64()
            .unwrap_or_default()
    };
    let verdict = if score >= threshold("pass") {
        "Pass"
    } else if score >= threshold("marginal") {
        "Marginal"
    } else {
        "Fail"
    };
    Ok(json!({
        "judgeName": "FakeRemoteJudge", "results": results,
        "groupScores": [{"name": "Remote", "score": score, "classification": "", "classificationReason": ""}],
        "score": {"score": score, "classification": verdict, "classificationReason": "scripted"},
        "extra": "ignored"
    })
    .into())
}

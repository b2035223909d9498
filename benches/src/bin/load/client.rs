//! A client that posts canaries and polls them.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// An ad-hoc canary of `metrics` metrics over `points` points, a minute apart.
pub(crate) fn canary(metrics: usize, points: i64) -> Value {
    let start = 1_600_000_000_000_i64;
    let end = start + (points - 1) * 60_000;
    let scope = |name: &str| json!({"scope": name, "location": "here", "start": start, "end": end, "step": 60});
    json!({
        "canaryConfig": config(metrics),
        "executionRequest": {
            "scopes": {"default": {"controlScope": scope("baseline"), "experimentScope": scope("canary")}},
            "thresholds": {"pass": 95, "marginal": 75}
        }
    })
}

/// A standalone analysis that waits `minutes` before its only run.
pub(crate) fn analysis(minutes: i64) -> Value {
    json!({
        "canaryConfig": config(1),
        "executionRequest": {
            "scopes": [{"controlScope": "baseline", "experimentScope": "canary", "step": 60}],
            "thresholds": {"pass": 95, "marginal": -1},
            "lifetimeDurationMins": minutes
        }
    })
}

/// A standalone analysis of the past with so many runs, which all succeed or do not end it.
pub(crate) fn past_analysis(runs: i64) -> Value {
    let at = |minute| {
        kayenta_model::Instant::from_millis(1_600_000_000_000 + minute * 60_000)
            .map(|at| at.to_string())
    };
    json!({
        "canaryConfig": config(1),
        "executionRequest": {
            "scopes": [{
                "controlScope": "baseline", "experimentScope": "canary", "step": 60,
                "startTimeIso": at(0), "endTimeIso": at(10 * runs),
            }],
            "thresholds": {"pass": 95, "marginal": -1},
            "analysisIntervalMins": 10,
            "lookbackMins": 10,
        }
    })
}

/// What a load fails with.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Sends a request; the content of its answer. One that is no success fails with what the service says.
pub(crate) async fn content(request: RequestBuilder) -> Result<Bytes, Failure> {
    let answer = request.send().await?;
    let (status, url) = (answer.status(), answer.url().clone());
    let content = answer.bytes().await?;
    match status.is_success() {
        true => Ok(content),
        false => Err(format!("{url}: {status} {}", String::from_utf8_lossy(&content)).into()),
    }
}

/// [`content`] as JSON.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&content(request).await?)?)
}

/// Posts a standalone analysis and looks every second whether it is complete; its id.
pub(crate) async fn finish_analysis(
    http: &reqwest::Client,
    base: &str,
    body: &Value,
) -> Result<String, Failure> {
    let url = format!("{base}/standalone_canary_analysis");
    let started = answer(http.post(url).json(body)).await?;
    let id = started["canaryAnalysisExecutionId"]
        .as_str()
        .ok_or("no execution id")?
        .to_owned();
    loop {
        let url = format!("{base}/standalone_canary_analysis/{id}");
        let status = answer(http.get(url)).await?;
        if status["complete"] == true {
            if status["executionStatus"] != "SUCCEEDED" {
                let (how, why) = (&status["executionStatus"], &status["exception"]);
                return Err(format!("analysis {id} ended as {how}: {why}").into());
            }
            return Ok(id);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn config(metrics: usize) -> Value {
    let metrics: Vec<Value> = (0..metrics)
        .map(|index| {
            json!({
                "name": format!("metric{index}"),
                "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:m{index}{{v=\"${{scope}}\"}}")},
                "groups": ["Group"],
                "analysisConfigurations": {"canary": {"direction": "either"}},
                "scopeName": "default"
            })
        })
        .collect();
    json!({
        "name": "load", "applications": ["load"], "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": metrics, "templates": {}, "classifier": {"groupWeights": {"Group": 100}}
    })
}

/// Posts a canary and polls until it is complete; how long that took.
pub(crate) async fn run_canary(
    http: &reqwest::Client,
    base: &str,
    body: &Value,
    pause: Duration,
) -> Result<Duration, Failure> {
    let begun = Instant::now();
    finish_canary(http, base, body, pause).await?;
    Ok(begun.elapsed())
}

/// Posts a canary and polls until it is complete; its id.
pub(crate) async fn finish_canary(
    http: &reqwest::Client,
    base: &str,
    body: &Value,
    pause: Duration,
) -> Result<String, Failure> {
    let started = answer(http.post(format!("{base}/canary")).json(body)).await?;
    let id = started["canaryExecutionId"]
        .as_str()
        .ok_or("no execution id")?
        .to_owned();
    loop {
        let status = answer(http.get(format!("{base}/canary/{id}"))).await?;
        if status["complete"] == true {
            if status["status"] != "succeeded" {
                return Err(format!(
                    "canary {id} ended as {}: {}",
                    status["status"], status["exception"]
                )
                .into());
            }
            return Ok(id);
        }
        tokio::time::sleep(pause).await;
    }
}

//! Requests the tests send, and what they read of the answers.

use std::time::Duration;

use kayenta_testkit::eventually;
use serde_json::{Value, json};

/// A client of one service, by HTTP and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    base_url: String,
    http: reqwest::Client,
}

impl Caller {
    pub(crate) fn new(base_url: impl Into<String>) -> Self {
        Self::patient(base_url, Duration::from_secs(20))
    }

    /// A client that waits so long for an answer.
    pub(crate) fn patient(base_url: impl Into<String>, patience: Duration) -> Self {
        // No connection is kept: each test says what happens to the next request, not the pool.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(patience)
            .build()
            .unwrap();
        Self {
            base_url: base_url.into(),
            http,
        }
    }

    /// The same, with a token.
    pub(crate) fn as_bearer(&self, token: &str) -> Self {
        let mut headers = reqwest::header::HeaderMap::new();
        let value = format!("Bearer {token}").parse().unwrap();
        headers.insert(reqwest::header::AUTHORIZATION, value);
        let http = reqwest::Client::builder()
            .no_proxy()
            .default_headers(headers)
            .build()
            .unwrap();
        Self {
            base_url: self.base_url.clone(),
            http,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Result<(u16, Value)> {
        read(self.http.get(format!("{}{path}", self.base_url))).await
    }

    /// Reads an answer to its end and keeps nothing of it; its length.
    pub(crate) async fn read_through(&self, path: &str) -> reqwest::Result<usize> {
        let request = self.http.get(format!("{}{path}", self.base_url));
        let mut answer = request.send().await?;
        let mut length = 0;
        while let Some(piece) = answer.chunk().await? {
            length += piece.len();
        }
        Ok(length)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        read(
            self.http
                .post(format!("{}{path}", self.base_url))
                .json(body),
        )
        .await
    }

    pub(crate) async fn put(&self, path: &str) -> reqwest::Result<(u16, Value)> {
        read(self.http.put(format!("{}{path}", self.base_url))).await
    }

    pub(crate) async fn put_json(&self, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        read(self.http.put(format!("{}{path}", self.base_url)).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> reqwest::Result<(u16, Value)> {
        read(self.http.delete(format!("{}{path}", self.base_url))).await
    }

    /// Starts something and returns its id.
    pub(crate) async fn start(&self, path: &str, body: &Value) -> reqwest::Result<String> {
        let (status, answer) = self.post(path, body).await?;
        let id = answer["canaryExecutionId"]
            .as_str()
            .or_else(|| answer["canaryAnalysisExecutionId"].as_str());
        Ok(id
            .unwrap_or_else(|| panic!("{path} answers {status} {answer}"))
            .to_owned())
    }

    /// Asks until the answer is complete.
    pub(crate) async fn complete(&self, path: &str, patience: Duration) -> Value {
        eventually(format!("{path} is complete"), patience, async || {
            let (status, answer) = self.get(path).await.unwrap();
            match answer["complete"] == json!(true) {
                true => Ok(answer),
                false => Err((status, answer)),
            }
        })
        .await
    }

    /// The health of a service with accounts that cannot be used, once the cause of each is found. Such
    /// a service is alive and not ready.
    pub(crate) async fn health_with_causes(&self) -> Value {
        // A machine that is busy may take longer to find a cause than a probe waits for it.
        let health = eventually(
            "every cause is found",
            Duration::from_secs(30),
            async || {
                let (status, health) = self.get("/health").await.unwrap();
                assert_eq!(status, 200, "{health}");
                match health.to_string().contains("TimeoutException") {
                    true => Err(health),
                    false => Ok(health),
                }
            },
        )
        .await;
        assert_eq!(self.get("/health/liveness").await.unwrap().0, 200);
        assert_eq!(self.get("/health/readiness").await.unwrap().0, 503);
        health
    }

    /// Asks until the workers of this replica have nothing in hand.
    pub(crate) async fn has_no_active_execution(&self, patience: Duration) {
        eventually("no execution is active", patience, async || {
            let (_, meter) = self.get("/metrics/executions.active").await.unwrap();
            let active = meter["measurements"][0]["value"].as_f64();
            (active == Some(0.0)).then_some(()).ok_or(meter)
        })
        .await;
    }
}

async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Value)> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    ))
}

/// A metric of a config by its PromQL, in which `${scope}` is the deployment.
pub(crate) fn metric(name: &str, group: &str, promql: &str) -> Value {
    json!({
        "name": name,
        "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:{promql}")},
        "groups": [group],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default",
    })
}

/// So many metrics of one group, `errors`.
pub(crate) fn metrics(count: usize) -> Vec<Value> {
    let query = |n: usize| format!("m{n}{{v=\"${{scope}}\"}}");
    (0..count)
        .map(|n| metric(&format!("m{n}"), "errors", &query(n)))
        .collect()
}

/// A config of metrics and the weights of their groups.
pub(crate) fn config(name: &str, metrics: &[Value], weights: Value) -> Value {
    json!({
        "name": name,
        "applications": ["shop"],
        "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": metrics,
        "templates": {},
        "classifier": {"groupWeights": weights},
    })
}

/// One window of time for both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub(crate) start: &'a str,
    pub(crate) end: &'a str,
    pub(crate) step_seconds: u64,
}

/// The hour of the recorded requests.
pub(crate) const WINDOW: Window<'static> = Window {
    start: "2020-11-20T23:00:00Z",
    end: "2020-11-21T00:00:00Z",
    step_seconds: 60,
};

/// The body of `POST /canary`.
pub(crate) fn canary(config: &Value, control: &str, experiment: &str, window: Window<'_>) -> Value {
    let side = |scope: &str| json!({"scope": scope, "start": window.start, "end": window.end, "step": window.step_seconds});
    json!({
        "canaryConfig": config,
        "executionRequest": {
            "scopes": {"default": {"controlScope": side(control), "experimentScope": side(experiment)}},
            "thresholds": {"pass": 95, "marginal": 75},
        },
    })
}

/// A canary of one metric over [`WINDOW`], which passes on the fake Prometheus.
pub(crate) fn latency_canary() -> Value {
    let metrics = [metric("latency", "Latency", r#"latency{v="${scope}"}"#)];
    let config = config("latency", &metrics, json!({"Latency": 100}));
    canary(&config, "baseline", "canary", WINDOW)
}

/// The body of `POST /standalone_canary_analysis`, over a window in the past.
pub(crate) fn analysis(
    config: &Value,
    control: &str,
    experiment: &str,
    window: Window<'_>,
    interval_minutes: u64,
) -> Value {
    json!({
        "canaryConfig": config,
        "executionRequest": {
            "scopes": [{
                "scopeName": "default", "controlScope": control, "experimentScope": experiment,
                "startTimeIso": window.start, "endTimeIso": window.end, "step": window.step_seconds,
            }],
            "analysisIntervalMins": interval_minutes,
            "thresholds": {"pass": 95, "marginal": 10},
        },
    })
}

/// The score of a finished canary.
pub(crate) fn canary_score(answer: &Value) -> &Value {
    &answer["result"]["judgeResult"]["score"]["score"]
}

/// The scores of a finished analysis, in order.
pub(crate) fn analysis_scores(answer: &Value) -> &Value {
    &answer["canaryAnalysisExecutionResult"]["canaryScores"]
}

/// What ends only once: the time and the score.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) at: Value,
    pub(crate) score: Value,
}

impl End {
    /// Of the answer of a path that says how a run or an analysis went.
    pub(crate) fn of(path: &str, answer: &Value) -> Self {
        assert_eq!(answer["status"], json!("succeeded"), "{path}: {answer}");
        let score = if path.starts_with("/canary/") {
            canary_score(answer)
        } else {
            analysis_scores(answer)
        };
        Self {
            at: answer["endTimeMillis"].clone(),
            score: score.clone(),
        }
    }
}

//! A canary with a metric of every kind, judged and explained by the built-in judge.

use std::sync::Arc;

use indexmap::IndexMap;
use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge, explanation::explain};
use kayenta_model::{
    CanaryConfig, CanaryJudgeResult, MetricSetPair, ScopePair, Thresholds,
    explanation::CanaryExplanation,
};
use kayenta_report::JudgedRun;
use serde_json::{Value, json};

/// All that a run's picture is made of.
pub(crate) struct Judged {
    pub(crate) config: Arc<CanaryConfig>,
    pub(crate) pairs: Arc<Vec<MetricSetPair>>,
    pub(crate) scopes: IndexMap<String, Option<ScopePair>>,
    pub(crate) result: CanaryJudgeResult,
    pub(crate) explanation: CanaryExplanation,
}

pub(crate) const THRESHOLDS: Thresholds = Thresholds {
    pass: Some(95.0),
    marginal: Some(75.0),
};

impl Judged {
    pub(crate) fn new(config: Value, pairs: Value, scopes: Value) -> Self {
        let config: Arc<CanaryConfig> = Arc::new(serde_json::from_value(config).unwrap());
        let pairs: Arc<Vec<MetricSetPair>> = Arc::new(serde_json::from_value(pairs).unwrap());
        let request = JudgeRequest {
            canary_config: Arc::clone(&config),
            thresholds: THRESHOLDS.into(),
            metric_set_pairs: Arc::clone(&pairs),
            ..JudgeRequest::default()
        };
        let result = NetflixAcaJudge::default().judge(&request).unwrap();
        let explanation = explain(&request, &result).unwrap();
        Self {
            config,
            pairs,
            scopes: serde_json::from_value(scopes).unwrap(),
            result,
            explanation,
        }
    }

    pub(crate) fn run(&self) -> JudgedRun<'_> {
        JudgedRun {
            id: "01KQ0000000000000000000000",
            application: Some("shop"),
            config: &self.config,
            thresholds: THRESHOLDS,
            scopes: Some(&self.scopes),
            pairs: &self.pairs,
            result: &self.result,
            explanation: Some(&self.explanation),
            unread: None,
        }
    }
}

/// Values that look random and are the same on every machine: multiples of an eighth.
pub(crate) fn noise(seed: u64, count: usize, around: f64, eighths: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            around + ((state >> 33) % eighths) as f64 / 8.0
        })
        .collect()
}

pub(crate) fn scope(start: i64) -> Value {
    json!({"startTimeMillis": start, "stepMillis": 60_000})
}

pub(crate) fn pair(
    name: &str,
    control: Vec<f64>,
    experiment: Vec<f64>,
    control_start: i64,
) -> Value {
    let list = |values: Vec<f64>| -> Vec<Value> {
        values
            .into_iter()
            .map(|value| {
                if value.is_nan() {
                    json!("NaN")
                } else {
                    json!(value)
                }
            })
            .collect()
    };
    json!({"name": name, "id": format!("id of {name}"), "tags": {},
        "values": {"control": list(control), "experiment": list(experiment)},
        "scopes": {"control": scope(control_start), "experiment": scope(1_764_407_100_000)},
        "attributes": {"control": {"query": format!("{name}{{version=\"1.0\"}}")},
            "experiment": {"query": format!("{name}{{version=\"1.1\"}}")}}})
}

/// Two groups; higher and allowed, higher and critical, passing, without data, muted, with outliers and gaps.
pub(crate) fn shop() -> Judged {
    let metric = |name: &str, group: &str, canary: Value| {
        json!({"name": name, "groups": [group], "scopeName": "default",
            "query": {"type": "prometheus", "metricName": name}, "analysisConfigurations": {"canary": canary}})
    };
    let now = 1_764_407_100_000;
    let mut gaps = noise(7, 60, 40.0, 40);
    gaps[3] = f64::NAN;
    gaps[4] = f64::NAN;
    gaps[20] = 900.0;
    let scopes = json!({"default": {
        "controlScope": {"scope": "1.0", "location": "eu", "start": "2025-11-29T09:05:00Z", "end": "2025-11-29T10:05:00Z", "step": 60},
        "experimentScope": {"scope": "1.1", "location": "eu", "start": "2025-11-29T09:05:00Z", "end": "2025-11-29T10:05:00Z", "step": 60}}});
    Judged::new(
        json!({"name": "checkout-canary", "metrics": [
            metric("error rate", "Errors", json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.05}})),
            metric("timeouts", "Errors", json!({"direction": "increase"})),
            metric("latency p99", "Latency", json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.1, "criticalIncrease": 1.2}})),
            metric("memory", "Saturation", json!({"direction": "either", "outliers": {"strategy": "remove"}})),
            metric("queue age", "Saturation", json!({})),
            metric("experimental", "Saturation", json!({"muted": true})),
        ], "classifier": {"groupWeights": {"Errors": 40.0, "Latency": 40.0, "Saturation": 15.0}}}),
        json!([
            pair(
                "error rate",
                noise(1, 60, 10.0, 16),
                noise(2, 60, 24.0, 16),
                now
            ),
            pair(
                "timeouts",
                noise(3, 60, 5.0, 16),
                noise(4, 60, 5.0, 16),
                now
            ),
            pair(
                "latency p99",
                noise(5, 60, 300.0, 40),
                noise(6, 60, 450.0, 40),
                now
            ),
            pair("memory", gaps, noise(8, 60, 40.0, 40), now - 86_400_000),
            pair("queue age", noise(9, 60, 1.0, 4), vec![], now),
            pair(
                "experimental",
                noise(10, 60, 1.0, 8),
                noise(11, 60, 9.0, 8),
                now
            ),
        ]),
        scopes,
    )
}

//! Analyses that end before their last look, and judges beside the reference's, on a real Prometheus.

use std::{fmt::Write as _, time::Duration};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use kayenta_testkit::{Fault, FaultProxy, PrometheusServer, Service, eventually};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, Window, analysis, canary, config, metric},
    samples::embedded_service,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Every judge and nothing else beside the defaults.
const JUDGES: &str =
    "kayenta.paired-judge.enabled: true\nkayenta.static-limit-judge.enabled: true\n";

/// Four hours, one sample a minute, of three deployments that share a daily movement and have noise of
/// their own.
struct History {
    begin: DateTime<Utc>,
}

impl History {
    const MINUTES: i64 = 240;

    fn new() -> Self {
        let begin = Utc::now() - TimeDelta::minutes(Self::MINUTES + 10);
        Self {
            begin: DateTime::from_timestamp(begin.timestamp() / 60 * 60, 0).unwrap(),
        }
    }

    fn open_metrics(&self) -> String {
        let mut text = String::from("# TYPE latency_ms gauge\n");
        let mut seed = 20_261_u64;
        let mut uniform = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f64 / f64::from(1 << 24)
        };
        for (version, level) in [("base", 100.0), ("healthy", 100.0), ("slow", 140.0)] {
            for minute in 0..=Self::MINUTES {
                let shared = 1.0 + 0.2 * (minute as f64 / 60.0).sin();
                let value = level * shared * (0.95 + 0.1 * uniform());
                let at = self.begin.timestamp() + 60 * minute;
                writeln!(text, "latency_ms{{v=\"{version}\"}} {value} {at}").unwrap();
            }
        }
        text.push_str("# EOF\n");
        text
    }

    fn minute(&self, minute: i64) -> String {
        (self.begin + TimeDelta::minutes(minute)).to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

fn latency(judge: Value) -> Value {
    let mut config = of_query(r#"avg(latency_ms{v="${scope}"})"#);
    config["judge"] = judge;
    config
}

/// A config of one metric.
fn of_query(promql: &str) -> Value {
    let metrics = [metric("latency", "Latency", promql)];
    config("latency", &metrics, json!({"Latency": 100}))
}

fn paired() -> Value {
    json!({
        "name": "PairedCanaryJudge-v1.0",
        "judgeConfigurations": {"paired": {"success": true}},
    })
}

/// Twelve looks at growing windows of four hours.
fn twelve_looks(history: &History, version: &str) -> Value {
    let (start, end) = (history.minute(0), history.minute(History::MINUTES));
    let window = Window {
        start: &start,
        end: &end,
        step_seconds: 60,
    };
    analysis(&latency(paired()), "base", version, window, 20)
}

/// What must not depend on interruptions.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: Value,
    passed: Value,
    message: Value,
    scores: Value,
    looks: Vec<Value>,
}

async fn outcome(caller: &Caller, path: &str) -> Outcome {
    let answer = caller.complete(path, PATIENCE).await;
    let result = &answer["canaryAnalysisExecutionResult"];
    let mut looks = Vec::new();
    for run in result["canaryExecutionResults"].as_array().unwrap() {
        let id = run["executionId"].as_str().unwrap();
        let (_, run) = caller.get(&format!("/canary/{id}")).await.unwrap();
        looks.push(run["look"].clone());
    }
    Outcome {
        status: answer["status"].clone(),
        passed: result["didPassThresholds"].clone(),
        message: result["canaryScoreMessage"].clone(),
        scores: result["canaryScores"].clone(),
        looks,
    }
}

/// Waits until so many runs of an analysis have ended.
async fn wait_for_runs(caller: &Caller, path: &str, count: usize) {
    eventually(
        format!("{count} runs of {path} have ended"),
        PATIENCE,
        async || {
            let (_, answer) = caller.get(path).await.unwrap();
            let stages = answer["stageStatus"].as_array().unwrap();
            let ended = stages
                .iter()
                .filter(|stage| stage["type"] == "runCanary" && stage["status"] == "SUCCEEDED");
            if ended.count() >= count {
                Ok(())
            } else {
                Err(answer)
            }
        },
    )
    .await;
}

fn looks(count: u32) -> Vec<Value> {
    (1..=count)
        .map(|index| json!({"index": index, "total": 12}))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus"]
async fn early_ends_are_the_same_through_kills() {
    let history = History::new();
    let prometheus = PrometheusServer::start_with_history(&history.open_metrics())
        .await
        .unwrap();
    let upstream = prometheus.base_url()["http://".len()..].parse().unwrap();
    let proxy = FaultProxy::start(upstream).await.unwrap();
    let mut service = embedded_service(&proxy.base_url(), JUDGES).await;
    let caller = Caller::new(service.base_url());
    let path = "/standalone_canary_analysis";
    let start = async |version: &str| {
        let id = caller
            .start(path, &twelve_looks(&history, version))
            .await
            .unwrap();
        format!("{path}/{id}")
    };

    let healthy = outcome(&caller, &start("healthy").await).await;
    assert_eq!(
        healthy,
        Outcome {
            status: json!("succeeded"),
            passed: json!(true),
            message: json!(
                "Ended early at look 6 of 12: a change of 10 % or more is excluded (error at most 0.05)."
            ),
            scores: json!([100.0, 100.0, 100.0, 100.0, 100.0, 100.0]),
            looks: looks(6),
        }
    );
    let slow_path = start("slow").await;
    let slow = outcome(&caller, &slow_path).await;
    assert_eq!(slow.status, json!("terminal"));
    assert_eq!(slow.passed, json!(false));
    assert_eq!(slow.looks, looks(u32::try_from(slow.looks.len()).unwrap()));
    assert!(slow.looks.len() < 12, "{slow:?}");
    let (_, explained) = caller
        .get(&format!("{slow_path}/explanation"))
        .await
        .unwrap();
    assert_eq!(explained["explanation"]["conclusion"], json!("worse"));
    let sentence = &explained["explanation"]["results"][0]["explanation"]["sentences"][0];
    assert!(
        sentence.as_str().unwrap().contains("above the baseline"),
        "{explained}"
    );

    // Fetches take a moment, so that kills meet looks under way.
    proxy.set(Fault::Delay(Duration::from_millis(200)));
    let (healthy_again, slow_again) = (start("healthy").await, start("slow").await);
    for kill in 0..4 {
        wait_for_runs(&caller, &healthy_again, kill).await;
        restart(&mut service).await;
    }
    assert_eq!(outcome(&caller, &healthy_again).await, healthy);
    assert_eq!(outcome(&caller, &slow_again).await, slow);
}

async fn restart(service: &mut Service) {
    service.kill().await.unwrap();
    service.restart().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus"]
async fn judges_beside_the_references_are_listed_and_judge_on_a_real_prometheus() {
    let history = History::new();
    let prometheus = PrometheusServer::start_with_history(&history.open_metrics())
        .await
        .unwrap();
    let service = embedded_service(&prometheus.base_url(), JUDGES).await;
    let caller = Caller::new(service.base_url());
    let (_, judges) = caller.get("/judges").await.unwrap();
    let names: Vec<_> = judges
        .as_array()
        .unwrap()
        .iter()
        .map(|j| &j["name"])
        .collect();
    assert_eq!(
        names[..4],
        [
            "NetflixACAJudge-v1.0",
            "dredd-v1.0",
            "PairedCanaryJudge-v1.0",
            "StaticLimitJudge-v1.0"
        ]
    );

    let (start, end) = (history.minute(0), history.minute(60));
    let window = Window {
        start: &start,
        end: &end,
        step_seconds: 60,
    };
    let judged = async |config: &Value, version: &str, baseline: bool| {
        let mut body = canary(config, "base", version, window);
        if !baseline {
            body["executionRequest"]["scopes"]["default"]["controlScope"].take();
        }
        let id = caller.start("/canary", &body).await.unwrap();
        let answer = caller.complete(&format!("/canary/{id}"), PATIENCE).await;
        assert_eq!(answer["status"], json!("succeeded"), "{answer}");
        answer["result"]["judgeResult"]["results"][0]["classification"].clone()
    };
    for (version, label) in [("healthy", "Pass"), ("slow", "High")] {
        assert_eq!(judged(&latency(paired()), version, true).await, label);
        let mut limited = latency(json!({"name": "StaticLimitJudge-v1.0"}));
        limited["metrics"][0]["analysisConfigurations"]["canary"]["staticLimit"] =
            json!({"upper": 130, "statistic": "p95"});
        assert_eq!(judged(&limited, version, false).await, label);
        assert_eq!(judged(&limited, version, true).await, label);
    }

    // Neither is a failure to the built-in judge, and neither compares anything: one query for both sides,
    // and series whose labels do not pair.
    for (promql, finding, words) in [
        (r#"avg(latency_ms{v="slow"})"#, "sameQuery", "${scope}"),
        (
            r#"latency_ms{v="${scope}"}"#,
            "unpairedTags",
            "differ in v;",
        ),
    ] {
        let body = canary(&of_query(promql), "base", "slow", window);
        let id = caller.start("/canary", &body).await.unwrap();
        let path = format!("/canary/{id}");
        caller.complete(&path, PATIENCE).await;
        let (_, explained) = caller.get(&format!("{path}/explanation")).await.unwrap();
        let findings = explained["findings"].as_array().unwrap();
        let found = findings.iter().find(|found| found["id"] == finding);
        let sentence = found.and_then(|found| found["sentence"].as_str());
        assert!(
            sentence.is_some_and(|sentence| sentence.contains(words)),
            "{finding}: {explained}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus"]
async fn a_judge_that_is_switched_off_is_refused_with_the_setting_that_switches_it_on() {
    let history = History::new();
    let prometheus = PrometheusServer::start_with_history(&history.open_metrics())
        .await
        .unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    let (start, end) = (history.minute(0), history.minute(60));
    let window = Window {
        start: &start,
        end: &end,
        step_seconds: 60,
    };
    let body = canary(&latency(paired()), "base", "healthy", window);
    let (status, answer) = caller.post("/canary", &body).await.unwrap();
    assert_eq!(status, 400);
    assert_eq!(
        answer["message"],
        json!(
            "Unable to resolve canary judge 'PairedCanaryJudge-v1.0'. The judge is switched off: set \
             kayenta.paired-judge.enabled: true."
        )
    );
}

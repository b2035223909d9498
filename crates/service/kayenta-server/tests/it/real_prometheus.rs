//! Verdicts about real deployments, scraped by a real Prometheus.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use kayenta_testkit::{Behaviour, PrometheusServer, ScrapeTarget};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, Window, analysis, analysis_scores, canary, canary_score, config, metric},
    samples::embedded_service,
};

/// How long the deployments are watched before they are judged.
const WATCHED: TimeDelta = TimeDelta::seconds(24);

const DEPLOYMENTS: [Behaviour; 3] = [
    Behaviour {
        version: "1.0",
        requests_per_second: 80.0,
        error_ratio: 0.01,
        latency_millis: 40.0,
    },
    // As the baseline, but for noise.
    Behaviour {
        version: "1.1",
        requests_per_second: 80.0,
        error_ratio: 0.01,
        latency_millis: 40.0,
    },
    // Fails four times as often and answers later.
    Behaviour {
        version: "1.2",
        requests_per_second: 80.0,
        error_ratio: 0.04,
        latency_millis: 65.0,
    },
];

fn shop_config() -> Value {
    let metrics = [
        metric(
            "error rate",
            "Errors",
            r#"sum(rate(http_requests_total{app="shop",version="${scope}",status="500"}[5s]))"#,
        ),
        metric(
            "latency",
            "Latency",
            r#"avg(http_request_latency_ms{app="shop",version="${scope}"})"#,
        ),
        metric(
            "throughput",
            "Traffic",
            r#"sum(rate(http_requests_total{app="shop",version="${scope}",status="200"}[5s]))"#,
        ),
    ];
    config(
        "shop",
        &metrics,
        json!({"Errors": 50, "Latency": 30, "Traffic": 20}),
    )
}

/// Name and classification of each metric.
fn classes(judged: &Value) -> Vec<(String, String)> {
    judged["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| {
            (
                m["name"].as_str().unwrap().into(),
                m["classification"].as_str().unwrap().into(),
            )
        })
        .collect()
}

fn named(expected: [(&str, &str); 3]) -> Vec<(String, String)> {
    expected
        .map(|(name, class)| (name.to_owned(), class.to_owned()))
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus"]
async fn a_bad_canary_fails_and_a_good_one_passes_on_a_real_prometheus() {
    let mut targets = Vec::new();
    for behaviour in DEPLOYMENTS {
        targets.push(ScrapeTarget::start(behaviour).await.unwrap());
    }
    let addresses: Vec<_> = targets.iter().map(ScrapeTarget::address).collect();
    let prometheus = PrometheusServer::start(&addresses).await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());

    let scraped = format!(
        "count_over_time(http_request_latency_ms[{}s])",
        WATCHED.num_seconds()
    );
    let enough = WATCHED.num_seconds() as f64 - 3.0;
    prometheus
        .wait_for(&scraped, 3, enough, Duration::from_secs(60))
        .await
        .unwrap();
    let text = |t: chrono::DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
    let now = Utc::now();
    // The first seconds have no rate yet.
    let (start, end) = (text(now - WATCHED + TimeDelta::seconds(6)), text(now));
    let window = Window {
        start: &start,
        end: &end,
        step_seconds: 1,
    };

    let patience = Duration::from_secs(20);
    for (version, verdict, expected) in [
        (
            "1.1",
            "Pass",
            [
                ("error rate", "Pass"),
                ("latency", "Pass"),
                ("throughput", "Pass"),
            ],
        ),
        (
            "1.2",
            "Fail",
            [
                ("error rate", "High"),
                ("latency", "High"),
                ("throughput", "Pass"),
            ],
        ),
    ] {
        let body = canary(&shop_config(), "1.0", version, window);
        let id = caller.start("/canary", &body).await.unwrap();
        let answer = caller.complete(&format!("/canary/{id}"), patience).await;
        let judged = &answer["result"]["judgeResult"];
        assert_eq!(
            judged["score"]["classification"],
            json!(verdict),
            "{version}: {answer}"
        );
        let traffic_may_wave = |c: &(String, String)| c.0 != "throughput";
        let found: Vec<_> = classes(judged)
            .into_iter()
            .filter(traffic_may_wave)
            .collect();
        let expected: Vec<_> = named(expected)
            .into_iter()
            .filter(traffic_may_wave)
            .collect();
        assert_eq!(found, expected, "{version}: {answer}");
        println!(
            "version {version}: {verdict}, score {}",
            canary_score(&answer)
        );
    }

    // The whole window as one run; its verdict must be the canary's.
    for (version, passes) in [("1.1", true), ("1.2", false)] {
        let mut body = analysis(&shop_config(), "1.0", version, window, 0);
        body["executionRequest"]
            .as_object_mut()
            .unwrap()
            .remove("analysisIntervalMins");
        // Windows are counted in minutes; a lifetime of one reaches back beyond the first scrape.
        let scope = &mut body["executionRequest"]["scopes"][0];
        scope["startTimeIso"] = json!(text(now - TimeDelta::minutes(1)));
        let id = caller
            .start("/standalone_canary_analysis", &body)
            .await
            .unwrap();
        let path = format!("/standalone_canary_analysis/{id}");
        let answer = caller.complete(&path, patience).await;
        let result = &answer["canaryAnalysisExecutionResult"];
        assert_eq!(
            result["didPassThresholds"],
            json!(passes),
            "{version}: {answer}"
        );
        let judged = &result["canaryExecutionResults"][0]["result"]["judgeResult"];
        let found = classes(judged);
        let wanted = if passes { "Pass" } else { "High" };
        for metric in ["error rate", "latency"] {
            assert!(
                found.contains(&(metric.to_owned(), wanted.to_owned())),
                "{version}: {found:?}"
            );
        }
        println!(
            "analysis of {version}: passed {passes}, scores {}",
            analysis_scores(&answer)
        );
    }
}

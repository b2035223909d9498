//! The dashboard and the alert rules of `deploy/observability`, on a service that a real Prometheus
//! scrapes.

use std::{net::SocketAddr, path::Path, time::Duration};

use chrono::{SecondsFormat, TimeDelta, Utc};
use kayenta_testkit::{PrometheusServer, ServiceBuilder, free_port};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, Window, analysis, canary, config, metric},
    samples::{BINARY, embedded},
};

fn deployed(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/observability");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// The expressions of all panels, with Grafana's variables replaced as for "All".
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| {
            let mut text = target["expr"].as_str().unwrap().to_owned();
            for (variable, value) in [
                ("${store}", "prometheus"),
                ("$__rate_interval", "20s"),
                ("$__range", "20s"),
                ("$job", ".*"),
                ("$namespace", ".*"),
                ("$instance", ".*"),
            ] {
                text = text.replace(variable, value);
            }
            assert!(!text.contains('$'), "{text}");
            text
        })
        .collect()
}

/// Name and expression of each alert.
fn alerts(rules: &str) -> Vec<(String, String)> {
    let alerts = rules.split("- alert: ").skip(1).map(|rule| {
        let (name, rest) = rule.split_once("\n        expr: ").unwrap();
        let (expression, _) = rest
            .split_once("\n        for: ")
            .unwrap_or_else(|| rest.split_once("\n        labels:").unwrap());
        let expression = expression.trim_start_matches('|').trim();
        (name.to_owned(), expression.to_owned())
    });
    let alerts: Vec<_> = alerts.collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    alerts
}

/// The metrics an alert's expression names: words with an underscore, outside of braces.
fn metrics(expression: &str) -> Vec<&str> {
    let mut depth = 0;
    expression
        .split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter_map(|part| {
            let outside = depth == 0;
            depth += part.matches('{').count();
            depth -= part.matches('}').count();
            let word = part.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
            let named = word.contains('_') && word != "histogram_quantile";
            (outside && named).then_some(word)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus"]
async fn every_query_of_the_dashboard_returns_data_and_every_alert_watches_a_meter() {
    let port = free_port().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let prometheus = PrometheusServer::scraping("/prometheus", &[address])
        .await
        .unwrap();
    // The service judges its own memory, so one Prometheus is enough.
    let service = ServiceBuilder::new(BINARY)
        .config(embedded(&prometheus.base_url()))
        .port(port)
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    prometheus
        .wait_for(
            "process_resident_memory_bytes",
            1,
            1.0,
            Duration::from_secs(30),
        )
        .await
        .unwrap();

    let metrics_of_itself = [metric(
        "memory",
        "Memory",
        r#"avg(process_resident_memory_bytes) or avg(up{version="${scope}"})"#,
    )];
    let judged = config("self", &metrics_of_itself, json!({"Memory": 100}));
    let dashboard: Value = serde_json::from_str(&deployed("dashboard.json")).unwrap();
    let mut waiting = expressions(&dashboard);
    let count = waiting.len();
    assert!(count > 30, "{count} expressions");
    for _ in 0..40 {
        let text = |t: chrono::DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
        let now = Utc::now();
        let (start, end) = (text(now - TimeDelta::seconds(10)), text(now));
        let window = Window {
            start: &start,
            end: &end,
            step_seconds: 1,
        };
        let body = canary(&judged, "1.0", "1.1", window);
        caller.start("/canary", &body).await.unwrap();
        let mut body = analysis(&judged, "1.0", "1.1", window, 0);
        let request = body["executionRequest"].as_object_mut().unwrap();
        request.remove("analysisIntervalMins");
        let minute_ago = text(now - TimeDelta::minutes(1));
        request["scopes"][0]["startTimeIso"] = json!(minute_ago);
        caller
            .start("/standalone_canary_analysis", &body)
            .await
            .unwrap();
        // The next scrape.
        let scrapes = "count_over_time(up[10m])";
        let so_far = prometheus.values(scrapes).await.unwrap()[0];
        let patience = Duration::from_secs(10);
        prometheus
            .wait_for(scrapes, 1, so_far + 1.0, patience)
            .await
            .unwrap();
        let mut without = Vec::new();
        for expression in waiting {
            let values = prometheus.values(&expression).await.unwrap();
            if !values.iter().any(|value| value.is_finite()) {
                without.push(expression);
            }
        }
        waiting = without;
        if waiting.is_empty() {
            break;
        }
    }
    assert!(waiting.is_empty(), "no data for {waiting:#?}");
    println!("{count} expressions of the dashboard return data");

    // The service has every metric of an alert, and a healthy one raises none.
    let (_, text) = caller.get("/prometheus").await.unwrap();
    let text = text.as_str().unwrap();
    for (name, expression) in alerts(&deployed("alerts.yaml")) {
        let watched = metrics(&expression);
        assert!(!watched.is_empty(), "{name}");
        for metric in watched {
            assert!(text.contains(&format!("\n{metric}")), "{name}: no {metric}");
        }
        let values = prometheus.values(&expression).await.unwrap();
        // The disk is the machine's own, and may well be full.
        let of_machine = name == "KayentaDiskRunsFull";
        assert!(
            values.is_empty() || of_machine,
            "{name} is raised: {values:?}"
        );
    }

    let types: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let family = parts.iter().find_map(|part| name.strip_suffix(part));
        let is_typed = |name: &str| types.contains(&name);
        let typed = name.is_empty() || is_typed(name) || family.is_some_and(is_typed);
        assert!(typed, "no TYPE of {name}");
    }
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, _) = family.split_once(' ').unwrap();
        assert!(
            text.contains(&format!("# HELP {name} ")),
            "no HELP of {name}"
        );
    }
}

//! Retention of a running service, and by hand.

use std::{process::Stdio, time::Duration};

use kayenta_testkit::{FakePrometheus, eventually};
use serde_json::{Value, json};

use crate::{
    operations_page,
    requests::{Caller, canary_score, latency_canary},
    samples::{BINARY, embedded, embedded_service},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// How many objects of a kind the service lists.
async fn count(caller: &Caller, path: &str) -> usize {
    let (status, listed) = caller.get(path).await.unwrap();
    assert_eq!(status, 200, "{listed}");
    listed.as_array().unwrap().len()
}

async fn finished_canary(caller: &Caller) -> String {
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    let path = format!("/canary/{id}");
    let answer = caller.complete(&path, PATIENCE).await;
    assert_eq!(canary_score(&answer), &json!(100.0));
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_removes_the_series_of_old_runs_and_keeps_their_archives() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let more = "kayenta.retention: {metricSets: 1s, metricSetPairs: 1s, interval: 500ms}\n";
    let service = embedded_service(&prometheus.base_url(), more).await;
    let caller = Caller::new(service.base_url());
    let id = finished_canary(&caller).await;
    eventually("nothing but the archive is left", PATIENCE, async || {
        let left = (
            count(&caller, "/metricSetList").await,
            count(&caller, "/metricSetPairList").await,
        );
        (left == (0, 0)).then_some(()).ok_or(left)
    })
    .await;
    let (status, archived) = caller.get(&format!("/canary/{id}")).await.unwrap();
    assert_eq!((status, &archived["complete"]), (200, &json!(true)));
    operations_page::check("retention", || service.log(), &Value::Null).await;
    let (_, meters) = caller.get("/prometheus").await.unwrap();
    let meters = meters.as_str().unwrap();
    assert!(
        meters.contains(
            r#"kayenta_retention_removed_total{account="canary-storage",kind="metrics"} 2"#
        ),
        "{meters}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_would_go_and_apply_removes_it_once_the_service_is_stopped() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let mut service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    finished_canary(&caller).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kayenta.yml");
    let text = embedded(&prometheus.base_url()) + "kayenta.retention.metricSets: 1ms\n";
    std::fs::write(&file, text).unwrap();
    let data = service.data_dir().to_owned();
    let run = async |command: &str| {
        let output = tokio::process::Command::new(BINARY)
            .args(["retention", command, "--config"])
            .arg(&file)
            .arg("--data-dir")
            .arg(&data)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    // A running service does it itself, and its data directory is its own.
    let (code, text) = run("plan").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no other process uses it"), "{text}");
    service.terminate().await.unwrap();
    let (code, text) = run("plan").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("canary-storage: 2 objects of metrics, about 0.0 MiB"),
        "{text}"
    );
    let (code, text) = run("apply").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("removed 2, failed 0, left 0"), "{text}");
    let (code, text) = run("plan").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("canary-storage: nothing of metrics; 0 stay"),
        "{text}"
    );
}

//! How the process ends, and what a start finds afterwards.

use std::time::{Duration, Instant};

use kayenta_testkit::{FakePrometheus, ServiceBuilder, Signal, until};
use serde_json::json;

use crate::{
    operations_page,
    requests::{Caller, canary_score, latency_canary},
    samples::{BINARY, embedded_service},
};

/// Waits until a query for data has arrived; names of metrics are asked for in the background.
async fn asked(prometheus: &FakePrometheus) {
    until("a query arrives", Duration::from_secs(10), async || {
        let seen = prometheus.seen();
        seen.iter().any(|request| request.target.contains("/query"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_ops_01_sigterm_ends_with_0_and_sigint_with_130() {
    let mut service = ServiceBuilder::new(BINARY).start().await.unwrap();
    let status = service.terminate().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", service.log());
    service.restart().await.unwrap();
    let status = service.interrupt().await.unwrap();
    assert_eq!(status.code(), Some(130), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_at_sigterm_is_finished_by_the_next_life() {
    let prometheus = FakePrometheus::start().await.unwrap();
    prometheus.delay_answers(Duration::from_secs(60));
    let mut service = embedded_service(
        &prometheus.base_url(),
        "spring.lifecycle.timeout-per-shutdown-phase: 3s\n",
    )
    .await;
    let caller = Caller::new(service.base_url());
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    asked(&prometheus).await;
    let asked = Instant::now();
    let status = service.terminate().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(
        asked.elapsed() < Duration::from_secs(6),
        "{:?}",
        asked.elapsed()
    );

    operations_page::check("SIGTERM", || service.log(), &json!(null)).await;
    prometheus.delay_answers(Duration::ZERO);
    service.restart().await.unwrap();
    let answer = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(15))
        .await;
    assert_eq!(answer["status"], json!("succeeded"), "{answer}");
    assert_eq!(canary_score(&answer), &json!(100.0));
}

/// C-CONF-02.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_at_sigterm_is_answered() {
    let prometheus = FakePrometheus::start().await.unwrap();
    prometheus.delay_answers(Duration::from_millis(600));
    let mut service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());
    let asking = tokio::spawn(async move {
        let path = "/fetch/prometheus/query?metricSetName=m&metricName=m&customFilter=x%3D1&scope=s&start=2020-11-20T23:00:00Z\
                    &end=2020-11-20T23:05:00Z&step=60";
        caller.post(path, &json!({})).await
    });
    asked(&prometheus).await;
    service.signal(Signal::TERM).unwrap();
    let (status, answer) = asking.await.unwrap().unwrap();
    assert_eq!(status, 200, "{answer}");
    let ended = service.wait(Duration::from_secs(10)).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

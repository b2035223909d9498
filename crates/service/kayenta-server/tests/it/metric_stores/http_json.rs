//! From `kayenta.yml` to a verdict on values of any server that answers with JSON.

use std::time::Duration;

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use kayenta_testkit::{NotedRequest, NotingServer, Service, ServiceBuilder};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, WINDOW, canary, canary_score, config},
    samples::BINARY,
};

/// The worked example of `docs/configure.md`, on this server.
async fn service(base_url: &str) -> Service {
    let yml = r#"
kayenta:
  http-json:
    enabled: true
    accounts:
      - name: warehouse
        url: {base}/api/query?tenant=shop
        method: POST
        headers:
          Authorization: Bearer ${WAREHOUSE_TOKEN}
        body: '{"query": "${query}", "service": "${scope}", "range": {"from": ${startEpochMillis}, "to": ${endEpochMillis}}}'
        seriesPath: $.results[*]
        tagsPath: $.labels
        timestampsPath: $.points.at
        valuesPath: $.points.value
        timestampUnit: millis
  memory:
    enabled: true
    accounts: [{name: memory, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}]
  metrics.retry: {attempts: 2, backoffPeriodMultiplierMs: 20}
"#;
    ServiceBuilder::new(BINARY)
        .config(yml.replace("{base}", base_url))
        .environment("WAREHOUSE_TOKEN", "warehouse-t0ken")
        .start()
        .await
        .unwrap()
}

/// A config of one metric, which must not rise.
fn latency(query: Value) -> Value {
    let mut whole = json!({"type": "http-json", "serviceType": "http-json"});
    for (name, value) in query.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let metric = json!({
        "name": "latency", "query": whole, "groups": ["Latency"], "scopeName": "default",
        "analysisConfigurations": {"canary": {"direction": "increase"}},
    });
    config("shop", &[metric], json!({"Latency": 100}))
}

/// Runs a canary to its end.
async fn run(service: &Service, config: &Value, experiment: &str) -> Value {
    let caller = Caller::new(service.base_url());
    let request = canary(config, "baseline", experiment, WINDOW);
    let path = "/canary?metricsAccountName=warehouse&storageAccountName=memory";
    let id = caller.start(path, &request).await.unwrap();
    caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(20))
        .await
}

/// Sixty points for the service asked for: the slow one takes half as long again.
fn points(request: &NotedRequest) -> Value {
    let asked: Value = serde_json::from_str(&request.body).unwrap();
    let factor = match asked["service"].as_str().unwrap() {
        "slow" => 1.5,
        _ => 1.0,
    };
    let from = asked["range"]["from"].as_i64().unwrap();
    let at: Vec<i64> = (0..60).map(|minute| from + minute * 60_000).collect();
    let value: Vec<f64> = (0..60)
        .map(|minute| factor * (100.0 + f64::from(minute % 7)))
        .collect();
    json!({"results": [{"labels": {"pod": "a"}, "points": {"at": at, "value": value}}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_judged_by_values_of_any_server_that_answers_with_json() {
    let server = NotingServer::answering(|request| {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (kind, points(request).to_string()).into_response()
    })
    .await;
    let service = service(server.base_url()).await;
    let config = latency(json!({"customInlineTemplate": "p95(latency{env=${env:-prod}})"}));
    for (experiment, score, label) in [("same", 100.0, "Pass"), ("slow", 0.0, "High")] {
        let answer = run(&service, &config, experiment).await;
        assert_eq!(answer["status"], "succeeded", "{answer}");
        assert_eq!(canary_score(&answer), score, "{answer}");
        let judged = &answer["result"]["judgeResult"]["results"][0];
        assert_eq!(judged["classification"], label, "{answer}");
        assert_eq!(judged["controlMetadata"]["stats"]["count"], 60, "{answer}");
    }
    let caller = Caller::new(service.base_url());
    let fetch = "/fetch/http-json/query?metricsAccountName=warehouse&storageAccountName=memory\
                 &metricSetName=latency&customInlineTemplate=p95(latency%7Benv=%24%7Benv:-prod%7D%7D)\
                 &scope=slow&step=60&start=2020-11-20T23:00:00Z&end=2020-11-21T00:00:00Z";
    let (_, shown) = caller
        .post(&format!("{fetch}&dryRun=true"), &json!({}))
        .await
        .unwrap();
    assert_eq!(shown, json!({"query": "p95(latency{env=prod})"}));
    let (_, stored) = caller.post(fetch, &json!({})).await.unwrap();
    let id = stored["metricSetListId"].as_str().unwrap();
    let (_, sets) = caller.get(&format!("/metricSetList/{id}")).await.unwrap();
    assert_eq!(sets[0]["tags"], json!({"pod": "a"}), "{sets}");
    assert_eq!(sets[0]["values"][1], 151.5, "{sets}");
    let seen = server.seen();
    assert_eq!(seen.len(), 5);
    for request in &seen {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/api/query?tenant=shop")
        );
        assert_eq!(request.headers["authorization"], "Bearer warehouse-t0ken");
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["query"], "p95(latency{env=prod})");
        assert_eq!(
            body["range"],
            json!({"from": 1_605_913_200_000_i64, "to": 1_605_916_800_000_i64})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fetch_is_reported_with_all_that_was_tried() {
    let server = NotingServer::answering(|_| {
        let words = r#"{"error": {"message": "the warehouse is shut for warehouse-t0ken"}}"#;
        (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
    })
    .await;
    let service = service(server.base_url()).await;
    let answer = run(&service, &latency(json!({"metricName": "p95"})), "same").await;
    assert_eq!(answer["status"], "terminal", "{answer}");
    let errors = answer["exception"]["details"]["errors"].to_string();
    for part in [
        "Metric 'latency' of account warehouse, 2 tries",
        "query: p95",
        &format!(
            "Status: 503, URL: {}/api/query?tenant=shop",
            server.base_url()
        ),
        "Message: the warehouse is shut for ******",
    ] {
        assert!(errors.contains(part), "no '{part}' in {errors}");
    }
    assert!(!answer.to_string().contains("t0ken"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_chooses_where_the_query_goes() {
    let server = NotingServer::start(200, r#"{"results": []}"#).await;
    let elsewhere = NotingServer::start(200, r#"{"results": []}"#).await;
    let service = service(server.base_url()).await;
    let there = elsewhere.base_url();
    let config = latency(json!({
        "metricName": there, "url": there, "baseUrl": there, "endpoint": {"baseUrl": there},
    }));
    let mut request = canary(&config, there, "@elsewhere.example/", WINDOW);
    for side in ["controlScope", "experimentScope"] {
        request["executionRequest"]["scopes"]["default"][side]["extendedScopeParams"] =
            json!({"url": there, "host": there, "base": there});
    }
    let caller = Caller::new(service.base_url());
    let path = "/canary?metricsAccountName=warehouse&storageAccountName=memory";
    let id = caller.start(path, &request).await.unwrap();
    caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(20))
        .await;
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|one| one.target == "/api/query?tenant=shop")
    );
    // Nor does the name of an account.
    let path = format!("/canary?metricsAccountName={there}&storageAccountName=memory");
    let (status, answer) = caller.post(&path, &request).await.unwrap();
    assert_eq!(status, 400, "{answer}");
    assert!(elsewhere.seen().is_empty());
}

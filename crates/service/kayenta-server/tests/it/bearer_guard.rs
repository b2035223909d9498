//! A Prometheus that accepts one bearer token, and a service that shows it one.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kayenta_testkit::FakePrometheus;
use serde_json::json;

use crate::requests::{Caller, canary_score, latency_canary};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A Prometheus behind a proxy that refuses every token but the accepted one; the URL of the proxy.
pub(crate) async fn guarded(prometheus: &FakePrometheus, accepted: Arc<Mutex<String>>) -> String {
    let behind = prometheus.base_url();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = move |request: Request| async move {
        let expected = format!("Bearer {}", accepted.lock().unwrap());
        let shown = request.headers().get(header::AUTHORIZATION);
        if shown.is_none_or(|shown| shown != expected.as_str()) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let answer = http.get(format!("{behind}{}", request.uri())).send().await;
        let body = answer.unwrap().bytes().await.unwrap();
        Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into())
            .unwrap()
    };
    serve(Router::new().fallback(answer)).await
}

/// Runs a canary on the fake Prometheus, which has to pass.
pub(crate) async fn judged(caller: &Caller) {
    let id = caller.start("/canary", &latency_canary()).await.unwrap();
    let answer = caller.complete(&format!("/canary/{id}"), PATIENCE).await;
    assert_eq!(canary_score(&answer), &json!(100.0), "{answer}");
}

/// Serves at a port of its own; the URL.
pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

//! A Prometheus that accepts one bearer token.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kayenta_testkit::FakePrometheus;

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

/// Serves at a port of its own; the URL.
pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

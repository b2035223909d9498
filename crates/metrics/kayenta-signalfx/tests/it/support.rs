use std::time::Duration;

use axum::Router;
use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::FetchError;
use kayenta_model::MetricSet;
use kayenta_signalfx::{SignalFxAccount, SignalFxStore};
use kayenta_testkit::fetch_once;
use serde_json::{Value, json};

pub(crate) fn store_at(base_url: &str) -> SignalFxStore {
    let settings = HttpSettings {
        read_timeout: Duration::from_millis(500),
        max_answer_bytes: 4 << 20,
        ..HttpSettings::default()
    };
    store_with(base_url, &Transport::new(&settings).unwrap())
}

pub(crate) fn store_with(base_url: &str, transport: &Transport) -> SignalFxStore {
    let account = SignalFxAccount {
        name: "test".to_owned(),
        base_url: base_url.parse().unwrap(),
        access_token: Some("sfx-access-token".into()),
        default_scope_key: Some("version".to_owned()),
        default_location_key: None,
    };
    SignalFxStore::new(account, transport).unwrap()
}

/// Fetches a query over ten minutes of a scope called `canary`.
pub(crate) async fn fetch(
    store: &SignalFxStore,
    query: Value,
) -> Result<Vec<MetricSet>, FetchError> {
    let mut query = query;
    query["type"] = "signalfx".into();
    fetch_once(store, json!({"name": "m", "query": query}), ten_minutes()).await
}

pub(crate) fn ten_minutes() -> Value {
    json!({
        "scope": "canary", "step": 60,
        "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z"
    })
}

pub(crate) fn plain() -> Value {
    json!({"metricName": "request.count"})
}

/// Serves on a free port of loopback and tells the base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A server that answers everything with this stream.
pub(crate) async fn streaming(stream: impl Into<String>) -> String {
    let stream = stream.into();
    serve(Router::new().fallback(move || async move { stream })).await
}

pub(crate) fn control(event: &str) -> String {
    format!("event: control-message\ndata: {{\ndata:  \"event\" : \"{event}\"\ndata: }}\n\n")
}

pub(crate) fn data(second: i64, points: &Value) -> String {
    let millis = second * 1000;
    format!(
        "event: data\nid: data-{millis}\ndata: {{\"logicalTimestampMs\":{millis},\ndata: \
         \"maxDelayMs\":2000,\"data\":{points}}}\n\n"
    )
}

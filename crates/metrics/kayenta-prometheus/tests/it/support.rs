use std::{path::PathBuf, sync::Arc};

use axum::Router;
use kayenta_http::{HttpSettings, Transport};
use kayenta_prometheus::{PrometheusAccount, PrometheusStore};
use kayenta_testkit::ManualClock;
use serde_json::{Value, json};

pub(crate) use kayenta_testkit::fetch_once as fetch;

pub(crate) fn testdata(path: &str) -> Value {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../testdata");
    serde_json::from_slice(&std::fs::read(root.join(path)).unwrap()).unwrap()
}

pub(crate) fn store(account: PrometheusAccount) -> PrometheusStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    PrometheusStore::new(account, &transport, Arc::new(ManualClock::default())).unwrap()
}

pub(crate) fn store_at(base_url: &str) -> PrometheusStore {
    store(PrometheusAccount::new("test", base_url.parse().unwrap()))
}

/// A metric called `m` that is this PromQL.
pub(crate) fn promql(text: &str) -> Value {
    json!({
        "name": "m",
        "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:{text}")}
    })
}

pub(crate) fn ten_minutes() -> Value {
    json!({"start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60})
}

/// Serves on a free port of loopback and tells the base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

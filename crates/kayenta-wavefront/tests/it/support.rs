use std::sync::{Arc, Mutex};

use axum::{Router, extract::Request, http::StatusCode};
use kayenta_metrics::{FetchError, MetricQuery, MetricsStore};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet};
use serde_json::Value;

/// A server on a free port of loopback that answers everything alike and notes what it was asked.
pub(crate) struct Server {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<(String, axum::http::HeaderMap)>>>,
}

impl Server {
    pub(crate) async fn answering(status: u16, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let (body, seen) = (body.into(), Arc::<Mutex<Vec<_>>>::default());
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(move |request: Request| {
            let target = request.uri().to_string();
            log.lock()
                .unwrap()
                .push((target, request.headers().clone()));
            std::future::ready((status, body.clone()))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, seen }
    }

    /// Path with query, and headers, of every request so far.
    pub(crate) fn seen(&self) -> Vec<(String, axum::http::HeaderMap)> {
        self.seen.lock().unwrap().clone()
    }
}

/// Fetches a metric `m` with this query over this scope.
pub(crate) async fn fetch(
    store: &impl MetricsStore,
    query: Value,
    scope: Value,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric = MetricConfig {
        name: Some("m".to_owned()),
        query: Some(serde_json::from_value(query).unwrap()),
        ..MetricConfig::default()
    };
    let scope: CanaryScope = serde_json::from_value(scope).unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    store.fetch(&query).await
}

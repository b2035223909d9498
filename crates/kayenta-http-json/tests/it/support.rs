use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::IntoResponse,
};
use kayenta_http_json::{HttpJsonAccount, HttpJsonStore};
use kayenta_metrics::{
    FetchError, MetricQuery, MetricsStore,
    http::{HttpSettings, Transport},
};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet};
use serde_json::{Value, json};

/// One request a server saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server on a free port of loopback that answers everything alike and notes what it was asked.
pub(crate) struct Server {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn answering(status: u16, body: impl Into<String>) -> Self {
        Self::with_location(status, "", body).await
    }

    pub(crate) async fn redirecting_to(location: &str) -> Self {
        Self::with_location(302, location, "").await
    }

    async fn with_location(status: u16, location: &str, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let (body, location) = (body.into(), location.to_owned());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(move |request: Request| {
            let (log, body, location) = (Arc::clone(&log), body.clone(), location.clone());
            async move {
                let (parts, sent) = request.into_parts();
                log.lock().unwrap().push(Seen {
                    method: parts.method,
                    target: parts.uri.to_string(),
                    headers: parts.headers,
                    body: Bytes::new(),
                });
                let body_sent = to_bytes(sent, 1 << 20).await.unwrap();
                log.lock().unwrap().last_mut().unwrap().body = body_sent;
                (status, [(header::LOCATION, location)], body).into_response()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, seen }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An account that asks for `url` and takes the answer for a list of `t` and `v`.
pub(crate) fn account(url: String) -> HttpJsonAccount {
    HttpJsonAccount {
        url,
        method: kayenta_http_json::Method::Get,
        headers: [("Authorization".to_owned(), "Bearer hj-token".into())].into(),
        body: None,
        series_path: None,
        tags_path: None,
        timestamps_path: Some("$[*].t".to_owned()),
        timestamp_unit: kayenta_http_json::answer::TimestampUnit::Seconds,
        values_path: "$[*].v".to_owned(),
        timeout: None,
    }
}

pub(crate) fn store(account: HttpJsonAccount) -> HttpJsonStore {
    HttpJsonStore::new(account, &Transport::new(&HttpSettings::default()).unwrap()).unwrap()
}

/// Fetches `cpu{${zone}}` over ten minutes of this scope.
pub(crate) async fn fetch(
    store: &HttpJsonStore,
    scope: &str,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric: MetricConfig = serde_json::from_value(json!({"name": "m", "query": {
        "type": "http-json", "metricName": "cpu", "customInlineTemplate": "cpu{${zone}}"
    }}))
    .unwrap();
    let scope: CanaryScope = serde_json::from_value(json!({
        "scope": scope, "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60,
        "extendedScopeParams": {"zone": "a b"}
    }))
    .unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    // What a dry run shows is what the sets say they were made of.
    let text = store.query_text(&query);
    let sets = store.fetch(&query).await?;
    for set in &sets {
        assert_eq!(
            set.attributes.as_ref().unwrap()["query"],
            *text.as_ref().unwrap()
        );
    }
    Ok(sets)
}

pub(crate) fn points() -> Value {
    json!([{"t": 1_605_913_200, "v": 1.5}, {"t": 1_605_913_320, "v": "3"}])
}

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use kayenta_metrics::{
    FetchError, MetricQuery, MetricsStore,
    http::{HttpSettings, Transport},
};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet};
use kayenta_stackdriver::{GoogleCredentials, StackdriverAccount, StackdriverStore};
use kayenta_testkit::ManualClock;
use serde_json::{Value, json};

/// One request Google was sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A server that answers by a function and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Google {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Google {
    pub(crate) async fn answering<A>(answer: A) -> Self
    where
        A: Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
    {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(
            move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
                let request = Seen {
                    method,
                    target: uri.to_string(),
                    headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                };
                let said = answer(&request);
                log.lock().unwrap().push(request);
                said
            },
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, seen }
    }

    /// A server with tokens called `token-1`, `token-2`, …, good for an hour, and no series.
    pub(crate) async fn empty() -> Self {
        let granted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        Self::answering(move |request| {
            if !request.target.contains("token") {
                return json_answer(&json!({}));
            }
            let n = granted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            json_answer(&json!({"access_token": format!("token-{n}"), "expires_in": 3600}))
        })
        .await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The tokens the API was shown.
    pub(crate) fn tokens_shown(&self) -> Vec<String> {
        self.seen()
            .iter()
            .filter(|seen| seen.target.starts_with("/v3/"))
            .map(|seen| seen.headers["authorization"].to_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn tokens_asked(&self) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.target.contains("token"))
            .count()
    }
}

pub(crate) fn json_answer(value: &Value) -> Response {
    ([("content-type", "application/json")], value.to_string()).into_response()
}

pub(crate) fn failure(status: u16, message: &str) -> Response {
    let error = json!({"error": {"code": status, "message": message, "status": "X"}});
    (StatusCode::from_u16(status).unwrap(), error.to_string()).into_response()
}

pub(crate) fn store(google: &Google, credentials: GoogleCredentials) -> StackdriverStore {
    store_with(google, credentials, &ManualClock::default())
}

pub(crate) fn store_with(
    google: &Google,
    credentials: GoogleCredentials,
    clock: &ManualClock,
) -> StackdriverStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let account = StackdriverAccount {
        name: "test".to_owned(),
        project: "my-project".to_owned(),
        credentials,
        base_url: google.base_url.clone(),
        metadata_interval: std::time::Duration::from_secs(60),
    };
    StackdriverStore::new(account, &transport, Arc::new(clock.clone())).unwrap()
}

/// Credentials that need no key: a metadata server.
pub(crate) fn machine(google: &Google) -> GoogleCredentials {
    let host = google.base_url.strip_prefix("http://").unwrap();
    GoogleCredentials::of_this_machine(Some(host.to_owned()))
}

pub(crate) fn metric() -> Value {
    json!({"name": "cpu", "query": {
        "type": "stackdriver", "metricType": "a/b", "resourceType": "global"
    }})
}

pub(crate) fn ten_minutes() -> Value {
    json!({"start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:10:00Z", "step": 60})
}

pub(crate) async fn fetch(
    store: &StackdriverStore,
    metric: Value,
    scope: Value,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric: MetricConfig = serde_json::from_value(metric).unwrap();
    let scope: CanaryScope = serde_json::from_value(scope).unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    store.fetch(&query).await
}

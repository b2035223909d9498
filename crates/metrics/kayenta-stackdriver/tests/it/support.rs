use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kayenta_http::{HttpSettings, Transport};
use kayenta_stackdriver::{GoogleCredentials, StackdriverAccount, StackdriverStore};
use kayenta_testkit::{ManualClock, NotedRequest, NotingServer};
use serde_json::{Value, json};

pub(crate) use kayenta_testkit::fetch_once as fetch;

/// Google's servers, as far as a test makes them up.
#[derive(Clone)]
pub(crate) struct Google(NotingServer);

impl std::ops::Deref for Google {
    type Target = NotingServer;

    fn deref(&self) -> &NotingServer {
        &self.0
    }
}

impl Google {
    pub(crate) async fn answering<A>(answer: A) -> Self
    where
        A: Fn(&NotedRequest) -> Response + Clone + Send + Sync + 'static,
    {
        Self(NotingServer::answering(answer).await)
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
        base_url: google.base_url().parse().unwrap(),
        metadata_interval: std::time::Duration::from_secs(60),
    };
    StackdriverStore::new(account, &transport, Arc::new(clock.clone())).unwrap()
}

/// Credentials that need no key: a metadata server.
pub(crate) fn machine(google: &Google) -> GoogleCredentials {
    let host = google.base_url().strip_prefix("http://").unwrap();
    GoogleCredentials::of_this_machine(Some(host)).unwrap()
}

pub(crate) fn metric() -> Value {
    json!({"name": "cpu", "query": {
        "type": "stackdriver", "metricType": "a/b", "resourceType": "global"
    }})
}

pub(crate) fn ten_minutes() -> Value {
    json!({"start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:10:00Z", "step": 60})
}

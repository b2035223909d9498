//! A back end that repeats whatever it was sent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kayenta_testkit::{NotedRequest, NotingServer};
use serde_json::json;

/// A back end whose answers are made of the requests, in the words of every store's errors.
pub(super) struct Echo {
    server: NotingServer,
    refuse: Arc<AtomicBool>,
}

impl Echo {
    pub(super) async fn start() -> Self {
        let refuse = Arc::new(AtomicBool::new(true));
        let refusing = Arc::clone(&refuse);
        let server = NotingServer::answering(move |request| {
            let status = match refusing.load(Ordering::Relaxed) {
                true => StatusCode::BAD_REQUEST,
                false => StatusCode::OK,
            };
            let said = format!("no use for {}", all_of(request));
            let body = json!({
                "status": "error", "message": said, "error": said, "errors": [said],
                "errorType": said, "errorMessage": said, "error_description": said,
                "results": [{"error": said}], "values": [said],
            });
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (status, kind, body.to_string()).into_response()
        })
        .await;
        Self { server, refuse }
    }

    /// Whether it refuses, or answers 200 with an error inside.
    pub(super) fn refuse(&self, refuse: bool) {
        self.refuse.store(refuse, Ordering::Relaxed);
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        self.server.base_url().replace("http://", "")
    }

    /// Whether the secret came along, as it is or in basic authentication.
    pub(super) fn was_sent(&self, secret: &str) -> bool {
        let sent = |request: &NotedRequest| {
            let basic = request
                .headers
                .get(header::AUTHORIZATION)
                .and_then(|value| value.as_bytes().strip_prefix(b"Basic "))
                .map(|pair| BASE64_STANDARD.decode(pair).unwrap())
                .unwrap_or_default();
            all_of(request).contains(secret) || String::from_utf8_lossy(&basic).contains(secret)
        };
        self.server.seen().iter().any(sent)
    }

    /// What proved who was asking, without the word before it.
    pub(super) fn authorizations(&self) -> Vec<String> {
        let mut proofs: Vec<String> = self
            .server
            .seen()
            .iter()
            .filter_map(|request| {
                let value = request.headers.get(header::AUTHORIZATION)?;
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                Some(value.split_once(' ')?.1.to_owned())
            })
            .collect();
        proofs.sort();
        proofs.dedup();
        proofs
    }
}

fn all_of(request: &NotedRequest) -> String {
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    format!(
        "{} {} [{}] {}",
        request.method,
        request.target,
        headers.join(", "),
        request.body
    )
}

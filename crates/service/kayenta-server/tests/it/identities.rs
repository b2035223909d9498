//! Tokens of a metric store that end early, and a token server that is away or refuses.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode};
use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::{
    bearer_guard::{guarded, serve},
    operations_page,
    requests::{Caller, canary_score, latency_canary},
    samples::{embedded, serving},
};

const PATIENCE: Duration = Duration::from_secs(60);
const RETRIES: &str = "kayenta.metrics.retry: {attempts: 6, backoffPeriodMultiplierMs: 200}\n";

/// A token server and a Prometheus that accepts its tokens.
#[derive(Clone)]
struct World {
    /// The status and the body with which the token server answers.
    grants: Arc<Mutex<(u16, String)>>,
    /// The token Prometheus accepts.
    accepted: Arc<Mutex<String>>,
}

impl World {
    fn new() -> Self {
        let world = Self {
            grants: Arc::default(),
            accepted: Arc::default(),
        };
        world.rotate("first");
        world
    }

    /// From now on another token is granted, and no other accepted.
    fn rotate(&self, token: &str) {
        *self.accepted.lock().unwrap() = token.to_owned();
        self.token_server(
            200,
            &json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}),
        );
    }

    fn token_server(&self, status: u16, body: &Value) {
        *self.grants.lock().unwrap() = (status, body.to_string());
    }

    async fn start(&self, prometheus: &FakePrometheus) -> (String, String) {
        let grants = Arc::clone(&self.grants);
        let token = move || async move {
            let (status, body) = grants.lock().unwrap().clone();
            (StatusCode::from_u16(status).unwrap(), body)
        };
        (
            serve(Router::new().fallback(token)).await,
            guarded(prometheus, Arc::clone(&self.accepted)).await,
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_outlive_tokens_that_end_early_and_a_token_server_that_is_away() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let world = World::new();
    let (tokens, metrics) = world.start(&prometheus).await;
    let endpoint = "        endpoint:\n";
    let authentication = format!(
        "        authentication: {{type: oauth2, tokenUrl: '{tokens}/token', clientId: kayenta, clientSecret: s3cret-of-the-client}}\n{endpoint}"
    );
    let yaml = embedded(&metrics).replacen(endpoint, &authentication, 1) + RETRIES;
    let service = serving(yaml).await;
    let caller = Caller::new(service.base_url());
    let start = async || caller.start("/canary", &latency_canary()).await.unwrap();
    let ended = async |id: String| caller.complete(&format!("/canary/{id}"), PATIENCE).await;
    let passes = async |id: String| {
        let answer = ended(id).await;
        assert_eq!(canary_score(&answer), &json!(100.0), "{answer}");
    };
    passes(start().await).await;

    // Prometheus does not accept the token any more, long before its end.
    world.rotate("second");
    passes(start().await).await;

    // The same, and there is no other token yet.
    world.rotate("third");
    world.token_server(503, &json!({"error": "temporarily_unavailable"}));
    let id = start().await;
    service.logged("fetch failed; retrying", PATIENCE).await;
    world.rotate("third");
    passes(id).await;
    operations_page::check("token server away", || service.log(), &Value::Null).await;

    // The client itself is not known any more.
    world.rotate("fourth");
    world.token_server(
        401,
        &json!({"error": "invalid_client", "error_description": "AADSTS7000222: the client secret has expired"}),
    );
    let answer = ended(start().await).await;
    assert_eq!(answer["status"], json!("terminal"), "{answer}");
    operations_page::check("identity refused", || service.log(), &answer).await;
    let reported = format!("{answer} {}", service.log());
    assert!(!reported.contains("s3cret-of-the-client"), "{reported}");
}

//! The judge against endpoints that behave and misbehave, on real ports.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use chrono::{DateTime, Utc};
use kayenta_http::{HttpSettings, Transport};
use kayenta_judge::{JudgeError, JudgeRequest, RemoteJudge, ScoreThresholds};
use kayenta_model::{CanaryConfig, Clock, MetricSetPair, Sleep};
use kayenta_remote_judge::HttpRemoteJudge;
use kayenta_settings::RemoteJudgeSettings;
use serde_json::{Value, json};

type Answer = (StatusCode, String);

#[derive(Default)]
struct Endpoint {
    answers: Vec<Answer>,
    calls: AtomicUsize,
    bodies: Mutex<Vec<(String, Value)>>,
}

async fn serve(answers: Vec<Answer>) -> (SocketAddr, Arc<Endpoint>) {
    let endpoint = Arc::new(Endpoint {
        answers,
        ..Endpoint::default()
    });
    let app = Router::new()
        .route(
            "/base/judge",
            post(
                |State(endpoint): State<Arc<Endpoint>>,
                 headers: axum::http::HeaderMap,
                 body: String| async move {
                    let content_type = headers["content-type"].to_str().unwrap().to_owned();
                    endpoint
                        .bodies
                        .lock()
                        .unwrap()
                        .push((content_type, serde_json::from_str(&body).unwrap()));
                    let call = endpoint.calls.fetch_add(1, Ordering::SeqCst);
                    let (status, text) =
                        endpoint.answers[call.min(endpoint.answers.len() - 1)].clone();
                    (status, text).into_response()
                },
            ),
        )
        .with_state(endpoint.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, endpoint)
}

/// Moves on only while somebody sleeps.
#[derive(Debug, Default)]
struct JumpingClock(Mutex<DateTime<Utc>>);

impl Clock for JumpingClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
        *self.0.lock().unwrap() = deadline;
        Box::pin(std::future::ready(()))
    }
}

fn judge(base: &str) -> HttpRemoteJudge {
    judge_at(base, Arc::default())
}

fn judge_at(base: &str, clock: Arc<JumpingClock>) -> HttpRemoteJudge {
    let settings = RemoteJudgeSettings {
        connect_timeout: Duration::from_millis(250),
        read_timeout: Duration::from_millis(250),
        ..RemoteJudgeSettings::new(base.parse().unwrap())
    };
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    HttpRemoteJudge::with_max_answer(4096, &settings, &transport, clock).unwrap()
}

fn request() -> JudgeRequest {
    let pair: MetricSetPair = serde_json::from_value(json!({
        "name": "m", "id": "1", "tags": {}, "values": {"control": [1.5, "NaN"], "experiment": [2.0]}
    }))
    .unwrap();
    JudgeRequest {
        canary_config: Arc::new(CanaryConfig {
            name: Some("c".to_owned()),
            ..CanaryConfig::default()
        }),
        thresholds: ScoreThresholds {
            pass: 95.0,
            marginal: 75.0,
        },
        metric_set_pairs: Arc::new(vec![pair]),
        ..JudgeRequest::default()
    }
}

fn verdict() -> String {
    json!({"judgeName": "Mine", "score": {"score": 88.0}, "extra": 1,
        "results": [{"name": "m", "controlMetadata": {"stats": {"count": 3}, "mine": true}}]})
    .to_string()
}

fn text_of(error: &JudgeError) -> String {
    error.to_string()
}

#[tokio::test]
async fn the_request_is_the_contracts_and_the_answer_comes_back_unchanged() {
    let (address, endpoint) = serve(vec![(StatusCode::OK, verdict())]).await;
    let result = judge(&format!("http://{address}/base/"))
        .judge(&request())
        .await
        .unwrap();
    assert_eq!(result.judge_name.as_deref(), Some("Mine"));
    assert_eq!(result.total(), Some(88.0));
    let answer = serde_json::to_value(&result).unwrap();
    assert_eq!(
        answer["results"][0]["controlMetadata"],
        json!({"stats": {"count": 3}, "mine": true})
    );
    let bodies = endpoint.bodies.lock().unwrap();
    assert_eq!(bodies[0].0, "application/json; charset=UTF-8");
    assert_eq!(
        bodies[0].1,
        json!({"canaryConfig": {"name": "c"}, "scoreThresholds": {"pass": 95.0, "marginal": 75.0},
            "metricSetPairList": [{"name": "m", "id": "1", "tags": {}, "values": {"control": [1.5, "NaN"], "experiment": [2.0]}}]})
    );
}

#[tokio::test]
async fn c_rjudge_01_unavailable_is_tried_again_for_two_minutes_in_all() {
    let busy = (StatusCode::SERVICE_UNAVAILABLE, String::new());
    let (address, endpoint) = serve(vec![
        busy.clone(),
        busy.clone(),
        (StatusCode::OK, verdict()),
    ])
    .await;
    assert!(
        judge(&format!("http://{address}/base"))
            .judge(&request())
            .await
            .is_ok()
    );
    assert_eq!(endpoint.calls.load(Ordering::SeqCst), 3);

    let (address, endpoint) = serve(vec![busy]).await;
    let clock = Arc::<JumpingClock>::default();
    let error = judge_at(&format!("http://{address}/base"), Arc::clone(&clock))
        .judge(&request())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            JudgeError::Remote {
                status: Some(503),
                attempts: 60,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(endpoint.calls.load(Ordering::SeqCst), 60);
    assert!(clock.now().timestamp() <= 120, "{}", clock.now());

    let error = judge("http://127.0.0.1:1")
        .judge(&request())
        .await
        .unwrap_err();
    assert!(
        text_of(&error).contains("http://127.0.0.1:1/judge") && text_of(&error).contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refusal_is_final_and_carries_the_endpoints_words() {
    let (address, endpoint) = serve(vec![(
        StatusCode::UNPROCESSABLE_ENTITY,
        r#"{"message":"scripted"}"#.to_owned(),
    )])
    .await;
    let error = judge(&format!("http://{address}/base"))
        .judge(&request())
        .await
        .unwrap_err();
    let wanted = format!("Status: 422, URL: http://{address}/base/judge, Message: scripted");
    assert!(text_of(&error).contains(&wanted), "{error}");
    assert_eq!(endpoint.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_carries_the_judges_own_error_and_errors() {
    for (answer, error, errors) in [
        (
            r#"{"error":"Unprocessable","errors":["first","second"],"message":"m"}"#,
            Some("Unprocessable"),
            vec!["first", "second"],
        ),
        (r#"{"messages":["only"]}"#, None, vec!["only"]),
        (r#"{"message":"said"}"#, None, vec!["said"]),
        (r#"{"errors":"none"}"#, None, vec![]),
        ("<html>", None, vec![]),
    ] {
        let (address, _) = serve(vec![(StatusCode::BAD_REQUEST, answer.to_owned())]).await;
        let failure = judge(&format!("http://{address}/base"))
            .judge(&request())
            .await
            .unwrap_err();
        let JudgeError::Remote { said, .. } = failure else {
            panic!("{failure:?}");
        };
        assert_eq!(said.error.as_deref(), error, "{answer}");
        assert_eq!(said.errors, errors, "{answer}");
    }
}

#[tokio::test]
async fn c_rjudge_02_an_answer_that_is_no_verdict_is_refused_with_what_it_was() {
    for (answer, words) in [
        ("<html>hello</html>".to_owned(), "not a judge result"),
        (r#"{"results":[]}"#.to_owned(), "no score.score"),
        (
            format!(r#"{{"x":"{}"}}"#, "y".repeat(10_000)),
            "larger than 4096 bytes",
        ),
    ] {
        let (address, _) = serve(vec![(StatusCode::OK, answer)]).await;
        let error = judge(&format!("http://{address}/base"))
            .judge(&request())
            .await
            .unwrap_err();
        assert!(text_of(&error).contains(words), "{error}");
        let answered = matches!(
            error,
            JudgeError::Remote {
                status: Some(200),
                ..
            }
        );
        assert!(answered, "{error:?}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_time_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = judge(&format!("http://{address}"))
        .judge(&request())
        .await
        .unwrap_err();
    assert!(text_of(&error).contains("No whole answer"), "{error}");
}

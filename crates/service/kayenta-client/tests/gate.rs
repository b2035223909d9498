//! The gate against a scripted service on a real port.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::{
    io::Write,
    net::SocketAddr,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use clap::Parser;
use kayenta_client::{
    AnalyzeArgs, Client, ClientError, Credentials, OutputFormat, Verdict, render, run_analyze,
};
use kayenta_model::AnalysisStatusResponse;
use serde_json::{Value, json};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: AnalyzeArgs,
}

#[derive(Default)]
struct Script {
    answers: Vec<(StatusCode, Value)>,
    next: AtomicUsize,
    started: Mutex<Vec<(Value, Value, Option<String>)>>,
}

async fn serve(script: Arc<Script>) -> SocketAddr {
    let app = Router::new()
        .route(
            "/standalone_canary_analysis",
            post(
                |State(script): State<Arc<Script>>,
                 Query(query): Query<Value>,
                 headers: HeaderMap,
                 Json(body): Json<Value>| async move {
                    let token = headers
                        .get("authorization")
                        .map(|v| v.to_str().unwrap().to_owned());
                    script.started.lock().unwrap().push((query, body, token));
                    Json(json!({"canaryAnalysisExecutionId": "01TEST"}))
                },
            ),
        )
        .route(
            "/standalone_canary_analysis/01TEST",
            get(|State(script): State<Arc<Script>>| async move {
                let index = script.next.fetch_add(1, Ordering::SeqCst);
                let (status, body) = script.answers[index.min(script.answers.len() - 1)].clone();
                (status, Json(body)).into_response()
            }),
        )
        .with_state(script);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn finished(status: &str, score: f64, passed: bool, classification: &str) -> Value {
    json!({
        "complete": true, "executionStatus": status,
        "stageStatus": [{"type": "runCanary", "name": "Run Canary #1", "status": status}],
        "canaryAnalysisExecutionResult": {
            "didPassThresholds": passed, "hasWarnings": false,
            "canaryScoreMessage": format!("Final canary score {score:?} is what it is."),
            "canaryScores": [score],
            "canaryExecutionResults": [{
                "executionId": "01RUN", "executionStatus": "SUCCEEDED", "warnings": ["few points"],
                "result": {"judgeResult": {
                    "judgeName": "NetflixACAJudge-v1.0",
                    "results": [{
                        "name": "err|ors <5xx>", "tags": {"zone": "a"}, "id": "1",
                        "classification": classification,
                        "classificationReason": "errors was classified as High",
                        "groups": ["g"], "critical": false, "muted": false,
                        "controlMetadata": {"stats": {"count": 60, "mean": 1.0, "min": 0.0, "std": 0.1, "max": 3.0}},
                        "experimentMetadata": {"stats": {"count": 60, "mean": 2.0, "min": 0.0, "std": 0.1, "max": 3.0}},
                        "resultMetadata": {"ratio": 2.0}
                    }],
                    "groupScores": [{"name": "g", "score": score}],
                    "score": {"score": score, "classification": "Pass"}
                }}
            }]
        }
    })
}

fn failed() -> Value {
    json!({
        "complete": true, "executionStatus": "TERMINAL",
        "exception": {"details": {"error": "Unexpected Task Failure", "errors": ["Start time is required."]}},
        "canaryAnalysisExecutionResult": {
            "didPassThresholds": false, "hasWarnings": false,
            "canaryScoreMessage": "Final canary score 0.0 is not above the marginal score threshold.",
            "canaryScores": [0.0],
            "canaryExecutionResults": [{"executionId": "01RUN", "executionStatus": "TERMINAL", "warnings": []}]
        }
    })
}

fn config_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(
        file,
        r#"{{"canaryConfig": {{"name": "c", "metrics": []}}}}"#
    )
    .unwrap();
    file
}

async fn run(script: &Arc<Script>, extra: &[&str]) -> ExitCode {
    let address = serve(script.clone()).await;
    let config = config_file();
    let url = format!("http://{address}");
    let mut words = vec![
        "analyze",
        "--url",
        &url,
        "--config",
        config.path().to_str().unwrap(),
        "--wait",
        "--poll",
        "0.05",
        "--patience",
        "10",
        "--lifetime",
        "5",
        "--interval",
        "1",
        "--control-scope",
        "base",
        "--experiment-scope",
        "canary",
        "--param",
        "zone=a",
    ];
    words.extend_from_slice(extra);
    run_analyze(Cli::parse_from(words).args).await
}

fn same(left: ExitCode, right: ExitCode) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

#[tokio::test]
async fn exit_codes_tell_pass_fail_marginal_and_error_apart() {
    let running = json!({"complete": false, "executionStatus": "RUNNING", "stageStatus": []});
    for (last, code) in [
        (finished("SUCCEEDED", 97.0, true, "Pass"), 0),
        (finished("TERMINAL", 50.0, false, "High"), 1),
        (finished("SUCCEEDED", 85.0, false, "High"), 2),
        (failed(), 3),
        (json!({"complete": true, "executionStatus": "CANCELED"}), 3),
    ] {
        let answers = vec![
            (StatusCode::OK, running.clone()),
            (StatusCode::OK, last.clone()),
        ];
        let script = Arc::new(Script {
            answers,
            ..Script::default()
        });
        assert!(
            same(run(&script, &[]).await, ExitCode::from(code)),
            "{last}"
        );
    }
}

#[tokio::test]
async fn flags_become_the_request_and_a_token_goes_along() {
    let answers = vec![(StatusCode::OK, finished("SUCCEEDED", 97.0, true, "Pass"))];
    let script = Arc::new(Script {
        answers,
        ..Script::default()
    });
    let code = run(
        &script,
        &[
            "--application",
            "app",
            "--token",
            "t0k",
            "--marginal",
            "60",
            "--output",
            "junit",
        ],
    )
    .await;
    assert!(same(code, ExitCode::SUCCESS));
    let started = script.started.lock().unwrap();
    let (query, body, token) = &started[0];
    assert_eq!(query["application"], "app");
    assert_eq!(token.as_deref(), Some("Bearer t0k"));
    assert_eq!(body["canaryConfig"]["name"], "c");
    let request = &body["executionRequest"];
    assert_eq!(
        request["thresholds"],
        json!({"pass": 95.0, "marginal": 60.0})
    );
    assert_eq!(request["lifetimeDurationMins"], 5);
    assert_eq!(request["scopes"][0]["controlScope"], "base");
    assert_eq!(
        request["scopes"][0]["extendedScopeParams"],
        json!({"zone": "a"})
    );
}

#[tokio::test]
async fn a_restart_of_the_server_is_waited_out_but_a_refusal_is_not() {
    let answers = vec![
        (StatusCode::SERVICE_UNAVAILABLE, json!({})),
        (StatusCode::BAD_GATEWAY, json!({})),
        (StatusCode::OK, finished("SUCCEEDED", 97.0, true, "Pass")),
    ];
    let script = Arc::new(Script {
        answers,
        ..Script::default()
    });
    assert!(same(run(&script, &[]).await, ExitCode::SUCCESS));

    let answers = vec![(
        StatusCode::NOT_FOUND,
        json!({"message": "No pipeline found for 01TEST"}),
    )];
    let script = Arc::new(Script {
        answers,
        ..Script::default()
    });
    let address = serve(script).await;
    let client = Client::new(
        &format!("http://{address}"),
        Credentials::None,
        Duration::from_secs(5),
    )
    .unwrap();
    let refused = client.analysis("01TEST", None).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { status: 404, message } if message == "No pipeline found for 01TEST"),
        "{refused}"
    );
}

#[tokio::test]
async fn nobody_there_is_said_with_the_url() {
    let client = Client::new(
        "http://127.0.0.1:1",
        Credentials::None,
        Duration::from_millis(300),
    )
    .unwrap();
    let error = client.analysis("x", None).await.unwrap_err().to_string();
    assert!(
        error.contains("http://127.0.0.1:1") && error.contains("refused"),
        "{error}"
    );
    assert!(Client::new("localhost:8090", Credentials::None, Duration::ZERO).is_err());
}

#[test]
fn reports_carry_reasons_in_every_form() {
    let status: AnalysisStatusResponse =
        serde_json::from_value(finished("TERMINAL", 50.0, false, "High")).unwrap();
    assert_eq!(Verdict::of(&status), Verdict::Fail);
    let text = render(&status, OutputFormat::Text).unwrap();
    assert!(text.starts_with("FAIL  Final canary score 50.0"), "{text}");
    assert!(
        text.contains("errors was classified as High") && text.contains("few points"),
        "{text}"
    );
    let markdown = render(&status, OutputFormat::Markdown).unwrap();
    assert!(
        markdown.contains("err\\|ors <5xx> {zone=a} | High | 1.0000 | 2.0000 | 2.000 |"),
        "{markdown}"
    );
    let junit = render(&status, OutputFormat::Junit).unwrap();
    assert!(
        junit.contains("err|ors &lt;5xx&gt;") && junit.contains("failures=\"2\""),
        "{junit}"
    );
    let json: Value = serde_json::from_str(&render(&status, OutputFormat::Json).unwrap()).unwrap();
    assert_eq!(json["status"], "terminal");

    let status: AnalysisStatusResponse = serde_json::from_value(failed()).unwrap();
    assert_eq!(Verdict::of(&status), Verdict::Error);
    assert!(
        render(&status, OutputFormat::Text)
            .unwrap()
            .contains("Start time is required.")
    );
}

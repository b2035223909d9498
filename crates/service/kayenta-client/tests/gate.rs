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
    AnalyzeArgs, Client, ClientError, Credentials, Outcome, OutputFormat, Verdict, render,
    run_analyze,
};
use kayenta_model::{AnalysisStatusResponse, MetricSetPair, explanation::AnalysisExplanation};
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
    /// Answer of `GET /metricSetPairList/{id}`.
    pairs: Value,
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
        .route(
            "/metricSetPairList/{id}",
            get(|State(script): State<Arc<Script>>| async move { Json(script.pairs.clone()) }),
        )
        .route(
            "/judges",
            get(|| async { Json(json!([{"name": "NetflixACAJudge-v1.0", "visible": true}])) }),
        )
        .route(
            "/credentials",
            get(|| async {
                Json(json!([
                    {"name": "prom", "supportedTypes": ["METRICS_STORE"]},
                    {"name": "disk", "supportedTypes": ["OBJECT_STORE"]}
                ]))
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
        r#"{{"canaryConfig": {{"name": "c", "classifier": {{}}, "metrics": [{{"name": "m", "scopeName": "default",
            "query": {{"type": "graphite", "metricName": "m"}}}}]}}}}"#
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
        "--canary",
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

/// The pair of the finished analysis' one metric.
fn pair(control: &[f64], experiment: &[f64], queries: [&str; 2]) -> Value {
    let series = |values: &[f64]| -> Vec<Value> {
        let written = values.iter().map(|value| match value.is_nan() {
            true => json!("NaN"),
            false => json!(value),
        });
        written.collect()
    };
    let scope = json!({"startTimeMillis": 0, "stepMillis": 60_000});
    json!([{
        "name": "errors", "id": "1", "tags": {},
        "values": {"control": series(control), "experiment": series(experiment)},
        "scopes": {"control": scope.clone(), "experiment": scope},
        "attributes": {"control": {"query": queries[0]}, "experiment": {"query": queries[1]}}
    }])
}

fn with_pairs(mut last: Value, classification: &str) -> Value {
    let run = &mut last["canaryAnalysisExecutionResult"]["canaryExecutionResults"][0];
    run["metricSetPairListId"] = json!("pairs");
    run["result"]["judgeResult"]["results"][0]["classification"] = json!(classification);
    last
}

#[tokio::test]
async fn a_score_of_100_over_nothing_is_no_verdict_unless_it_is_allowed() {
    let two = ["errors{version=\"1\"}", "errors{version=\"2\"}"];
    let none = [f64::NAN; 3];
    for (what, classification, pairs, code) in [
        ("data", "Pass", pair(&[1.0, 2.0], &[1.0, 3.0], two), 0),
        ("error", "Error", pair(&[1.0, 2.0], &[1.0, 3.0], two), 3),
        ("canary misspelt", "Pass", pair(&[1.0, 2.0], &none, two), 3),
        ("both misspelt", "Pass", pair(&none, &none, two), 3),
        ("one scope", "Pass", pair(&[1.0], &[1.0], ["errors"; 2]), 3),
    ] {
        for allowed in [false, true] {
            let last = with_pairs(finished("SUCCEEDED", 100.0, true, "Pass"), classification);
            let script = Arc::new(Script {
                answers: vec![(StatusCode::OK, last)],
                pairs: pairs.clone(),
                ..Script::default()
            });
            let (extra, code): (&[&str], u8) = match allowed {
                true => (&["--allow-empty"], 0),
                false => (&[], code),
            };
            let found = run(&script, extra).await;
            assert!(same(found, ExitCode::from(code)), "{what}, {extra:?}");
        }
    }
}

#[tokio::test]
async fn what_is_known_to_fail_is_not_started() {
    let script = Arc::new(Script {
        answers: vec![(StatusCode::OK, json!({"complete": true}))],
        ..Script::default()
    });
    for wrong in [
        vec!["--marginal", "99"],
        vec!["--metrics-account", "disk"],
        vec!["--storage-account", "nowhere"],
    ] {
        let code = run(&script, &wrong).await;
        assert!(same(code, ExitCode::from(3)), "{wrong:?}");
    }
    assert_eq!(script.started.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_detached_gate_does_not_wait() {
    let running = json!({"complete": false, "executionStatus": "RUNNING", "stageStatus": []});
    let script = Arc::new(Script {
        answers: vec![(StatusCode::OK, running)],
        ..Script::default()
    });
    assert!(same(run(&script, &["--detach"]).await, ExitCode::SUCCESS));
    assert_eq!(script.started.lock().unwrap().len(), 1);
    assert_eq!(script.next.load(Ordering::SeqCst), 0, "not asked for");
}

fn outcome(status: Value, pairs: Option<Value>) -> Outcome {
    let status: AnalysisStatusResponse = serde_json::from_value(status).unwrap();
    let pairs: Option<Vec<MetricSetPair>> =
        pairs.map(|pairs| serde_json::from_value(pairs).unwrap());
    Outcome::new(status, pairs.as_deref(), false)
}

#[test]
fn reports_carry_reasons_in_every_form() {
    let failing = outcome(finished("TERMINAL", 50.0, false, "High"), None);
    assert_eq!(failing.verdict, Verdict::Fail);
    let text = render(&failing, OutputFormat::Text).unwrap();
    assert!(text.starts_with("FAIL  Final canary score 50.0"), "{text}");
    assert!(
        text.contains("errors was classified as High") && text.contains("few points"),
        "{text}"
    );
    let markdown = render(&failing, OutputFormat::Markdown).unwrap();
    assert!(
        markdown.contains("err\\|ors <5xx> {zone=a} | High | 1.0000 | 2.0000 | 2.000 | 60/60 |"),
        "{markdown}"
    );
    let junit = render(&failing, OutputFormat::Junit).unwrap();
    assert!(
        junit.contains("err|ors &lt;5xx&gt;") && junit.contains("failures=\"2\""),
        "{junit}"
    );
    let json: Value = serde_json::from_str(&render(&failing, OutputFormat::Json).unwrap()).unwrap();
    assert_eq!(json["status"], "terminal");

    let broken = outcome(failed(), None);
    assert_eq!(broken.verdict, Verdict::Error);
    assert!(
        render(&broken, OutputFormat::Text)
            .unwrap()
            .contains("Start time is required.")
    );
}

#[test]
fn the_test_report_of_a_passing_verdict_has_no_failure() {
    let passing = outcome(finished("SUCCEEDED", 97.0, true, "High"), None);
    assert_eq!(passing.verdict, Verdict::Pass);
    let junit = render(&passing, OutputFormat::Junit).unwrap();
    assert!(
        junit.contains("failures=\"0\"") && !junit.contains("<failure"),
        "{junit}"
    );
    assert!(
        junit.contains("High: errors was classified as High; baseline 1.0000, canary 2.0000"),
        "{junit}"
    );
}

#[test]
fn points_and_warnings_say_what_was_compared() {
    let queries = ["errors{version=\"1\"}", "errors{version=\"2\"}"];
    let pairs = pair(&[1.0, f64::NAN, 2.0], &[f64::NAN; 3], queries);
    let mut status = with_pairs(finished("SUCCEEDED", 100.0, true, "Pass"), "Pass");
    status["canaryConfig"] = json!({"classifier": {"groupWeights": {"g": 60}}});
    let empty = outcome(status, Some(pairs));
    assert_eq!(empty.verdict, Verdict::Error);
    assert!(empty.message.starts_with("Nothing was compared"));
    let evidence = empty.evidence.as_ref().unwrap();
    assert_eq!(evidence.metrics[0].control_points, Some(2));
    assert_eq!(evidence.metrics[0].experiment_points, Some(0));
    let text = render(&empty, OutputFormat::Text).unwrap();
    for part in [
        "warning: no data for the canary: err|ors <5xx>",
        "warning: fewer than 50 points on a side, which reduces confidence: err|ors <5xx>",
        "a score of 60, not 100",
        "points 2/0",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}

#[test]
fn sides_whose_labels_differ_are_named_with_their_labels_and_have_a_dash_where_there_is_no_data() {
    let mut status = finished("SUCCEEDED", 100.0, true, "Nodata");
    let run = &mut status["canaryAnalysisExecutionResult"]["canaryExecutionResults"][0];
    let results = &mut run["result"]["judgeResult"]["results"];
    let nothing = json!({"stats": {"count": 0, "mean": 0.0, "min": 0.0, "std": 0.0, "max": 0.0}});
    results[0]["name"] = json!("errors");
    results[0]["tags"] = json!({"pod": "old-1"});
    let mut other = results[0].clone();
    results[0]["experimentMetadata"] = nothing.clone();
    other["controlMetadata"] = nothing;
    other["tags"] = json!({"pod": "new-1"});
    other["id"] = json!("2");
    results.as_array_mut().unwrap().push(other);
    let queries = ["errors{version=\"1\"}", "errors{version=\"2\"}"];
    let mut pairs = pair(&[1.0, 2.0], &[f64::NAN; 2], queries);
    let mut second = pair(&[f64::NAN; 2], &[1.0, 2.0], queries)[0].clone();
    second["id"] = json!("2");
    pairs.as_array_mut().unwrap().push(second);

    let outcome = outcome(status, Some(pairs));
    assert_eq!(outcome.verdict, Verdict::Error);
    let text = render(&outcome, OutputFormat::Text).unwrap();
    for part in [
        "the labels of the two sides differ, so no series has a counterpart: errors has {pod=old-1} for the \
         baseline and {pod=new-1} for the canary; aggregate in the query",
        "baseline 1.0000  canary \u{2014}  points 2/0",
        "baseline \u{2014}  canary 2.0000  points 0/2",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains("0.0000"), "{text}");
}

/// The explanation of a run with one metric, a finding of its own, one that the evidence has as well, and
/// one of the whole analysis.
fn explanation(execution_id: &str) -> AnalysisExplanation {
    let finding = |id: &str, sentence: &str| json!({"metric": "m", "id": id, "sentence": sentence});
    serde_json::from_value(json!({
        "executionId": execution_id, "look": {"index": 1, "total": 1},
        "explanation": {
            "results": [{
                "name": "m",
                "explanation": {"version": 1, "sentences": ["m: the canary is higher by 1 (100 %) | <so>."]},
            }],
            "findings": [
                finding("spread", "From point to point the canary moves 2 times as much."),
                finding("sameQuery", "m: both sides come from the same query."),
                {"id": "peeking", "value": 2, "sentence": "This analysis judges 2 times."},
            ],
        },
    }))
    .unwrap()
}

#[test]
fn reports_explain_the_last_judged_run_and_warn_of_findings() {
    let status = || outcome(finished("TERMINAL", 50.0, false, "High"), None);
    let explained = status().explained(explanation("01RUN"));
    let warnings = explained.warnings();
    let added = &warnings[status().warnings().len()..];
    assert_eq!(
        added,
        [
            "m: From point to point the canary moves 2 times as much.",
            "This analysis judges 2 times."
        ]
    );
    let text = render(&explained, OutputFormat::Text).unwrap();
    assert!(
        text.contains("\n    m: the canary is higher by 1 (100 %) | <so>.\n"),
        "{text}"
    );
    assert!(
        text.contains("\nwarning: This analysis judges 2 times.\n"),
        "{text}"
    );
    let markdown = render(&explained, OutputFormat::Markdown).unwrap();
    assert!(
        markdown.contains("\n* m: the canary is higher by 1 (100 %) \\| <so>.\n")
            && markdown.contains("> **Warning:** m: From point to point"),
        "{markdown}"
    );
    let junit = render(&explained, OutputFormat::Junit).unwrap();
    assert!(
        junit.contains("m: the canary is higher by 1 (100 %) | &lt;so&gt;."),
        "{junit}"
    );

    // Of another run it would be wrong.
    let other = status().explained(explanation("02RUN"));
    assert_eq!(other.warnings(), status().warnings());
    for form in [
        OutputFormat::Text,
        OutputFormat::Markdown,
        OutputFormat::Junit,
    ] {
        assert_eq!(
            render(&other, form).unwrap(),
            render(&status(), form).unwrap()
        );
    }
}

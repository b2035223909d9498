//! kayentactl: its calls, sent as its Go structs write them, and the program itself.

use reqwest::Method;
use serde_json::{Value, json};

use super::{END, START, World, config, is_number, metric};

/// `kayentactl accounts list`, its config calls, and `kayentactl analysis start` from start to report.
#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_kayentactl_are_answered_as_it_reads_them() {
    let world = World::new().await;
    // It sends a content type on every request, GET included.
    let typed = [
        ("content-type", "application/json"),
        ("user-agent", "Go-http-client/1.1"),
    ];
    let (status, accounts) = world.send(Method::GET, "/credentials", &typed, None).await;
    assert_eq!(status, 200);
    for account in accounts.as_array().unwrap() {
        assert!(account["name"].is_string() && account["type"].is_string());
        assert!(account["supportedTypes"].is_array());
    }

    // Its struct of a config has the tag of the applications wrong, and no word for "no id".
    let mut written = json!({
        "name": "kayentactl-demo", "id": "", "canaryConfig": null, "configVersion": "",
        "createdTimestamp": 0, "judge": {"name": "NetflixACAJudge-v1.0"},
        "metrics": [metric("errors", "PromQL:sum(constant_errors{version=\"${scope}\"})")],
        "classifier": {"groupWeights": {"errors": 100}},
    });
    let (status, refused) = world.json(Method::POST, "/canaryConfig", &written).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["message"],
        "Canary config must specify at least one application."
    );
    written["applications"] = json!(["shop"]);
    let (status, stored) = world.json(Method::POST, "/canaryConfig", &written).await;
    assert_eq!(status, 200, "{stored}");
    let id = stored["canaryConfigId"].as_str().unwrap();
    assert_eq!(id.len(), 36, "an empty id is none: {id}");
    let (status, listed) = world
        .send(Method::GET, "/canaryConfig?application=shop", &typed, None)
        .await;
    assert_eq!(
        (status, &listed[0]["name"]),
        (200, &json!("kayentactl-demo"))
    );
    assert_eq!(listed[0]["id"], json!(id));
    written["id"] = json!(id);
    let path = format!("/canaryConfig/{id}");
    let (status, updated) = world.json(Method::PUT, &path, &written).await;
    assert_eq!((status, updated), (200, json!({"canaryConfigId": id})));

    // Thresholds are texts, numbers are Go's zeros, and the scope has unused fields.
    let start = json!({
        "canaryConfig": written,
        "executionRequest": {
            "scopes": [{
                "scopeName": "default", "controlScope": "baseline", "controlLocation": "",
                "controlOffsetInMinutes": 0, "experimentScope": "canary", "experimentLocation": "",
                "step": 0, "startTimeIso": START, "endTimeIso": END, "extendedScopeParams": null,
            }],
            "lifetimeDurationMins": 0, "beginAfterMins": 0, "analysisIntervalMins": 20,
            "thresholds": {"marginal": "75", "pass": "95"},
        },
    });
    let query = "metricsAccountName=canary-prometheus&storageAccountName=canary-storage";
    let path = format!("/standalone_canary_analysis?{query}");
    let (status, started) = world.json(Method::POST, &path, &start).await;
    assert_eq!(status, 200, "{started}");
    let id = started["canaryAnalysisExecutionId"].as_str().unwrap();
    let report = world
        .complete(&format!("/standalone_canary_analysis/{id}"))
        .await;
    assert_eq!(report["status"], "succeeded");
    assert_eq!(report["executionStatus"], "SUCCEEDED");
    assert_eq!(report["pipelineId"], json!(id));
    for stage in report["stageStatus"].as_array().unwrap() {
        assert!(stage["type"].is_string() && stage["name"].is_string());
    }
    let result = &report["canaryAnalysisExecutionResult"];
    assert_eq!(result["didPassThresholds"], true);
    // Windows of 20 points are few, which is a warning.
    assert!(result["hasWarnings"].is_boolean());
    assert!(
        result["canaryScores"]
            .as_array()
            .unwrap()
            .iter()
            .all(is_number)
    );
    assert!(
        result["canaryScoreMessage"]
            .as_str()
            .unwrap()
            .contains("pass score")
    );
    let runs = result["canaryExecutionResults"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    for run in runs {
        let judged = &run["result"]["judgeResult"];
        assert_eq!(judged["judgeName"], "NetflixACAJudge-v1.0");
        assert_eq!(judged["results"][0]["classification"], "Pass");
        assert!(is_number(&judged["groupScores"][0]["score"]));
    }

    // Every failure is JSON with a message, which it prints.
    for (method, path) in [
        (Method::GET, "/standalone_canary_analysis/nothing"),
        (
            Method::POST,
            "/standalone_canary_analysis?metricsAccountName=nope",
        ),
        (Method::PUT, "/canaryConfig/nothing"),
        (Method::GET, "/nothing"),
        (Method::PATCH, "/credentials"),
    ] {
        let (status, error) = world.json(method.clone(), path, &start).await;
        assert!(status >= 400, "{method} {path}");
        assert!(
            !error["message"].as_str().unwrap().is_empty(),
            "{method} {path}: {error}"
        );
    }
}

/// Accounts, an analysis from start to report, its report once more, and a mistake.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program kayentactl, named by KAYENTACTL"]
async fn the_program_kayentactl_runs_an_analysis() {
    let program = std::env::var_os("KAYENTACTL").expect("KAYENTACTL names the program");
    let world = World::new().await;
    let url = world.service.base_url();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("canary.json"),
        config("real").to_string(),
    )
    .unwrap();
    let run = async |arguments: &[&str]| {
        let output = tokio::process::Command::new(&program)
            .args(["--no-color", "--kayenta-url", &url])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        println!("{arguments:?}\n{out}{err}");
        (output.status.success(), out, err)
    };

    let (listed, accounts, _) = run(&["accounts", "list"]).await;
    assert!(listed);
    for name in ["canary-prometheus", "canary-storage"] {
        assert!(accounts.contains(name));
    }

    let window = format!(
        "analysis start --control baseline --experiment canary --start-time-iso {START} --end-time-iso {END} \
         --lifetime-duration 60m --analysis-interval 20m --control-offset 0m --interval 1s"
    );
    let start: Vec<&str> = window.split(' ').collect();
    let (passed, report, _) = run(&start).await;
    assert!(passed);
    for reported in ["Status: SUCCEEDED", "Final Score: 100", "Run Canary #3"] {
        assert!(report.contains(reported), "no {reported:?}");
    }
    let measured = report
        .lines()
        .find(|line| line.contains("errors") && line.contains("PASS"));
    assert!(measured.is_some(), "the metric's row");

    let id = report.split("Execution ID: ").nth(1).unwrap();
    let id = &id[..26];
    let (fetched, again, _) = run(&["analysis", "get", id, "--output", "json"]).await;
    assert!(fetched);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["pipelineId"], json!(id));
    assert_eq!(again["executionStatus"], "SUCCEEDED");

    let mistaken = [&start[..], &["--metrics-account", "prometheos"]].concat();
    let (passed, out, err) = run(&mistaken).await;
    assert!(!passed);
    let reported = "400 : Unable to resolve account prometheos.";
    assert!(out.contains(reported) || err.contains(reported));
}

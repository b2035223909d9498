//! The stage of a pipeline that has nothing but curl and jq: `deploy/examples/shell/canary-stage`.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use kayenta_testkit::FakePrometheus;

use crate::samples::{embedded_service, testdata};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../deploy/examples/shell")
        .join(name)
}

/// Runs the script; its exit code and what it said.
async fn stage(url: &str, request: &Path, parameters: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::process::Command::new(example("canary-stage"))
        .arg(request)
        .args(parameters)
        .env("KAYENTA_URL", url)
        .env("POLL_SECONDS", "1")
        .env("TIMEOUT_SECONDS", "60")
        .env_remove("http_proxy")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl and jq"]
async fn a_stage_ends_by_the_verdict() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(
        &prometheus.base_url(),
        "\nkayenta.metrics.retry.attempts: 1\n",
    )
    .await;
    let url = service.base_url();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };

    // The guide's own request, whose times are none, and the one beside the script.
    let accounts = [
        "application=shop",
        "metricsAccountName=canary-prometheus",
        "storageAccountName=canary-storage",
    ];
    let guide = testdata("samples/guide-request.json");
    for request in [&guide, &example("request.json")] {
        let (code, out, err) = stage(&url, request, &accounts).await;
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains("score 100"), "{out}");
        assert!(out.starts_with("Pass\tErrors"), "{out}");
        assert!(err.contains("canary run 01"), "{err}");
    }

    // The fake gives twice as many errors to a canary of a bad app.
    let text = std::fs::read_to_string(&guide).unwrap();
    let bad = write("bad.json", text.replace("my-app", "bad-app"));
    let (code, out, err) = stage(&url, &bad, &accounts).await;
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("High\tErrors By Controller"), "{out}");
    assert!(out.contains(": Fail"), "{out}");

    // One bad metric of five in one group: 80, which is marginal.
    let mut request: serde_json::Value = serde_json::from_str(&text).unwrap();
    let metrics = request["canaryConfig"]["metrics"].as_array_mut().unwrap();
    let good = metrics[0].clone();
    for number in 1..5 {
        let mut metric = good.clone();
        let template = good["query"]["customInlineTemplate"].as_str().unwrap();
        metric["name"] = format!("metric {number}").into();
        let app = if number == 1 { "bad-app" } else { "other-app" };
        metric["query"]["customInlineTemplate"] = template.replace("my-app", app).into();
        metrics.push(metric);
    }
    let mixed = write("mixed.json", request.to_string());
    let (code, out, err) = stage(&url, &mixed, &accounts).await;
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(out.contains("score 80"), "{out}");

    // Both sides are one query: always equal, so nothing was compared.
    let itself = write("itself.json", text.replace("${location}", "1.4"));
    let (code, out, err) = stage(&url, &itself, &accounts).await;
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(err.contains("nothing was compared"), "{err}");

    // No verdict: the store refuses, the account is unknown, the file is missing, the service is
    // down.
    let refused = write("refused.json", text.replace("my-app", "fail400"));
    let (code, out, err) = stage(&url, &refused, &accounts).await;
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(err.contains("bad_data: scripted failure"), "{err}");
    assert!(
        err.contains("Metric 'Errors By Controller' of account canary-prometheus"),
        "{err}"
    );
    let (code, _, err) = stage(&url, &guide, &["metricsAccountName=nope"]).await;
    assert_eq!(code, Some(3));
    assert!(
        err.contains("answers 400: Unable to resolve account nope."),
        "{err}"
    );
    let (code, _, err) = stage(&url, &folder.path().join("none.json"), &[]).await;
    assert_eq!(code, Some(3));
    assert!(err.contains("cannot read"), "{err}");
    for thresholds in ["{}", r#"{"marginal": 75}"#, r#"{"pass": 95}"#, "null"] {
        let mut request: serde_json::Value = serde_json::from_str(&text).unwrap();
        let none: serde_json::Value = serde_json::from_str(thresholds).unwrap();
        request["executionRequest"]["thresholds"] = none;
        let path = write("thresholds.json", request.to_string());
        let (code, _, err) = stage(&url, &path, &accounts).await;
        assert_eq!(code, Some(3), "{thresholds}: {err}");
        assert!(err.contains("thresholds with pass and marginal"), "{err}");
    }
    let (code, _, err) = stage("http://127.0.0.1:1", &guide, &[]).await;
    assert_eq!(code, Some(3));
    assert!(err.contains("does not answer"), "{err}");
}

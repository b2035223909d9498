//! The remote judge of `deploy/examples/remote-judge`, asked by a running service.

use std::{path::Path, process::Stdio, time::Duration};

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    requests::{Caller, config, metric},
    samples::{BINARY, embedded_service},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the example on a free port; it ends when the child is dropped. Tells its base URL.
async fn remote_judge() -> (Child, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../deploy/examples/remote-judge/remote_judge.py");
    let mut child = Command::new("python3")
        .arg(script)
        .args(["--port", "0", "--kayenta", BINARY])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).await.unwrap();
    let url = line.trim().rsplit(' ').next().unwrap();
    (child, url.strip_suffix("/judge").unwrap().to_owned())
}

/// A judge result without what is new in every run.
fn verdict(mut status: Value) -> Value {
    let mut result = status["result"]["judgeResult"].take();
    for one in result["results"].as_array_mut().unwrap() {
        one.as_object_mut().unwrap().shift_remove("id");
    }
    result
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3"]
async fn the_example_judges_as_the_local_judge_does() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let (_judge, base_url) = remote_judge().await;
    let remote =
        format!("\nkayenta.remoteJudge:\n  enabled: true\n  endpoint.baseUrl: {base_url}\n");
    let service = embedded_service(&prometheus.base_url(), &remote).await;
    let caller = Caller::new(service.base_url());
    let scope = |name: &str| {
        json!({
            "scope": name, "location": "eastus", "step": 60,
            "start": "2020-11-20T23:00:00Z", "end": "2020-11-21T00:00:00Z"
        })
    };
    let mut verdicts = Vec::new();
    for judge in ["NetflixACAJudge-v1.0", "RemoteJudge-v1.0"] {
        let metrics = [
            metric("latency", "Latency", "latency_seconds{v=\"${scope}\"}"),
            metric("errors", "Errors", "bad_errors_total{v=\"${scope}\"}"),
            metric("nothing", "Errors", "empty_total{v=\"${scope}\"}"),
        ];
        let mut canary = config("shop", &metrics, json!({"Latency": 40, "Errors": 60}));
        canary["judge"]["name"] = judge.into();
        let request = json!({
            "canaryConfig": canary,
            "executionRequest": {
                "scopes": {"default": {
                    "controlScope": scope("baseline"), "experimentScope": scope("canary")
                }},
                "thresholds": {"pass": 95, "marginal": 75}
            }
        });
        let id = caller.start("/canary", &request).await.unwrap();
        let status = caller.complete(&format!("/canary/{id}"), PATIENCE).await;
        assert_eq!(status["status"], "succeeded", "{status}\n{}", service.log());
        verdicts.push(verdict(status));
    }
    println!("{}", verdicts[1]["score"]);
    assert_eq!(verdicts[0]["results"].as_array().unwrap().len(), 3);
    assert_eq!(verdicts[0], verdicts[1]);

    // What cannot be judged is reported in the judge's own words.
    let (status, answer) = Caller::new(base_url)
        .post("/judge", &json!({"canaryConfig": {}}))
        .await
        .unwrap();
    assert_eq!(status, 422);
    let words = answer["message"].as_str().unwrap();
    assert!(words.starts_with("cannot be judged: "), "{words}");
}

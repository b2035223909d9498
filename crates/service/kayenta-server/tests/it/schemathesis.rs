//! The API document against the running service: schemathesis sends what the document allows, and what
//! it does not, and holds the answers against it.

use std::{collections::BTreeSet, path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{FakePrometheus, tools};
use serde_json::Value;

use crate::{requests::Caller, samples::embedded_service};

/// Pinned, so that a run of yesterday can be repeated tomorrow.
const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

/// What the answers are held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

fn document_path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../api-spec/openapi.json")
}

async fn programs() -> std::path::PathBuf {
    tokio::task::spawn_blocking(|| tools::python_packages("schemathesis", &PACKAGES))
        .await
        .unwrap()
        .unwrap()
}

async fn service(prometheus: &FakePrometheus) -> kayenta_testkit::Service {
    // A query that the store refuses is refused at once instead of nine tries later.
    embedded_service(
        &prometheus.base_url(),
        "\nkayenta.metrics.retry.attempts: 1\n",
    )
    .await
}

/// Both documents are what they say they are, by the rules of the specifications.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3 with venv"]
async fn documents_are_valid() {
    let programs = programs().await;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = service(&prometheus).await;
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![document_path()];
    for path in ["/v3/api-docs", "/v2/api-docs"] {
        let (status, document) = Caller::new(service.base_url()).get(path).await.unwrap();
        assert_eq!(status, 200);
        let file = folder
            .path()
            .join(format!("{}.json", path.replace('/', "-")));
        std::fs::write(&file, document.to_string()).unwrap();
        files.push(file);
    }
    let output = tokio::process::Command::new(programs.join("openapi-spec-validator"))
        .args(&files)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(text.matches(": OK").count(), files.len(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3 with venv"]
async fn no_answer_is_outside_the_document() {
    let programs = programs().await;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = service(&prometheus).await;
    let caller = Caller::new(service.base_url());
    let (_, served) = caller.get("/v3/api-docs").await.unwrap();
    let document: Value = serde_json::from_slice(&std::fs::read(document_path()).unwrap()).unwrap();
    let paths = |document: &Value| -> BTreeSet<String> {
        document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    // Routes of stores that are switched off are 404 here, whatever the document of all of them says.
    let absent: Vec<String> = paths(&document)
        .difference(&paths(&served))
        .cloned()
        .collect();

    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(programs.join("schemathesis"));
    command
        .arg("run")
        .arg(document_path())
        .args(["--url", &service.base_url()])
        .args(["--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--mode", "all"])
        .args(["--max-examples", "6"])
        .args(["--seed", "20260101"])
        // CPython 3.11 counts the recursion depth of `ast.parse` per interpreter: with more workers a switch
        // of threads in the middle of it ends the run with a SystemError (python/cpython#106905).
        .args(["--workers", "1"])
        .args(["--request-timeout", "20"])
        .args(["--generation-database", ":memory:"])
        .args(["--max-failures", "20"])
        .args(["--warnings", "off"])
        // Removing the account everything is kept in, or sending the instance to sleep, ends the test.
        .args(["--exclude-path", "/credentials/{accountName}"])
        .args(["--exclude-path", "/admin/orca/instance/enabled"]);
    for path in &absent {
        command.args(["--exclude-path", path]);
    }
    let run = command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(540), run)
        .await
        .expect("schemathesis does not end")
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{report}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        service
            .log()
            .lines()
            .rev()
            .take(20)
            .collect::<Vec<_>>()
            .join("\n")
    );
    let summary = report.rfind("SUMMARY").map_or(&*report, |at| &report[at..]);
    println!(
        "schemathesis, {} routes left out:\n{summary}",
        absent.len() + 2
    );
    // It is still all there.
    let (status, _) = caller.get("/health").await.unwrap();
    assert_eq!(status, 200);
}

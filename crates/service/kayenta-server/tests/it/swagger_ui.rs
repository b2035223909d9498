//! Swagger's page in a real browser.

use std::{path::Path, process::Stdio, time::Duration};

use kayenta_testkit::{FakePrometheus, tools};
use serde_json::{Value, json};

use crate::samples::embedded_service;

/// The version that drives the browser.
pub(crate) const PLAYWRIGHT: (&str, &str) = ("playwright-core", "1.55.0");

/// The browser, by the names distributions give it.
pub(crate) fn chromium() -> &'static str {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .expect("no chromium: ./test installs it")
}

/// Opens the page the guides name, expands `credentials-controller`, tries `GET /credentials` out and
/// reads the accounts. The picture is kept beside the other artefacts of the tests.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn credentials_can_be_tried_out_in_a_browser() {
    let playwright = tokio::task::spawn_blocking(|| tools::npm_package(PLAYWRIGHT.0, PLAYWRIGHT.1))
        .await
        .unwrap()
        .unwrap();
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swagger-ui.png");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/swagger_ui.cjs");
    let browser = tokio::process::Command::new("node")
        .arg(script)
        .env("PLAYWRIGHT", playwright)
        .env("CHROMIUM", chromium())
        .env("BASE_URL", service.base_url())
        .env("SCREENSHOT", &screenshot)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), browser)
        .await
        .expect("the browser hangs")
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        service.log()
    );
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        seen["url"]
            .as_str()
            .unwrap()
            .ends_with("/swagger-ui/index.html"),
        "{seen}"
    );
    assert!(
        seen["title"].as_str().unwrap().starts_with("Kayenta API"),
        "{seen}"
    );
    let tags = seen["tags"].as_array().unwrap();
    for tag in [
        "canary-config-controller",
        "canary-controller",
        "credentials-controller",
        "standalone-canary-analysis-controller",
    ] {
        assert!(tags.contains(&json!(tag)), "{tag} is not among {tags:?}");
    }
    assert_eq!(seen["status"], "200", "{seen}");
    let names: Vec<&Value> = seen["body"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["name"])
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for account in ["canary-prometheus", "canary-storage"] {
        assert!(names.contains(&&json!(account)), "{names:?}");
    }
    // Everything the page needs is built in, and nothing of it fails.
    assert_eq!(seen["foreign"], json!([]));
    assert_eq!(seen["errors"], json!([]));
    let size = std::fs::metadata(&screenshot).unwrap().len();
    assert!(size > 10_000, "the picture is empty: {size} bytes");
    println!(
        "picture of Swagger UI: {} ({size} bytes)",
        screenshot.display()
    );
}

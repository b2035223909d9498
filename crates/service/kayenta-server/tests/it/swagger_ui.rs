//! Swagger's page in a real browser.

use std::{path::Path, time::Duration};

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::{browser, samples::embedded_service};

/// Opens the page the guides name, expands `credentials-controller`, tries `GET /credentials` out and
/// reads the accounts. The picture is kept beside the other artefacts of the tests.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn credentials_can_be_tried_out_in_a_browser() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swagger-ui.png");
    let settings = [("SCREENSHOT", screenshot.as_os_str())];
    let patience = Duration::from_secs(120);
    let seen = browser::walk("swagger_ui.cjs", &service, &settings, patience).await;
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

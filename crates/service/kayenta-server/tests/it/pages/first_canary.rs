//! The walk of `docs/first-canary-in-the-browser.md`: a person who has never seen the service, with the demo and a browser.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::AXE;
use crate::{
    browser,
    demo::Demo,
    requests::{Caller, config, metric},
};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pictures of the document and of README.
const PICTURES: [&str; 10] = [
    "list",
    "run",
    "metric",
    "one-of-300",
    "new-config",
    "editor",
    "preview",
    "start",
    "verdict",
    "what-if",
];
/// Bytes that they may have together.
const MOST_BYTES: u64 = 1_000_000;

/// A run of 300 metrics of which one failed.
async fn large(demo: &Demo) -> String {
    let metrics: Vec<Value> = (0..300)
        .map(|number| {
            let query = match number {
                217 => r#"shop_latency_p99_ms{version="${scope}"}"#.to_owned(),
                _ => format!(r#"shop_cpu_cores{{version="${{scope}}",pod="{number}"}}"#),
            };
            metric(&format!("metric {number}"), "Load", &query)
        })
        .collect();
    let side = |scope: &str| {
        json!({"scope": scope, "location": "eu", "start": "2026-01-01T00:00:00Z",
            "end": "2026-01-01T01:00:00Z", "step": 60, "extendedScopeParams": {}})
    };
    let body = json!({"canaryConfig": config("large", &metrics, json!({"Load": 100})), "executionRequest": {
        "scopes": {"default": {"controlScope": side("1.0"), "experimentScope": side("1.1")}},
        "thresholds": {"pass": 100, "marginal": 75}}});
    let caller = Caller::new(demo.base_url.clone());
    let run = caller.start("/canary?application=shop", &body).await;
    let run = run.unwrap();
    caller.complete(&format!("/canary/{run}"), PATIENCE).await;
    run
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn a_person_who_never_saw_the_service_finds_why_and_writes_tries_runs_and_changes_a_config() {
    let axe = browser::package(AXE).await.join("axe.min.js");
    let demo = Demo::start().await;
    let large = large(&demo).await;
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-canary");
    fs::create_dir_all(&pictures).unwrap();
    let settings = [
        ("AXE", axe.as_os_str()),
        ("LARGE", large.as_ref()),
        ("PICTURES", pictures.as_os_str()),
    ];
    let patience = Duration::from_secs(600);
    let seen = browser::walk_at(
        "pages/first_canary.cjs",
        &demo.base_url,
        &settings,
        patience,
    )
    .await;
    let seen = seen.unwrap_or_else(|error| panic!("{error}"));
    for amiss in ["errors", "foreign", "axe", "wide"] {
        assert_eq!(seen[amiss], json!([]), "{amiss}: {seen:#}");
    }
    for (what, parts) in [
        ("analysis", &["Marginal: 60 of 100"][..]),
        (
            "run",
            &["latency p99 is", "higher", "4 of 6 metrics passed"],
        ),
        (
            "metric",
            &["High", "98 % confidence", "It would have passed"],
        ),
        ("large", &["metric 217 is"]),
        ("oneOf300", &["metric 217"]),
        ("focused", &["t/metrics/1/name"]),
        (
            "preview",
            &[
                "avg(shop_latency_p99_ms{version=\"1.0\"})",
                "avg(shop_latency_p99_ms{version=\"1.1\"})",
                "High",
            ],
        ),
        ("verdict", &["Fail: 50 of 100"]),
        ("thresholds", &["Pass: 50 of 100"]),
        ("allowed", &["Pass: 100 of 100"]),
        ("taken", &["These changes are not saved yet."]),
        ("saved", &["1.7"]),
    ] {
        let text = seen[what]
            .as_str()
            .unwrap_or_else(|| panic!("no {what}: {seen:#}"));
        for part in parts {
            assert!(text.contains(part), "no {part:?} in {what}: {text}");
        }
    }
    let heights = seen["rows"].as_array().unwrap();
    assert_eq!(heights.len(), 2, "{seen:#}");
    for height in heights {
        assert!(
            height.as_u64().unwrap() < 45,
            "a row has two lines: {heights:?}"
        );
    }
    let size = |folder: &Path| -> u64 {
        let files = PICTURES
            .iter()
            .map(|name| folder.join(format!("{name}.png")));
        files.map(|file| fs::metadata(file).unwrap().len()).sum()
    };
    assert!(size(&pictures) < MOST_BYTES, "{}", size(&pictures));
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/images");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for name in PICTURES {
            let file = format!("{name}.png");
            fs::copy(pictures.join(&file), images.join(&file)).unwrap();
        }
    }
    // The document has the pictures of the last time it was renewed.
    assert!(size(&images) < MOST_BYTES, "{}", size(&images));
    println!("pictures of the walk: {}", pictures.display());
}

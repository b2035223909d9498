//! The editor in a real browser: a config for a real Prometheus with a preview, saved, run, and changed by two people.

use std::{fmt::Write as _, path::Path, time::Duration};

use chrono::{SecondsFormat, TimeDelta, Utc};
use kayenta_testkit::PrometheusServer;
use serde_json::{Value, json};

use super::AXE;
use crate::{browser, requests::Caller, samples::embedded_service};

/// Minutes of history.
const MINUTES: i64 = 60;

/// One series per version: `1.0` and its slower successor `1.1`.
fn history(begin: chrono::DateTime<Utc>) -> String {
    let mut text = String::from("# TYPE latency_ms gauge\n");
    for (version, level) in [("1.0", 100.0), ("1.1", 130.0)] {
        for minute in 0..=MINUTES {
            let noise = f64::from(i32::try_from(minute * 7 % 11).unwrap());
            let at = begin.timestamp() + 60 * minute;
            writeln!(text, "latency_ms{{v=\"{version}\"}} {} {at}", level + noise).unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus, Chromium and node"]
async fn a_config_is_written_tried_saved_and_run_in_the_browser_alone() {
    let axe = browser::package(AXE).await.join("axe.min.js");
    let begin = Utc::now() - TimeDelta::minutes(2 * MINUTES);
    let prometheus = PrometheusServer::start_with_history(&history(begin))
        .await
        .unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("editor");
    std::fs::create_dir_all(&pictures).unwrap();
    let time = |minute: i64| {
        (begin + TimeDelta::minutes(minute)).to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let (start, end) = (time(0), time(MINUTES));
    let settings = [
        ("AXE", axe.as_os_str()),
        ("PICTURES", pictures.as_os_str()),
        ("START", start.as_ref()),
        ("END", end.as_ref()),
    ];
    let patience = Duration::from_secs(600);
    let seen = browser::walk("pages/editor.cjs", &service, &settings, patience).await;
    for amiss in ["errors", "foreign", "axe", "wide"] {
        assert_eq!(seen[amiss], json!([]), "{amiss}: {seen:#}");
    }
    // The preview shows both queries as they were sent, and what the judge makes of the data.
    let preview = seen["preview"].as_str().unwrap();
    assert!(preview.contains(r#"avg(latency_ms{v="1.0"})"#), "{preview}");
    assert!(preview.contains(r#"avg(latency_ms{v="1.1"})"#), "{preview}");
    assert!(preview.contains("High"), "{preview}");
    // A mistake is reported where it is, while it is written, and without script on request.
    assert!(
        seen["live"].as_str().unwrap().contains("is none of"),
        "{seen:#}"
    );
    assert!(
        seen["withoutScript"]
            .as_str()
            .unwrap()
            .contains("cannot be stored"),
        "{seen:#}"
    );
    // Form and text are one config.
    assert!(
        seen["text"]
            .as_str()
            .unwrap()
            .contains("\"description\": \"by hand\""),
        "{seen:#}"
    );
    assert_eq!(seen["description"], "by text");
    // Whoever saves second learns of it.
    assert!(
        seen["conflict"]
            .as_str()
            .unwrap()
            .contains("changed by somebody else"),
        "{seen:#}"
    );
    assert!(
        seen["verdict"].as_str().unwrap().contains("Fail"),
        "{seen:#}"
    );
    assert!(seen["strip"].as_str().unwrap().contains("Fail"), "{seen:#}");
    assert!(
        seen["history"].as_str().unwrap().contains("latency_ms"),
        "{seen:#}"
    );
    assert_eq!(seen["deleted"], 0, "{seen:#}");

    let caller = Caller::new(service.base_url());
    let (_, configs) = caller.get("/canaryConfig").await.unwrap();
    assert_eq!(configs, json!([]), "the browser has deleted its config");
    let (_, executions) = caller.get("/executions").await.unwrap();
    let kinds: Vec<&Value> = executions["executions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|execution| &execution["kind"])
        .collect();
    assert!(kinds.contains(&&json!("analysis")), "{executions}");
}

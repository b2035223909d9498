//! Everything the reference wrote is read, and written back with equal values.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

use std::{fs, path::Path};

use kayenta_model::{
    AnalysisAdhocRequest, AnalysisStatusResponse, CanaryAdhocRequest, CanaryConfig,
    CanaryStatusResponse, MetricSet, MetricSetPair,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn testdata(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../testdata")
        .join(path)
}

/// Reads `json` as `T` and compares what comes out with what went in.
fn round_trip<T: DeserializeOwned + Serialize>(json: &Value, what: &str) {
    let typed: T = serde_json::from_value(json.clone()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let back = serde_json::to_value(&typed).expect("what was read can be written");
    assert_eq!(&back, json, "{what}");
}

#[test]
fn stored_objects_come_back_as_they_were() {
    let text = fs::read_to_string(testdata("storage/azure-blobs.json")).unwrap();
    let blobs: Value = serde_json::from_str(&text).unwrap();
    let mut seen = [0_usize; 5];
    for blob in blobs.as_array().expect("a list of blobs") {
        let name = blob["name"].as_str().unwrap();
        let content: Value = serde_json::from_str(blob["text"].as_str().unwrap()).unwrap();
        let kind = name.split('/').rev().nth(2).unwrap();
        match kind {
            "canary_config" => round_trip::<CanaryConfig>(&content, name),
            "canary_archive" => round_trip::<CanaryStatusResponse>(&content, name),
            "metrics" => round_trip::<Vec<MetricSet>>(&content, name),
            "metric_pairs" => round_trip::<Vec<MetricSetPair>>(&content, name),
            "standalone_canary_archive" => round_trip::<AnalysisStatusResponse>(&content, name),
            other => panic!("{name}: unknown group {other}"),
        }
        let index = [
            "canary_config",
            "canary_archive",
            "metrics",
            "metric_pairs",
            "standalone_canary_archive",
        ]
        .iter()
        .position(|k| *k == kind)
        .unwrap();
        seen[index] += 1;
    }
    assert!(
        seen.iter().all(|count| *count > 0),
        "every kind occurs: {seen:?}"
    );
}

#[test]
fn requests_of_the_transcripts_are_read() {
    let mut read = 0;
    for entry in fs::read_dir(testdata("http")).unwrap() {
        let path = entry.unwrap().path();
        let scenario: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for step in scenario["steps"].as_array().unwrap() {
            let accepted = step["response"]["status"] == 200;
            let (route, body) = (&step["request"]["path"], &step["request"]["body"]);
            let what = format!("{}: {}", path.display(), step["name"]);
            if !accepted || body.is_null() {
                continue;
            }
            match route.as_str().unwrap() {
                "/canary" => {
                    serde_json::from_value::<CanaryAdhocRequest>(body.clone())
                        .unwrap_or_else(|e| panic!("{what}: {e}"));
                }
                "/standalone_canary_analysis" => {
                    serde_json::from_value::<AnalysisAdhocRequest>(body.clone())
                        .unwrap_or_else(|e| panic!("{what}: {e}"));
                }
                "/canaryConfig" => {
                    serde_json::from_value::<CanaryConfig>(body.clone())
                        .unwrap_or_else(|e| panic!("{what}: {e}"));
                }
                _ => continue,
            }
            read += 1;
        }
    }
    assert!(read > 30, "only {read} requests were read");
}

//! Canary configs and requests in documents: each has only known fields and passes validation, its
//! queries expand, and each recipe passes a healthy canary and fails a bad one.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge, ScoreThresholds};
use kayenta_metrics::MetricQuery;
use kayenta_model::{
    AnalysisRequest, CanaryConfig, CanaryExecutionRequest, CanaryJudgeResult, CanaryScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{pages, short};

/// Points of one side.
const POINTS: u32 = 60;

/// The blocks whose info string is `json` and this kind, with their places.
fn blocks(kind: &str) -> Vec<(String, String)> {
    let language = format!("json {kind}");
    pages()
        .iter()
        .flat_map(|page| {
            page.blocks
                .iter()
                .filter(|block| block.language == language)
                .map(|block| {
                    (
                        format!("{}:{}", short(&page.path), block.line),
                        block.text.clone(),
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Reads a block and asserts that no field of it is dropped.
fn read<T: DeserializeOwned + Serialize>(place: &str, text: &str) -> T {
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
    let shown: Value = serde_json::from_str(text).unwrap();
    assert_kept(place, &shown, &serde_json::to_value(&value).unwrap());
    value
}

fn assert_kept(place: &str, shown: &Value, read: &Value) {
    match (shown, read) {
        (Value::Object(shown), Value::Object(read)) => {
            for (name, value) in shown {
                let kept = read.get(name);
                assert!(kept.is_some(), "{place}: the field {name} does not exist");
                assert_kept(place, value, kept.unwrap());
            }
        }
        (Value::Array(shown), Value::Array(read)) => {
            assert_eq!(shown.len(), read.len(), "{place}");
            for (shown, read) in shown.iter().zip(read) {
                assert_kept(place, shown, read);
            }
        }
        (Value::Number(shown), Value::Number(read)) => {
            assert_eq!(shown.as_f64(), read.as_f64(), "{place}");
        }
        (shown, read) => assert_eq!(shown, read, "{place}"),
    }
}

/// The series of one side: a steady level with a little noise, times `factor`.
fn series(factor: f64, offset: u32) -> Vec<f64> {
    (0..POINTS)
        .map(|i| factor * (100.0 + f64::from((i * 7 + offset) % 11)))
        .collect()
}

/// Judges the config on series of which the canary's are `factor` times the baseline's.
fn judged(config: &CanaryConfig, control: Option<f64>, factor: f64) -> CanaryJudgeResult {
    let pairs: Vec<Value> = config
        .metrics()
        .iter()
        .map(|metric| {
            let control = control.map_or_else(|| vec![0.0; 60], |level| series(level, 0));
            json!({
                "name": metric.name(),
                "id": metric.name(),
                "tags": {},
                "values": {"control": control, "experiment": series(factor, 3)},
            })
        })
        .collect();
    NetflixAcaJudge::default()
        .judge(&JudgeRequest {
            canary_config: Arc::new(config.clone()),
            thresholds: ScoreThresholds {
                pass: 95.0,
                marginal: 75.0,
            },
            metric_set_pairs: Arc::new(serde_json::from_value(json!(pairs)).unwrap()),
            ..JudgeRequest::default()
        })
        .unwrap()
}

fn configs() -> Vec<(String, CanaryConfig)> {
    let configs: Vec<(String, CanaryConfig)> = blocks("canary-config")
        .iter()
        .map(|(place, text)| (place.clone(), read(place, text)))
        .collect();
    assert!(configs.len() >= 7, "only {} configs", configs.len());
    configs
}

#[test]
fn every_canary_config_in_a_document_can_be_stored() {
    for (place, config) in configs() {
        let checked = kayenta_storage::ConfigCatalogue::check("id", &config, true);
        assert!(checked.is_ok(), "{place}: {checked:?}");
    }
}

#[test]
fn every_query_in_a_document_differs_between_the_sides() {
    for (place, config) in configs() {
        let text = |scope: &str| {
            let scope: CanaryScope = serde_json::from_value(json!({"scope": scope})).unwrap();
            let texts: Vec<String> = config
                .metrics()
                .iter()
                .map(|metric| {
                    let query = MetricQuery {
                        config: &config,
                        metric,
                        scope: &scope,
                    };
                    kayenta_prometheus::query::settings(&query)
                        .and_then(|settings| {
                            kayenta_prometheus::query::text(&query, settings, "instance")
                        })
                        .unwrap_or_else(|error| panic!("{place}: {error}"))
                })
                .collect();
            texts
        };
        for (control, experiment) in text("1.0").iter().zip(text("1.1")) {
            assert_ne!(*control, experiment, "{place}");
            assert!(!control.contains("PromQL:"), "{place}: {control}");
            assert!(!control.contains("${"), "{place}: {control}");
        }
    }
}

#[test]
fn every_canary_config_in_a_document_passes_a_healthy_canary_and_fails_a_bad_one() {
    for (place, config) in configs() {
        let healthy = judged(&config, Some(1.0), 1.0);
        assert_eq!(healthy.total(), Some(100.0), "{place}: {healthy:?}");
        let decrease = config.metrics().iter().any(|metric| {
            metric.analysis_configurations.as_ref().unwrap()["canary"]["direction"] == "decrease"
        });
        let bad = judged(&config, Some(1.0), if decrease { 0.5 } else { 2.0 });
        assert_eq!(bad.total(), Some(0.0), "{place}: {bad:?}");
    }
}

#[test]
fn the_recipe_for_errors_finds_errors_after_none() {
    let (place, config) = configs()
        .into_iter()
        .find(|(_, config)| config.name.as_deref() == Some("recipe-errors"))
        .unwrap();
    let bad = judged(&config, None, 0.001);
    assert_eq!(bad.total(), Some(0.0), "{place}: {bad:?}");
}

#[test]
fn every_request_in_a_document_has_known_fields_only() {
    let runs = blocks("canary-request");
    let analyses = blocks("analysis-request");
    assert!(!runs.is_empty() && !analyses.is_empty());
    for (place, text) in &runs {
        read::<CanaryExecutionRequest>(place, text);
    }
    for (place, text) in &analyses {
        read::<AnalysisRequest>(place, text);
    }
}

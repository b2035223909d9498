//! Runs and analyses without a baseline.

use kayenta_engine::{ConfigSource, EngineErrorKind, StartAnalysis};
use kayenta_model::{CanaryConfig, MetricSetPair};
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::world::{World, analysis, canary_request, config, read, start};

fn limited_config(upper: f64) -> CanaryConfig {
    let mut value = serde_json::to_value(config(&["cpu"])).unwrap();
    value["judge"] = json!({"name": "StaticLimitJudge-v1.0"});
    value["metrics"][0]["analysisConfigurations"] =
        json!({"canary": {"staticLimit": {"upper": upper, "statistic": "max"}}});
    read(value)
}

#[tokio::test]
async fn a_run_of_a_judge_without_baseline_fetches_the_canary_alone() {
    for (upper, label, score) in [(16.0, "Pass", 100.0), (15.5, "High", 0.0)] {
        let world = World::new();
        let process = world.process();
        let engine = &process.engine;
        let mut start = start(limited_config(upper));
        let mut request = serde_json::to_value(canary_request()).unwrap();
        request["scopes"]["default"]["controlScope"].take();
        start.request = Some(read(request));
        let id = engine.start_canary(start).await.unwrap();
        let status = world.canary_end(engine, &id).await;
        assert_eq!(
            status.status.as_deref(),
            Some("succeeded"),
            "{:?}",
            status.exception
        );
        let scopes: Vec<_> = world
            .metrics
            .calls()
            .into_iter()
            .map(|(_, scope)| scope.scope)
            .collect();
        assert_eq!(scopes, [Some("next".to_owned())]);
        let stages = status.stage_status.unwrap();
        assert!(!stages.contains_key("fetchControl0"), "{stages:?}");
        let verdict = status.result.unwrap().judge_result.unwrap();
        assert_eq!(verdict.total(), Some(score));
        let result = &verdict.results.unwrap()[0];
        assert_eq!(result.classification.as_deref(), Some(label));
        // The stored pair has both sides, as readers of pairs expect.
        let pairs: Vec<MetricSetPair> = world
            .repository()
            .load(
                ObjectKind::MetricSetPairList,
                &status.metric_set_pair_list_id.unwrap(),
            )
            .await
            .unwrap();
        let values = pairs[0].values.as_ref().unwrap();
        assert_eq!(values["control"].len(), values["experiment"].len());
        assert!(values["control"].iter().all(|value| value.is_nan()));
        let explained = engine.explain_canary(&id, None).await.unwrap();
        assert_eq!(explained.findings, []);
        assert_eq!(explained.results[0].explanation.sentences.len(), 1);
    }
}

#[tokio::test]
async fn an_analysis_of_a_judge_without_baseline_names_the_canary_alone() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let mut start: StartAnalysis = analysis(json!({
        "lifetimeDurationMins": 60, "analysisIntervalMins": 30,
        "scopes": [{"experimentScope": "next", "experimentLocation": "us"}],
    }));
    start.config_source = ConfigSource::AdHoc {
        config: Some(limited_config(16.0)),
    };
    let id = engine.start_analysis(start).await.unwrap();
    let status = world.analysis_end(engine, &id).await;
    let result = status.canary_analysis_execution_result.unwrap();
    assert!(result.did_pass_thresholds);
    assert_eq!(result.canary_scores.len(), 2);
    assert_eq!(world.metrics.calls().len(), 2);
}

#[tokio::test]
async fn a_judge_that_compares_still_needs_both_scopes() {
    let world = World::new();
    let engine = world.engine();
    let mut start = start(config(&["cpu"]));
    let mut request = serde_json::to_value(canary_request()).unwrap();
    request["scopes"]["default"]["controlScope"].take();
    start.request = Some(read(request));
    let refusal = engine.start_canary(start).await.unwrap_err();
    assert_eq!(refusal.kind, EngineErrorKind::InvalidRequest);
    assert!(
        refusal
            .message
            .contains("missing experimentScope or controlScope"),
        "{}",
        refusal.message
    );
}

//! Analyses whose judge shares its error rate among the looks: ending early, and keeping the budget.

use std::sync::atomic::Ordering;

use kayenta_engine::{ConfigSource, Engine, StartAnalysis};
use kayenta_model::{AnalysisStatusResponse, CanaryConfig, ExecutionStatus, Look};
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, analysis, config, read},
};

/// A hundred and twenty points around a level, whose noise depends on the seed.
fn noisy(mut seed: u64, level: f64) -> Answer {
    let mut uniform = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f64 / f64::from(1 << 24)
    };
    Answer::Values((0..120).map(|_| level * (0.9 + 0.2 * uniform())).collect())
}

fn paired_config(settings: serde_json::Value) -> CanaryConfig {
    let mut config = config(&["cpu"]);
    config.judge = read(json!({
        "name": "PairedCanaryJudge-v1.0", "judgeConfigurations": {"paired": settings},
    }));
    config
}

/// Six looks in two hours.
fn six_looks(config: CanaryConfig) -> StartAnalysis {
    let mut start = analysis(json!({"lifetimeDurationMins": 120, "analysisIntervalMins": 20}));
    start.config_source = ConfigSource::AdHoc {
        config: Some(config),
    };
    start
}

fn answer(world: &World, canary: f64) {
    let looks = 0..6_u64;
    let control: Vec<_> = looks.clone().map(|seed| noisy(seed, 100.0)).collect();
    let canary: Vec<_> = looks.map(|seed| noisy(seed + 100, canary)).collect();
    world.metrics.answer("cpu", "base", control);
    world.metrics.answer("cpu", "next", canary);
}

/// The look of every run that was made.
async fn looks(engine: &Engine, status: &AnalysisStatusResponse) -> Vec<Option<Look>> {
    let mut looks = Vec::new();
    for stage in status.stage_status.iter().flatten() {
        if let Some(run) = &stage.execution_id {
            looks.push(engine.canary_status(run, None).await.unwrap().look);
        }
    }
    looks
}

fn of_six(indices: std::ops::RangeInclusive<u32>) -> Vec<Option<Look>> {
    indices
        .map(|index| Some(Look { index, total: 6 }))
        .collect()
}

const ENDED_AT_HALF_TIME: &str =
    "Ended early at look 3 of 6: a change of 10 % or more is excluded (error at most 0.05).";

#[tokio::test]
async fn an_analysis_that_asks_for_it_ends_successfully_when_a_harmful_change_is_excluded() {
    let world = World::new();
    answer(&world, 100.0);
    let process = world.process();
    let engine = &process.engine;
    let start = six_looks(paired_config(json!({"success": true})));
    let id = engine.start_analysis(start).await.unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert!(result.did_pass_thresholds);
    assert_eq!(
        result.canary_score_message.as_deref(),
        Some(ENDED_AT_HALF_TIME)
    );
    assert_eq!(result.canary_scores.len(), 3);
    assert_eq!(looks(engine, &status).await, of_six(1..=3));
    // What has not begun is not listed, as on any early end.
    let stages = status.stage_status.as_ref().unwrap();
    assert!(
        stages
            .iter()
            .all(|stage| stage.status == ExecutionStatus::Succeeded),
        "{stages:?}"
    );
    assert_eq!(status.end_time_iso.as_deref(), Some("2025-04-08T11:00:00Z"));
    let explained = engine.explain_analysis(&id, None).await.unwrap();
    assert_eq!(explained.look, Look { index: 3, total: 6 });
    assert_eq!(
        explained.explanation.conclusion,
        Some(kayenta_model::explanation::Conclusion::NoWorse)
    );
}

#[tokio::test]
async fn an_analysis_that_does_not_ask_for_it_makes_all_its_runs() {
    let world = World::new();
    answer(&world, 100.0);
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(six_looks(paired_config(json!({}))))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert_eq!(result.canary_scores.len(), 6);
    assert!(result.did_pass_thresholds);
    assert_eq!(looks(engine, &status).await, of_six(1..=6));
}

#[tokio::test]
async fn a_harmful_change_ends_an_analysis_at_the_first_look() {
    let world = World::new();
    answer(&world, 130.0);
    let process = world.process();
    let engine = &process.engine;
    let start = six_looks(paired_config(json!({"success": true})));
    let id = engine.start_analysis(start).await.unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert!(!result.did_pass_thresholds);
    assert_eq!(
        result.canary_score_message.as_deref(),
        Some("Final canary score 0.0 is not above the marginal score threshold.")
    );
    assert_eq!(looks(engine, &status).await, of_six(1..=1));
}

#[tokio::test]
async fn an_interrupted_analysis_keeps_its_budget() {
    let world = World::new();
    answer(&world, 100.0);
    let control: Vec<_> = (0..3).map(|seed| noisy(seed, 100.0)).collect();
    let mut canary: Vec<_> = (100..102).map(|seed| noisy(seed, 100.0)).collect();
    canary.push(Answer::Gate);
    world.metrics.answer("cpu", "base", control);
    world.metrics.answer("cpu", "next", canary);
    let first = world.process();
    let start = six_looks(paired_config(json!({"success": true})));
    let id = first.engine.start_analysis(start).await.unwrap();
    let engine = world.engine();
    world
        .pressing("the third look fetches", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    first.crash();
    answer(&world, 100.0);
    let second = world.process();
    world
        .pressing("the analysis ends", async || {
            engine.analysis_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert_eq!(
        result.canary_score_message.as_deref(),
        Some(ENDED_AT_HALF_TIME)
    );
    assert_eq!(looks(&engine, &status).await, of_six(1..=3));
    second.stop().await;
}

#[tokio::test]
async fn a_judge_without_a_budget_gets_no_looks() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(six_looks(config(&["cpu"])))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(looks(engine, &status).await, vec![None; 6]);
}

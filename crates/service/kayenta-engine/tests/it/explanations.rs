//! Why a run or an analysis has its verdict, computed from what is stored.

use kayenta_engine::{EngineErrorKind, StartAnalysis};
use kayenta_model::{
    AnalysisStatusResponse, CanaryConfig, CanaryStatusResponse, ExecutionStatus, Look,
    explanation::{ExplainedTest, FindingId},
};
use kayenta_storage::{ObjectKind, WriteCondition};
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, analysis, config, start},
};

/// Sixty points around a level.
fn around(level: f64) -> Answer {
    Answer::Values((0..60).map(|i| level + f64::from(i % 7)).collect())
}

/// An analysis judged by the built-in judge.
fn judged_analysis(lifetime: i64) -> StartAnalysis {
    let mut start = analysis(json!({"lifetimeDurationMins": lifetime, "analysisIntervalMins": 60}));
    start.config_source = kayenta_engine::ConfigSource::AdHoc {
        config: Some(config(&["cpu"])),
    };
    start
}

#[tokio::test]
async fn a_run_is_explained_from_its_record_and_from_its_archive_alike() {
    let world = World::new();
    world.metrics.answer("cpu", "next", [around(20.0)]);
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world.canary_end(engine, &id).await;
    world.quiet(engine).await;
    let explained = engine.explain_canary(&id, None).await.unwrap();
    let metric = &explained.results[0];
    assert_eq!(metric.name, "cpu");
    let sentence = &metric.explanation.sentences[0];
    assert!(
        sentence.starts_with("cpu: the canary is higher by"),
        "{sentence}"
    );
    assert!(matches!(
        metric.explanation.test,
        Some(ExplainedTest::MannWhitney(_))
    ));

    engine.delete(&id).await.unwrap();
    assert_eq!(engine.explain_canary(&id, None).await.unwrap(), explained);
    assert_eq!(
        engine.explain_canary(&id, Some("mem")).await.unwrap(),
        explained
    );
}

#[tokio::test]
async fn a_run_without_a_verdict_has_no_explanation_and_says_why() {
    let world = World::new();
    world.metrics.answer("cpu", "next", [Answer::Status(404)]);
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world.canary_end(engine, &id).await;
    let refusal = engine.explain_canary(&id, None).await.unwrap_err();
    assert_eq!(refusal.kind, EngineErrorKind::Conflict);
    assert_eq!(
        refusal.message,
        format!("There is nothing to explain: canary run {id} ended (terminal) without a verdict.")
    );
    let unknown = engine
        .explain_canary("01CYZCD53RBX2KR2Q9GY0218TV", None)
        .await
        .unwrap_err();
    assert_eq!(unknown.kind, EngineErrorKind::NotFound);
    let wrong_kind = engine.explain_analysis(&id, None).await.unwrap_err();
    assert_eq!(wrong_kind.kind, EngineErrorKind::Conflict);
}

#[tokio::test]
async fn a_verdict_whose_pairs_are_gone_is_not_found() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    let pairs = status.metric_set_pair_list_id.unwrap();
    world
        .repository()
        .delete(ObjectKind::MetricSetPairList, &pairs)
        .await
        .unwrap();
    let gone = engine.explain_canary(&id, None).await.unwrap_err();
    assert_eq!(gone.kind, EngineErrorKind::NotFound);
    assert!(gone.message.contains(&pairs), "{}", gone.message);
}

#[tokio::test]
async fn an_analysis_explains_its_newest_verdict_and_counts_the_planned_looks() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_analysis(judged_analysis(180)).await.unwrap();
    world
        .until("two runs have ended", async || {
            let status = engine.analysis_status(&id, None).await.unwrap();
            let stages = status.stage_status.unwrap();
            let ended = stages.iter().filter(|stage| {
                stage.execution_id.is_some() && stage.status == ExecutionStatus::Succeeded
            });
            ended.count() == 2
        })
        .await;
    let second = engine.explain_analysis(&id, None).await.unwrap();
    assert_eq!(second.look, Look { index: 2, total: 3 });

    let status = world.analysis_end(engine, &id).await;
    world.quiet(engine).await;
    let last = engine.explain_analysis(&id, None).await.unwrap();
    assert_eq!(last.look, Look { index: 3, total: 3 });
    let runs = status.canary_analysis_execution_result.unwrap();
    assert_eq!(
        last.execution_id,
        runs.canary_execution_results[2].execution_id
    );
    let findings = &last.explanation.findings;
    assert!(
        findings
            .iter()
            .any(|found| found.finding.id == FindingId::Peeking && found.metric.is_none()),
        "{findings:?}"
    );
    engine.delete(&id).await.unwrap();
    assert_eq!(engine.explain_analysis(&id, None).await.unwrap(), last);
}

/// Archives as the reference writes them: without the fields this service adds, and of an analysis whose
/// runs have no archives of their own.
#[tokio::test]
async fn archives_of_the_java_service_are_explained() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let run = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let status: CanaryStatusResponse = world.canary_end(engine, &run).await;
    let id = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF";
    let archived = AnalysisStatusResponse {
        pipeline_id: Some(id.to_owned()),
        complete: true,
        execution_status: Some(ExecutionStatus::Succeeded),
        canary_config: status.config,
        canary_analysis_execution_request: Some(
            serde_json::from_value(json!({
                "scopes": [{"startTimeIso": "2025-04-08T08:00:00Z", "endTimeIso": "2025-04-08T10:00:00Z"}],
                "thresholds": {"pass": 95, "marginal": 75}, "analysisIntervalMins": 30,
            }))
            .unwrap(),
        ),
        canary_analysis_execution_result: Some(
            serde_json::from_value(json!({
                "didPassThresholds": true, "hasWarnings": false, "canaryScores": [100.0],
                "canaryExecutionResults": [{
                    "executionId": "gone", "result": status.result,
                    "metricSetPairListId": status.metric_set_pair_list_id,
                }],
            }))
            .unwrap(),
        ),
        start_time_millis: Some(1_744_113_600_000),
        ..AnalysisStatusResponse::default()
    };
    world
        .repository()
        .store_bytes(
            ObjectKind::StandaloneCanaryResultArchive,
            id,
            None,
            serde_json::to_vec(&archived).unwrap().into(),
            WriteCondition::Always,
        )
        .await
        .unwrap();
    let explained = engine.explain_analysis(id, None).await.unwrap();
    assert_eq!(explained.execution_id.as_deref(), Some("gone"));
    assert_eq!(explained.look, Look { index: 1, total: 4 });
    assert_eq!(
        explained.explanation.results[0].explanation.sentences,
        ["cpu passed: both sides hold the same values."]
    );
}

/// The metadata of the only result of a run of `config`.
async fn metadata(world: &World, config: CanaryConfig) -> serde_json::Value {
    world.metrics.answer("cpu", "next", [around(20.0)]);
    let process = world.process();
    let id = process.engine.start_canary(start(config)).await.unwrap();
    let status = world.canary_end(&process.engine, &id).await;
    let verdict = status.result.unwrap().judge_result.unwrap();
    assert_eq!(verdict.total(), Some(0.0));
    json!(verdict.results.unwrap()[0].result_metadata)
}

#[tokio::test]
async fn verdicts_contain_explanations_only_when_service_or_config_ask_for_them() {
    let keys = |metadata: serde_json::Value| -> Vec<String> {
        metadata.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        keys(metadata(&World::new(), config(&["cpu"])).await),
        ["ratio"]
    );
    let mut asking = config(&["cpu"]);
    asking.judge = serde_json::from_value(json!({
        "name": "NetflixACAJudge-v1.0", "judgeConfigurations": {"explain": true},
    }))
    .unwrap();
    let asked = metadata(&World::new(), asking).await;
    let mut world = World::new();
    world.options.explanations = true;
    let always = metadata(&world, config(&["cpu"])).await;
    assert_eq!(asked, always);
    assert_eq!(keys(always.clone())[..2], ["ratio", "explanation"]);
    let sentence = always["explanation"]["sentences"][0].as_str().unwrap();
    assert!(
        sentence.starts_with("cpu: the canary is higher by"),
        "{sentence}"
    );
}

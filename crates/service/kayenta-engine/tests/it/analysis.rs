//! Standalone analyses over their whole life, with the worked examples of the reference.

use std::sync::Arc;

use kayenta_engine::ExecutionQuery;
use kayenta_metrics::StoreDescription;
use kayenta_model::{AnalysisStatusResponse, ExecutionStatus};
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::{
    scripted::{Answer, ScriptedMetrics},
    world::{World, analysis, errors},
};

/// Name and status of every stage, and whether it has a run.
fn stages(status: &AnalysisStatusResponse) -> Vec<(String, &'static str, bool)> {
    status
        .stage_status
        .as_ref()
        .unwrap()
        .iter()
        .map(|stage| {
            (
                stage.name.clone(),
                stage.status.as_str(),
                stage.execution_id.is_some(),
            )
        })
        .collect()
}

fn stage(name: &str, status: &'static str, run: bool) -> (String, &'static str, bool) {
    (name.to_owned(), status, run)
}

const SETUP: &str = "Sets up and executes the wait, run and monitor canary task chain.";
const SUMMARY: &str =
    "Aggregates and evaluates the canary executions and generates the final results.";

/// C-SCAPE-02.
#[tokio::test]
async fn an_analysis_of_three_hours_waits_on_the_clock_it_was_given() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(json!({
            "lifetimeDurationMins": 180,
            "analysisIntervalMins": 30,
            "beginAfterMins": 5,
        })))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    // Ten o'clock and 185 minutes.
    assert_eq!(status.end_time_iso.as_deref(), Some("2025-04-08T13:05:00Z"));
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert_eq!(result.canary_scores.len(), 6);
    let windows: Vec<_> = result
        .canary_execution_results
        .iter()
        .map(|run| {
            (
                run.judgement_start_time_iso.clone().unwrap(),
                run.judgement_end_time_iso.clone().unwrap(),
                run.start_time_iso.clone().unwrap(),
            )
        })
        .collect();
    let at = |minutes: i64| {
        let moment = world.clock_start() + crate::world::minutes(minutes);
        kayenta_model::Instant(moment).to_string()
    };
    for (index, window) in windows.iter().enumerate() {
        let end = 5 + 30 * (i64::try_from(index).unwrap() + 1);
        assert_eq!(*window, (at(5), at(end), at(end)));
    }
    // Each run is archived on its own, and so is the analysis.
    world.quiet(engine).await;
    assert_eq!(
        world.objects.writes(ObjectKind::CanaryResultArchive).len(),
        6
    );
    let archived: AnalysisStatusResponse = world
        .repository()
        .load(ObjectKind::StandaloneCanaryResultArchive, &id)
        .await
        .unwrap();
    assert_eq!(archived, status);
    engine.delete(&id).await.unwrap();
    // C-SCAPE-03: found without an account being named.
    for account in [None, Some(""), Some("mem")] {
        assert_eq!(engine.analysis_status(&id, account).await.unwrap(), status);
    }
    process.stop().await;
}

#[tokio::test]
async fn stages_are_listed_from_planning_on() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 10, "analysisIntervalMins": 5}),
        ))
        .await
        .unwrap();
    world
        .soon("it waits", async || {
            engine.depth().await.unwrap().delayed == 1
        })
        .await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    assert_eq!(
        stages(&status),
        [
            stage("Interval Wait #1", "RUNNING", false),
            stage("Run Canary #1", "NOT_STARTED", false),
            stage("Interval Wait #2", "NOT_STARTED", false),
            stage("Run Canary #2", "NOT_STARTED", false),
            stage(SETUP, "RUNNING", false),
        ]
    );
    let (_, next_run) = engine.analysis_progress(&id, None).await.unwrap();
    let due = status.start_time_millis.unwrap() + 5 * 60_000;
    assert_eq!(next_run, Some(due));
    let listed = engine
        .list_executions(&ExecutionQuery::default(), None, 1)
        .await
        .unwrap();
    assert_eq!(listed.executions[0].next_run_time_millis, Some(due));
    assert_eq!(status.user.as_deref(), Some("anonymous"));
    assert_eq!(status.application.as_deref(), Some("app"));
    assert_eq!(
        status.parent_pipeline_execution_id.as_deref(),
        Some("parent")
    );
    assert_eq!(status.canary_config_id, None);
    assert_eq!(status.execution_status, Some(ExecutionStatus::Running));
    assert!(status.canary_analysis_execution_result.is_none());
    let request = serde_json::to_value(&status.canary_analysis_execution_request).unwrap();
    assert_eq!(request["scopes"][0]["scopeName"], "default");
    assert_eq!(request["beginAfterMins"], 0);

    let status = world.analysis_end(engine, &id).await;
    assert_eq!(
        stages(&status),
        [
            stage("Interval Wait #1", "SUCCEEDED", false),
            stage("Run Canary #1", "SUCCEEDED", true),
            stage("Interval Wait #2", "SUCCEEDED", false),
            stage("Run Canary #2", "SUCCEEDED", true),
            stage(SETUP, "SUCCEEDED", false),
            stage(SUMMARY, "SUCCEEDED", false),
        ]
    );
    let run = status.stage_status.as_ref().unwrap()[1]
        .execution_id
        .clone()
        .unwrap();
    let run = engine.canary_status(&run, None).await.unwrap();
    // The run's parent is the analysis' parameter, its application the analysis'.
    assert_eq!(run.parent_pipeline_execution_id.as_deref(), Some("parent"));
    assert_eq!(run.application.as_deref(), Some("app"));
    assert_eq!(run.canary_config_id.as_deref(), Some("ad-hoc"));
    process.stop().await;
}

#[tokio::test]
async fn outcomes_of_example_j() {
    for (scores, runs, ended, passed, message) in [
        (
            vec![100.0, 90.0, 97.0],
            3,
            ExecutionStatus::Succeeded,
            true,
            "Final canary score 97.0 met or exceeded the pass score threshold.",
        ),
        (
            vec![100.0, 97.0, 85.0],
            3,
            ExecutionStatus::Succeeded,
            false,
            "Final canary score 85.0 is below the pass score threshold.",
        ),
        (
            vec![100.0, 75.0],
            2,
            ExecutionStatus::Terminal,
            false,
            "Final canary score 75.0 is not above the marginal score threshold.",
        ),
    ] {
        let world = World::new();
        let process = world.process();
        let engine = &process.engine;
        world.judge.say(scores.clone());
        let id = engine
            .start_analysis(analysis(
                json!({"lifetimeDurationMins": 15, "analysisIntervalMins": 5}),
            ))
            .await
            .unwrap();
        let status = world.analysis_end(engine, &id).await;
        assert_eq!(status.execution_status, Some(ended), "{scores:?}");
        let result = status.canary_analysis_execution_result.clone().unwrap();
        assert_eq!(result.did_pass_thresholds, passed);
        assert_eq!(result.canary_score_message.as_deref(), Some(message));
        let reported: Vec<f64> = result.canary_scores.iter().map(|score| score.0).collect();
        assert_eq!(reported, scores);
        assert_eq!(result.canary_execution_results.len(), runs);
        for run in &result.canary_execution_results {
            assert_eq!(run.execution_status, Some(ExecutionStatus::Succeeded));
            assert!(run.result.is_some() && run.metric_set_pair_list_id.is_some());
        }
        // A low score is no exception, and what has not begun vanishes.
        assert!(status.exception.is_none());
        let listed = stages(&status);
        assert_eq!(listed.len(), 2 * runs + 2);
        let setup = if ended == ExecutionStatus::Terminal {
            "TERMINAL"
        } else {
            "SUCCEEDED"
        };
        assert_eq!(listed[listed.len() - 2], stage(SETUP, setup, false));
        assert_eq!(listed[listed.len() - 1], stage(SUMMARY, "SUCCEEDED", false));
        assert_eq!(listed[2 * runs - 1].1, setup);
        process.stop().await;
    }
}

/// C-SCAPE-04.
#[tokio::test]
async fn a_failed_run_counts_as_zero_and_its_exception_is_reported() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer(
        "cpu",
        "base",
        [Answer::Values(vec![1.0; 60]), Answer::Status(400)],
    );
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 15, "analysisIntervalMins": 5}),
        ))
        .await
        .unwrap();
    let mut status = None;
    world
        .pressing("it ends", async || {
            let now = engine.analysis_status(&id, None).await.unwrap();
            let complete = now.complete;
            status = Some(now);
            complete
        })
        .await;
    let status = status.unwrap();
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert_eq!(json!(result.canary_scores), json!([100.0, 0.0]));
    assert_eq!(
        result.canary_score_message.as_deref(),
        Some("Final canary score 0.0 is not above the marginal score threshold.")
    );
    let text = "Status: 400, URL: http://metrics/cpu/base, Message: Out of order";
    assert_eq!(errors(&status.exception)[0], text);
    let last = &result.canary_execution_results[1];
    assert_eq!(last.execution_status, Some(ExecutionStatus::Terminal));
    assert_eq!(errors(&last.exception), errors(&status.exception));
    assert!(last.result.is_none());
    process.stop().await;
}

#[tokio::test]
async fn a_retrospective_analysis_does_not_wait() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(json!({
            "scopes": [{
                "controlScope": "base", "experimentScope": "next",
                "controlOffsetInMinutes": 60,
                "startTimeIso": "2025-04-07T10:00:00Z", "endTimeIso": "2025-04-07T11:30:30Z",
            }],
            "analysisIntervalMins": 45,
        })))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.end_time_iso.as_deref(), Some("2025-04-08T10:00:00Z"));
    let runs = status
        .canary_analysis_execution_result
        .unwrap()
        .canary_execution_results;
    let times: Vec<_> = runs
        .iter()
        .map(|run| {
            (
                run.judgement_start_time_iso.as_deref().unwrap(),
                run.judgement_end_time_iso.as_deref().unwrap(),
            )
        })
        .collect();
    // The control's times, an hour earlier.
    assert_eq!(
        times,
        [
            ("2025-04-07T09:00:00Z", "2025-04-07T09:45:00Z"),
            ("2025-04-07T09:00:00Z", "2025-04-07T10:30:00Z"),
        ]
    );
    assert_eq!(runs[0].judgement_start_time_millis, Some(1_744_016_400_000));
    let asked: Vec<_> = world
        .metrics
        .calls()
        .iter()
        .map(|(_, scope)| {
            (
                scope.scope.clone().unwrap(),
                scope.end.unwrap().to_string(),
                scope.step,
            )
        })
        .collect();
    assert!(
        asked.contains(&(
            "next".to_owned(),
            "2025-04-07T11:30:00Z".to_owned(),
            Some(60)
        )),
        "{asked:?}"
    );
    process.stop().await;
}

#[tokio::test]
async fn few_points_warn_once_unless_the_store_says_otherwise() {
    let world = World::new();
    *world.judge.count.lock().unwrap() = Some(49);
    let process = world.process();
    let engine = &process.engine;
    let request = json!({"lifetimeDurationMins": 1});
    let id = engine
        .start_analysis(analysis(request.clone()))
        .await
        .unwrap();
    let result = world
        .analysis_end(engine, &id)
        .await
        .canary_analysis_execution_result
        .unwrap();
    assert!(result.has_warnings);
    assert_eq!(
        result.canary_execution_results[0].warnings,
        [
            "One of the metrics returned fewer than 50 data points, which can reduce confidence in the final canary score."
        ]
    );
    static SPARSE: StoreDescription = StoreDescription {
        warns_of_few_points: false,
        ..StoreDescription::new("prometheus", "PrometheusCanaryScope")
    };
    let mut sparse = kayenta_engine::Account::new("sparse", "prometheus");
    sparse.metrics = Some(Arc::new(ScriptedMetrics::described(&SPARSE)));
    world.accounts.add(sparse);
    let mut start = analysis(request);
    start.metrics_account = Some("sparse".to_owned());
    let id = engine.start_analysis(start).await.unwrap();
    let result = world
        .analysis_end(engine, &id)
        .await
        .canary_analysis_execution_result
        .unwrap();
    assert!(!result.has_warnings);
    assert!(result.canary_execution_results[0].warnings.is_empty());
    process.stop().await;
}

#[tokio::test]
async fn c_scape_05_a_run_that_cannot_start_says_why_and_the_result_is_reported() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(json!({
            "scopes": [{"scopeName": "other", "controlScope": "base", "experimentScope": "next"}],
            "lifetimeDurationMins": 5,
        })))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    assert_eq!(
        errors(&status.exception),
        [
            "Failed to initiate canary analysis",
            "Canary metrics require scopes which were not provided in the execution request: [default]"
        ]
    );
    assert_eq!(
        status.exception.as_ref().unwrap()["exceptionType"],
        "RuntimeException"
    );
    let result = status.canary_analysis_execution_result.clone().unwrap();
    assert_eq!(json!(result.canary_scores), json!([0.0]));
    assert!(result.canary_execution_results.is_empty());
    assert_eq!(
        stages(&status)[1],
        stage("Run Canary #1", "TERMINAL", false)
    );
    process.stop().await;
}

/// C-SCAPE-06.
#[tokio::test]
async fn a_missing_marginal_threshold_ends_it_with_a_word() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    for (thresholds, ended) in [
        (json!({"pass": 95}), ExecutionStatus::Terminal),
        (json!({"marginal": 75}), ExecutionStatus::Succeeded),
    ] {
        let id = engine
            .start_analysis(analysis(
                json!({"lifetimeDurationMins": 5, "thresholds": thresholds}),
            ))
            .await
            .unwrap();
        let status = world.analysis_end(engine, &id).await;
        assert_eq!(status.execution_status, Some(ended));
        let result = status.canary_analysis_execution_result.unwrap();
        assert_eq!(json!(result.canary_scores), json!([100.0]));
        if ended == ExecutionStatus::Terminal {
            assert_eq!(
                errors(&status.exception),
                ["The thresholds of the analysis request must contain marginal."]
            );
        } else {
            assert_eq!(
                result.canary_score_message.as_deref(),
                Some("No pass score threshold was specified.")
            );
        }
    }
    process.stop().await;
}

#[tokio::test]
async fn a_verdict_without_a_score_ends_it() {
    let world = World::new();
    world.judge.scores.lock().unwrap().push_back(None);
    let process = world.process();
    let id = process
        .engine
        .start_analysis(analysis(json!({"lifetimeDurationMins": 5})))
        .await
        .unwrap();
    let status = world.analysis_end(&process.engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    assert!(errors(&status.exception)[0].contains("without a score"));
    process.stop().await;
}

#[tokio::test]
async fn a_plain_run_gives_a_thin_answer() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_canary(crate::world::start(crate::world::config(&["cpu"])))
        .await
        .unwrap();
    world.canary_end(engine, &id).await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    assert!(status.user.is_none() && status.canary_config.is_none());
    process.stop().await;
}

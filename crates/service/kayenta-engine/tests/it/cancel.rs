//! Cancels: at once for every reader, soon for every worker, and archived.

use std::{sync::atomic::Ordering, time::Duration};

use kayenta_engine::{CancelOutcome, EngineErrorKind};
use kayenta_model::{CanaryStatusResponse, ExecutionStatus};
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, analysis, config, errors, start},
};

#[tokio::test]
async fn a_running_run_stops_at_once_and_c_eng_09_is_archived() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    world.clock.advance(Duration::from_millis(100));
    world
        .soon("progress is reported", async || {
            engine
                .canary_status(&id, None)
                .await
                .unwrap()
                .status
                .as_deref()
                == Some("running")
        })
        .await;
    assert_eq!(engine.cancel(&id).await.unwrap(), CancelOutcome::Canceled);
    let status = engine.canary_status(&id, None).await.unwrap();
    assert!(status.complete);
    assert_eq!(status.status.as_deref(), Some("canceled"));
    assert!(status.end_time_millis.is_some() && status.result.is_none());
    assert_eq!(
        json!(status.stage_status),
        json!({
            "setupContext": "succeeded",
            "fetchControl0": "succeeded",
            "fetchExperiment0": "canceled",
            "mixMetrics": "not_started",
            "judge": "not_started",
        })
    );
    // The clock stands still, so it is the cancel itself that stops the work.
    world
        .soon("the worker lets go", async || engine.attended() == 0)
        .await;
    world.quiet(engine).await;
    let archived: CanaryStatusResponse = world
        .repository()
        .load(ObjectKind::CanaryResultArchive, &id)
        .await
        .unwrap();
    assert_eq!(archived, status);
    assert_eq!(
        engine.cancel(&id).await.unwrap(),
        CancelOutcome::AlreadyComplete
    );
    assert_eq!(engine.canary_status(&id, None).await.unwrap(), status);
    process.stop().await;
}

#[tokio::test]
async fn a_cancel_in_another_process_is_noticed_within_a_second() {
    let world = World::new();
    let process = world.process();
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let id = process
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    let elsewhere = world.engine();
    elsewhere.cancel(&id).await.unwrap();
    assert_eq!(process.engine.attended(), 1);
    world.clock.advance(Duration::from_secs(1));
    world
        .soon("the worker lets go", async || {
            process.engine.attended() == 0
        })
        .await;
    process.stop().await;
}

#[tokio::test]
async fn an_accepted_run_that_nobody_works_on_is_canceled_and_never_runs() {
    let world = World::new();
    let engine = world.engine();
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    engine.cancel(&id).await.unwrap();
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("canceled"));
    assert!(status.start_time_millis.is_none() && status.end_time_millis.is_none());
    let process = world.process();
    world
        .soon("it is archived", async || {
            !world
                .objects
                .writes(ObjectKind::CanaryResultArchive)
                .is_empty()
        })
        .await;
    world.quiet(&engine).await;
    assert!(world.metrics.calls().is_empty());
    process.stop().await;
}

#[tokio::test]
async fn a_waiting_analysis_is_canceled_at_once_and_its_job_is_gone() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 60, "analysisIntervalMins": 30}),
        ))
        .await
        .unwrap();
    world
        .soon("it waits", async || {
            engine.depth().await.unwrap().delayed == 1
        })
        .await;
    engine.cancel(&id).await.unwrap();
    let status = engine.analysis_status(&id, None).await.unwrap();
    assert!(status.complete);
    assert_eq!(status.execution_status, Some(ExecutionStatus::Canceled));
    let statuses: Vec<_> = status
        .stage_status
        .as_ref()
        .unwrap()
        .iter()
        .map(|s| s.status)
        .collect();
    use ExecutionStatus::{Canceled, NotStarted};
    assert_eq!(
        statuses,
        [Canceled, NotStarted, NotStarted, NotStarted, Canceled]
    );
    assert!(status.canary_analysis_execution_result.is_none());
    world
        .soon("it is archived", async || {
            world
                .objects
                .writes(ObjectKind::StandaloneCanaryResultArchive)
                == [id.as_str()]
        })
        .await;
    world.quiet(engine).await;
    assert_eq!(engine.depth().await.unwrap().delayed, 0);
    process.stop().await;
}

#[tokio::test]
async fn canceling_an_analysis_cancels_the_run_it_waits_for() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let id = engine
        .start_analysis(analysis(json!({"lifetimeDurationMins": 5})))
        .await
        .unwrap();
    world
        .until("a run fetches", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    engine.cancel(&id).await.unwrap();
    let status = engine.analysis_status(&id, None).await.unwrap();
    let run = &status.stage_status.as_ref().unwrap()[1];
    assert_eq!(run.status, ExecutionStatus::Canceled);
    assert!(status.canary_analysis_execution_result.is_none());
    let child = run.execution_id.clone().unwrap();
    let child_status = engine.canary_status(&child, None).await.unwrap();
    assert_eq!(child_status.status.as_deref(), Some("canceled"));
    world
        .soon("both are archived", async || {
            world
                .objects
                .writes(ObjectKind::CanaryResultArchive)
                .contains(&child)
                && world
                    .objects
                    .writes(ObjectKind::StandaloneCanaryResultArchive)
                    .contains(&id)
        })
        .await;
    world
        .soon("the worker lets go", async || engine.attended() == 0)
        .await;
    process.stop().await;
}

#[tokio::test]
async fn canceling_a_run_ends_its_analysis() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 10, "analysisIntervalMins": 5}),
        ))
        .await
        .unwrap();
    world
        .until("a run fetches", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    let child = status.stage_status.unwrap()[1]
        .execution_id
        .clone()
        .unwrap();
    engine.cancel(&child).await.unwrap();
    world
        .soon("the analysis ends", async || {
            engine.analysis_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    assert_eq!(
        errors(&status.exception),
        ["Canary execution was canceled."]
    );
    assert_eq!(
        status.exception,
        Some(json!({"details": {"errors": ["Canary execution was canceled."]}}))
    );
    let result = status.canary_analysis_execution_result.unwrap();
    assert_eq!(json!(result.canary_scores), json!([0.0]));
    assert_eq!(
        result.canary_execution_results[0].execution_status,
        Some(ExecutionStatus::Canceled)
    );
    process.stop().await;
}

#[tokio::test]
async fn unknown_and_incomplete_executions_are_distinguished() {
    let world = World::new();
    let engine = world.engine();
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for error in [
        engine.cancel(unknown).await.map(|_| ()).unwrap_err(),
        engine.delete(unknown).await.unwrap_err(),
        engine.pipeline(unknown).await.map(|_| ()).unwrap_err(),
        engine
            .comparison_status(unknown)
            .await
            .map(|_| ())
            .unwrap_err(),
        engine
            .analysis_status(unknown, None)
            .await
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, EngineErrorKind::NotFound);
        assert_eq!(error.message, format!("No pipeline found for {unknown}"));
    }
    let error = engine.canary_status(unknown, None).await.unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::NotFound);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    assert_eq!(
        engine.delete(&id).await.unwrap_err().kind,
        EngineErrorKind::Conflict
    );
    assert_eq!(engine.ids().await.unwrap(), [id]);
}

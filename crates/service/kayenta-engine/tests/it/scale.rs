//! Many executions at once.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use kayenta_model::{AnalysisStatusResponse, Clock, ExecutionStatus};
use serde_json::json;

use crate::{
    faults::RecordUse,
    world::{World, analysis, minutes, scripted_config, start},
};

#[tokio::test]
async fn ten_thousand_waiting_analyses_cost_nothing_but_their_records() {
    const COUNT: usize = 10_000;
    const SWEEP: Duration = Duration::from_secs(15);
    let mut world = World::new();
    world.options.sweep_interval = SWEEP;
    let process = world.process();
    let engine = &process.engine;
    let began = Instant::now();
    let request = analysis(json!({"lifetimeDurationMins": 600}));
    let mut last = String::new();
    for _ in 0..COUNT / 100 {
        let started = (0..100).map(|_| engine.start_analysis(request.clone()));
        for id in futures::future::join_all(started).await {
            last = id.unwrap();
        }
    }
    world
        .soon("all wait", async || {
            engine.depth().await.unwrap().delayed == COUNT as u64
        })
        .await;
    eprintln!("started {COUNT} analyses in {:?}", began.elapsed());
    assert_eq!(engine.attended(), 0);
    // Sweeps pass over them: all have their jobs.
    for _ in 0..3 {
        world.clock.advance(SWEEP);
        let next = world.clock.now() + SWEEP;
        world
            .soon("the sweep is over", async || {
                world.clock.next_deadline() == Some(next)
            })
            .await;
    }
    let pushes = world.queue.pushes.load(Ordering::SeqCst);
    // The sweep at the start may meet the hundred that are being accepted between their record and their job.
    assert!(pushes <= COUNT + 100, "{pushes}");
    assert_eq!(engine.depth().await.unwrap().delayed, COUNT as u64);
    let status = engine.analysis_status(&last, None).await.unwrap();
    assert!(!status.complete);
    process.stop().await;
}

#[tokio::test]
async fn six_hundred_runs_started_at_once_all_succeed() {
    const COUNT: usize = 600;
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let began = Instant::now();
    let request = start(scripted_config(&["cpu"]));
    let started = (0..COUNT).map(|_| engine.start_canary(request.clone()));
    let ids = futures::future::join_all(started).await;
    world
        .soon("all have been judged", async || {
            world.judge.judged.load(Ordering::SeqCst) == COUNT
        })
        .await;
    world.quiet(engine).await;
    eprintln!("{COUNT} runs in {:?}", began.elapsed());
    for id in ids {
        let status = engine.canary_status(&id.unwrap(), None).await.unwrap();
        assert_eq!(status.status.as_deref(), Some("succeeded"));
    }
    process.stop().await;
}

/// An analysis over that many minutes of the past, a run for each, and what was done with its record.
async fn looked_back(runs: i64) -> (AnalysisStatusResponse, RecordUse) {
    let world = World::new();
    let process = world.process();
    let at = |minute| kayenta_model::Instant(world.clock_start() - minutes(runs - minute));
    let request = json!({
        "analysisIntervalMins": 1,
        "lookbackMins": 1,
        "scopes": [{
            "controlScope": "base", "controlLocation": "us",
            "experimentScope": "next", "experimentLocation": "us",
            "startTimeIso": at(0).to_string(), "endTimeIso": at(runs).to_string(),
        }],
    });
    let id = process.engine.start_analysis(analysis(request)).await;
    let id = id.unwrap();
    world
        .soon("the analysis is over", async || {
            let found = process.engine.history(&id).await.unwrap().unwrap();
            found.summary.status.is_complete()
        })
        .await;
    let used = world.records.of(&id);
    let status = process.engine.analysis_status(&id, None).await.unwrap();
    process.stop().await;
    (status, used)
}

#[tokio::test]
async fn what_is_written_for_one_run_of_an_analysis_does_not_grow_with_the_number_of_its_runs() {
    let (status, few) = looked_back(100).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    let (status, many) = looked_back(800).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    let stages = status.stage_status.unwrap();
    assert_eq!(stages.len(), 802);
    assert!(
        stages
            .iter()
            .all(|stage| stage.status == ExecutionStatus::Succeeded)
    );
    assert_eq!(
        status
            .canary_analysis_execution_result
            .unwrap()
            .canary_scores
            .len(),
        800
    );
    // The last save has the results of all runs.
    let each = |used: RecordUse, runs: usize| used.saved_bytes / runs;
    let (few, many) = (each(few, 100), each(many, 800));
    eprintln!("an analysis of 100 runs writes {few} bytes a run, one of 800 runs {many}");
    assert!(many < 2 * few, "{few} bytes a run become {many}");
}

#[tokio::test]
async fn a_long_analysis_is_not_read_anew_for_each_of_its_runs_and_a_short_one_is() {
    for (runs, most) in [(100, 3), (20, 25)] {
        let world = World::new();
        let process = world.process();
        let request = json!({"lifetimeDurationMins": runs, "analysisIntervalMins": 1});
        let id = process.engine.start_analysis(analysis(request)).await;
        let id = id.unwrap();
        world
            .until("all have been judged", async || {
                world.judge.judged.load(Ordering::SeqCst) == runs
            })
            .await;
        world.quiet(&process.engine).await;
        let reads = world.records.of(&id).reads;
        assert!(reads <= most, "{runs} runs, read {reads} times");
        assert_eq!(reads >= runs, runs == 20, "{runs} runs, read {reads} times");
        let status = process.engine.analysis_status(&id, None).await.unwrap();
        assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_long_analysis_that_another_process_cancels_while_it_waits_is_canceled() {
    let world = World::new();
    let process = world.process();
    let request = json!({"lifetimeDurationMins": 100, "analysisIntervalMins": 1});
    let id = process.engine.start_analysis(analysis(request)).await;
    let id = id.unwrap();
    world
        .until("some have been judged", async || {
            world.judge.judged.load(Ordering::SeqCst) == 3
        })
        .await;
    world.quiet(&process.engine).await;
    world.engine().cancel(&id).await.unwrap();
    world.quiet(&process.engine).await;
    let judged = world.judge.judged.load(Ordering::SeqCst);
    let status = world.analysis_end(&process.engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Canceled));
    world.clock.advance(Duration::from_secs(3_600));
    world.quiet(&process.engine).await;
    assert_eq!(world.judge.judged.load(Ordering::SeqCst), judged);
    process.stop().await;
}

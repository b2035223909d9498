//! Processes that die, lose contact or are stopped: another continues from the last recorded step.

use std::{sync::atomic::Ordering, time::Duration};

use kayenta_model::ExecutionStatus;
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, analysis, config, errors, scripted_config, start},
};

/// A world that records every step.
fn world() -> World {
    let mut world = World::new();
    world.options.progress_interval = Duration::ZERO;
    world
}

#[tokio::test]
async fn a_run_goes_on_where_a_dead_process_stopped() {
    let world = world();
    let first = world.process();
    world.metrics.answer("b", "next", [Answer::Gate]);
    let id = first
        .engine
        .start_canary(start(config(&["a", "b"])))
        .await
        .unwrap();
    let engine = world.engine();
    world
        .soon("three of four are fetched", async || {
            let stages = engine
                .canary_status(&id, None)
                .await
                .unwrap()
                .stage_status
                .unwrap();
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
                && stages.values().filter(|s| *s == "succeeded").count() == 4
        })
        .await;
    first.crash();
    world
        .metrics
        .answer("b", "next", [Answer::Values(vec![1.0; 60])]);
    let second = world.process();
    world
        .pressing("the run ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    // Only what was missing has been fetched again, under the key planned for it.
    assert_eq!(world.metrics.calls().len(), 5);
    let mut keys = world.objects.writes(ObjectKind::MetricSetList);
    assert_eq!(keys.len(), 4);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    second.stop().await;
}

#[tokio::test]
async fn a_mixed_run_is_only_judged_again() {
    let world = world();
    let first = world.process();
    let id = first
        .engine
        .start_canary(start(scripted_config(&["a"])))
        .await
        .unwrap();
    let engine = world.engine();
    world.canary_end(&engine, &id).await;
    // The job is done, too, so that the dead process holds no lease.
    world.quiet(&engine).await;
    first.crash();
    // What a process leaves that died right after mixing.
    let second = world.process();
    rewind(&world, &id, "mix").await;
    let fetched = world.metrics.calls().len();
    let status = world.canary_end(&engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(world.metrics.calls().len(), fetched);
    assert_eq!(world.objects.writes(ObjectKind::MetricSetPairList).len(), 1);
    assert_eq!(world.judge.judged.load(Ordering::SeqCst), 2);

    // The same with the pair list gone: fetched lists are read back and mixed under the same ids.
    let before = serde_json::to_value(&status.result).unwrap();
    rewind(&world, &id, "fetch").await;
    let status = world.canary_end(&engine, &id).await;
    assert_eq!(serde_json::to_value(&status.result).unwrap(), before);
    assert_eq!(world.metrics.calls().len(), fetched);
    let pair_lists = world.objects.writes(ObjectKind::MetricSetPairList);
    assert_eq!(pair_lists.len(), 2);
    assert_eq!(pair_lists[0], pair_lists[1]);
    second.stop().await;
}

/// Resets a complete run to the state after a step, and queues its job.
async fn rewind(world: &World, id: &str, step: &str) {
    use kayenta_queue::{ExecutionStore, Job, WorkQueue};
    let (mut record, version) = world.store.get(id).await.unwrap().unwrap();
    let mut body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    body["status"] = json!("RUNNING");
    body.as_object_mut().unwrap().remove("end_time");
    body["task"]["canary"]
        .as_object_mut()
        .unwrap()
        .remove("result");
    for stage in body["stages"].as_array_mut().unwrap() {
        let undone = match stage["ref_id"].as_str().unwrap() {
            "judge" => true,
            "mixMetrics" => step == "fetch",
            _ => false,
        };
        if undone {
            stage["status"] = json!("RUNNING");
            stage.as_object_mut().unwrap().remove("end_time");
        }
    }
    record.status = ExecutionStatus::Running;
    record.body = serde_json::to_vec(&body).unwrap().into();
    world.store.save(&record, version).await.unwrap();
    let job = Job {
        execution_id: id.to_owned(),
    };
    world.store.push(&job, None).await.unwrap();
}

#[tokio::test]
async fn a_crash_between_completion_and_archive_is_made_good() {
    let world = World::new();
    world.objects.fail(ObjectKind::CanaryResultArchive, true);
    let first = world.process();
    let id = first
        .engine
        .start_canary(start(config(&["a"])))
        .await
        .unwrap();
    world
        .soon("the run ends", async || {
            first
                .engine
                .canary_status(&id, None)
                .await
                .unwrap()
                .complete
        })
        .await;
    first.crash();
    world.objects.fail(ObjectKind::CanaryResultArchive, false);
    let second = world.process();
    world
        .pressing("it is archived", async || {
            !world
                .objects
                .writes(ObjectKind::CanaryResultArchive)
                .is_empty()
        })
        .await;
    second.stop().await;
    // A lease that ends meanwhile archives again, under the same id.
    let archived = world.objects.writes(ObjectKind::CanaryResultArchive);
    assert!(archived.iter().all(|key| *key == id), "{archived:?}");
}

#[tokio::test]
async fn an_analysis_keeps_its_timetable_and_its_run_over_crashes() {
    let world = world();
    let engine = world.engine();
    let first = world.process();
    let id = first
        .engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 20, "analysisIntervalMins": 10}),
        ))
        .await
        .unwrap();
    world
        .soon("it waits", async || {
            engine.depth().await.unwrap().delayed == 1
        })
        .await;
    first.crash();
    world.clock.advance(Duration::from_secs(60 * 4));

    // Dies in the middle of the first run.
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let second = world.process();
    world
        .until("the run fetches", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    let status = engine.analysis_status(&id, None).await.unwrap();
    let child = status.stage_status.unwrap()[1]
        .execution_id
        .clone()
        .unwrap();
    second.crash();
    world
        .metrics
        .answer("cpu", "next", [Answer::Values(vec![1.0; 60])]);
    let third = world.process();
    world
        .pressing("the first run ends", async || {
            engine.canary_status(&child, None).await.unwrap().complete
        })
        .await;
    let status = world.analysis_end(&engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    let runs = status
        .canary_analysis_execution_result
        .unwrap()
        .canary_execution_results;
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].execution_id.as_deref(), Some(child.as_str()));
    // The wait ended on time although its process had died; no second child was made.
    assert_eq!(
        runs[0].build_time_iso.as_deref(),
        Some("2025-04-08T10:10:00Z")
    );
    assert_eq!(engine.ids().await.unwrap().len(), 3);
    third.stop().await;
}

#[tokio::test]
async fn a_lost_lease_stops_the_work_and_another_process_goes_on() {
    let world = world();
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let first = world.process();
    let id = first
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    first.engine.set_enabled(false);
    world.queue.take_leases_away.store(true, Ordering::SeqCst);
    world
        .pressing("the first lets go", async || first.engine.attended() == 0)
        .await;
    world.queue.take_leases_away.store(false, Ordering::SeqCst);
    assert!(
        !first
            .engine
            .canary_status(&id, None)
            .await
            .unwrap()
            .complete
    );
    world
        .metrics
        .answer("cpu", "next", [Answer::Values(vec![1.0; 60])]);
    let second = world.process();
    world
        .pressing("the second ends it", async || {
            second
                .engine
                .canary_status(&id, None)
                .await
                .unwrap()
                .complete
        })
        .await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn work_that_outlasts_the_grace_is_put_back_at_once() {
    let world = world();
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let first = world.process();
    let id = first
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    first.shutdown.cancel();
    let engine = world.engine();
    world
        .pressing("it is put back", async || {
            engine.depth().await.unwrap().ready == 1
        })
        .await;
    first.stop().await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("running"));
    world
        .metrics
        .answer("cpu", "next", [Answer::Values(vec![1.0; 60])]);
    let second = world.process();
    let status = world.canary_end(&engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    second.stop().await;
}

#[tokio::test]
async fn work_that_ends_within_the_grace_is_finished() {
    let world = world();
    world.metrics.answer("cpu", "next", [Answer::Gate]);
    let first = world.process();
    let id = first
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    first.shutdown.cancel();
    world.metrics.gate.add_permits(1);
    first.stop().await;
    let status = world.engine().canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(world.engine().depth().await.unwrap().leased, 0);
}

/// C-ENG-13: a queue that is away for long takes leases away again and again, but no worker has died.
#[tokio::test]
async fn a_queue_that_hears_nothing_for_long_ends_no_execution() {
    let world = world();
    world.metrics.answer("cpu", "next", vec![Answer::Gate; 40]);
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let at_gate = || world.metrics.at_gate.load(Ordering::SeqCst);
    world
        .soon("somebody works on it", async || at_gate() == 1)
        .await;
    for outage in 1..=10 {
        let before = at_gate();
        world.queue.hear_nothing.store(true, Ordering::SeqCst);
        world
            .pressing("the lease ends and another worker has it", async || {
                at_gate() > before
            })
            .await;
        world.queue.hear_nothing.store(false, Ordering::SeqCst);
        world
            .pressing("the first worker is heard", async || {
                world.queue.heard_too_late.load(Ordering::SeqCst) >= outage
            })
            .await;
    }
    world.metrics.gate.add_permits(40);
    world
        .pressing("it ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(engine.depth().await.unwrap().dead, 0);
    process.stop().await;
}

/// C-ENG-13.
#[tokio::test]
async fn an_execution_nobody_survives_is_given_up() {
    let world = world();
    world.metrics.answer("cpu", "next", [Answer::Panic]);
    let process = world.process();
    let engine = &process.engine;
    let run = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let analysis_id = engine
        .start_analysis(analysis(json!({
            "scopes": [{
                "controlScope": "base", "experimentScope": "next",
                "startTimeIso": "2025-04-07T10:00:00Z", "endTimeIso": "2025-04-07T11:00:00Z",
            }],
            "analysisIntervalMins": 30,
        })))
        .await
        .unwrap();
    world
        .pressing("both are given up", async || {
            engine.canary_status(&run, None).await.unwrap().complete
                && engine
                    .analysis_status(&analysis_id, None)
                    .await
                    .unwrap()
                    .complete
        })
        .await;
    let status = engine.canary_status(&run, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("terminal"));
    assert!(errors(&status.exception)[0].starts_with("5 workers in a row died"));
    let status = engine.analysis_status(&analysis_id, None).await.unwrap();
    assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
    assert!(errors(&status.exception)[0].starts_with("5 workers in a row died"));
    let result = status.canary_analysis_execution_result.unwrap();
    assert_eq!(result.canary_execution_results.len(), 1);
    let child = result.canary_execution_results[0]
        .execution_id
        .clone()
        .unwrap();
    let child = engine.canary_status(&child, None).await.unwrap();
    assert_eq!(child.status.as_deref(), Some("terminal"));
    world
        .soon("both are buried", async || {
            engine.depth().await.unwrap().dead == 2
        })
        .await;
    assert_eq!(
        world
            .objects
            .writes(ObjectKind::StandaloneCanaryResultArchive)
            .len(),
        1
    );
    process.stop().await;
}

#[tokio::test]
async fn c_eng_01_a_job_that_could_not_be_queued_is_queued_by_a_sweep() {
    let mut world = World::new();
    world.options.sweep_interval = Duration::from_secs(30);
    let process = world.process();
    let engine = &process.engine;
    // The sweep at the start has passed.
    world
        .soon("the next sweep is waited for", async || {
            world.clock.next_deadline()
                == Some(world.clock_start() + chrono::TimeDelta::seconds(30))
        })
        .await;
    world.queue.refuse_pushes.store(true, Ordering::SeqCst);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("not_started"));
    world.queue.refuse_pushes.store(false, Ordering::SeqCst);
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(
        status.start_time_iso.as_deref(),
        Some("2025-04-08T10:00:30Z")
    );
    process.stop().await;
}

#[tokio::test]
async fn a_switched_off_process_accepts_but_does_not_work() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    engine.set_enabled(false);
    assert!(!engine.is_enabled());
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("not_started"));
    engine.set_enabled(true);
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    process.stop().await;
}

//! Many executions at once.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use kayenta_model::Clock;
use serde_json::json;

use crate::world::{World, analysis, scripted_config, start};

#[tokio::test]
async fn ten_thousand_waiting_analyses_cost_nothing_but_their_records() {
    const COUNT: usize = 10_000;
    // Three of them pass before anything counts as overdue.
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
    // Sweeps pass over them: each is looked at once, then left alone until it is overdue.
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
    assert!(pushes <= 2 * COUNT, "{pushes}");
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

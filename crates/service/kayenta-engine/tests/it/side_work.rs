//! Tasks and notices, which share the queue with the executions.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kayenta_engine::{
    Delivered, Engine, ExecutionHistory, NoticeBoard, NoticeDelivery, NoticeId, PeriodicTask,
    SideWork,
};
use kayenta_model::{Clock, ExecutionStatus};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::world::{World, analysis, config, start};

const INTERVAL: Duration = Duration::from_secs(600);

/// A task that notes its rounds.
#[derive(Debug)]
struct Rounds {
    clock: Arc<dyn Clock>,
    /// How long a round takes.
    lasts: Duration,
    begun: AtomicUsize,
    ended: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Rounds {
    fn new(world: &World, lasts: Duration) -> Arc<Self> {
        Arc::new(Self {
            clock: world.clock.clone(),
            lasts,
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl PeriodicTask for Rounds {
    fn name(&self) -> &'static str {
        "rounds"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn round(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        self.clock.sleep(self.lasts).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// A process with tasks. Dropping its runtime is a crash.
fn process(world: &World, side_work: SideWork) -> (Engine, Runtime) {
    let engine = world.engine();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let running = engine.clone();
    runtime.spawn(async move { running.run_with(CancellationToken::new(), side_work).await });
    (engine, runtime)
}

fn doing(task: &Arc<Rounds>) -> SideWork {
    SideWork {
        tasks: vec![Arc::clone(task) as _],
        ..SideWork::default()
    }
}

#[tokio::test]
async fn of_all_processes_one_does_each_round_of_a_task() {
    let world = World::new();
    let rounds = Rounds::new(&world, Duration::from_secs(1));
    let processes = [(); 3].map(|()| process(&world, doing(&rounds)));
    world
        .pressing("five rounds are over", async || {
            rounds.ended.load(Ordering::SeqCst) >= 5
        })
        .await;
    assert_eq!(rounds.most_under_way.load(Ordering::SeqCst), 1);
    let passed = world.clock.now() - world.clock_start();
    assert!(passed.num_seconds() >= 4 * 600, "{passed}");
    for (_, runtime) in processes {
        runtime.shutdown_background();
    }
}

#[tokio::test]
async fn a_round_whose_process_died_is_begun_again_by_another_one() {
    let world = World::new();
    let stuck = Rounds::new(&world, Duration::from_secs(86_400 * 365));
    let (_, dying) = process(&world, doing(&stuck));
    world
        .pressing("a round begins", async || {
            stuck.begun.load(Ordering::SeqCst) == 1
        })
        .await;
    dying.shutdown_background();
    let rounds = Rounds::new(&world, Duration::from_secs(1));
    let (engine, living) = process(&world, doing(&rounds));
    world
        .pressing("another process does a round", async || {
            rounds.ended.load(Ordering::SeqCst) >= 1
        })
        .await;
    assert_eq!(engine.dead_letters(10).await.unwrap(), []);
    living.shutdown_background();
}

/// Everyone called `r` wants everything, and learns how far it went.
#[derive(Debug, Default)]
struct Everything(
    Mutex<Vec<(String, usize, ExecutionStatus)>>,
    Mutex<Option<Engine>>,
);

impl NoticeBoard for Everything {
    fn receivers(&self, history: &ExecutionHistory, known: usize) -> Vec<String> {
        let is_new = history.events() > known;
        is_new.then(|| "r".to_owned()).into_iter().collect()
    }
}

#[async_trait]
impl NoticeDelivery for Everything {
    async fn deliver(&self, notice: &NoticeId) -> Delivered {
        let engine = self.1.lock().unwrap().clone().unwrap();
        let history = engine.history(&notice.execution_id).await.unwrap().unwrap();
        let seen = (
            notice.receiver.clone(),
            history.events(),
            history.summary.status,
        );
        self.0.lock().unwrap().push(seen);
        Delivered::Done
    }
}

#[tokio::test]
async fn a_notice_follows_the_start_each_judgement_and_the_end_of_an_analysis() {
    let mut world = World::new();
    let reported = Arc::new(Everything::default());
    world.options.notices = Some(reported.clone());
    world.judge.say([90.0, 80.0, 85.0]);
    let notices = SideWork {
        notices: Some(reported.clone()),
        ..SideWork::default()
    };
    let (engine, runtime) = process(&world, notices);
    *reported.1.lock().unwrap() = Some(engine.clone());
    let request = json!({"lifetimeDurationMins": 180, "analysisIntervalMins": 60});
    let id = engine.start_analysis(analysis(request)).await.unwrap();
    world.analysis_end(&engine, &id).await;
    world
        .soon("the end is reported", async || {
            let reported = reported.0.lock().unwrap();
            reported.last().is_some_and(|(_, events, _)| *events == 5)
        })
        .await;
    let events: Vec<usize> = reported
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|(_, events, _)| *events)
        .collect();
    assert_eq!(events, [1, 2, 3, 5]);
    // Notices are no executions.
    assert!(
        engine
            .ids()
            .await
            .unwrap()
            .iter()
            .all(|id| !id.contains(':'))
    );
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_notice_without_anyone_to_deliver_it_is_a_dead_letter() {
    let mut world = World::new();
    world.options.notices = Some(Arc::new(Everything::default()));
    let process = world.process();
    let id = process
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world.canary_end(&process.engine, &id).await;
    let mut letters = Vec::new();
    world
        .soon("there is a dead letter", async || {
            letters = process.engine.dead_letters(10).await.unwrap();
            !letters.is_empty()
        })
        .await;
    assert_eq!(letters[0].job.execution_id, format!("notice:r:{id}"));
    assert!(
        letters[0]
            .reason
            .contains("no receiver of notifications called r")
    );
    process.stop().await;
}

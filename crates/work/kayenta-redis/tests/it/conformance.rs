//! The seam conformance suites on Redis, two processes sharing it, and what operations cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kayenta_queue::{ExecutionStore, Job, SystemClock, WorkQueue};
use kayenta_testkit::{
    RedisServer,
    execution_store_suite::{self, ExecutionStoreFixture},
    work_queue_suite::{self, WorkQueueFixture},
};

use crate::{options, store};

/// C-REDIS-02.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn queue_on_redis_conforms() {
    let server = RedisServer::start().await.unwrap();
    let fixtures = AtomicUsize::new(0);
    work_queue_suite::run_all(|| async {
        let queue = format!("queue{}", fixtures.fetch_add(1, Ordering::SeqCst));
        let options = options(&server, &queue, "one");
        WorkQueueFixture {
            lease: options.lease,
            queue: Arc::new(store(&server, &queue, "one")),
            peer: Arc::new(store(&server, &queue, "two")),
            time: Arc::new(SystemClock),
        }
    })
    .await;
}

/// C-REDIS-03.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn records_on_redis_conform() {
    let server = RedisServer::start().await.unwrap();
    let fixtures = AtomicUsize::new(0);
    execution_store_suite::run_all(|| async {
        let queue = format!("records{}", fixtures.fetch_add(1, Ordering::SeqCst));
        ExecutionStoreFixture {
            retention: options(&server, &queue, "one").retention,
            store: Arc::new(store(&server, &queue, "one")),
            peer: Arc::new(store(&server, &queue, "two")),
            time: Arc::new(SystemClock),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn the_cost_of_a_job_does_not_grow_with_the_queue() {
    let server = RedisServer::start().await.unwrap();
    let mut commands = Vec::new();
    for depth in [10, 1_000, 100_000] {
        let queue = format!("depth{depth}");
        let fixture = WorkQueueFixture {
            lease: Duration::from_secs(60),
            queue: Arc::new(store(&server, &queue, "one")),
            peer: Arc::new(store(&server, &queue, "two")),
            time: Arc::new(SystemClock),
        };
        println!(
            "Redis: {}",
            work_queue_suite::cost_at_depth(&fixture, depth).await
        );
        let (calls, micros) = cost_inside_redis(&server, &fixture).await;
        println!(
            "Redis: depth {depth}: {calls:.1} commands and {micros:.0} us of Redis' own time a job"
        );
        commands.push(calls);
    }
    // The keeper's own calls come on top now and then.
    assert!(commands[2] < commands[0] * 1.5, "{commands:?}");
    let records: Arc<dyn ExecutionStore> = Arc::new(store(&server, "speed", "one"));
    println!("Redis: {}", execution_store_suite::speed(&records).await);
}

/// Commands and microseconds Redis itself counts for one job pushed, taken and completed.
async fn cost_inside_redis(server: &RedisServer, fixture: &WorkQueueFixture) -> (f64, f64) {
    const JOBS: u32 = 200;
    server.cli(&["CONFIG", "RESETSTAT"]).await.unwrap();
    for number in 0..JOBS {
        let execution_id = format!("counted-{number}");
        let queue = &fixture.queue;
        queue.push(&Job { execution_id }, None).await.unwrap();
        let taken = queue.take().await.unwrap();
        queue.complete(&taken.lease).await.unwrap();
    }
    let text = server.cli(&["INFO", "commandstats"]).await.unwrap();
    let (mut calls, mut micros) = (0.0, 0.0);
    for line in text.lines().filter(|line| line.starts_with("cmdstat_")) {
        let (name, rest) = line.split_once(':').unwrap();
        let field = |key: &str| -> f64 {
            let value = rest.split(',').find_map(|field| field.strip_prefix(key));
            value.unwrap().trim().parse().unwrap()
        };
        // A blocking read's time is spent waiting, a script's is counted with what it calls.
        calls += field("calls=");
        if name == "cmdstat_evalsha" || name == "cmdstat_xreadgroup" {
            micros += field("usec=");
        }
    }
    (calls / f64::from(JOBS), micros / f64::from(JOBS))
}

/// What a process read and did not live to lease is found by looking at what is pending, a hundred at a time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_job_that_a_process_read_and_did_not_lease_is_taken_while_many_are_leased_for_long() {
    let server = RedisServer::start().await.unwrap();
    let queue = store(&server, "long", "one");
    let push = async |id: String| {
        let job = Job { execution_id: id };
        queue.push(&job, None).await.unwrap();
    };
    let mut leases = Vec::new();
    for number in 0..150 {
        push(format!("long-{number}")).await;
        leases.push(queue.take().await.unwrap().lease);
    }
    push("lost".to_owned()).await;
    let read = [
        "XREADGROUP",
        "GROUP",
        "workers",
        "dead",
        "STREAMS",
        "{long:rs}:ready",
        ">",
    ];
    let read = server.cli(&read).await.unwrap();
    assert!(read.contains("lost"), "{read}");

    let renewed = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(300));
        loop {
            ticks.tick().await;
            for lease in &leases {
                queue.renew(lease).await.unwrap();
            }
        }
    };
    let taken = tokio::select! {
        taken = tokio::time::timeout(Duration::from_secs(20), queue.take()) => taken,
        () = renewed => unreachable!(),
    };
    let taken = taken.expect("it is taken").unwrap();
    assert_eq!(taken.job.execution_id, "lost");
}

/// No key of the reference is read or written, and all keys are in one slot. (C-REDIS-01)
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn keys_are_our_own_and_share_a_hash_tag() {
    use kayenta_model::ExecutionStatus;
    use kayenta_queue::ExecutionRecord;

    let server = RedisServer::start().await.unwrap();
    let store = store(&server, "kayenta.keiko.queue", "one");
    let record = ExecutionRecord {
        id: "01A".to_owned(),
        group: "app-standard-canary-pipeline".to_owned(),
        status: ExecutionStatus::NotStarted,
        build_time_millis: 1,
        has_job: true,
        body: "{}".into(),
        parts: Vec::new(),
        summary: bytes::Bytes::new(),
    };
    store.create(&record).await.unwrap();
    store
        .push(
            &Job {
                execution_id: "01A".to_owned(),
            },
            None,
        )
        .await
        .unwrap();
    let taken = store.take().await.unwrap();
    store.bury(&taken.lease, "no reason").await.unwrap();
    let keys = server.cli(&["KEYS", "*"]).await.unwrap();
    assert!(keys.lines().count() >= 5, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with("{kayenta.keiko.queue:rs}:"), "{key}");
    }
}

//! What every [`WorkQueue`] has to do, whatever it stands on.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use kayenta_model::clock::Clock;
use kayenta_queue::{Job, LeasedJob, QueueDepth, QueueErrorKind, SystemClock, WorkQueue};

use crate::manual_clock::ManualClock;

/// How long a case waits, in real time, for what should come soon.
const SOON: Duration = Duration::from_secs(10);
/// How long a case waits, in real time, for what should not come.
const QUIET: Duration = Duration::from_millis(120);

/// The time a queue under test goes by.
#[async_trait]
pub trait TestTime: Send + Sync + fmt::Debug {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;

    /// Lets time pass.
    async fn pass(&self, by: Duration);
}

#[async_trait]
impl TestTime for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        Clock::now(self)
    }

    async fn pass(&self, by: Duration) {
        self.advance(by);
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl TestTime for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Clock::now(self)
    }

    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }
}

/// An empty queue seen by two workers.
#[derive(Clone, Debug)]
pub struct WorkQueueFixture {
    /// As one process sees it.
    pub queue: Arc<dyn WorkQueue>,
    /// As another process sees it; the same again where there can be only one process.
    pub peer: Arc<dyn WorkQueue>,
    /// The time it goes by.
    pub time: Arc<dyn TestTime>,
    /// How long its leases hold.
    pub lease: Duration,
}

/// Runs every case, each on a fixture of its own.
///
/// # Panics
/// When the queue does not do what it should.
pub async fn run_all<F, R>(make: F)
where
    F: Fn() -> R,
    R: Future<Output = WorkQueueFixture>,
{
    pushed_job_is_taken_and_completed(make().await).await;
    waiting_worker_gets_a_pushed_job(make().await).await;
    two_workers_never_hold_the_same_job(make().await).await;
    ended_lease_is_delivered_again_and_fenced(make().await).await;
    late_word_shows_that_a_worker_lives(make().await).await;
    jobs_that_lost_several_workers_are_handed_out_one_at_a_time_by_each_process(make().await).await;
    renewed_lease_is_kept(make().await).await;
    put_off_job_waits_and_is_not_counted(make().await).await;
    delayed_jobs_come_in_order(make().await).await;
    earlier_due_time_wins(make().await).await;
    push_of_a_queued_job_changes_nothing(make().await).await;
    push_while_leased_comes_again(make().await).await;
    buried_job_is_listed_and_put_back(make().await).await;
    depth_counts_every_place(make().await).await;
    a_job_in_any_place_is_one_that_the_execution_has(make().await).await;
    the_oldest_due_job_is_the_one_that_waits_for_longest(make().await).await;
    ten_thousand_delayed_jobs_come_due(make().await).await;
    dropped_take_loses_nothing(make().await).await;
    closing_ends_waiting_and_later_takes(make().await).await;
}

fn job(id: &str) -> Job {
    Job {
        execution_id: id.to_owned(),
    }
}

async fn take(queue: &Arc<dyn WorkQueue>) -> LeasedJob {
    tokio::time::timeout(SOON, queue.take())
        .await
        .expect("a job should be ready")
        .expect("taking should work")
}

async fn nothing_to_take(queue: &Arc<dyn WorkQueue>) {
    if let Ok(taken) = tokio::time::timeout(QUIET, queue.take()).await {
        panic!("nothing should be ready, but there is {taken:?}");
    }
}

fn kind<T: fmt::Debug>(outcome: Result<T, kayenta_queue::QueueError>) -> QueueErrorKind {
    outcome.expect_err("this should fail").kind
}

/// Waits until the depth is as expected: moving due jobs may take a moment.
async fn depth_becomes(queue: &Arc<dyn WorkQueue>, expected: QueueDepth) {
    let started = Instant::now();
    loop {
        let depth = queue.depth().await.expect("the depth should be known");
        if depth == expected {
            return;
        }
        assert!(
            started.elapsed() < SOON,
            "the depth should become {expected:?}, but it is {depth:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn push_many(queue: &Arc<dyn WorkQueue>, ids: Vec<String>, due: Option<DateTime<Utc>>) {
    stream::iter(ids)
        .for_each_concurrent(256, |id| async move {
            queue
                .push(&job(&id), due)
                .await
                .expect("pushing should work");
        })
        .await;
}

/// A job is handed out once and is gone when completed.
pub async fn pushed_job_is_taken_and_completed(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, lease, ..
    } = fixture;
    queue.check().await.expect("it should answer");
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    assert_eq!(taken.job, job("a"));
    assert_eq!(taken.delivery, 1);
    assert_eq!(taken.lease.execution_id, "a");
    assert_eq!(taken.lease.duration, lease);
    nothing_to_take(&peer).await;
    queue.complete(&taken.lease).await.unwrap();
    assert_eq!(
        kind(queue.complete(&taken.lease).await),
        QueueErrorKind::LeaseLost
    );
    nothing_to_take(&queue).await;
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// A worker that waits is woken by a push through another process.
pub async fn waiting_worker_gets_a_pushed_job(fixture: WorkQueueFixture) {
    let WorkQueueFixture { queue, peer, .. } = fixture;
    let waiting = tokio::spawn(async move { take(&peer).await });
    tokio::time::sleep(QUIET).await;
    let pushed = Instant::now();
    queue.push(&job("a"), None).await.unwrap();
    let taken = waiting.await.expect("the worker should get the job");
    assert_eq!(taken.job, job("a"));
    assert!(
        pushed.elapsed() < Duration::from_secs(1),
        "a push should wake a waiting worker at once, not after {:?}",
        pushed.elapsed()
    );
    queue
        .complete(&taken.lease)
        .await
        .expect("any process may complete with the lease");
}

/// However often a job is pushed, at most one worker has it at any moment, and the last push is
/// followed by a delivery.
pub async fn two_workers_never_hold_the_same_job(fixture: WorkQueueFixture) {
    const JOBS: usize = 20;
    const PUSHES: usize = 400;
    let held = Arc::new(Mutex::new(HashSet::new()));
    let deliveries = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let queue = Arc::clone(if number % 2 == 0 {
                &fixture.queue
            } else {
                &fixture.peer
            });
            let (held, deliveries) = (Arc::clone(&held), Arc::clone(&deliveries));
            tokio::spawn(async move {
                loop {
                    let taken = match queue.take().await {
                        Ok(taken) => taken,
                        Err(error) => {
                            assert_eq!(error.kind, QueueErrorKind::Closed);
                            return;
                        }
                    };
                    let id = taken.job.execution_id.clone();
                    assert_eq!(taken.delivery, 1, "no lease ends here");
                    assert!(
                        held.lock().unwrap().insert(id.clone()),
                        "{id} is held twice"
                    );
                    tokio::time::sleep(Duration::from_micros(300)).await;
                    assert!(held.lock().unwrap().remove(&id));
                    deliveries.fetch_add(1, Ordering::SeqCst);
                    queue.complete(&taken.lease).await.unwrap();
                }
            })
        })
        .collect();
    stream::iter(0..PUSHES)
        .for_each_concurrent(16, |number| {
            let queue = if number % 3 == 0 {
                &fixture.queue
            } else {
                &fixture.peer
            };
            let id = format!("job-{}", number % JOBS);
            async move { queue.push(&job(&id), None).await.unwrap() }
        })
        .await;
    depth_becomes(&fixture.queue, QueueDepth::default()).await;
    fixture.queue.close();
    fixture.peer.close();
    for worker in workers {
        worker.await.expect("the worker should end in peace");
    }
    let deliveries = deliveries.load(Ordering::SeqCst);
    assert!(
        (JOBS..=PUSHES).contains(&deliveries),
        "{deliveries} deliveries"
    );
}

/// A worker that falls silent loses its job, and can no longer speak for it once it is given to
/// another one.
pub async fn ended_lease_is_delivered_again_and_fenced(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue,
        peer,
        time,
        lease,
    } = fixture;
    queue.push(&job("a"), None).await.unwrap();
    let first = take(&queue).await;
    let waiting = tokio::spawn({
        let peer = Arc::clone(&peer);
        async move { take(&peer).await }
    });
    tokio::time::sleep(QUIET).await;
    time.pass(lease + Duration::from_millis(5)).await;
    let second = waiting.await.expect("the job should come again");
    assert_eq!(second.job, first.job);
    assert_eq!(second.delivery, 2);
    assert_eq!(
        kind(queue.renew(&first.lease).await),
        QueueErrorKind::LeaseLost
    );
    assert_eq!(
        kind(queue.complete(&first.lease).await),
        QueueErrorKind::LeaseLost
    );
    assert_eq!(
        kind(queue.put_off(&first.lease, None).await),
        QueueErrorKind::LeaseLost
    );
    assert_eq!(
        kind(queue.bury(&first.lease, "no").await),
        QueueErrorKind::LeaseLost
    );
    peer.renew(&second.lease)
        .await
        .expect("the second worker has it");
    peer.complete(&second.lease).await.unwrap();
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// Takes a job while time passes.
async fn take_in_time(fixture: &WorkQueueFixture, pass: Duration) -> LeasedJob {
    let waiting = tokio::spawn({
        let peer = Arc::clone(&fixture.peer);
        async move { take(&peer).await }
    });
    tokio::time::sleep(QUIET).await;
    fixture.time.pass(pass + Duration::from_millis(5)).await;
    waiting.await.expect("the job should come")
}

/// A lease that ended counts as the death of its worker only until that worker speaks.
pub async fn late_word_shows_that_a_worker_lives(fixture: WorkQueueFixture) {
    let WorkQueueFixture { queue, lease, .. } = &fixture;
    queue.push(&job("a"), None).await.unwrap();
    let mut held = take(queue).await;
    for _ in 0..4 {
        let next = take_in_time(&fixture, *lease).await;
        assert_eq!(next.delivery, 2);
        let late = queue.put_off(&held.lease, None).await;
        assert_eq!(kind(late), QueueErrorKind::LeaseLost);
        held = next;
    }
    queue.complete(&held.lease).await.unwrap();
}

/// Jobs that lost two workers each are told apart: each process has one of them at a time, others go on.
pub async fn jobs_that_lost_several_workers_are_handed_out_one_at_a_time_by_each_process(
    fixture: WorkQueueFixture,
) {
    let WorkQueueFixture {
        queue,
        peer,
        time,
        lease,
    } = &fixture;
    for id in ["a", "b", "c"] {
        queue.push(&job(id), None).await.unwrap();
    }
    for delivery in 1..=2 {
        let pass = if delivery == 1 {
            Duration::ZERO
        } else {
            *lease
        };
        let first = take_in_time(&fixture, pass).await;
        assert_eq!(first.delivery, delivery);
        for _ in 0..2 {
            assert_eq!(take(peer).await.delivery, delivery);
        }
    }
    let suspect = take_in_time(&fixture, *lease).await;
    assert_eq!(suspect.delivery, 3);
    queue.push(&job("innocent"), None).await.unwrap();
    let innocent = take(peer).await;
    assert_eq!((innocent.job, innocent.delivery), (job("innocent"), 1));
    peer.complete(&innocent.lease).await.unwrap();
    queue.renew(&suspect.lease).await.unwrap();
    nothing_to_take(peer).await;
    queue.renew(&suspect.lease).await.unwrap();
    let mut left = 2;
    if !Arc::ptr_eq(queue, peer) {
        // Another process has one, too.
        let (beside, ()) = tokio::join!(take(queue), async {
            for _ in 0..4 {
                time.pass(*lease / 4).await;
                queue.renew(&suspect.lease).await.unwrap();
            }
        });
        assert_ne!(beside.job, suspect.job);
        assert_eq!(beside.delivery, 3);
        left -= 1;
        queue.complete(&beside.lease).await.unwrap();
    }
    queue.renew(&suspect.lease).await.unwrap();
    queue.complete(&suspect.lease).await.unwrap();
    for _ in 0..left {
        let other = take(peer).await;
        assert_ne!(other.job, suspect.job);
        assert_eq!(other.delivery, 3);
        nothing_to_take(peer).await;
        peer.complete(&other.lease).await.unwrap();
    }
    depth_becomes(queue, QueueDepth::default()).await;
}

/// A worker that goes on renewing keeps its job.
pub async fn renewed_lease_is_kept(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue,
        peer,
        time,
        lease,
    } = fixture;
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    let waiting = tokio::spawn(async move { peer.take().await });
    for _ in 0..12 {
        time.pass(lease / 4).await;
        queue.renew(&taken.lease).await.expect("renewed in time");
    }
    assert!(
        !waiting.is_finished(),
        "a renewed job should not be delivered again"
    );
    waiting.abort();
    let _ = waiting.await;
    queue.complete(&taken.lease).await.unwrap();
}

/// A job put off comes back when due, as a first delivery.
pub async fn put_off_job_waits_and_is_not_counted(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    queue.put_off(&taken.lease, None).await.unwrap();
    let taken = take(&peer).await;
    assert_eq!(taken.delivery, 1);
    let due = time.now() + chrono::Duration::milliseconds(700);
    peer.put_off(&taken.lease, Some(due)).await.unwrap();
    assert_eq!(
        kind(peer.renew(&taken.lease).await),
        QueueErrorKind::LeaseLost
    );
    nothing_to_take(&queue).await;
    time.pass(Duration::from_millis(750)).await;
    let taken = take(&queue).await;
    assert!(time.now() >= due);
    assert_eq!(taken.delivery, 1);
    queue.complete(&taken.lease).await.unwrap();
}

/// Delayed jobs come no earlier than due, the earlier first.
pub async fn delayed_jobs_come_in_order(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    let start = time.now();
    let dues: HashMap<&str, DateTime<Utc>> = [("late", 900), ("early", 300), ("middle", 600)]
        .map(|(id, millis)| (id, start + chrono::Duration::milliseconds(millis)))
        .into();
    for (id, due) in &dues {
        queue.push(&job(id), Some(*due)).await.unwrap();
    }
    for expected in ["early", "middle", "late"] {
        let waiting = tokio::spawn({
            let peer = Arc::clone(&peer);
            async move { take(&peer).await }
        });
        time.pass(Duration::from_millis(300)).await;
        let taken = waiting.await.expect("the next job should come due");
        assert_eq!(taken.job, job(expected));
        assert!(time.now() >= dues[expected], "{expected} came too early");
        peer.complete(&taken.lease).await.unwrap();
    }
}

/// Of two pushes of one job the earlier due time counts.
pub async fn earlier_due_time_wins(fixture: WorkQueueFixture) {
    let WorkQueueFixture { queue, time, .. } = fixture;
    let far = time.now() + chrono::Duration::hours(1);
    queue.push(&job("a"), Some(far)).await.unwrap();
    queue
        .push(&job("a"), Some(far + chrono::Duration::hours(1)))
        .await
        .unwrap();
    depth_becomes(
        &queue,
        QueueDepth {
            delayed: 1,
            ..QueueDepth::default()
        },
    )
    .await;
    nothing_to_take(&queue).await;
    let near = time.now() + chrono::Duration::milliseconds(200);
    queue.push(&job("a"), Some(near)).await.unwrap();
    time.pass(Duration::from_millis(220)).await;
    let taken = take(&queue).await;
    queue.complete(&taken.lease).await.unwrap();
    queue.push(&job("a"), Some(far)).await.unwrap();
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    queue.complete(&taken.lease).await.unwrap();
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// A job that is ready stays one job, ready, whatever is pushed.
pub async fn push_of_a_queued_job_changes_nothing(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    let far = time.now() + chrono::Duration::hours(1);
    for due in [None, Some(far), None] {
        queue.push(&job("a"), due).await.unwrap();
        peer.push(&job("a"), due).await.unwrap();
    }
    depth_becomes(
        &queue,
        QueueDepth {
            ready: 1,
            ..QueueDepth::default()
        },
    )
    .await;
    let taken = take(&queue).await;
    queue.complete(&taken.lease).await.unwrap();
    nothing_to_take(&peer).await;
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// A wish that comes while a worker has the job is not lost, whatever the worker says.
pub async fn push_while_leased_comes_again(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    let far = time.now() + chrono::Duration::hours(1);
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    peer.push(&job("a"), Some(far)).await.unwrap();
    peer.push(&job("a"), None).await.unwrap();
    nothing_to_take(&peer).await;
    queue.complete(&taken.lease).await.unwrap();
    let taken = take(&peer).await;
    assert_eq!(taken.delivery, 1);

    queue.push(&job("a"), None).await.unwrap();
    peer.put_off(&taken.lease, Some(far)).await.unwrap();
    let taken = take(&peer).await;

    queue.push(&job("a"), None).await.unwrap();
    peer.bury(&taken.lease, "gave up").await.unwrap();
    let taken = take(&peer).await;
    peer.complete(&taken.lease).await.unwrap();
    depth_becomes(
        &queue,
        QueueDepth {
            dead: 1,
            ..QueueDepth::default()
        },
    )
    .await;
}

/// Dead letters say why, newest first, and can be given another try.
pub async fn buried_job_is_listed_and_put_back(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    for id in ["a", "b", "c"] {
        queue.push(&job(id), None).await.unwrap();
        let taken = take(&queue).await;
        queue
            .bury(&taken.lease, &format!("{id} is a lost cause: ünïcode"))
            .await
            .unwrap();
        assert_eq!(
            kind(queue.complete(&taken.lease).await),
            QueueErrorKind::LeaseLost
        );
        time.pass(Duration::from_millis(2)).await;
    }
    nothing_to_take(&peer).await;
    let letters = peer.dead_letters(2).await.unwrap();
    let ids: Vec<_> = letters
        .iter()
        .map(|letter| &*letter.job.execution_id)
        .collect();
    assert_eq!(ids, ["c", "b"]);
    assert_eq!(letters[0].reason, "c is a lost cause: ünïcode");
    let age = time.now() - letters[0].at;
    assert!(
        age < chrono::Duration::seconds(60) && age > chrono::Duration::seconds(-60),
        "{age}"
    );
    peer.put_back(&letters[1].id).await.unwrap();
    assert_eq!(
        kind(queue.put_back(&letters[1].id).await),
        QueueErrorKind::NotFound
    );
    assert_eq!(
        kind(queue.put_back("no such letter").await),
        QueueErrorKind::NotFound
    );
    let taken = take(&queue).await;
    assert_eq!((taken.job, taken.delivery), (job("b"), 1));
    queue.complete(&taken.lease).await.unwrap();
    let letters = queue.dead_letters(10).await.unwrap();
    let ids: Vec<_> = letters
        .iter()
        .map(|letter| &*letter.job.execution_id)
        .collect();
    assert_eq!(ids, ["c", "a"]);
    assert_eq!(queue.depth().await.unwrap().dead, 2);
}

/// The depth tells ready, delayed, leased and dead jobs apart.
pub async fn depth_counts_every_place(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    let far = time.now() + chrono::Duration::hours(1);
    for id in ["dead", "leased", "other"] {
        queue.push(&job(id), None).await.unwrap();
    }
    let dead = take(&queue).await;
    queue.bury(&dead.lease, "why").await.unwrap();
    take(&queue).await;
    for id in ["1", "2", "3"] {
        queue.push(&job(id), Some(far)).await.unwrap();
    }
    let expected = QueueDepth {
        ready: 1,
        delayed: 3,
        leased: 1,
        dead: 1,
    };
    depth_becomes(&queue, expected).await;
    depth_becomes(&peer, expected).await;
}

/// An execution whose job is ready, delayed or leased has a job; one whose job is completed or buried, or that had none, has not.
pub async fn a_job_in_any_place_is_one_that_the_execution_has(fixture: WorkQueueFixture) {
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    for id in ["completed", "buried", "leased", "put off", "ready"] {
        queue.push(&job(id), None).await.unwrap();
    }
    let far = time.now() + chrono::Duration::hours(1);
    queue.push(&job("delayed"), Some(far)).await.unwrap();
    let completed = take(&queue).await;
    queue.complete(&completed.lease).await.unwrap();
    let buried = take(&queue).await;
    queue.bury(&buried.lease, "why").await.unwrap();
    take(&queue).await;
    let put_off = take(&queue).await;
    queue.put_off(&put_off.lease, Some(far)).await.unwrap();
    let ids = [
        "completed",
        "buried",
        "leased",
        "put off",
        "ready",
        "delayed",
        "unknown",
    ];
    // More than a queue looks up at once.
    let more = (0..2_500).map(|number| format!("unknown {number}"));
    let all: Vec<String> = ids.map(str::to_owned).into_iter().chain(more).collect();
    let without = peer.without_job(all).await.unwrap();
    assert_eq!(without[..3], ["completed", "buried", "unknown"]);
    assert_eq!(without.len(), 2_503);
    assert!(peer.without_job(Vec::new()).await.unwrap().is_empty());
}

/// The age of the queue is that of the job that has been due for longest and that no worker has.
pub async fn the_oldest_due_job_is_the_one_that_waits_for_longest(fixture: WorkQueueFixture) {
    const APART: Duration = Duration::from_millis(400);
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    assert_eq!(queue.oldest_due().await.unwrap(), None);
    let far = time.now() + chrono::Duration::hours(1);
    queue.push(&job("later"), Some(far)).await.unwrap();
    assert_eq!(queue.oldest_due().await.unwrap(), None);

    let begun = time.now();
    queue.push(&job("first"), None).await.unwrap();
    time.pass(APART).await;
    let between = time.now();
    queue.push(&job("second"), None).await.unwrap();
    time.pass(APART).await;
    let elapsed = |since: DateTime<Utc>| (time.now() - since).to_std().unwrap();
    // Clocks count in milliseconds, and may differ by some.
    let slack = Duration::from_millis(50);
    let of_first = peer.oldest_due().await.unwrap().unwrap();
    assert!(of_first + slack >= 2 * APART, "{of_first:?}");
    assert!(of_first <= elapsed(begun) + slack, "{of_first:?}");

    let first = take(&queue).await;
    assert_eq!(first.job, job("first"));
    let of_second = peer.oldest_due().await.unwrap().unwrap();
    assert!(of_second + slack >= APART, "{of_second:?}");
    assert!(of_second <= elapsed(between) + slack, "{of_second:?}");
    take(&queue).await;
    assert_eq!(queue.oldest_due().await.unwrap(), None);
}

/// Delays are cheap: ten thousand of them wait and come due together.
pub async fn ten_thousand_delayed_jobs_come_due(fixture: WorkQueueFixture) {
    const JOBS: usize = 10_000;
    let WorkQueueFixture {
        queue, peer, time, ..
    } = fixture;
    let delay = Duration::from_secs(5);
    let start = time.now();
    let due = start + chrono::Duration::seconds(5);
    let ids: Vec<_> = (0..JOBS).map(|number| format!("job-{number}")).collect();
    push_many(&queue, ids, Some(due)).await;
    if time.now() < due {
        let delayed = queue.depth().await.unwrap().delayed;
        assert_eq!(delayed, JOBS as u64);
    }
    let spent = (time.now() - start).to_std().unwrap_or_default();
    time.pass(delay.saturating_sub(spent)).await;
    let seen = Arc::new(Mutex::new(HashSet::new()));
    stream::iter(0..JOBS)
        .for_each_concurrent(64, |number| {
            let queue = if number % 2 == 0 { &queue } else { &peer };
            let seen = Arc::clone(&seen);
            async move {
                let taken = take(queue).await;
                queue.complete(&taken.lease).await.expect("held");
                let id = taken.job.execution_id;
                assert!(seen.lock().unwrap().insert(id.clone()), "{id} came twice");
            }
        })
        .await;
    assert_eq!(seen.lock().unwrap().len(), JOBS);
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// Takes that are dropped while they wait, at any moment, lose no job.
pub async fn dropped_take_loses_nothing(fixture: WorkQueueFixture) {
    const JOBS: usize = 30;
    let WorkQueueFixture {
        queue,
        peer,
        time,
        lease,
    } = fixture;
    for number in 0..JOBS {
        let dropped: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.take().await.map(drop) })
            })
            .collect();
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let pushed = job(&format!("job-{number}"));
        let (pushed, ()) = tokio::join!(queue.push(&pushed, None), async {
            for take in dropped {
                tokio::task::yield_now().await;
                take.abort();
            }
        });
        pushed.unwrap();
    }
    // What a dropped take had already been given comes again when its lease ends.
    let mut seen = HashSet::new();
    while seen.len() < JOBS {
        match tokio::time::timeout(QUIET, peer.take()).await {
            Ok(taken) => {
                let taken = taken.unwrap();
                peer.complete(&taken.lease).await.unwrap();
                assert!(seen.insert(taken.job.execution_id));
            }
            Err(_) => time.pass(lease).await,
        }
    }
    depth_becomes(&queue, QueueDepth::default()).await;
}

/// After closing no worker gets a job, but those that have one can finish.
pub async fn closing_ends_waiting_and_later_takes(fixture: WorkQueueFixture) {
    let WorkQueueFixture { queue, .. } = fixture;
    queue.push(&job("a"), None).await.unwrap();
    let taken = take(&queue).await;
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.take().await.map(drop) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    queue.close();
    for take in waiting {
        let outcome = tokio::time::timeout(SOON, take)
            .await
            .expect("it should end")
            .unwrap();
        assert_eq!(kind(outcome), QueueErrorKind::Closed);
    }
    queue.push(&job("b"), None).await.unwrap();
    assert_eq!(kind(queue.take().await.map(drop)), QueueErrorKind::Closed);
    queue.renew(&taken.lease).await.unwrap();
    queue.complete(&taken.lease).await.unwrap();
    depth_becomes(
        &queue,
        QueueDepth {
            ready: 1,
            ..QueueDepth::default()
        },
    )
    .await;
}

/// What one job costs while many others are queued.
#[derive(Clone, Copy, Debug)]
pub struct DepthCost {
    /// How many jobs were ready all the while.
    pub ready: usize,
    /// As many were delayed.
    pub delayed: usize,
    /// Time of one push, take and completion by one worker, one after the other.
    pub one_worker: Duration,
    /// Jobs per second pushed, taken and completed by 32 workers.
    pub jobs_per_second: f64,
}

impl fmt::Display for DepthCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7} ready + {:>7} delayed: {:>7.0} us a job alone, {:>6.0} jobs/s with 32 workers",
            self.ready,
            self.delayed,
            self.one_worker.as_secs_f64() * 1e6,
            self.jobs_per_second
        )
    }
}

/// Measures what a job costs at a depth: half of the jobs ready, half delayed far into the future.
///
/// # Panics
/// When the queue fails.
pub async fn cost_at_depth(fixture: &WorkQueueFixture, depth: usize) -> DepthCost {
    const ALONE: u32 = 200;
    const TOGETHER: usize = 4_000;
    let queue = &fixture.queue;
    let ready = depth / 2;
    let far = fixture.time.now() + chrono::Duration::days(30);
    let ids = |kind: &str| {
        (0..ready)
            .map(|number| format!("{kind}-{number}"))
            .collect()
    };
    push_many(queue, ids("ready"), None).await;
    push_many(queue, ids("delayed"), Some(far)).await;
    let started = Instant::now();
    for number in 0..ALONE {
        queue
            .push(&job(&format!("alone-{number}")), None)
            .await
            .unwrap();
        let taken = take(queue).await;
        queue.complete(&taken.lease).await.unwrap();
    }
    let one_worker = started.elapsed() / ALONE;
    let started = Instant::now();
    stream::iter(0..TOGETHER)
        .for_each_concurrent(32, |number| async move {
            queue
                .push(&job(&format!("together-{number}")), None)
                .await
                .unwrap();
            let taken = take(queue).await;
            queue.complete(&taken.lease).await.unwrap();
        })
        .await;
    DepthCost {
        ready,
        delayed: ready,
        one_worker,
        jobs_per_second: TOGETHER as f64 / started.elapsed().as_secs_f64(),
    }
}

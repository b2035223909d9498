//! What every [`ExecutionStore`] has to do, whatever it stands on.

use std::{
    collections::HashSet,
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use kayenta_model::ExecutionStatus;
use kayenta_queue::{
    ExecutionFilter, ExecutionRecord, ExecutionStore, ListedExecution, ListingPlace,
    QueueErrorKind, RecordVersion,
};

use crate::work_queue_suite::TestTime;

/// How long a case waits, in real time, for what should come soon.
const SOON: Duration = Duration::from_secs(10);

/// An empty store seen by two processes.
#[derive(Clone, Debug)]
pub struct ExecutionStoreFixture {
    /// As one process sees it.
    pub store: Arc<dyn ExecutionStore>,
    /// As another process sees it; the same again where there can be only one process.
    pub peer: Arc<dyn ExecutionStore>,
    /// The time it goes by.
    pub time: Arc<dyn TestTime>,
    /// How long completed records are kept.
    pub retention: Duration,
}

/// Runs every case, each on a fixture of its own.
///
/// # Panics
/// When the store does not do what it should.
pub async fn run_all<F, R>(make: F)
where
    F: Fn() -> R,
    R: Future<Output = ExecutionStoreFixture>,
{
    created_record_is_read_as_written(make().await).await;
    second_create_is_refused(make().await).await;
    save_needs_the_current_version(make().await).await;
    parts_that_are_not_written_stay_as_they_are(make().await).await;
    one_of_many_savers_wins(make().await).await;
    progress_is_read_at_once(make().await).await;
    deleted_record_is_gone(make().await).await;
    listing_pages_newest_first(make().await).await;
    listing_filters_by_status(make().await).await;
    everything_is_listed_newest_first_from_a_place_on(make().await).await;
    unfinished_are_those_with_a_job(make().await).await;
    completed_record_disappears_in_time(make().await).await;
}

fn record(number: usize) -> ExecutionRecord {
    ExecutionRecord {
        id: format!("01HZZZZZZZZZZZZZZZZZ{number:06}"),
        group: "guide-standard-canary-pipeline".to_owned(),
        status: ExecutionStatus::NotStarted,
        build_time_millis: 1_700_000_000_000 + number as i64,
        has_job: true,
        body: Bytes::from(format!("{{\"number\":{number},\"text\":\"ünï\\u0000\"}}")),
        parts: Vec::new(),
        summary: Bytes::new(),
    }
}

fn with_status(mut record: ExecutionRecord, status: ExecutionStatus) -> ExecutionRecord {
    record.status = status;
    record
}

fn kind<T: fmt::Debug>(outcome: Result<T, kayenta_queue::QueueError>) -> QueueErrorKind {
    outcome.expect_err("this should fail").kind
}

fn page(offset: usize, limit: usize) -> ExecutionFilter {
    ExecutionFilter {
        statuses: Vec::new(),
        offset,
        limit,
    }
}

/// Every field and every byte of the body comes back.
pub async fn created_record_is_read_as_written(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    store.check().await.expect("it should answer");
    let mut first = record(1);
    first.body = Bytes::from((0..=255_u8).cycle().take(70_000).collect::<Vec<_>>());
    let mut second = record(2);
    second.has_job = false;
    second.group = String::from("other: group ünï");
    second.build_time_millis = -5;
    second.body = Bytes::new();
    for record in [&first, &second] {
        let version = store.create(record).await.unwrap();
        assert_eq!(
            peer.get(&record.id).await.unwrap(),
            Some((record.clone(), version))
        );
        let status = peer.status(&record.id).await.unwrap();
        assert_eq!(status, Some((record.status, version)));
        let listed = peer.list(&record.group, &page(0, 10)).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(record));
    }
    assert_eq!(store.get("unknown").await.unwrap(), None);
    assert_eq!(store.status("unknown").await.unwrap(), None);
    let ids: HashSet<_> = store.ids().await.unwrap().into_iter().collect();
    assert_eq!(ids, HashSet::from([first.id, second.id]));
}

/// An id is taken once.
pub async fn second_create_is_refused(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let first = record(1);
    let version = store.create(&first).await.unwrap();
    let mut second = first.clone();
    second.group = "another".to_owned();
    assert_eq!(
        kind(peer.create(&second).await),
        QueueErrorKind::AlreadyExists
    );
    assert_eq!(store.get(&first.id).await.unwrap(), Some((first, version)));
    assert!(
        store
            .list("another", &page(0, 10))
            .await
            .unwrap()
            .is_empty()
    );
}

/// Whoever read an older state cannot overwrite a newer one.
pub async fn save_needs_the_current_version(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let first = record(1);
    let created = store.create(&first).await.unwrap();
    let running = with_status(first.clone(), ExecutionStatus::Running);
    let saved = peer.save(&running, created).await.unwrap();
    assert!(saved > created);
    let canceled = with_status(first.clone(), ExecutionStatus::Canceled);
    assert_eq!(
        kind(store.save(&canceled, created).await),
        QueueErrorKind::Conflict
    );
    assert_eq!(
        store.get(&first.id).await.unwrap(),
        Some((running.clone(), saved))
    );
    let mut moved = running.clone();
    moved.group = "moved".to_owned();
    moved.build_time_millis += 7;
    let saved = store.save(&moved, saved).await.unwrap();
    assert!(
        store
            .list(&first.group, &page(0, 10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.list("moved", &page(0, 10)).await.unwrap(),
        [moved.clone()]
    );
    assert_eq!(
        peer.status(&first.id).await.unwrap(),
        Some((moved.status, saved))
    );
    assert_eq!(
        kind(store.save(&record(2), RecordVersion(1)).await),
        QueueErrorKind::NotFound
    );
}

/// A save writes the parts it is given, keeps the others and removes those beyond the last.
pub async fn parts_that_are_not_written_stay_as_they_are(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let part = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let mut written = record(1);
    // A neighbour whose parts are nobody else's.
    let mut neighbour = record(2);
    neighbour.parts = vec![part("a neighbour's"); 2];
    store.create(&neighbour).await.unwrap();
    let mut version = store.create(&written).await.unwrap();
    let none: [&'static str; 0] = [];
    for (save, there) in [
        // Twelve, so that the tenth does not come before the second.
        (vec![part("zero"); 12], vec!["zero"; 12]),
        (
            vec![None, part("one"), None, part("\u{0}three")],
            vec!["zero", "one", "zero", "\u{0}three"],
        ),
        (vec![None, None], vec!["zero", "one"]),
        (
            vec![None, None, part("two"), part("")],
            vec!["zero", "one", "two", ""],
        ),
        (vec![None; 4], vec!["zero", "one", "two", ""]),
        (Vec::new(), none.to_vec()),
        (vec![part("again")], vec!["again"]),
    ] {
        written.parts = save;
        version = match there.len() % 2 {
            0 => store.save_progress(&written, version).await.unwrap(),
            _ => store.save(&written, version).await.unwrap(),
        };
        let whole = ExecutionRecord {
            parts: there.into_iter().map(part).collect(),
            ..written.clone()
        };
        assert_eq!(
            peer.get(&written.id).await.unwrap(),
            Some((whole.clone(), version))
        );
        assert_eq!(
            peer.status(&written.id).await.unwrap(),
            Some((written.status, version))
        );
        // Durable, so that the listing has it.
        version = store.save(&whole, version).await.unwrap();
        let listed = peer.list(&written.group, &page(0, 10)).await.unwrap();
        assert_eq!(listed, [neighbour.clone(), whole]);
    }
    let conflict = ExecutionRecord {
        parts: vec![part("of another")],
        ..written.clone()
    };
    assert_eq!(
        kind(peer.save(&conflict, RecordVersion(1)).await),
        QueueErrorKind::Conflict
    );
    store.delete(&written.id).await.unwrap();
    written.parts = vec![part("of a new record")];
    let version = store.create(&written).await.unwrap();
    assert_eq!(
        peer.get(&written.id).await.unwrap(),
        Some((written, version))
    );
}

/// Read, change, save from many sides at once: no change is lost.
pub async fn one_of_many_savers_wins(fixture: ExecutionStoreFixture) {
    const SAVERS: usize = 12;
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let mut first = record(1);
    first.body = Bytes::from_static(b"0");
    store.create(&first).await.unwrap();
    let id = &first.id;
    stream::iter(0..SAVERS)
        .for_each_concurrent(SAVERS, |number| {
            let store = if number % 2 == 0 { &store } else { &peer };
            async move {
                loop {
                    let (mut record, version) = store.get(id).await.unwrap().unwrap();
                    let count: usize = std::str::from_utf8(&record.body).unwrap().parse().unwrap();
                    record.body = Bytes::from((count + 1).to_string());
                    match store.save(&record, version).await {
                        Ok(_) => return,
                        Err(error) => assert_eq!(error.kind, QueueErrorKind::Conflict),
                    }
                }
            }
        })
        .await;
    let (record, _) = store.get(id).await.unwrap().unwrap();
    assert_eq!(record.body, SAVERS.to_string());
}

/// Progress counts for versions and reads like any other save.
pub async fn progress_is_read_at_once(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let mut now = record(1);
    let created = store.create(&now).await.unwrap();
    let mut version = created;
    for number in 0..5 {
        now.body = Bytes::from(format!("step {number}"));
        version = store.save_progress(&now, version).await.unwrap();
        assert_eq!(
            peer.get(&now.id).await.unwrap(),
            Some((now.clone(), version))
        );
        assert_eq!(
            peer.status(&now.id).await.unwrap(),
            Some((now.status, version))
        );
    }
    assert_eq!(
        kind(store.save_progress(&now, created).await),
        QueueErrorKind::Conflict
    );
    now = with_status(now, ExecutionStatus::Succeeded);
    version = store.save_progress(&now, version).await.unwrap();
    version = store.save(&now, version).await.unwrap();
    assert_eq!(
        store.list(&now.group, &page(0, 1)).await.unwrap(),
        [now.clone()]
    );
    assert_eq!(store.get(&now.id).await.unwrap(), Some((now, version)));
}

/// A deleted record is gone everywhere, and deleting is repeatable.
pub async fn deleted_record_is_gone(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let first = record(1);
    let version = store.create(&first).await.unwrap();
    let finished = with_status(record(2), ExecutionStatus::Succeeded);
    store.create(&finished).await.unwrap();
    for id in [&first.id, &finished.id] {
        peer.delete(id).await.unwrap();
        peer.delete(id).await.unwrap();
        assert_eq!(store.get(id).await.unwrap(), None);
    }
    assert!(store.ids().await.unwrap().is_empty());
    assert!(store.unfinished(10).await.unwrap().is_empty());
    assert!(
        store
            .list(&first.group, &page(0, 10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        kind(store.save(&first, version).await),
        QueueErrorKind::NotFound
    );
    store.create(&first).await.expect("the id is free again");
}

/// Pages of a group, newest first, other groups left out.
pub async fn listing_pages_newest_first(fixture: ExecutionStoreFixture) {
    const RECORDS: usize = 25;
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    for number in (0..RECORDS).rev() {
        store.create(&record(number)).await.unwrap();
        let mut other = record(1_000 + number);
        other.group = "guide-standard-canary-pipelines".to_owned();
        store.create(&other).await.unwrap();
    }
    let group = record(0).group;
    let mut numbers = Vec::new();
    for offset in (0..30).step_by(10) {
        let page = peer.list(&group, &page(offset, 10)).await.unwrap();
        numbers.extend(
            page.iter()
                .map(|found| found.build_time_millis - 1_700_000_000_000),
        );
    }
    let expected: Vec<_> = (0..RECORDS as i64).rev().collect();
    assert_eq!(numbers, expected);
    assert!(store.list(&group, &page(0, 0)).await.unwrap().is_empty());
    assert!(store.list(&group, &page(100, 10)).await.unwrap().is_empty());
    assert!(
        store
            .list("unknown", &page(0, 10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.ids().await.unwrap().len(), 2 * RECORDS);
}

/// Offset and limit count matching records only.
pub async fn listing_filters_by_status(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    let statuses = [
        ExecutionStatus::Running,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Terminal,
    ];
    for number in 0..30 {
        let status = statuses[number % 3];
        let version = store.create(&record(number)).await.unwrap();
        store
            .save(&with_status(record(number), status), version)
            .await
            .unwrap();
    }
    let filter = |statuses: &[ExecutionStatus], offset, limit| ExecutionFilter {
        statuses: statuses.to_vec(),
        offset,
        limit,
    };
    let group = record(0).group;
    let found = peer
        .list(&group, &filter(&statuses[1..2], 2, 3))
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|found| found.id.clone()).collect();
    assert_eq!(ids, [record(22).id, record(19).id, record(16).id]);
    let found = peer
        .list(&group, &filter(&statuses[..2], 0, 100))
        .await
        .unwrap();
    assert_eq!(found.len(), 20);
    let found = peer
        .list(&group, &filter(&[ExecutionStatus::Canceled], 0, 100))
        .await
        .unwrap();
    assert!(found.is_empty());
}

/// Across groups, by time and then by id; what is saved, ended and deleted shows at once.
pub async fn everything_is_listed_newest_first_from_a_place_on(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    for number in 0..30 {
        let mut record = record(number);
        // Three of each time, in three groups.
        record.build_time_millis = 1_700_000_000_000 + (number / 3) as i64;
        record.group = format!("group {}", number % 3);
        record.summary = Bytes::from(format!("summary {number}"));
        store.create(&record).await.unwrap();
    }
    let expected: Vec<String> = (0..30).rev().map(|number| record(number).id).collect();
    let mut listed: Vec<ListedExecution> = Vec::new();
    loop {
        let after = listed.last().map(ListingPlace::from);
        let page = peer.newest(after.as_ref(), 7).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7, "{}", page.len());
        listed.extend(page);
    }
    let ids: Vec<&String> = listed.iter().map(|listed| &listed.id).collect();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
    assert_eq!(listed[0].build_time_millis, 1_700_000_000_009);
    assert_eq!(listed[0].summary, "summary 29");

    let (mut changed, version) = store.get(&record(29).id).await.unwrap().unwrap();
    changed.summary = Bytes::from_static(b"changed");
    changed.status = ExecutionStatus::Succeeded;
    store.save(&changed, version).await.unwrap();
    store.delete(&record(28).id).await.unwrap();
    let newest = peer.newest(None, 2).await.unwrap();
    assert_eq!(newest[0].summary, changed.summary);
    assert_eq!(newest[1].id, record(27).id);
    assert!(peer.newest(None, 0).await.unwrap().is_empty());
    // Only listings read it.
    let (read, _) = peer.get(&changed.id).await.unwrap().unwrap();
    changed.summary = Bytes::new();
    assert_eq!(read, changed);
}

/// What a sweep has to queue again: incomplete, and driven by a job of its own.
pub async fn unfinished_are_those_with_a_job(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture { store, peer, .. } = fixture;
    for number in 0..6 {
        let mut record = record(number);
        record.has_job = number % 2 == 0;
        let version = store.create(&record).await.unwrap();
        if number >= 4 {
            store
                .save(&with_status(record, ExecutionStatus::Terminal), version)
                .await
                .unwrap();
        }
    }
    let found: HashSet<_> = peer.unfinished(10).await.unwrap().into_iter().collect();
    assert_eq!(found, HashSet::from([record(0).id, record(2).id]));
    assert_eq!(peer.unfinished(1).await.unwrap().len(), 1);
    assert!(peer.unfinished(0).await.unwrap().is_empty());
}

/// Completed records go after their time, running ones never.
pub async fn completed_record_disappears_in_time(fixture: ExecutionStoreFixture) {
    let ExecutionStoreFixture {
        store,
        peer,
        time,
        retention,
    } = fixture;
    let running = with_status(record(1), ExecutionStatus::Running);
    store.create(&running).await.unwrap();
    let version = store.create(&record(2)).await.unwrap();
    let finished = with_status(record(2), ExecutionStatus::Succeeded);
    store.save(&finished, version).await.unwrap();
    assert_eq!(
        peer.list(&running.group, &page(0, 10)).await.unwrap().len(),
        2
    );
    time.pass(retention + Duration::from_millis(50)).await;
    assert_eq!(peer.get(&finished.id).await.unwrap(), None);
    assert_eq!(peer.status(&finished.id).await.unwrap(), None);
    assert_eq!(
        peer.list(&running.group, &page(0, 10)).await.unwrap(),
        std::slice::from_ref(&running)
    );
    assert!(
        peer.list(&running.group, &page(1, 10))
            .await
            .unwrap()
            .is_empty()
    );
    // Listing all ids may lag behind the expiry a little, but not for long.
    let started = Instant::now();
    while peer.ids().await.unwrap() != [running.id.clone()] {
        assert!(
            started.elapsed() < SOON,
            "the id of an expired record should disappear"
        );
        time.pass(Duration::from_millis(100)).await;
    }
    assert!(store.get(&running.id).await.unwrap().is_some());
}

/// How fast records are written and read.
#[derive(Clone, Copy, Debug)]
pub struct StoreSpeed {
    /// Time of one create, five saves and a read by one caller, one after the other.
    pub one_caller: Duration,
    /// The same by 64 callers at once: executions per second.
    pub executions_per_second: f64,
}

impl fmt::Display for StoreSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "create + 5 saves + get of 8 KiB: {:.1} ms alone, {:.0} executions/s with 64 callers",
            self.one_caller.as_secs_f64() * 1e3,
            self.executions_per_second
        )
    }
}

/// Measures the life of a record of 8 KiB: created, saved five times, the last time as succeeded.
///
/// # Panics
/// When the store fails.
pub async fn speed(store: &Arc<dyn ExecutionStore>) -> StoreSpeed {
    const ALONE: usize = 20;
    const TOGETHER: usize = 1_000;
    let live = |number: usize| async move {
        let mut record = record(number);
        record.body = Bytes::from(vec![b'x'; 8 * 1024]);
        let mut version = store.create(&record).await.unwrap();
        record.status = ExecutionStatus::Running;
        for _ in 0..4 {
            version = store.save_progress(&record, version).await.unwrap();
        }
        record.status = ExecutionStatus::Succeeded;
        store.save(&record, version).await.unwrap();
        store.get(&record.id).await.unwrap().expect("there");
    };
    let started = Instant::now();
    for number in 0..ALONE {
        live(number).await;
    }
    let one_caller = started.elapsed() / ALONE as u32;
    let started = Instant::now();
    stream::iter(ALONE..ALONE + TOGETHER)
        .for_each_concurrent(64, live)
        .await;
    StoreSpeed {
        one_caller,
        executions_per_second: TOGETHER as f64 / started.elapsed().as_secs_f64(),
    }
}

//! Opening, closing and reopening the work file, and keeping it bounded.

use std::{sync::Arc, time::Duration};

use kayenta_model::ExecutionStatus;
use kayenta_queue::{
    EmbeddedSettings, EmbeddedStore, ExecutionFilter, ExecutionStore, QueueDepth, QueueErrorKind,
    RecordVersion, WorkQueue,
};
use kayenta_testkit::ManualClock;
use tempfile::TempDir;

use crate::{job, record};

async fn open(folder: &TempDir, clock: &ManualClock) -> EmbeddedStore {
    EmbeddedStore::open(
        &folder.path().join("not-there-yet"),
        EmbeddedSettings::default(),
        Arc::new(clock.clone()),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn everything_is_there_again_and_held_jobs_are_ready() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::default();
    let store = open(&folder, &clock).await;
    let later = kayenta_model::clock::Clock::now(&clock) + chrono::Duration::hours(1);
    for id in ["buried", "held", "ready", "put off"] {
        store.create(&record(id)).await.unwrap();
        store.push(&job(id), None).await.unwrap();
    }
    store.push(&job("delayed"), Some(later)).await.unwrap();
    let buried = store.take().await.unwrap();
    store.bury(&buried.lease, "lost cause").await.unwrap();
    let held = store.take().await.unwrap();
    assert_eq!(held.job, job("held"));
    let ready = store.take().await.unwrap();
    let put_off = store.take().await.unwrap();
    store.put_off(&put_off.lease, Some(later)).await.unwrap();
    store.put_off(&ready.lease, None).await.unwrap();
    let progress = store
        .save_progress(&record("held"), RecordVersion(1))
        .await
        .unwrap();
    // Dropped like a process that ends without a word; the writer finishes what it was given.
    drop(store);

    let store = open(&folder, &clock).await;
    let expected = QueueDepth {
        ready: 2,
        delayed: 2,
        leased: 0,
        dead: 1,
    };
    assert_eq!(store.depth().await.unwrap(), expected);
    let mut deliveries = Vec::new();
    for _ in 0..2 {
        let taken = store.take().await.unwrap();
        deliveries.push((taken.job.execution_id, taken.delivery));
    }
    deliveries.sort();
    assert_eq!(
        deliveries,
        [("held".to_owned(), 2), ("ready".to_owned(), 1)]
    );
    assert_eq!(
        store.renew(&held.lease).await.unwrap_err().kind,
        QueueErrorKind::LeaseLost
    );
    assert_eq!(
        store.get("held").await.unwrap(),
        Some((record("held"), progress))
    );
    let letter = &store.dead_letters(10).await.unwrap()[0];
    assert_eq!(letter.reason, "lost cause");
    store.put_back(&letter.id).await.unwrap();
    assert_eq!(store.unfinished(10).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_second_opening_says_who_has_the_file() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::default();
    let store = open(&folder, &clock).await;
    let second = EmbeddedStore::open(
        &folder.path().join("not-there-yet"),
        EmbeddedSettings::default(),
        Arc::new(clock.clone()),
    )
    .await;
    let error = second.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Unavailable);
    assert!(
        error
            .message
            .ends_with("work.redb is in use by another kayenta process"),
        "{}",
        error.message
    );
    store.shut_down().await;
    let error = store.push(&job("a"), None).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Closed);
    assert!(WorkQueue::check(&store).await.is_err());
    let again = open(&folder, &clock).await;
    WorkQueue::check(&again).await.unwrap();
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("work.redb"), "not a database").unwrap();
    let clock = Arc::new(ManualClock::default());
    let error = EmbeddedStore::open(folder.path(), EmbeddedSettings::default(), clock)
        .await
        .unwrap_err();
    assert!(error.message.contains("work.redb"), "{}", error.message);
}

#[tokio::test]
async fn completed_records_and_dead_letters_are_bounded() {
    let clock = ManualClock::default();
    let settings = EmbeddedSettings {
        max_completed: 50,
        max_dead_letters: 5,
        ..EmbeddedSettings::default()
    };
    let store = EmbeddedStore::in_memory(settings, Arc::new(clock.clone())).unwrap();
    let mut running = record("running");
    running.status = ExecutionStatus::Running;
    store.create(&running).await.unwrap();
    for number in 0..600 {
        let mut record = record(&format!("{number:04}"));
        record.status = ExecutionStatus::Succeeded;
        record.build_time_millis += number;
        store.create(&record).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    clock.advance(Duration::from_secs(61));
    // Each write carries a bounded part of the sweep.
    for number in 0..4 {
        store
            .create(&record(&format!("new-{number}")))
            .await
            .unwrap();
    }
    let ids = store.ids().await.unwrap();
    assert_eq!(ids.len(), 55);
    assert!(ids.contains(&"running".to_owned()) && ids.contains(&"0599".to_owned()));
    let filter = ExecutionFilter {
        statuses: vec![ExecutionStatus::Succeeded],
        offset: 0,
        limit: 1_000,
    };
    let listed = store.list(&running.group, &filter).await.unwrap();
    assert_eq!(listed.len(), 50);
    assert_eq!(listed[49].id, "0550");

    for number in 0..8 {
        store.push(&job(&number.to_string()), None).await.unwrap();
        let taken = store.take().await.unwrap();
        store
            .bury(&taken.lease, &"long ".repeat(10_000))
            .await
            .unwrap();
    }
    let letters = store.dead_letters(100).await.unwrap();
    assert_eq!(letters.len(), 5);
    assert_eq!(letters[0].job, job("7"));
    assert!(letters[0].reason.len() < 5_000);
}

//! When an operation is tried again, and what comes out in the end.

use std::time::Duration;

use bytes::Bytes;
use kayenta_storage::{
    ObjectKind, ObjectStore, RetryPolicy, Retrying, StorageErrorKind, WriteCondition,
};
use tokio::time::Instant;

use crate::doubles::{Fault, Faulty};

const KIND: ObjectKind = ObjectKind::CanaryConfig;
const REFUSE: Fault = Fault::Refuse(StorageErrorKind::Unavailable);

fn retrying(faults: impl IntoIterator<Item = Fault>) -> (Faulty, Retrying<Faulty>) {
    let inner = Faulty::with(faults);
    let store = Retrying::new(inner.clone(), "account", RetryPolicy::default());
    (inner, store)
}

fn body() -> Bytes {
    Bytes::from_static(b"{}")
}

#[tokio::test(start_paused = true)]
async fn rides_out_a_short_outage() {
    let (inner, store) = retrying([REFUSE; 3]);
    store
        .store(KIND, "k", None, body(), WriteCondition::Always)
        .await
        .unwrap();
    assert_eq!(inner.count("store"), 4);
}

#[tokio::test(start_paused = true)]
async fn gives_up_in_time_and_says_how_often_it_tried() {
    let (inner, store) = retrying([REFUSE; 500]);
    let began = Instant::now();
    let error = store.load(KIND, "k").await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(30));
    assert!(error.elapsed >= Duration::from_secs(10));
    assert_eq!(error.attempts as usize, inner.count("load"));
    assert!(error.attempts > 4, "{}", error.attempts);
    assert_eq!(error.kind, StorageErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_cut_off() {
    let (_, store) = retrying([Fault::Hang; 50]);
    let began = Instant::now();
    let error = store
        .store(KIND, "k", None, body(), WriteCondition::Always)
        .await
        .unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(31));
    assert!(error.message.contains("gave no answer"), "{error}");
    assert!(error.attempts >= 2);
    let began = Instant::now();
    let error = store.check().await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(11));
    assert!(error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn what_will_never_work_is_tried_once() {
    for kind in [
        StorageErrorKind::Denied,
        StorageErrorKind::Corrupt,
        StorageErrorKind::Invalid,
        StorageErrorKind::Conflict,
        StorageErrorKind::NotFound,
        StorageErrorKind::Other,
    ] {
        let (inner, store) = retrying([Fault::Refuse(kind)]);
        let error = store.load(KIND, "k").await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (kind, 1));
        assert_eq!(inner.count("load"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_recognises_itself() {
    let (_, store) = retrying([Fault::LoseAnswer]);
    let written = store
        .store(KIND, "k", Some("n.json"), body(), WriteCondition::Absent)
        .await
        .unwrap();
    assert_eq!(written.filename, "n.json");
    let (inner, store) = retrying([Fault::LoseAnswer]);
    inner
        .inner
        .store(KIND, "k", None, body(), WriteCondition::Always)
        .await
        .unwrap();
    store.delete(KIND, "k").await.unwrap();
    assert!(store.load(KIND, "k").await.unwrap_err().is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_recognises_itself_though_reading_fails_at_first() {
    let (inner, store) = retrying([Fault::LoseAnswer, Fault::Pass, REFUSE]);
    store
        .store(KIND, "k", Some("n.json"), body(), WriteCondition::Absent)
        .await
        .unwrap();
    assert_eq!((inner.count("store"), inner.count("load")), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn another_writers_object_is_a_conflict_still() {
    let (inner, store) = retrying([REFUSE]);
    inner
        .inner
        .store(
            KIND,
            "k",
            Some("n.json"),
            Bytes::from_static(b"[]"),
            WriteCondition::Always,
        )
        .await
        .unwrap();
    let error = store
        .store(KIND, "k", Some("n.json"), body(), WriteCondition::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Conflict);
    assert_eq!(error.attempts, 2);
}

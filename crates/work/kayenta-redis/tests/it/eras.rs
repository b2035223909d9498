//! Redis comes back empty, and somebody remembers.

use std::time::Duration;

use kayenta_queue::{ExecutionStore, Job, WorkQueue};
use kayenta_testkit::{RedisServer, eventually};

use crate::store;

fn job(id: &str) -> Job {
    Job {
        execution_id: id.to_owned(),
    }
}

/// Only who has seen the data before can tell that they are gone; then everyone can.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn lost_data_are_noticed_by_who_remembers_them_and_reported_to_everyone() {
    let mut server = RedisServer::start().await.unwrap();
    let now = || chrono::Utc::now().timestamp_millis();
    let before = now();
    let one = store(&server, "eras", "one");
    let other = store(&server, "eras", "other");
    assert_eq!(one.lost_since(before).await.unwrap(), None);
    assert_eq!(other.lost_since(before).await.unwrap(), None);

    server.kill().await.unwrap();
    server.restart().await.unwrap();
    // Comes first and knows of nothing.
    let newcomer = store(&server, "eras", "newcomer");
    assert_eq!(newcomer.lost_since(before).await.unwrap(), None);
    let lost = eventually("Redis is asked again", Duration::from_secs(5), async || {
        one.lost_since(before).await
    });
    let lost = lost.await.unwrap();
    assert!((before..=now()).contains(&lost), "{before} {lost}");
    for store in [&one, &other, &newcomer] {
        assert_eq!(store.lost_since(before).await.unwrap(), Some(lost));
        // Accepted since, or so long ago that its record would be gone anyway.
        assert_eq!(store.lost_since(lost + 1).await.unwrap(), None);
        assert_eq!(store.lost_since(lost - 1_201).await.unwrap(), None);
    }
    // Emptied while the connection lives: noticed without being asked.
    one.push(&job("a"), None).await.unwrap();
    one.take().await.unwrap();
    let waiting = tokio::spawn({
        let one = one.clone();
        async move { one.take().await }
    });
    server.cli(&["FLUSHALL"]).await.unwrap();
    one.push(&job("b"), None).await.unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(15), waiting);
    assert_eq!(taken.await.unwrap().unwrap().unwrap().job, job("b"));
    let reported = store(&server, "eras", "last")
        .lost_since(lost)
        .await
        .unwrap();
    assert!(reported.is_some_and(|again| again >= lost), "{reported:?}");
}

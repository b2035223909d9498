//! Health is what the service will find: a Redis that answers and takes no work is not healthy.

use std::time::Duration;

use kayenta_queue::{Job, QueueErrorKind, WorkQueue};
use kayenta_testkit::{RedisServer, eventually};

use crate::store;

async fn cli(server: &RedisServer, arguments: &[&str]) {
    let said = server.cli(arguments).await.unwrap();
    assert!(!said.contains("ERR"), "{arguments:?}: {said}");
}

/// C-HEALTH-05.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_redis_without_memory_is_down_and_says_so() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server, "full", "one");
    WorkQueue::check(&store).await.unwrap();
    cli(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = WorkQueue::check(&store).await.unwrap_err();
    assert!(
        error.message.starts_with("cannot write and read: Redis at")
            && error.message.contains("raise maxmemory"),
        "{}",
        error.message
    );
    cli(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    WorkQueue::check(&store).await.unwrap();
}

/// C-HEALTH-05.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_read_only_replica_is_down_and_says_so() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server, "replica", "one");
    WorkQueue::check(&store).await.unwrap();
    cli(&server, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = WorkQueue::check(&store).await.unwrap_err();
    assert!(
        error
            .message
            .contains("point redis.connection at the master"),
        "{}",
        error.message
    );
    cli(&server, &["REPLICAOF", "NO", "ONE"]).await;
    WorkQueue::check(&store).await.unwrap();
}

/// C-HEALTH-05.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_key_of_another_program_is_down_and_named() {
    let server = RedisServer::start().await.unwrap();
    cli(&server, &["LPUSH", "{foreign:rs}:delayed", "x"]).await;
    let store = store(&server, "foreign", "one");
    let error = WorkQueue::check(&store).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Corrupt);
    assert!(
        error
            .message
            .starts_with("the key {foreign:rs}:delayed is a list instead of a zset"),
        "{}",
        error.message
    );
    cli(&server, &["DEL", "{foreign:rs}:delayed"]).await;
    WorkQueue::check(&store).await.unwrap();
    // What the service itself keeps is what it should be.
    let job = Job {
        execution_id: "a".to_owned(),
    };
    store.push(&job, None).await.unwrap();
    let taken = store.take().await.unwrap();
    store.push(&job, None).await.unwrap();
    WorkQueue::check(&store).await.unwrap();
    store.bury(&taken.lease, "no reason").await.unwrap();
    WorkQueue::check(&store).await.unwrap();
}

/// C-HEALTH-05.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_policy_that_throws_runs_away_is_warned_of() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server, "policy", "one");
    WorkQueue::check(&store).await.unwrap();
    assert!(store.warnings().is_empty());
    cli(
        &server,
        &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    )
    .await;
    WorkQueue::check(&store).await.unwrap();
    let warning = store.warnings().concat();
    assert!(
        warning.contains("maxmemory-policy allkeys-lru"),
        "{warning}"
    );
    // At start without anybody asking for health.
    let later = crate::store(&server, "policy", "two");
    eventually(
        "the policy is looked at",
        Duration::from_secs(5),
        async || {
            if later.warnings().is_empty() {
                Err("no warning so far")
            } else {
                Ok(())
            }
        },
    )
    .await;
}

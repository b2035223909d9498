//! Redis that is not there, not yet there, no longer there, or refuses.

use std::time::Duration;

use kayenta_queue::{Job, QueueErrorKind, WorkQueue};
use kayenta_redis::{RedisStore, RedisStoreOptions, ReferenceKeys, reference_state};
use kayenta_settings::{RedisSettings, RedisTopology};
use kayenta_testkit::{
    Fault, FaultProxy, RedisServer, eventually,
    redis_server::{RedisCluster, RedisOptions},
};

use crate::{options, store};

fn job(id: &str) -> Job {
    Job {
        execution_id: id.to_owned(),
    }
}

/// C-REDIS-04.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_store_waits_for_redis_to_come_and_comes_back_after_a_restart() {
    let mut server = RedisServer::start_with(RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    server.stop().await.unwrap();
    let store = store(&server, "later", "one");
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Unavailable);
    assert!(
        error
            .message
            .contains(&format!("127.0.0.1:{}", server.port())),
        "{}",
        error.message
    );
    assert!(error.message.contains("refused"), "{}", error.message);

    server.restart().await.unwrap();
    store.push(&job("a"), None).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.take().await }
    });
    let first = waiting.await.unwrap().unwrap();
    assert_eq!(first.job, job("a"));

    // Restarted with its data: the lease is still held, the queue goes on.
    server.kill().await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.take().await }
    });
    // Long enough for the read to break and be tried again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.restart().await.unwrap();
    eventually("Redis takes a job", Duration::from_secs(5), async || {
        store.push(&job("b"), None).await
    })
    .await;
    let second = tokio::time::timeout(Duration::from_secs(15), waiting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(["a", "b"].contains(&second.job.execution_id.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_redis_that_lost_its_data_is_used_anew() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server, "flushed", "one");
    store.push(&job("a"), None).await.unwrap();
    assert_eq!(store.take().await.unwrap().job, job("a"));
    server.cli(&["FLUSHALL"]).await.unwrap();
    store.push(&job("b"), None).await.unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(15), store.take())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.job, job("b"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn faults_on_the_wire_end_in_clear_errors_and_pass() {
    let server = RedisServer::start().await.unwrap();
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into())
        .await
        .unwrap();
    let settings = RedisSettings {
        timeout: Duration::from_millis(400),
        ..RedisSettings::single("127.0.0.1", proxy.address().port())
    };
    let store = RedisStore::new(RedisStoreOptions::new(settings, "one")).unwrap();
    store.push(&job("a"), None).await.unwrap();
    for fault in [Fault::Refuse, Fault::Swallow] {
        proxy.set(fault);
        let begun = std::time::Instant::now();
        let mut error = None;
        // A pooled connection may carry one more call before the fault shows.
        for _ in 0..3 {
            error = store.check().await.err();
        }
        let error = error.unwrap_or_else(|| panic!("{fault:?} should be noticed"));
        assert_eq!(
            error.kind,
            QueueErrorKind::Unavailable,
            "{fault:?}: {}",
            error.message
        );
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{fault:?} took {:?}",
            begun.elapsed()
        );
        proxy.set(Fault::Pass);
        eventually("Redis is well", Duration::from_secs(2), async || {
            store.check().await
        })
        .await;
    }
    assert_eq!(store.take().await.unwrap().job, job("a"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_wrong_or_missing_password_is_said_and_not_shown() {
    let guarded = RedisOptions {
        password: Some("right".to_owned()),
        ..RedisOptions::default()
    };
    let server = RedisServer::start_with(guarded.clone()).await.unwrap();
    let cluster = RedisCluster::start_with(guarded).await.unwrap();
    let single = RedisTopology::Single {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
    };
    let nodes = (cluster.nodes().iter())
        .map(|node| ("127.0.0.1".to_owned(), node.port()))
        .collect();
    for topology in [single, RedisTopology::Cluster { nodes }] {
        let open = |password: Option<&str>| {
            let mut options = options(&server, "secret", "one");
            options.server.topology = topology.clone();
            options.server.password = password.map(Into::into);
            assert!(!format!("{options:?}").contains("hunter2"));
            RedisStore::new(options).unwrap()
        };
        for password in [None, Some("hunter2")] {
            // Redis closes the connection of a client that is not authenticated for the number of arguments of a push.
            let pushed = open(password).push(&job("a"), None).await.unwrap_err();
            let checked = open(password).check().await.unwrap_err();
            for error in [pushed, checked] {
                assert_eq!(error.kind, QueueErrorKind::Denied, "{}", error.message);
                assert!(
                    error.message.contains("password of redis.connection"),
                    "{}",
                    error.message
                );
                assert!(!error.message.contains("hunter2"), "{}", error.message);
            }
        }
        open(Some("right")).push(&job("a"), None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn what_the_reference_left_is_counted_by_kind() {
    let server = RedisServer::start().await.unwrap();
    for command in [
        &["HSET", "pipeline:01A", "status", "SUCCEEDED"][..],
        &[
            "HSET",
            "pipeline:01B",
            "status",
            "RUNNING",
            "application",
            "shop",
            "buildTime",
            "5",
        ],
        &["RPUSH", "pipeline:01B:stageIndex", "01C"],
        &["SET", "pipeline:odd", "not a record"],
        &["SADD", "allJobs:pipeline", "01A", "01B"],
        &["ZADD", "kayenta.keiko.queue.queue", "1", "x"],
        &["HSET", "kayenta.keiko.queue.messages", "x", "{}"],
        &["ZADD", "kayenta.keiko.queue.deadLetters.messages", "1", "x"],
        &[
            "HSET",
            "kayenta:azure:acc:canaryConfig:by-application",
            "app",
            "[]",
        ],
    ] {
        server.cli(command).await.unwrap();
    }
    let options = RedisStoreOptions::new(RedisSettings::single("127.0.0.1", server.port()), "one");
    let state = reference_state(&options).await.unwrap();
    let count = |kind: &str| {
        state
            .keys
            .iter()
            .find(|k: &&ReferenceKeys| k.kind == kind)
            .unwrap()
            .count
    };
    assert_eq!(count("execution records"), 3);
    assert_eq!(count("lists of executions"), 1);
    assert_eq!(state.messages, 1);
    let [run] = &state.unfinished[..] else {
        panic!("{:?}", state.unfinished)
    };
    assert_eq!((run.id.as_str(), run.application.as_str()), ("01B", "shop"));
    assert_eq!(run.build_time, Some(5));
    assert_eq!(count("index of executions"), 1);
    assert_eq!(count("message queue"), 2);
    assert_eq!(count("dead letters"), 1);
    assert_eq!(count("config index"), 1);
    assert_eq!(count("heartbeats"), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_password_that_is_rotated_in_its_file_is_used_for_the_next_connection() {
    let server = RedisServer::start_with(RedisOptions {
        user: Some(("worker".to_owned(), "first".to_owned())),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "first\n").unwrap();
    let files = kayenta_secrets::SecretFiles::default();
    let mut options = options(&server, "secret", "one");
    options.server.username = Some("worker".to_owned());
    options.server.password = Some(files.open(&path).unwrap());
    let store = RedisStore::new(options).unwrap();
    store.check().await.unwrap();

    std::fs::write(&path, "second\n").unwrap();
    files.refresh();
    let rules = ["ACL", "SETUSER", "worker", "resetpass", ">second"];
    server.cli(&rules).await.unwrap();
    // The old password is refused now.
    let who = server.cli(&["ACL", "WHOAMI"]).await.unwrap_or_default();
    assert!(!who.contains("worker"), "{who}");
    // Every connection is lost; the next ones need the new password.
    let killed = tokio::process::Command::new("redis-cli")
        .args(["-p", &server.port().to_string(), "--no-auth-warning"])
        .args([
            "--user", "worker", "-a", "second", "CLIENT", "KILL", "TYPE", "normal",
        ])
        .output()
        .await
        .unwrap();
    assert!(killed.status.success(), "{killed:?}");
    kayenta_testkit::eventually(
        "Redis is reached with the new password",
        std::time::Duration::from_secs(20),
        async || store.check().await,
    )
    .await;
}

//! A master of Redis dies and a sentinel puts its replica in its place: no accepted run is lost.

use std::time::{Duration, Instant};

use kayenta_testkit::{
    RedisServer,
    redis_server::{RedisOptions, RedisSentinel},
};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers, one_canary, yaml};
use crate::{operations_page, requests::canary_score};

/// Accepted before the master dies; others are tried until the new one works.
const BEFORE: usize = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn a_failover_loses_no_accepted_run() {
    let master = RedisServer::start().await.unwrap();
    let replica = RedisServer::start_with(RedisOptions {
        replica_of: Some(master.port()),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let sentinel = RedisSentinel::start(&master).await.unwrap();
    let mut shared = Surroundings::with_redis(master).await;
    let yaml = yaml(&shared.addresses(), "kayenta.engine.lease: 2s\n").replace(
        &shared.redis.url(),
        &format!("redis-sentinel://127.0.0.1:{}/0#mymaster", sentinel.port()),
    );
    let services = shared.replicas_of(2, &yaml).await;
    let callers = callers(&services);
    shared.prometheus.delay_answers(Duration::from_millis(300));

    let (path, body) = one_canary("canary");
    let mut accepted = Vec::new();
    for number in 0..BEFORE {
        // 503 as long as the replica is not in step with the master.
        let id = loop {
            let (status, answer) = callers[number % 2].post(path, &body).await.unwrap();
            match answer["canaryExecutionId"].as_str() {
                Some(id) => break id.to_owned(),
                None => assert_eq!(status, 503, "{answer}"),
            }
        };
        accepted.push(format!("{path}/{id}"));
    }
    // With nothing in between: what was said a moment ago has to be with the replica.
    shared.redis.kill().await.unwrap();
    let killed = Instant::now();
    let mut refused = 0;
    let mut again = 0;
    while again < 10 {
        let (status, answer) = callers[again % 2].post(path, &body).await.unwrap();
        match answer["canaryExecutionId"].as_str() {
            Some(id) => {
                accepted.push(format!("{path}/{id}"));
                again += 1;
            }
            None => {
                assert_eq!(status, 503, "{answer}");
                refused += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        assert!(killed.elapsed() < Duration::from_secs(40), "{answer}");
    }
    let replaced = killed.elapsed();
    for (number, path) in accepted.iter().enumerate() {
        let answer = callers[number % 2]
            .complete(path, Duration::from_secs(40))
            .await;
        assert_eq!(answer["status"], json!("succeeded"), "{answer}");
        assert_eq!(canary_score(&answer), &json!(50.0));
    }
    let (_, letters) = callers[0].get("/admin/deadLetters").await.unwrap();
    assert_eq!(letters, json!([]));
    let role = replica.cli(&["ROLE"]).await.unwrap();
    assert!(role.starts_with("master"), "{role}");
    let log = || services[0].log() + &services[1].log();
    operations_page::check("Redis master replaced", log, &Value::Null).await;
    println!(
        "failover: {BEFORE} runs accepted before, {again} after {replaced:.1?} and {refused} refusals; all {} ended",
        accepted.len()
    );
}

//! A metric store that answers with an error, and a Redis that is not there at the start.

use std::time::Duration;

use kayenta_testkit::{
    FakePrometheus, RedisServer, RemoteStore, ServiceBuilder, eventually, until,
};
use serde_json::json;

use super::fleet::{WINDOW, yaml};
use crate::{
    operations_page,
    requests::{Caller, canary, config, metric},
    samples::{Addresses, BINARY, embedded_service},
};

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_metric_store_end_a_run_in_its_own_words() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(
        &prometheus.base_url(),
        "kayenta.metrics.retry:\n  attempts: 3\n  backoffPeriodMultiplierMs: 100\n\
         logging.level.com.netflix.kayenta: DEBUG\n",
    )
    .await;
    let caller = Caller::new(service.base_url());
    for (status, tries) in [(400, 1), (500, 3)] {
        let before = prometheus.seen().len();
        let query = format!(r#"fail{status}{{v="${{scope}}"}}"#);
        let config = config("fails", &[metric("m", "G", &query)], json!({"G": 100}));
        let body = canary(&config, "baseline", "canary", WINDOW);
        let id = caller.start("/canary", &body).await.unwrap();
        let answer = caller
            .complete(&format!("/canary/{id}"), Duration::from_secs(20))
            .await;
        assert_eq!(answer["status"], json!("terminal"), "{answer}");
        let asked = prometheus.seen().len() - before;
        println!("a metric store that answers {status} was asked {asked} times for both sides");
        // The other side may be let go when the one has failed.
        assert!((tries..=2 * tries).contains(&asked), "{status}: {asked}");
        let case = format!("metric store answers {status}");
        operations_page::check(&case, || service.log(), &answer["exception"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_redis_that_is_away_at_the_start_is_waited_for_and_reported() {
    let mut redis = RedisServer::start().await.unwrap();
    redis.stop().await.unwrap();
    let addresses = Addresses {
        prometheus: "http://127.0.0.1:1".to_owned(),
        redis: redis.url(),
        store: RemoteStore::Azure,
        objects: "http://127.0.0.1:1/devstoreaccount1".to_owned(),
    };
    let service = ServiceBuilder::new(BINARY)
        .config(yaml(&addresses, "redis.startup-timeout: 1s\n"))
        .spawn()
        .unwrap();
    let caller = Caller::new(service.base_url());
    let component = eventually(
        "Redis is missed",
        Duration::from_secs(20),
        async || match caller.get("/health").await {
            Ok((503, health)) if service.log().contains("has not answered for 1 s") => {
                Ok(health["components"]["redisHealth"].clone())
            }
            other => Err(other),
        },
    )
    .await;
    assert_eq!(caller.get("/health/liveness").await.unwrap().0, 200);
    redis.restart().await.unwrap();
    until("it is healthy", Duration::from_secs(20), async || {
        caller.get("/health").await.unwrap().0 == 200
    })
    .await;
    operations_page::check("Redis away at start", || service.log(), &component).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_redis_that_evicts_is_reported_in_the_log_and_in_the_health() {
    let redis = RedisServer::start().await.unwrap();
    let evict = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
    redis.cli(&evict).await.unwrap();
    let yaml = format!(
        "redis.connection: {}\nmanagement.endpoint.health.show-details: always\n",
        redis.url()
    );
    let service = ServiceBuilder::new(BINARY)
        .config(yaml)
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    let component = eventually("the health warns", Duration::from_secs(20), async || {
        let (_, health) = caller.get("/health").await.unwrap();
        let component = &health["components"]["redisHealth"];
        match component["details"]["warning"].as_str() {
            Some(_) if service.log().contains("maxmemory-policy") => Ok(component.clone()),
            _ => Err(health),
        }
    })
    .await;
    assert_eq!(component["status"], "UP", "{component}");
    operations_page::check("Redis evicts", || service.log(), &component).await;
}

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kayenta_management::{
    Health, HealthIndicator, HealthStatus, Impact, Lifecycle, Ping, StatusOrder,
};
use kayenta_settings::{HealthGroupSettings, Show};
use serde_json::json;

use crate::fixture::{Switch, options, service_with};

const V3: &str = "application/vnd.spring-boot.actuator.v3+json";

#[tokio::test]
async fn components_are_sorted_and_detailed_when_shown() {
    let redis = Switch::new("redisHealth", Impact::HealthAndReadiness);
    let disk = Switch::new("diskSpace", Impact::Health);
    disk.say(Health::up().with("total", 10).with("free", 5));
    let service = service_with(options(), vec![redis, disk, Arc::new(Ping)]);
    let answer = service.get("/health").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some(V3));
    assert_eq!(
        answer.text,
        r#"{"status":"UP","components":{"diskSpace":{"status":"UP","details":{"total":10,"free":5}},"ping":{"status":"UP"},"redisHealth":{"status":"UP"}}}"#
    );
    let answer = service
        .call("GET", "/health", &[("accept", "application/json")])
        .await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = service.get("/health/diskSpace").await;
    assert_eq!(answer.json()["details"]["free"], 5);
    let answer = service.get("/health/nope").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""));
}

#[tokio::test]
async fn nothing_but_the_status_is_shown_by_default() {
    let mut quiet = options();
    quiet.management.show_details = Show::Never;
    let service = service_with(quiet, vec![Arc::new(Ping)]);
    assert_eq!(service.get("/health").await.text, r#"{"status":"UP"}"#);
    let answer = service.get("/health/ping").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""));
}

#[tokio::test]
async fn components_can_be_shown_without_details_and_groups_on_their_own() {
    let mut mixed = options();
    mixed.management.show_details = Show::Never;
    mixed.management.show_components = Some(Show::Always);
    mixed.management.groups.insert(
        "custom".to_owned(),
        HealthGroupSettings {
            include: vec!["ping".to_owned(), "disk".to_owned()],
            show_details: Some(Show::Always),
            ..HealthGroupSettings::default()
        },
    );
    let disk = Switch::new("disk", Impact::Health);
    disk.say(Health::up().with("free", 5));
    let other = Switch::new("other", Impact::Health);
    other.say(Health::down("IOException: gone"));
    let service = service_with(mixed, vec![Arc::new(Ping), disk, other]);
    let answer = service.get("/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json(),
        json!({
            "status": "DOWN",
            "components": {
                "disk": {"status": "UP"}, "other": {"status": "DOWN"}, "ping": {"status": "UP"},
            },
            "groups": ["custom"],
        })
    );
    assert_eq!(service.get("/health/ping").await.status, 200);
    assert_eq!(service.get("/health/other").await.status, 503);
    let answer = service.get("/health/custom").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "status": "UP",
            "components": {"disk": {"status": "UP", "details": {"free": 5}}, "ping": {"status": "UP"}},
        })
    );
}

#[tokio::test]
async fn readiness_falls_and_recovers_with_what_runs_need_and_liveness_does_not() {
    let mut fresh = options();
    fresh.management.health_cache = Duration::ZERO;
    fresh.management.probes_listed = true;
    let redis = Switch::new("redisHealth", Impact::HealthAndReadiness);
    let store = Switch::new("canary-storage", Impact::Readiness);
    let service = service_with(fresh, vec![redis.clone(), store.clone()]);
    let statuses = async || {
        let mut statuses = Vec::new();
        for path in ["/health", "/health/readiness", "/health/liveness"] {
            statuses.push(service.get(path).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200]);

    redis.say(Health::down("ConnectionException: refused"));
    assert_eq!(statuses().await, [503, 503, 200]);
    let body = service.get("/health").await.json();
    assert_eq!(
        body["components"]["redisHealth"]["details"]["error"],
        "ConnectionException: refused"
    );
    assert_eq!(body["groups"], json!(["liveness", "readiness"]));
    assert_eq!(body["components"]["livenessState"]["status"], "UP");
    assert_eq!(
        service.get("/health/readiness").await.text,
        r#"{"status":"DOWN"}"#
    );

    redis.say(Health::up());
    // A liveness probe on /health must not restart the process for a store in the cloud.
    store.say(Health::down("TimeoutException: no answer"));
    assert_eq!(statuses().await, [200, 503, 200]);
    assert_eq!(service.get("/health/canary-storage").await.status, 503);
    store.say(Health::up());
    assert_eq!(statuses().await, [200, 200, 200]);

    service.lifecycle.send_replace(Lifecycle::Stopping);
    assert_eq!(statuses().await, [503, 503, 200]);
    assert_eq!(
        service.get("/health/readiness").await.text,
        r#"{"status":"OUT_OF_SERVICE"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn answers_are_reused_for_a_moment_and_concurrent_probes_share_one_check() {
    let redis = Switch::new("redisHealth", Impact::Health);
    let service = service_with(options(), vec![redis.clone()]);
    let probes = (0..50).map(|_| service.get("/health"));
    futures::future::join_all(probes).await;
    assert_eq!(*redis.checks.lock().unwrap(), 1);
    tokio::time::advance(Duration::from_millis(1100)).await;
    service.get("/health").await;
    assert_eq!(*redis.checks.lock().unwrap(), 2);
}

#[derive(Debug)]
struct Hanging;

#[async_trait]
impl HealthIndicator for Hanging {
    fn name(&self) -> &str {
        "hanging"
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_component_that_does_not_answer_is_down() {
    let service = service_with(options(), vec![Arc::new(Hanging), Arc::new(Ping)]);
    let answer = service.get("/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["components"]["hanging"]["details"]["error"],
        "TimeoutException: no answer within 800 ms"
    );
}

#[tokio::test]
async fn the_order_of_statuses_is_the_operators_and_a_group_may_have_its_own() {
    let mut ordered = options();
    ordered.management.status_order = StatusOrder::named(&["UP".to_owned(), "DOWN".to_owned()]);
    ordered.management.groups.insert(
        "strict".to_owned(),
        HealthGroupSettings {
            status_order: Some(
                ["DOWN", "OUT_OF_SERVICE", "UP", "UNKNOWN"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            status_mapping: [("DOWN".to_owned(), 418)].into_iter().collect(),
            ..HealthGroupSettings::default()
        },
    );
    let disk = Switch::new("disk", Impact::Health);
    disk.say(Health::down("x"));
    let service = service_with(ordered, vec![Arc::new(Ping), disk]);
    let answer = service.get("/health").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["status"]),
        (200, &json!("UP"))
    );
    let answer = service.get("/health/strict").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["status"]),
        (418, &json!("DOWN"))
    );
}

/// C-HEALTH-03: what is not named keeps its code.
#[tokio::test]
async fn statuses_map_to_codes_as_configured() {
    let mut mapped = options();
    mapped
        .management
        .status_mapping
        .insert(HealthStatus::Unknown.as_str().to_owned(), 500);
    let unnamed = mapped.clone();
    mapped
        .management
        .status_mapping
        .insert(HealthStatus::Down.as_str().to_owned(), 500);
    for (options, code) in [(mapped, 500), (unnamed, 503)] {
        let disk = Switch::new("disk", Impact::Health);
        disk.say(Health::down("x"));
        let service = service_with(options, vec![disk]);
        assert_eq!(service.get("/health").await.status, code);
    }
}

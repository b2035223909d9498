use kayenta_settings::ExposureSettings;
use serde_json::json;

use crate::fixture::{bare, options, send_to, service, service_with};

#[tokio::test]
async fn only_what_is_exposed_is_there() {
    let mut default = options();
    default.management.exposure = ExposureSettings::default();
    let service = service_with(default, Vec::new());
    assert_eq!(service.get("/health").await.status, 200);
    for path in [
        "/info",
        "/env",
        "/loggers",
        "/metrics",
        "/prometheus",
        "/configprops",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["message"], "No message available");
    }
    // No management endpoint, so no matter of exposure.
    assert_eq!(service.get("/spectator/metrics").await.status, 200);
}

/// C-API-12.
#[tokio::test]
async fn what_only_a_jvm_has_is_404() {
    let service = service();
    for path in [
        "/heapdump",
        "/threaddump",
        "/beans",
        "/conditions",
        "/mappings",
        "/shutdown",
        "/actuator",
    ] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn they_can_sit_under_a_base_path() {
    let mut based = options();
    based.management.base_path = "/actuator".to_owned();
    let service = service_with(based, Vec::new());
    for path in [
        "/actuator/health",
        "/actuator/health/liveness",
        "/actuator/info",
    ] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    assert_eq!(service.get("/health").await.status, 404);
}

#[tokio::test]
async fn they_can_have_a_port_of_their_own() {
    let mut apart = options();
    apart.management.separate_port = true;
    apart.context_path = "/kay".to_owned();
    let service = service_with(apart, Vec::new());
    assert_eq!(service.get("/kay/health").await.status, 404);
    assert_eq!(service.get("/kay/judges").await.status, 200);
    assert_eq!(service.get("/kay/spectator/metrics").await.status, 200);
    for (path, status) in [
        ("/health", 200),
        ("/metrics", 200),
        ("/judges", 404),
        ("/kay/health", 404),
        ("/spectator/metrics", 404),
    ] {
        let answer = send_to(&service.management, bare("GET", path, &[])).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

/// C-API-14.
#[tokio::test]
async fn no_secret_leaves_through_env_or_configprops() {
    let service = service();
    for path in [
        "/env",
        "/configprops",
        "/env/azure.storageKey",
        "/env/redis.connection",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains("geheim"), "{path}: {}", answer.text);
        assert!(answer.text.contains("******"), "{path}");
    }
    let body = service.get("/env").await.json();
    assert_eq!(body["activeProfiles"], json!(["local"]));
    assert_eq!(
        body["propertySources"][1]["properties"]["server.port"],
        json!({"value": 8090, "origin": "kayenta.yml:3:5"})
    );
    let body = service.get("/env/server.port").await.json();
    assert_eq!(
        body["property"],
        json!({"source": "kayenta.yml", "value": 8090})
    );
    let answer = service.get("/env/nope").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""));
    assert_eq!(
        service.get("/info").await.json(),
        json!({"app": {"name": "nm"}})
    );
}

/// C-API-13.
#[tokio::test]
async fn levels_are_changed_live() {
    let service = service();
    let path = "/loggers/com.netflix.kayenta";
    assert_eq!(
        service.get(path).await.json(),
        json!({"effectiveLevel": "INFO"})
    );
    for (body, level) in [
        (r#"{"configuredLevel":"DEBUG"}"#, "DEBUG"),
        (r#"{"configuredLevel":"trace"}"#, "TRACE"),
        (r#"{"configuredLevel":"FATAL"}"#, "ERROR"),
        (r#"{"configuredLevel":false}"#, "OFF"),
    ] {
        let answer = service.raw("POST", path, "application/json", body).await;
        assert_eq!(answer.status, 204, "{body}");
        assert_eq!(service.get(path).await.json()["configuredLevel"], level);
    }
    for body in ["null", "{}", r#"{"configuredLevel":null}"#, ""] {
        let answer = service.raw("POST", path, "application/json", body).await;
        assert_eq!(answer.status, 204, "{body}");
        assert_eq!(
            service.get(path).await.json(),
            json!({"effectiveLevel": "INFO"})
        );
    }
    let answer = service
        .raw(
            "POST",
            path,
            "application/json",
            r#"{"configuredLevel":"foo"}"#,
        )
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "No enum constant org.springframework.boot.logging.LogLevel.FOO"
    );
    let answer = service
        .raw("POST", "/loggers/root", "application/json", "{}")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "The level of the root logger cannot be set to null"
    );
    let answer = service.raw("POST", path, "text/plain", "DEBUG").await;
    assert_eq!(answer.status, 415);
    assert_eq!(service.call("PUT", path, &[]).await.status, 405);
    let all = service.get("/loggers").await.json();
    assert_eq!(all["levels"][0], "OFF");
    assert_eq!(all["loggers"]["ROOT"]["configuredLevel"], "INFO");
    assert_eq!(
        service.get("/loggers/web").await.json(),
        json!({"members": ["org.springframework.web"]})
    );
}

#[tokio::test]
async fn meters_are_listed_added_up_and_narrowed() {
    let service = service();
    assert_eq!(
        service.get("/metrics").await.json(),
        json!({"names": ["http.server.requests", "queue.depth"]})
    );
    assert_eq!(
        service.get("/metrics/http.server.requests").await.json(),
        json!({
            "name": "http.server.requests",
            "baseUnit": "seconds",
            "measurements": [
                {"statistic": "COUNT", "value": 10.0},
                {"statistic": "TOTAL_TIME", "value": 1.0},
                {"statistic": "MAX", "value": 0.75},
            ],
            "availableTags": [{"tag": "method", "values": ["GET", "POST"]}],
        })
    );
    let narrowed = service
        .get("/metrics/http.server.requests?tag=method:GET")
        .await
        .json();
    assert_eq!(narrowed["measurements"][0]["value"], 8.0);
    assert_eq!(narrowed["availableTags"], json!([]));
    assert_eq!(
        service.get("/metrics/queue.depth").await.json()["measurements"][0]["value"],
        "NaN"
    );
    for path in [
        "/metrics/nope",
        "/metrics/http.server.requests?tag=method:PUT",
    ] {
        let answer = service.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""));
    }
    assert_eq!(
        service
            .get("/metrics/http.server.requests?tag=method")
            .await
            .status,
        400
    );
    let text = service.get("/prometheus").await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(text.text, "queue_depth 0\n");
}

#[tokio::test]
async fn the_monitoring_daemon_gets_its_shape() {
    let service = service();
    let body = service.get("/spectator/metrics").await.json();
    assert_eq!(body["applicationName"], "kayenta");
    assert_eq!(body["startTime"], 1_700_000_000_000_i64);
    let timer = &body["metrics"]["http.server.requests"];
    assert_eq!(timer["kind"], "Timer");
    assert_eq!(
        timer["values"][0]["tags"],
        json!([{"key": "method", "value": "GET"}, {"key": "statistic", "value": "count"}])
    );
    assert_eq!(timer["values"][0]["values"][0]["v"], 8.0);
    assert_eq!(
        body["metrics"]["queue.depth"]["values"],
        json!([]),
        "what is not a number is left out"
    );
    let filtered = service
        .get("/spectator/metrics?meterNameRegex=queue.*")
        .await
        .json();
    assert_eq!(filtered["metrics"].as_object().unwrap().len(), 1);
    let filtered = service
        .get("/spectator/metrics?tagNameRegex=method&tagValueRegex=PO.*")
        .await
        .json();
    let values = &filtered["metrics"]["http.server.requests"]["values"];
    assert_eq!(values.as_array().unwrap().len(), 3);
    let answer = service.get("/spectator/metrics?meterNameRegex=(").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn repeated_tasks_are_reported() {
    let service = service();
    let body = service.get("/scheduledtasks").await.json();
    assert_eq!(
        body["fixedDelay"],
        json!([{"runnable": {"target": "kayenta_engine::sweep"}, "initialDelay": 0, "interval": 30000}])
    );
    assert_eq!(body["cron"], json!([]));
}

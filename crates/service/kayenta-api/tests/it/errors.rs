use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use serde_json::json;

use crate::fixture::{config, options, service, service_with};

#[tokio::test]
async fn a_body_must_be_called_json() {
    let service = service();
    let body = config("x").to_string();
    for content_type in [
        "text/plain",
        "application/vnd.foo+json",
        "application/x-www-form-urlencoded",
    ] {
        let answer = service
            .raw("POST", "/canaryConfig", content_type, &body)
            .await;
        assert_eq!(answer.status, 415, "{content_type}");
        assert_eq!(answer.header("accept"), Some("application/json"));
        assert!(answer.message().contains("application/json"));
    }
    let untyped = service.call("POST", "/canaryConfig", &[]).await;
    assert_eq!(untyped.status, 415);
    let answer = service
        .raw(
            "POST",
            "/canaryConfig",
            "Application/JSON;charset=UTF-8",
            &body,
        )
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn broken_bodies_are_400_and_say_where() {
    let service = service();
    for body in ["", "null", "{", "[1", "{\"a\":1,}", "{'a':1}", "// x\n{}"] {
        let answer = service
            .raw("POST", "/canaryConfig", "application/json", body)
            .await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.message().is_empty());
    }
    let answer = service
        .json(
            "POST",
            "/canaryConfig",
            &json!({"name": "x", "metrics": [{"name": "m", "query": {"type": "nagios"}}]}),
        )
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.message().contains("metrics[0].query"),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn the_body_comes_before_the_accounts() {
    let service = service();
    let answer = service
        .raw(
            "POST",
            "/canaryConfig?configurationAccountName=nope",
            "application/json",
            "{",
        )
        .await;
    assert!(answer.message().contains("Unreadable JSON"));
    let answer = service
        .json(
            "POST",
            "/canaryConfig?configurationAccountName=nope",
            &config("x"),
        )
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "Unable to resolve account nope.");
}

/// C-API-11.
#[tokio::test]
async fn a_body_longer_than_the_limit_is_413() {
    let mut short = options();
    short.max_body_bytes = 100;
    let service = service_with(short, Vec::new());
    let answer = service.json("POST", "/canaryConfig", &config("x")).await;
    assert_eq!(answer.status, 413);
    assert!(answer.message().contains("100 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_408() {
    let mut hasty = options();
    hasty.body_timeout = Duration::from_secs(5);
    let service = service_with(hasty, Vec::new());
    let endless = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) })
        .chain(stream::pending());
    let request = Request::post("/canaryConfig")
        .header("content-type", "application/json")
        .body(Body::from_stream(endless))
        .unwrap();
    let answer = service.send(request).await;
    assert_eq!(answer.status, 408);
}

#[tokio::test]
async fn parameters_of_the_wrong_type_are_400_and_named() {
    let service = service();
    let answer = service.get("/canary/executions?limit=abc").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "Parameter 'limit': For input string: \"abc\""
    );
    let answer = service.get("/canary/executions?limit=-1").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "fromIndex(0) > toIndex(-1)");
    let answer = service
        .get("/canary/executions?limit=&page=0&statuses=")
        .await;
    assert_eq!(answer.status, 200);
    let answer = service
        .get("/canary/executions?statuses=running,nope")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "No enum constant com.netflix.spinnaker.orca.api.pipeline.models.ExecutionStatus.NOPE"
    );
    let answer = service.call("POST", "/judges/judge", &[]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("Required request parameter"));
}

#[tokio::test]
async fn a_parameter_given_twice_is_joined() {
    let service = service();
    let answer = service
        .get("/canaryConfig?configurationAccountName=a&configurationAccountName=b")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "Unable to resolve account a,b.");
}

#[tokio::test]
async fn an_account_of_the_wrong_kind_fails_where_its_service_is_needed() {
    let service = service();
    let answer = service
        .get("/canaryConfig?configurationAccountName=canary-prometheus")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "Unable to resolve storage service canary-prometheus."
    );
    let answer = service
        .get("/metadata/metricsService?metricsAccountName=canary-storage")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "Unable to resolve metrics service canary-storage."
    );
}

#[tokio::test]
async fn the_enabled_field_is_required_in_the_standard_shape() {
    let service = service();
    let path = "/admin/orca/instance/enabled";
    let answer = service.json("POST", path, &json!({})).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.message(), "The field 'enabled' must be set.");
    assert_eq!(answer.json()["error"], "Bad Request");
    for enabled in [false, true] {
        let answer = service
            .json("POST", path, &json!({"enabled": enabled}))
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text, "");
    }
}

#[tokio::test]
async fn a_panic_is_500_in_the_standard_shape_and_ends_nothing_else() {
    let service = service();
    let answer = service.get("/metadata/metricsService?filter=panic").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"], "Internal Server Error");
    assert!(!answer.text.contains("asked to panic"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(service.get("/judges").await.status, 200);
}

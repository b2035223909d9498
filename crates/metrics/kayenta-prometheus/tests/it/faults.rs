use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use kayenta_http::{Credentials, RetryPolicy};
use kayenta_metrics::{FetchErrorKind, MetricQuery, MetricsStore, fetch_with_retries};
use kayenta_model::{CanaryConfig, Clock, Sleep};
use kayenta_prometheus::{PrometheusAccount, PrometheusStore};
use kayenta_testkit::{
    ManualClock,
    misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{fetch, promql, serve, store_at, ten_minutes};

async fn answering(status: u16, body: &'static str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    serve(Router::new().fallback(move || async move { (status, body) })).await
}

#[tokio::test]
async fn c_prom_04_the_server_s_own_words_are_in_the_error() {
    let body =
        r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected }"}"#;
    let base = answering(400, body).await;
    let error = fetch(&store_at(&base), promql("up}"), ten_minutes())
        .await
        .unwrap_err();
    let url = format!(
        "{base}/api/v1/query_range?query=up%7D&start=2020-11-20T23%3A00%3A00Z&\
         end=2020-11-20T23%3A10%3A00Z&step=60"
    );
    assert_eq!(
        error.to_string(),
        format!("Status: 400, URL: {url}, Message: bad_data: 1:5: parse error: unexpected }}")
    );
    assert!(matches!(
        error.kind,
        FetchErrorKind::Http { status: 400, .. }
    ));
    let base = answering(503, "upstream down").await;
    let error = fetch(&store_at(&base), promql("up"), ten_minutes())
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("Message: Service Unavailable"));
}

/// C-HTTP-04.
#[tokio::test]
async fn answers_that_are_no_matrix_fail_at_once_and_say_why() {
    for (body, words) in [
        ("OK", "it cannot be read: expected value"),
        (
            r#"{"status":"error","errorType":"execution","error":"query too heavy"}"#,
            "it reports an error: execution: query too heavy",
        ),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}"#,
            "a series has no values (resultType vector)",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[9e18,"1"]]}]}}"#,
            "ms is not a valid time",
        ),
    ] {
        let base = answering(200, body).await;
        let error = fetch(&store_at(&base), promql("up"), ten_minutes())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind, FetchErrorKind::Answer { .. }),
            "{body}"
        );
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("query=up"), "{error}");
    }
}

#[tokio::test]
async fn c_prom_01_nothing_is_sent_without_times_a_step_and_a_fitting_metric() {
    // Nothing listens there: an attempt would be a network failure.
    let store = store_at("http://127.0.0.1:1");
    let scope = |start: Value, end: Value, step: Value| json!({"scope": "s", "start": start, "end": end, "step": step});
    let (start, end) = (json!("2020-11-20T23:00:00Z"), json!("2020-11-20T23:10:00Z"));
    for (scope, words) in [
        (
            scope(Value::Null, Value::Null, json!(60)),
            "Start time is required.",
        ),
        (
            scope(start.clone(), Value::Null, json!(60)),
            "End time is required.",
        ),
        (
            scope(start.clone(), end.clone(), Value::Null),
            "Step is required.",
        ),
        (
            scope(start.clone(), end.clone(), json!(0)),
            "Step must be a positive number of seconds, but is 0.",
        ),
    ] {
        let error = fetch(&store, promql("up"), scope).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Invalid);
        assert_eq!(error.to_string(), words);
    }
    let datadog = json!({"name": "m", "query": {"type": "datadog", "metricName": "x"}});
    let error = fetch(&store, datadog, scope(start, end, json!(60)))
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with(
        "Canary scope not instance of PrometheusCanaryScope: CanaryScope(scope=s, location=null, \
         start=2020-11-20T23:00:00Z, end=2020-11-20T23:10:00Z, step=60, extendedScopeParams={}). \
         One common cause is having multiple METRICS_STORE accounts"
    ));
    let none = json!({"name": "m"});
    let error = fetch(&store, none, ten_minutes()).await.unwrap_err();
    assert_eq!(error.to_string(), "Metric 'm' has no query.");
}

#[derive(Debug)]
struct Instantly;

impl Clock for Instantly {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::UNIX_EPOCH
    }
    fn sleep_until(&self, _: chrono::DateTime<chrono::Utc>) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn c_prom_02_a_retried_query_is_the_same_query() {
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let router = Router::new().fallback(move |uri: axum::http::Uri| async move {
        let mut seen = log.lock().unwrap();
        seen.push(uri.to_string());
        if seen.len() < 3 {
            return (StatusCode::SERVICE_UNAVAILABLE, "");
        }
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        (StatusCode::OK, body)
    });
    let store = store_at(&serve(router).await);
    let metric = serde_json::from_value(json!({"name": "m", "query": {
        "type": "prometheus", "metricName": "m", "resourceType": "gce_instance",
        "labelBindings": ["a=b"],
    }}))
    .unwrap();
    let mut scope = ten_minutes();
    scope["location"] = "us".into();
    let scope = serde_json::from_value(scope).unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    let canceled = CancellationToken::new();
    let policy = RetryPolicy::default();
    let sets = fetch_with_retries(&store, &query, &policy, &Instantly, &canceled)
        .await
        .unwrap();
    let text = "avg(m{a=b,zone=~\".+/zones/us-.{1}\"})";
    assert_eq!(sets[0].attributes.as_ref().unwrap()["query"], text);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|uri| *uri == seen[0]));
}

#[tokio::test]
async fn health_and_metadata_of_a_failing_server() {
    let healthy =
        serve(Router::new().route("/-/healthy", get(|| async { "Prometheus is healthy" }))).await;
    store_at(&healthy).check().await.unwrap();
    let error = store_at(&answering(500, "").await)
        .check()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("Internal Server Error"));
    // Neither a failure, an error, nor an empty list has metrics.
    for (status, body) in [
        (500, ""),
        (200, r#"{"status":"error","data":["a"]}"#),
        (200, r#"{"status":"success"}"#),
        (200, "no json"),
    ] {
        let store = store_at(&answering(status, body).await);
        assert!(
            store.metadata("").await.unwrap().entries.is_empty(),
            "{body}"
        );
    }
    assert!(store_at("http://127.0.0.1:1").check().await.is_err());
}

#[tokio::test]
async fn the_list_of_metrics_is_refreshed_in_the_background() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let router = Router::new().fallback(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { r#"{"status":"success","data":["a"]}"# }
    });
    let store = Arc::new(store_at(&serve(router).await));
    let canceled = CancellationToken::new();
    let (background, token) = (Arc::clone(&store), canceled.clone());
    let task = tokio::spawn(async move { background.keep_fresh(&token).await });
    while store.metadata("").await.unwrap().entries.is_empty() {
        tokio::task::yield_now().await;
    }
    canceled.cancel();
    task.await.unwrap();
    assert!(calls.load(Ordering::Relaxed) >= 1);
}

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let points: Vec<_> = (0..=10)
        .map(|i| json!([1_605_913_200 + i * 60, "1.5"]))
        .collect();
    let healthy = json!({"status": "success", "data": {
        "resultType": "matrix", "result": [{"metric": {}, "values": points}]
    }});
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            let account = PrometheusAccount {
                credentials: Credentials::Bearer("the-bearer-token".into()),
                ..PrometheusAccount::new("test", base_url.parse().unwrap())
            };
            let clock = Arc::new(ManualClock::default());
            Arc::new(PrometheusStore::new(account, transport, clock).unwrap())
        },
        metric: promql("up"),
        scope: ten_minutes(),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: Vec::new(),
        secrets: &["the-bearer-token"],
    })
    .await;
}

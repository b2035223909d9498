//! Managed and multi-tenant stores of Prometheus' API.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method as HttpMethod, Uri},
    routing::any,
};
use kayenta_connections::{Authentication, Connection};
use kayenta_metrics::MetricsStore;
use kayenta_prometheus::{PrometheusAccount, QueryMethod};
use kayenta_testkit::FakePrometheus;
use serde_json::json;

use crate::support::{fetch, promql, serve, store, store_at, ten_minutes};

fn account(base_url: &str) -> PrometheusAccount {
    PrometheusAccount::new("test", base_url.parse().unwrap())
}

#[tokio::test]
async fn c_prom_07_a_range_that_is_split_gives_the_series_of_one_request() {
    let fake = FakePrometheus::start().await.unwrap();
    let scope = json!({"start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:30Z", "step": 60});
    let whole = fetch(
        &store_at(&fake.base_url()),
        promql("m{v=\"a\"}"),
        scope.clone(),
    )
    .await;
    let whole = whole.unwrap();
    assert_eq!(fake.seen().len(), 1);
    for (most, requests) in [(4, 3), (10, 2), (11, 1)] {
        let before = fake.seen().len();
        let split = store(PrometheusAccount {
            max_points: most,
            ..account(&fake.base_url())
        });
        let found = fetch(&split, promql("m{v=\"a\"}"), scope.clone())
            .await
            .unwrap();
        assert_eq!(found, whole, "{most} points");
        assert_eq!(fake.seen().len() - before, requests, "{most} points");
    }
}

#[tokio::test]
async fn a_range_without_data_is_a_placeholder_of_the_whole_range_however_often_it_is_split() {
    let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let base = serve(Router::new().fallback(any(move || async move { empty }))).await;
    let split = store(PrometheusAccount {
        max_points: 3,
        ..account(&base)
    });
    let whole = fetch(&store_at(&base), promql("m"), ten_minutes())
        .await
        .unwrap();
    assert_eq!(
        fetch(&split, promql("m"), ten_minutes()).await.unwrap(),
        whole
    );
}

/// What a request looked like.
type Seen = Arc<Mutex<Vec<(HttpMethod, String, HeaderMap, String)>>>;

async fn recording() -> (String, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let handler = any(
        move |method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let body = String::from_utf8(body.to_vec()).unwrap();
            log.lock()
                .unwrap()
                .push((method, uri.to_string(), headers, body));
            r#"{"status":"success","data":{"resultType":"matrix","result":[
                {"metric":{"v":"a"},"values":[[0,"1"],[60,"2"]]}]},
                "warnings":["store 10.0.0.7 is away","limit reached"]}"#
        },
    );
    (serve(Router::new().fallback(handler)).await, seen)
}

#[tokio::test]
async fn c_prom_06_queries_are_sent_in_a_form_with_headers_and_parameters_and_warnings_are_kept() {
    let (base, seen) = recording().await;
    let store = store(PrometheusAccount {
        method: QueryMethod::Form,
        query_parameters: vec![("partial_response".to_owned(), "false".to_owned())],
        connection: Connection {
            headers: vec![("X-Scope-OrgID".to_owned(), "team-a|team-b".into())],
            ..Connection::default()
        },
        ..account(&base)
    });
    let found = fetch(&store, promql("sum(m) + 1"), ten_minutes())
        .await
        .unwrap();
    store.metadata("").await.unwrap();
    let attributes = found[0].attributes.as_ref().unwrap();
    assert_eq!(
        attributes["warnings"],
        "store 10.0.0.7 is away; limit reached"
    );
    assert_eq!(attributes["query"], "sum(m) + 1");
    let seen = seen.lock().unwrap();
    let (method, uri, headers, body) = &seen[0];
    assert_eq!(
        (method, uri.as_str()),
        (&HttpMethod::POST, "/api/v1/query_range")
    );
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["x-scope-orgid"], "team-a|team-b");
    assert_eq!(
        body,
        "query=sum%28m%29+%2B+1&start=2020-11-20T23%3A00%3A00Z&end=2020-11-20T23%3A10%3A00Z&step=60\
         &partial_response=false"
    );
    let (method, uri, headers, _) = &seen[1];
    assert_eq!(method, HttpMethod::GET);
    assert_eq!(uri, "/api/v1/label/__name__/values?partial_response=false");
    assert_eq!(headers["x-scope-orgid"], "team-a|team-b");
}

#[tokio::test]
async fn a_cloud_s_service_is_checked_by_a_query_because_it_has_no_health_page() {
    let (base, seen) = recording().await;
    store_at(&base).check().await.unwrap();
    let managed = store(PrometheusAccount {
        connection: Connection {
            authentication: Authentication::Google {
                file: None,
                metadata_host: Some(base.trim_start_matches("http://").to_owned()),
            },
            ..Connection::default()
        },
        ..account(&base)
    });
    // The fake is no metadata server, so there is no token, and nothing is asked without one.
    assert!(managed.check().await.is_err());
    let asked: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, uri, ..)| uri.clone())
        .collect();
    assert_eq!(asked[0], "/-/healthy");
    assert!(
        asked[1..].iter().all(|uri| uri.contains("computeMetadata")),
        "{asked:?}"
    );
}

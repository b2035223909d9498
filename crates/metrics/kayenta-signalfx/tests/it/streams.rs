use std::sync::{Arc, Mutex};

use axum::{
    Router,
    http::{HeaderMap, Method, Uri},
};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use serde_json::json;

use crate::support::{control, data, fetch, plain, serve, store_at, streaming};

const PROGRAM: &str =
    "data('request.count', filter=filter('version', 'canary')).mean(by=['version']).publish()";

type Asked = (Method, Uri, HeaderMap, String);

#[tokio::test]
async fn the_program_is_posted_and_the_stream_becomes_one_set() {
    let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let log = Arc::clone(&seen);
    let stream = [
        ": a comment\n\n".to_owned(),
        control("STREAM_START"),
        "event: metadata\nid: AAAA0\ndata: {\"tsId\":\"AAAA0\",\"properties\":{}}\n\n".to_owned(),
        "event: some-future-event\ndata: what\n\n".to_owned(),
        data(60, &json!([{"tsId": "AAAA0", "value": 1.5}])),
        data(120, &json!([])),
        data(180, &json!([{"tsId": "AAAA0", "value": null}])),
        data(240, &json!([{"tsId": "AAAA0", "value": 3}])),
        control("END_OF_CHANNEL"),
    ]
    .concat();
    let router = Router::new().fallback(
        move |method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
            log.lock().unwrap().push((method, uri, headers, body));
            stream
        },
    );
    let base = serve(router).await;
    let query = json!({"metricName": "request.count", "queryPairs": []});
    let sets = fetch(&store_at(&format!("{base}/signalfx/")), query)
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "stepMillis": 60000,
            "startTimeMillis": 1_605_913_200_000_i64, "startTimeIso": "2020-11-20T23:00:00Z",
            "endTimeMillis": 1_605_913_800_000_i64, "endTimeIso": "2020-11-20T23:10:00Z",
            "values": [1.5, "NaN", "NaN", 3.0],
            "attributes": {
                "signal-flow-program": PROGRAM, "actual-data-point-count": "4",
                "requested-start": "1605913200000", "requested-end": "1605913800000",
                "requested-step-milli": "60000", "requested-max-delay": "0",
                "requested-immediate": "true", "requested-account": "test",
                "actual-start-ts": "60000", "actual-end-ts": "240000",
            }
        }])
    );
    let seen = seen.lock().unwrap();
    let (method, uri, headers, body) = &seen[0];
    assert_eq!(method, Method::POST);
    assert_eq!(
        uri.to_string(),
        "/signalfx/v2/signalflow/execute?start=1605913200000&stop=1605913800000&resolution=60000\
         &maxDelay=0&immediate=true"
    );
    assert_eq!(headers["x-sf-token"], "sfx-access-token");
    assert_eq!(headers["content-type"], "text/plain; charset=UTF-8");
    assert_eq!(body, PROGRAM);
}

#[tokio::test]
async fn a_stream_of_data_alone_is_enough() {
    let base = streaming(data(60, &json!([{"tsId": "A", "value": 1}]))).await;
    let sets = fetch(&store_at(&base), plain()).await.unwrap();
    assert_eq!(sets[0].values.as_deref(), Some(&[1.0][..]));
    let base = streaming([control("STREAM_START"), control("END_OF_CHANNEL")].concat()).await;
    let sets = fetch(&store_at(&base), plain()).await.unwrap();
    assert_eq!(sets[0].values.as_deref(), Some(&[][..]));
    let attributes = sets[0].attributes.as_ref().unwrap();
    assert_eq!(attributes["actual-data-point-count"], "0");
    assert!(!attributes.contains_key("actual-start-ts"));
}

#[tokio::test]
async fn pairs_are_tags_and_c_signalfx_05_no_key_may_come_twice() {
    let base = streaming(data(60, &json!([]))).await;
    let pair = |key: &str, value: &str| json!({"key": key, "value": value});
    let query = |pairs| json!({"metricName": "x", "queryPairs": pairs});
    let pairs = json!([pair("app", "cms"), pair("!uri", "/health")]);
    let sets = fetch(&store_at(&base), query(pairs)).await.unwrap();
    let tags = serde_json::to_value(&sets[0].tags).unwrap();
    assert_eq!(tags, json!({"app": "cms", "!uri": "/health"}));
    let pairs = json!([pair("app", "cms"), pair("app", "api")]);
    let error = fetch(&store_at("http://127.0.0.1:1"), query(pairs))
        .await
        .unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "The key 'app' is twice among the queryPairs; write its values into one, as in 'cms,api'."
    );
}

#[tokio::test]
async fn two_series_at_one_time_are_refused() {
    let points = json!([{"tsId": "A", "value": 1}, {"tsId": "B", "value": 2}]);
    let base = streaming(data(60, &points)).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    let class = "IllegalStateException";
    assert_eq!(error.kind, FetchErrorKind::Refused { class });
    assert_eq!(
        error.to_string(),
        "There was more than one value for a given timestamp, a SignalFlow stream method that can \
         aggregate should have been applied to the data in the SignalFlow program"
    );
    let same = json!([{"tsId": "A", "value": 1}, {"tsId": "A", "value": 2}]);
    let base = streaming(data(60, &same)).await;
    assert!(fetch(&store_at(&base), plain()).await.is_ok());
}

#[tokio::test]
async fn c_signalfx_01_an_error_event_ends_in_signalfx_s_own_words() {
    let error = "event: error\ndata: {\"error\":1,\"errors\":[{\"code\":\"ANALYTICS_PROGRAM_NAME_ERROR\",\
                 \"message\":\"no such name\"}]}\n\n";
    let base = streaming([&control("STREAM_START"), error].concat()).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    let class = "RuntimeException";
    assert_eq!(error.kind, FetchErrorKind::Refused { class });
    assert_eq!(
        error.to_string(),
        format!(
            "An error occurred while executing the Signal Flow program. account: test \
             startEpochMilli: 1605913200000 endEpochMilli: 1605913800000 stepMilli: 60000 maxDelay: \
             0 immediate: true program: {PROGRAM} error: ANALYTICS_PROGRAM_NAME_ERROR: no such name"
        )
    );
    let base = streaming(control("CHANNEL_ABORT")).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(r#"error: {"event":"CHANNEL_ABORT"}"#)
    );
}

#[tokio::test]
async fn there_is_no_list_of_metrics() {
    let store = store_at("http://127.0.0.1:1");
    assert!(store.metadata("").await.unwrap().entries.is_empty());
    assert!(store.check().await.is_err());
    assert!(store_at(&streaming("").await).check().await.is_ok());
    assert!(!format!("{store:?}").contains("sfx-access-token"));
}

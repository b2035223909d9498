use std::sync::Arc;

use kayenta_metrics::FetchErrorKind;
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};
use serde_json::json;

use crate::support::{fetch, metric, on_fake, store_with, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let points: Vec<_> = (0..=10)
        .map(|i| json!([1.5, 1_605_913_200 + i * 60]))
        .collect();
    let healthy = json!([{"target": "x", "datapoints": points}]);
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| Arc::new(store_with(base_url, transport)),
        metric: metric("x"),
        scope: ten_minutes(),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: Vec::new(),
        secrets: &[],
    })
    .await;
}

#[tokio::test]
async fn c_graphite_03_the_store_s_own_words_are_in_the_error() {
    let (store, fake, _folder) = on_fake().await;
    let error = fetch(&store, metric("fail400"), ten_minutes())
        .await
        .unwrap_err();
    let wanted = format!(
        "Status: 400, URL: {}/graphite/render?target=fail400&from=1605913200&until=1605913800\
         &format=json, Message: scripted failure",
        fake.base_url()
    );
    assert_eq!(error.to_string(), wanted);
    let error = fetch(&store, metric("garbage"), ten_minutes())
        .await
        .unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(
        error
            .to_string()
            .contains("it cannot be read: expected value"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_sent_without_times() {
    let (store, fake, _folder) = on_fake().await;
    for (scope, words) in [
        (json!({"scope": "s"}), "Start time is required."),
        (
            json!({"start": "2020-11-20T23:00:00Z"}),
            "End time is required.",
        ),
    ] {
        let error = fetch(&store, metric("x"), scope).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
    assert!(fake.seen().is_empty());
}

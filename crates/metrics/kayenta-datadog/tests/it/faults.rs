use std::sync::Arc;

use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_testkit::{
    ManualClock,
    misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported},
};
use serde_json::json;

use crate::support::{KEYS, fetch, metric, on_fake, store_with, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let points: Vec<_> = (0..=10)
        .map(|i| json!([1_605_913_200_000_i64 + i * 60_000, 1.5]))
        .collect();
    let healthy = json!({"series": [{
        "start": 1_605_913_200_000_i64, "end": 1_605_913_800_000_i64, "interval": 60, "pointlist": points
    }]});
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            Arc::new(store_with(
                base_url,
                transport,
                Arc::new(ManualClock::default()),
            ))
        },
        metric: metric("avg:x{*}"),
        scope: ten_minutes(),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: Vec::new(),
        secrets: &KEYS,
    })
    .await;
}

#[tokio::test]
async fn c_datadog_03_the_store_s_own_words_are_in_the_error() {
    let (store, fake, _folder) = on_fake().await;
    let error = fetch(&store, metric("fail403"), ten_minutes())
        .await
        .unwrap_err();
    let wanted = format!(
        "Status: 403, URL: {}/datadog/api/v1/query?from=1605913200&to=1605913800&query=fail403, \
         Message: scripted failure",
        fake.base_url()
    );
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test]
async fn c_datadog_02_an_error_in_a_200_is_reported() {
    let (store, _fake, _folder) = on_fake().await;
    for (text, words) in [
        ("noseries", "it reports an error: scripted failure"),
        ("garbage", "it cannot be read: expected value"),
    ] {
        let error = fetch(&store, metric(text), ten_minutes())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind, FetchErrorKind::Answer { .. }),
            "{text}"
        );
        assert!(error.to_string().contains(words), "{error}");
    }
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
    store.check().await.unwrap_err();
    assert!(fake.seen()[0].raw.ends_with("/api/v1/validate"));
}

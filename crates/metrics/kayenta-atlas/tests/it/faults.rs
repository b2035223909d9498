use std::sync::Arc;

use kayenta_http::RetryPolicy;
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};
use serde_json::json;

use crate::support::{Instantly, fetch, fetches, metric, on_fake, store_with, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let series = json!({
        "type": "timeseries", "id": "a", "start": 1_605_913_200_000_i64,
        "end": 1_605_913_320_000_i64, "step": 60_000, "data": {"type": "array", "values": [1.5, 2]}
    });
    let backends = json!([{"cname": "{{host}}", "target": "us-east-1.main"}]);
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            Arc::new(store_with(base_url, transport, Arc::new(Instantly)))
        },
        metric: metric("name,x,:eq"),
        scope: ten_minutes(),
        healthy: Stored {
            content_type: "text/event-stream",
            body: format!("data: {series}\n\ndata: {{\"type\":\"close\"}}\n\n"),
        },
        preliminaries: vec![("/backends.json", Stored::json(backends.to_string()))],
        secrets: &[],
    })
    .await;
}

#[tokio::test]
async fn c_atlas_01_only_what_the_policy_leaves_alone_is_tried_again_here() {
    for (q, calls, status) in [
        ("once400", 2, None),
        ("fail400", 10, Some(400)),
        ("fail500", 1, Some(500)),
        ("fail429", 1, Some(429)),
    ] {
        let (store, fake, _folder) = on_fake().await;
        let outcome = fetch(&store, metric(q), ten_minutes()).await;
        let sent = fetches(&fake);
        assert_eq!(sent.len(), calls, "{q}");
        let found = outcome.err().map(|error| match error.kind {
            FetchErrorKind::Http { status, .. } => status,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, status, "{q}");
        // Each call has an id of its own.
        let last = format!("kayentaQueryUUID=id-{calls}");
        assert!(sent[calls - 1].ends_with(&last), "{sent:?}");
    }
}

#[tokio::test]
async fn c_atlas_05_an_error_answer_shows_atlas_own_words() {
    let (store, fake, _folder) = on_fake().await;
    let error = fetch(&store, metric("fail400"), ten_minutes())
        .await
        .unwrap_err()
        .to_string();
    let start = format!(
        "Status: 400, URL: {}/us-east-1.regional/api/v2/fetch?",
        fake.tls_base_url()
    );
    assert!(error.starts_with(&start), "{error}");
    assert!(error.ends_with(", Message: scripted failure"), "{error}");
}

#[tokio::test]
async fn c_atlas_02_a_query_atlas_does_not_understand_fails_at_once() {
    let (store, fake, _folder) = on_fake().await;
    let error = fetch(&store, metric("name,astate,:eq"), ten_minutes())
        .await
        .unwrap_err();
    let class = "FatalQueryException";
    assert_eq!(error.kind, FetchErrorKind::Refused { class });
    assert!(!error.kind.is_retried_by(&RetryPolicy::default()));
    assert_eq!(
        error.to_string(),
        "Atlas query in canary config [config-1] for query [cpu] with query string \
         [AtlasCanaryMetricSetQueryConfig(q=name,astate,:eq)] failed: IllegalStateException: unknown \
         word ':eqx'"
    );
    assert_eq!(fetches(&fake).len(), 1);
}

#[tokio::test]
async fn c_atlas_02_other_errors_and_a_missing_close_are_left_to_the_policy() {
    for (q, words) in [
        (
            "aerror",
            "Atlas query failed: something went wrong (URL: https://",
        ),
        (
            "noclose",
            "Atlas response did not end in a 'close', we cannot guarantee all data was received. \
             (URL: https://",
        ),
    ] {
        let (store, fake, _folder) = on_fake().await;
        let error = fetch(&store, metric(q), ten_minutes()).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Incomplete, "{q}");
        assert!(error.kind.is_retried_by(&RetryPolicy::default()));
        assert!(error.to_string().starts_with(words), "{error}");
        assert_eq!(fetches(&fake).len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_reported_before_anything_is_sent() {
    let (store, fake, _folder) = on_fake().await;
    for (scope, words) in [
        (json!({"step": 60}), "Start time is required."),
        (
            json!({"start": "2020-11-20T23:00:00Z"}),
            "End time is required.",
        ),
    ] {
        let error = fetch(&store, metric("x"), scope).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
    let other = json!({"name": "m", "query": {"type": "graphite", "metricName": "x"}});
    let error = fetch(&store, other, ten_minutes()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Canary scope not instance of AtlasCanaryScope: "),
        "{error}"
    );
    assert!(fake.seen().is_empty());
    assert!(store.metadata("").await.unwrap().entries.is_empty());
}

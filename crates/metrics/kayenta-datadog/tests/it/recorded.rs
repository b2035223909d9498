use kayenta_metrics::MetricsStore;
use serde_json::{Value, json};

use crate::support::{KEYS, fetch, metric, on_fake, ten_minutes};

#[tokio::test]
async fn requests_and_sets_are_those_of_the_reference() {
    let (store, fake, _folder) = on_fake().await;
    let scope = json!({
        "scope": "tag:a", "start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:02:00.999Z"
    });
    let named = json!({"name": "cpu", "query": {"type": "datadog", "metricName": "avg:nulls"}});
    let sets = fetch(&store, named, scope).await.unwrap();
    let seen = &fake.seen()[0];
    assert_eq!(
        seen.raw,
        "/datadog/api/v1/query?from=1605913200&to=1605913320&query=avg%3Anulls%7Btag%3Aa%7D"
    );
    assert_eq!(seen.headers["dd-api-key"], KEYS[0]);
    assert_eq!(seen.headers["dd-application-key"], KEYS[1]);
    let sets = serde_json::to_value(sets).unwrap();
    assert_eq!(sets[0]["values"][2], "NaN");
    assert_eq!(sets[0]["startTimeMillis"], 1_605_913_200_000_i64);
    assert_eq!(sets[0]["endTimeIso"], "2020-11-20T23:02:00Z");
    assert_eq!(sets[0]["stepMillis"], 60_000);
    assert_eq!(sets[0]["tags"], json!({}));
    assert_eq!(sets[0]["attributes"], json!({"query": "avg:nulls{tag:a}"}));
}

#[tokio::test]
async fn no_series_is_one_placeholder_with_a_step_of_a_second() {
    let (store, _fake, _folder) = on_fake().await;
    let sets = fetch(&store, metric("empty"), ten_minutes()).await.unwrap();
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "startTimeMillis": 1_605_913_200_000_i64,
            "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": 1_605_913_800_000_i64,
            "endTimeIso": "2020-11-20T23:10:00Z", "stepMillis": 1000, "values": [],
            "attributes": {"query": "empty"}
        }])
    );
    let sets = fetch(&store, metric("multi"), ten_minutes()).await.unwrap();
    assert_eq!(sets.len(), 3);
}

#[tokio::test]
async fn c_datadog_04_metadata_is_kept_by_account_and_tells_its_age() {
    let (store, fake, _folder) = on_fake().await;
    let names = |entries: &[Value]| -> Vec<String> {
        entries
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = store.metadata("").await.unwrap();
    assert_eq!(
        names(&all.entries),
        [
            "system.cpu.user",
            "system.cpu.idle",
            "App.Errors",
            "app.requests"
        ]
    );
    let some = store.metadata("APP.").await.unwrap();
    assert_eq!(names(&some.entries), ["App.Errors", "app.requests"]);
    assert!(some.age.is_some());
    let seen = fake.seen();
    assert_eq!(seen.len(), 1, "answered from memory the second time");
    assert!(seen[0].raw.starts_with("/datadog/api/v1/metrics?from="));
}

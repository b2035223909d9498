use kayenta_metrics::MetricsStore;
use serde_json::json;

use crate::support::{fetch, metric, on_fake, ten_minutes};

#[tokio::test]
async fn requests_and_sets_are_those_of_the_reference() {
    let (store, fake, _folder) = on_fake().await;
    let sets = fetch(
        &store,
        metric("alias(a.$scope.$location,\"b&c\")"),
        ten_minutes(),
    )
    .await
    .unwrap();
    assert_eq!(
        fake.seen()[0].raw,
        "/graphite/render?target=alias%28a.web.%24location%2C%22b%26c%22%29&from=1605913200\
         &until=1605913800&format=json"
    );
    let sets = serde_json::to_value(sets).unwrap();
    assert_eq!(sets[0]["name"], "m");
    assert_eq!(sets[0]["startTimeIso"], "2020-11-20T23:00:00Z");
    assert_eq!(sets[0]["endTimeIso"], "2020-11-20T23:10:00Z");
    assert_eq!(sets[0]["stepMillis"], 60_000);
    assert_eq!(sets[0]["values"].as_array().unwrap().len(), 11);
    assert_eq!(
        (&sets[0]["tags"], &sets[0]["attributes"]),
        (&json!({}), &json!({}))
    );
}

#[tokio::test]
async fn no_target_is_no_set_and_several_are_several() {
    let (store, _fake, _folder) = on_fake().await;
    for (target, count) in [("empty", 0), ("multi", 3)] {
        let sets = fetch(&store, metric(target), ten_minutes()).await.unwrap();
        assert_eq!(sets.len(), count);
    }
}

#[tokio::test]
async fn paths_are_completed_by_one_part() {
    let (store, fake, _folder) = on_fake().await;
    for (filter, wanted) in [
        ("stats.", &["stats.servers."][..]),
        ("stats.re", &["stats.requests"]),
        ("stats.$scope.re", &["stats.$scope.requests"]),
        ("a.$location.$scope.", &["a.$location.$scope.servers."]),
        ("stats.$", &["stats.$scope", "stats.$location"]),
        ("$s", &["$scope", "$location"]),
        ("sta", &["servers."]),
        ("empty.", &[]),
    ] {
        let found = store.metadata(filter).await.unwrap();
        let names: Vec<_> = found
            .entries
            .iter()
            .map(|e| e["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, wanted, "{filter}");
        assert_eq!(found.age, None, "asked live");
    }
    let raw: Vec<_> = fake.seen().into_iter().map(|seen| seen.raw).collect();
    assert_eq!(raw.len(), 6, "nothing is asked behind a $");
    assert_eq!(
        raw[2],
        "/graphite/metrics/find?query=stats.*.re&format=completer"
    );
}

#[tokio::test]
async fn c_graphite_02_without_a_filter_the_top_level_is_listed() {
    let (store, fake, _folder) = on_fake().await;
    let found = store.metadata("").await.unwrap();
    assert_eq!(found.entries, [json!({"name": "servers."})]);
    assert_eq!(
        fake.seen()[0].raw,
        "/graphite/metrics/find?query=*&format=completer"
    );
    store.check().await.unwrap();
}

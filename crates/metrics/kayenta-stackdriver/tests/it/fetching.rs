use std::sync::Arc;

use kayenta_http::RetryPolicy;
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_stackdriver::{GoogleCredentials, StackdriverAccount, StackdriverStore};
use kayenta_testkit::NotedRequest;
use kayenta_testkit::{
    ManualClock,
    fake_metric_stores::write_google_key,
    misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported},
};
use serde_json::{Value, json};

use crate::support::{Google, failure, fetch, json_answer, machine, metric, store, ten_minutes};

const TOKEN: &str = r#"{"access_token": "fake-access-token", "expires_in": 3600}"#;

fn point(minute: i64, value: Value) -> Value {
    let time = format!("2020-11-20T23:{minute:02}:00Z");
    json!({"interval": {"startTime": time, "endTime": time}, "value": value})
}

/// Answers tokens, and everything else by a function.
async fn google(answer: impl Fn(&NotedRequest) -> Value + Clone + Send + Sync + 'static) -> Google {
    Google::answering(move |seen| {
        if seen.target.contains("/token") {
            return json_answer(&serde_json::from_str(TOKEN).unwrap());
        }
        json_answer(&answer(seen))
    })
    .await
}

#[tokio::test]
async fn a_query_is_sent_as_google_s_own_client_sends_it() {
    let google = Google::empty().await;
    let metric = json!({"name": "m", "query": {
        "type": "stackdriver", "metricType": "a/b", "resourceType": "k8s_pod",
        "crossSeriesReducer": "REDUCE_SUM", "groupByFields": ["metric.label.version", "x"],
        "customInlineTemplate": "p=starts_with(\"${scope}\")"
    }});
    let mut scope = ten_minutes();
    scope["scope"] = "ca:na/ry".into();
    scope["extendedScopeParams"] =
        json!({"crossSeriesReducer": "REDUCE_MAX", "perSeriesAligner": "ALIGN_RATE"});
    let sets = fetch(&store(&google, machine(&google)), metric, scope)
        .await
        .unwrap();
    assert_eq!(
        google.seen()[1].target,
        "/v3/projects/my-project/timeSeries?aggregation.alignmentPeriod=60s\
         &aggregation.crossSeriesReducer=REDUCE_SUM\
         &aggregation.groupByFields=metric.label.version&aggregation.groupByFields=x\
         &aggregation.perSeriesAligner=ALIGN_RATE\
         &filter=metric.type%3D%22a/b%22%20AND%20resource.type%3Dk8s_pod%20AND%20p%3D\
         starts_with(%22ca:na/ry%22)\
         &interval.endTime=2020-11-20T23:10:00Z&interval.startTime=2020-11-20T23:00:00.750Z"
    );
    // No series: one set stands for them.
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "stepMillis": 60000, "values": [],
            "startTimeMillis": 1_605_913_200_750_i64, "startTimeIso": "2020-11-20T23:00:00.750Z",
            "endTimeMillis": 1_605_913_800_000_i64, "endTimeIso": "2020-11-20T23:10:00Z",
            "attributes": {
                "query": "metric.type=\"a/b\" AND resource.type=k8s_pod AND \
                          p=starts_with(\"ca:na/ry\")",
                "crossSeriesReducer": "REDUCE_SUM", "perSeriesAligner": "ALIGN_RATE",
            }
        }])
    );
}

#[tokio::test]
async fn c_stackdriver_03_every_page_is_read() {
    let google = google(|seen| {
        let part = |points: Value| {
            json!([{
                "metric": {"type": "m", "labels": {"v": "1"}},
                "resource": {"type": "global", "labels": {"project_id": "p", "location": "l"}},
                "valueType": "INT64", "points": points
            }])
        };
        let value = |n: &str| json!({"int64Value": n});
        if seen.target.ends_with("&pageToken=next%2Bone") {
            json!({"timeSeries": part(json!([point(1, value("2")), point(0, value("1"))]))})
        } else {
            let points = json!([point(3, value("4")), point(2, value("3"))]);
            json!({"timeSeries": part(points), "nextPageToken": "next+one"})
        }
    })
    .await;
    let sets = fetch(&store(&google, machine(&google)), metric(), ten_minutes())
        .await
        .unwrap();
    let set = serde_json::to_value(&sets[0]).unwrap();
    assert_eq!(sets.len(), 1);
    assert_eq!(set["values"], json!([1.0, 2.0, 3.0, 4.0]));
    assert_eq!(set["tags"], json!({"location": "l", "v": "1"}));
    assert_eq!(set["startTimeIso"], "2020-11-20T23:00:00Z");
    assert_eq!(set["endTimeIso"], "2020-11-20T23:03:00Z");

    let endless = self::google(|_| json!({"nextPageToken": "again"})).await;
    let error = fetch(&store(&endless, machine(&endless)), metric(), ten_minutes())
        .await
        .unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(error.to_string().contains("more than 100 pages"), "{error}");
}

#[tokio::test]
async fn c_stackdriver_01_and_02_the_policy_decides_what_is_tried_again() {
    for (status, again) in [
        (400, false),
        (403, false),
        (404, false),
        (429, true),
        (503, true),
    ] {
        let google = Google::answering(move |seen| {
            if seen.target.contains("/token") {
                return json_answer(&serde_json::from_str(TOKEN).unwrap());
            }
            failure(status, "in Google's words")
        })
        .await;
        let error = fetch(&store(&google, machine(&google)), metric(), ten_minutes())
            .await
            .unwrap_err();
        assert_eq!(
            error.kind.is_retried_by(&RetryPolicy::default()),
            again,
            "{status}"
        );
        let start = format!(
            "Status: {status}, URL: {}/v3/projects/my-project/timeSeries?",
            google.base_url()
        );
        let message = error.to_string();
        assert!(message.starts_with(&start), "{message}");
        assert!(
            message.ends_with(", Message: in Google's words"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_is_missing_is_reported_before_anything_is_sent() {
    let google = Google::empty().await;
    let store = store(&google, machine(&google));
    let mut untyped = metric();
    untyped["query"]["resourceType"] = Value::Null;
    for (metric, scope, words) in [
        (untyped, json!({}), "Resource type is required."),
        (metric(), json!({"step": 60}), "Start time is required."),
        (
            metric(),
            json!({"start": "2020-11-20T23:00:00Z"}),
            "End time is required.",
        ),
        (
            metric(),
            json!({"start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:00:00Z", "step": 0}),
            "Step must be a positive number of seconds, but is 0.",
        ),
    ] {
        let error = fetch(&store, metric, scope).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Invalid);
        assert_eq!(error.to_string(), words);
    }
    assert!(google.seen().is_empty());
}

#[tokio::test]
async fn descriptors_are_listed_unchanged_and_filtered_by_name() {
    let google = google(|seen| {
        let one = |kind: &str| {
            json!({
                "name": format!("projects/my-project/metricDescriptors/{kind}"), "type": kind,
                "labels": [{"key": "zone"}], "unit": "1"
            })
        };
        if seen.target.contains("pageToken=p2") {
            json!({"metricDescriptors": [one("custom.googleapis.com/Requests")]})
        } else {
            json!({"metricDescriptors": [one("a/cpu")], "nextPageToken": "p2"})
        }
    })
    .await;
    let store = store(&google, machine(&google));
    assert_eq!(store.metadata("").await.unwrap().entries.len(), 2);
    let found = store.metadata("REQUESTS").await.unwrap().entries;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["labels"], json!([{"key": "zone"}]));
    let asked: Vec<_> = google
        .seen()
        .iter()
        .map(|s| s.target.clone())
        .skip(1)
        .collect();
    assert_eq!(
        asked,
        [
            "/v3/projects/my-project/metricDescriptors",
            "/v3/projects/my-project/metricDescriptors?pageToken=p2"
        ]
    );
    store.check().await.unwrap();
}

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = json!({"timeSeries": [{
        "metric": {"type": "m", "labels": {}}, "resource": {"type": "global", "labels": {}},
        "valueType": "DOUBLE", "points": [point(0, json!({"doubleValue": 1.5}))]
    }]});
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            let key = write_google_key(folder.path(), &format!("{base_url}/token")).unwrap();
            let credentials = GoogleCredentials::from_json(&std::fs::read(key).unwrap()).unwrap();
            let account = StackdriverAccount {
                name: "test".to_owned(),
                project: "my-project".to_owned(),
                credentials,
                base_url: base_url.parse().unwrap(),
                metadata_interval: std::time::Duration::from_secs(60),
            };
            let clock = Arc::new(ManualClock::default());
            Arc::new(StackdriverStore::new(account, transport, clock).unwrap())
        },
        metric: metric(),
        scope: ten_minutes(),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: vec![("/token", Stored::json(TOKEN))],
        secrets: &["fake-access-token", "PRIVATE KEY"],
    })
    .await;
}

use kayenta_metrics::MetricsStore;
use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::support::{fetch, promql, store, store_at, ten_minutes, testdata};

/// Every request the reference sent is sent letter for letter.
#[tokio::test]
async fn requests_equal_the_recorded_ones() {
    let recorded = testdata("reference/prometheus-requests.json");
    let recorded = recorded.as_array().unwrap();
    let fake = FakePrometheus::start().await.unwrap();
    let store = store_at(&fake.base_url());
    for request in recorded {
        let Some(text) = request["query"]["query"].as_str() else {
            store.metadata("").await.unwrap();
            continue;
        };
        let scope = json!({
            "start": request["query"]["start"],
            "end": request["query"]["end"],
            "step": request["query"]["step"],
        });
        fetch(&store, promql(text), scope).await.unwrap();
    }
    let sent: Vec<_> = fake.seen().into_iter().map(|seen| seen.target).collect();
    let wanted: Vec<_> = recorded
        .iter()
        .map(|r| r["raw"].as_str().unwrap())
        .collect();
    assert_eq!(sent, wanted);
}

/// Query texts from templates, bindings and groups, as the recorded canaries had them.
#[tokio::test]
async fn canaries_ask_what_the_reference_asked() {
    let fake = FakePrometheus::start().await.unwrap();
    let store = store_at(&fake.base_url());
    let metric = json!({"name": "latency", "query": {
        "type": "prometheus",
        "metricName": "http_latency_seconds",
        "customInlineTemplate": "scope=\"$\\{scope}\",location=\"$\\{location}\",app=\"app\"",
        "groupByFields": ["zone"],
    }});
    let scope = json!({
        "scope": "canary", "location": "eastus", "step": 60,
        "start": "2020-11-20T23:00:00Z", "end": "2020-11-21T00:00:00Z"
    });
    fetch(&store, metric, scope).await.unwrap();
    let recorded = testdata("reference/prometheus-requests.json");
    assert!(
        recorded
            .as_array()
            .unwrap()
            .iter()
            .any(|request| request["raw"] == fake.seen()[0].target.as_str())
    );
}

/// Every fetch of the transcript ends in the metric sets the reference stored.
#[tokio::test]
async fn metric_sets_equal_the_recorded_ones() {
    let transcript = testdata("http/prometheus-fetch.json");
    let steps = transcript["steps"].as_array().unwrap();
    let fake = FakePrometheus::start().await.unwrap();
    let store = store_at(&fake.base_url());
    let mut compared = 0;
    for pair in steps.windows(2) {
        let (asked, stored) = (&pair[0], &pair[1]);
        let name = asked["name"].as_str().unwrap();
        let kept = stored["name"].as_str().unwrap().ends_with(": metric sets");
        let refused = asked["response"]["body"]["message"].as_str();
        if !name.ends_with(": fetch") || !(kept || name.starts_with("noresource")) {
            continue;
        }
        let q = &asked["request"]["query"];
        let text = |key: &str| q[key].as_str().map(str::to_owned);
        let list = |key: &str| {
            text(key).map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        let metric = json!({"name": q["metricSetName"], "query": {
            "type": "prometheus",
            "metricName": q["metricName"],
            "labelBindings": list("labelBindings"),
            "groupByFields": list("groupByFields"),
            "customInlineTemplate": text("customFilter"),
        }});
        let parameters: serde_json::Map<String, Value> = ["project", "resourceType"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), text(key)?.into())))
            .collect();
        let scope = json!({
            "scope": q["scope"], "location": q["location"], "start": q["start"], "end": q["end"],
            "step": q["step"], "extendedScopeParams": parameters,
        });
        let outcome = fetch(&store, metric, scope).await;
        match refused {
            Some(words) => assert_eq!(outcome.unwrap_err().to_string(), words, "{name}"),
            None => assert_eq!(
                serde_json::to_value(outcome.unwrap()).unwrap(),
                stored["response"]["body"],
                "{name}"
            ),
        }
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[tokio::test]
async fn metadata_lists_names_and_filters_them() {
    let fake = FakePrometheus::start().await.unwrap();
    let store = store_at(&fake.base_url());
    let names = |list: Vec<Value>| -> Vec<String> {
        list.iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = names(store.metadata("").await.unwrap().entries);
    assert_eq!(
        all,
        [
            "up",
            "http_requests_total",
            "requests_canary",
            "process_cpu_seconds_total"
        ]
    );
    assert_eq!(
        names(store.metadata("REQ").await.unwrap().entries),
        ["http_requests_total", "requests_canary"]
    );
    // Answered from memory the second time.
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn a_path_in_the_base_url_stays_and_credentials_go_along() {
    use kayenta_http::Credentials;
    use kayenta_prometheus::PrometheusAccount;
    let fake = FakePrometheus::start().await.unwrap();
    let store = store(PrometheusAccount {
        credentials: Credentials::Bearer("token-1".into()),
        ..PrometheusAccount::new(
            "test",
            format!("{}/prom/", fake.base_url()).parse().unwrap(),
        )
    });
    fetch(&store, promql("up"), ten_minutes()).await.unwrap();
    let seen = &fake.seen()[0];
    assert!(
        seen.target
            .starts_with("/prom/api/v1/query_range?query=up&start=")
    );
    assert_eq!(seen.headers["authorization"], "Bearer token-1", "C-PROM-03");
    assert!(!format!("{store:?}").contains("token-1"));
}

use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_testkit::{NotedRequest, NotingServer, fetch_once};
use kayenta_wavefront::{WavefrontAccount, WavefrontStore};
use serde_json::{Value, json};

pub(crate) fn account(base_url: &str) -> WavefrontAccount {
    WavefrontAccount {
        base_url: base_url.parse().unwrap(),
        api_token: "wf-api-token".into(),
    }
}

fn store(base_url: &str) -> WavefrontStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    WavefrontStore::new(account(base_url), &transport).unwrap()
}

pub(crate) fn cpu() -> Value {
    json!({"name": "m", "query": {
        "type": "wavefront", "metricName": "cpu.user", "aggregate": "avg", "summarization": "MEAN"
    }})
}

pub(crate) fn ten_minutes(step: Value) -> Value {
    json!({
        "scope": "env=test", "start": "2020-11-20T23:00:00.750Z", "end": "2020-11-20T23:10:00Z",
        "step": step
    })
}

#[tokio::test]
async fn a_query_is_one_request_and_one_set_a_series() {
    let answer = json!({
        "query": "q", "granularity": 60, "timeseries": [
            {"label": "m", "host": "a", "tags": {"zone": "b"}, "data":
                [[1_605_913_200, 1], [1_605_913_320, 2.5], [1_605_913_330, 9]]},
            {"label": "m", "host": "none", "data": []},
            {"label": "m", "host": "c", "data": [[1_605_913_260, -3]]},
        ]
    });
    let server = NotingServer::start(200, answer.to_string()).await;
    let sets = fetch_once(&store(server.base_url()), cpu(), ten_minutes(json!(60)))
        .await
        .unwrap();
    let NotedRequest {
        target, headers, ..
    } = server.seen().remove(0);
    assert_eq!(
        target,
        "/api/v2/chart/api?n=Kayenta-Query&q=avg%28ts%28cpu.user%2C+env%3Dtest%29%29&s=1605913200750&\
         e=1605913800000&g=m&summarization=MEAN&listMode=true&strict=true&sorted=true"
    );
    assert_eq!(headers["authorization"], "Bearer wf-api-token");
    let attributes = json!({"query": "avg(ts(cpu.user, env=test))", "summarization": "MEAN"});
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([
            {
                "name": "m", "tags": {"zone": "b"}, "startTimeMillis": 1_605_913_200_000_i64,
                "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": 1_605_913_330_000_i64,
                "endTimeIso": "2020-11-20T23:02:10Z", "stepMillis": 60_000,
                "values": [1.0, "NaN", 2.5], "attributes": attributes,
            },
            {
                "name": "m", "tags": {}, "startTimeMillis": 1_605_913_260_000_i64,
                "startTimeIso": "2020-11-20T23:01:00Z", "endTimeMillis": 1_605_913_260_000_i64,
                "endTimeIso": "2020-11-20T23:01:00Z", "stepMillis": 60_000,
                "values": [-3.0], "attributes": attributes,
            },
        ])
    );
}

#[tokio::test]
async fn granularity_follows_the_step() {
    let server = NotingServer::start(200, r#"{"timeseries": []}"#).await;
    let store = store(server.base_url());
    for (step, unit) in [(1, "s"), (60, "m"), (90, "s"), (3600, "h"), (86_400, "d")] {
        let sets = fetch_once(&store, cpu(), ten_minutes(json!(step)))
            .await
            .unwrap();
        assert!(sets.is_empty());
        let target = server.seen().pop().unwrap().target;
        assert!(target.contains(&format!("&g={unit}&")), "{target}");
    }
}

#[tokio::test]
async fn c_wavefront_01_nothing_is_sent_without_times_and_a_step() {
    let store = store("http://127.0.0.1:1");
    for (scope, words) in [
        (json!({}), "Start time is required."),
        (ten_minutes(Value::Null), "Step is required."),
        (
            ten_minutes(json!(0)),
            "Step must be a positive number of seconds, but is 0.",
        ),
    ] {
        let error = fetch_once(&store, cpu(), scope).await.unwrap_err();
        assert_eq!(
            (error.kind.clone(), error.to_string().as_str()),
            (FetchErrorKind::Invalid, words)
        );
    }
}

#[tokio::test]
async fn a_query_that_finds_nothing_is_refused_in_the_reference_s_words() {
    let body = r#"{"query": "ts(x)", "warnings": "no such metric"}"#;
    let server = NotingServer::start(200, body).await;
    let error = fetch_once(&store(server.base_url()), cpu(), ten_minutes(json!(60)))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "No metrics returned for query: ts(x) from 2020-11-20T23:00:00.750Z to 2020-11-20T23:10:00Z"
    );
    // C-WAVEFRONT-03: what the store warned of is kept as the cause.
    assert_eq!(error.source.unwrap().to_string(), "no such metric");
}

#[tokio::test]
async fn errors_have_the_store_s_words_and_no_token() {
    let server = NotingServer::start(
        403,
        r#"{"status": {"code": 403}, "message": "not for wf-api-token"}"#,
    )
    .await;
    let refusing = store(server.base_url());
    let error = fetch_once(&refusing, cpu(), ten_minutes(json!(60)))
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("Message: not for ******"),
        "{error}"
    );
    assert!(!format!("{error:?} {refusing:?}").contains("wf-api-token"));
    let error = refusing.check().await.unwrap_err();
    assert!(
        error.to_string().contains("/api/v2/source?limit=1"),
        "{error}"
    );
    assert!(refusing.metadata("").await.unwrap().entries.is_empty());
}

use kayenta_http::{HttpSettings, Transport};
use kayenta_influxdb::{InfluxDbAccount, InfluxDbCredentials, InfluxDbStore};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_testkit::{NotedRequest, NotingServer, fetch_once};
use serde_json::{Value, json};

pub(crate) fn account(base_url: &str, credentials: InfluxDbCredentials) -> InfluxDbAccount {
    InfluxDbAccount {
        base_url: base_url.parse().unwrap(),
        credentials,
    }
}

fn store(base_url: &str, credentials: InfluxDbCredentials) -> InfluxDbStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    InfluxDbStore::new(account(base_url, credentials), &transport).unwrap()
}

pub(crate) fn temperature() -> Value {
    json!({"name": "m", "query": {"type": "influxdb", "metricName": "temperature", "fields": ["a", "b"]}})
}

pub(crate) fn ten_minutes() -> Value {
    json!({
        "scope": "server:web", "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60
    })
}

const TEXT: &str = "SELECT a, b FROM temperature WHERE time >= '2020-11-20T23:00:00Z' AND time < \
                    '2020-11-20T23:10:00Z' AND server = 'web'";

#[tokio::test]
async fn a_query_is_one_request_and_one_set_a_column() {
    let answer = json!({"results": [{"statement_id": 0, "series": [{
        "name": "temperature", "columns": ["time", "a", "b"], "values": [
            ["2020-11-20T23:00:00.000900Z", 1, 2.5],
            ["2020-11-20T23:00:30.000900Z", null, 3],
        ]
    }]}]});
    // A pretty answer has many lines; all of them are read (C-INFLUX-02).
    let server = NotingServer::start(200, serde_json::to_string_pretty(&answer).unwrap()).await;
    let store = store(server.base_url(), InfluxDbCredentials::None);
    let sets = fetch_once(&store, temperature(), ten_minutes())
        .await
        .unwrap();
    let NotedRequest {
        target, headers, ..
    } = server.seen().remove(0);
    assert_eq!(
        target,
        "/query?db=m&q=SELECT+a%2C+b+FROM+temperature+WHERE+time+%3E%3D+%272020-11-20T23%3A00%3A00Z%27+\
         AND+time+%3C+%272020-11-20T23%3A10%3A00Z%27+AND+server+%3D+%27web%27"
    );
    assert!(!headers.contains_key("authorization"));
    let set = |field: &str, end: i64, iso: &str, values: Value| {
        json!({
            "name": "m", "tags": {"field": field}, "startTimeMillis": 1_605_913_200_000_i64,
            "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": end, "endTimeIso": iso,
            "stepMillis": 30_000, "values": values, "attributes": {}
        })
    };
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([
            set("a", 1_605_913_230_000, "2020-11-20T23:00:30Z", json!([1.0])),
            set(
                "b",
                1_605_913_260_000,
                "2020-11-20T23:01:00Z",
                json!([2.5, 3.0])
            ),
        ])
    );
}

#[tokio::test]
async fn no_series_is_a_placeholder() {
    let server = NotingServer::start(200, r#"{"results":[{"statement_id":0}]}"#).await;
    let store = store(server.base_url(), InfluxDbCredentials::None);
    let sets = fetch_once(&store, temperature(), ten_minutes())
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "startTimeMillis": 1_605_913_200_000_i64,
            "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": 1_605_913_800_000_i64,
            "endTimeIso": "2020-11-20T23:10:00Z", "stepMillis": 60_000, "values": [],
            "attributes": {"query": TEXT}
        }])
    );
}

#[tokio::test]
async fn c_influx_01_02_errors_have_the_store_s_words() {
    let refusing = NotingServer::start(400, r#"{"error": "error parsing query: found x"}"#).await;
    let store_of = |server: &NotingServer| store(server.base_url(), InfluxDbCredentials::None);
    let error = fetch_once(&store_of(&refusing), temperature(), ten_minutes())
        .await
        .unwrap_err();
    assert!(matches!(
        error.kind,
        FetchErrorKind::Http { status: 400, .. }
    ));
    assert!(
        error
            .to_string()
            .ends_with("Message: error parsing query: found x"),
        "{error}"
    );
    for (body, words) in [
        (
            r#"{"results":[{"error":"database not found: m"}]}"#,
            "InfluxDB is not usable, it reports an error: database not found: m",
        ),
        (
            r#"{"foo":"bar"}"#,
            "InfluxDB is not usable, it has no results",
        ),
        (
            "<html>",
            "InfluxDB is not usable, it cannot be read: expected value",
        ),
    ] {
        let server = NotingServer::start(200, body).await;
        let error = fetch_once(&store_of(&server), temperature(), ten_minutes())
            .await
            .unwrap_err();
        assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn c_influx_04_credentials_are_sent_and_never_shown() {
    let server =
        NotingServer::start(401, r#"{"error": "no user for in-token or in-password"}"#).await;
    for (credentials, header) in [
        (
            InfluxDbCredentials::Token("in-token".into()),
            "Token in-token",
        ),
        (
            InfluxDbCredentials::Basic {
                username: "user".to_owned(),
                password: "in-password".into(),
            },
            "Basic dXNlcjppbi1wYXNzd29yZA==",
        ),
    ] {
        let secret = if header.starts_with("Token") {
            "in-token"
        } else {
            "in-password"
        };
        let store = store(server.base_url(), credentials);
        let error = fetch_once(&store, temperature(), ten_minutes())
            .await
            .unwrap_err();
        assert_eq!(
            server.seen().pop().unwrap().headers["authorization"],
            header
        );
        assert!(
            !format!("{error} {error:?} {store:?}").contains(secret),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn checks_ping_and_nothing_is_listed() {
    let server = NotingServer::start(204, "").await;
    let healthy = store(server.base_url(), InfluxDbCredentials::None);
    healthy.check().await.unwrap();
    assert_eq!(server.seen()[0].target, "/ping");
    assert!(healthy.metadata("").await.unwrap().entries.is_empty());
    assert!(
        store("http://127.0.0.1:1", InfluxDbCredentials::None)
            .check()
            .await
            .is_err()
    );
}

use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_newrelic::{NewRelicAccount, NewRelicStore, query::DefaultKeys};
use kayenta_testkit::{NotedRequest, NotingServer, fetch_once};
use serde_json::{Value, json};

pub(crate) fn account(base_url: &str) -> NewRelicAccount {
    NewRelicAccount {
        name: "nr".to_owned(),
        base_url: base_url.parse().unwrap(),
        api_key: Some("nr-query-key".into()),
        application_key: Some("12/345".into()),
        defaults: DefaultKeys {
            scope: Some("asg_name".to_owned()),
            location: None,
        },
    }
}

pub(crate) fn store(account: NewRelicAccount) -> NewRelicStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    NewRelicStore::new(account, &transport).unwrap()
}

pub(crate) fn count() -> Value {
    json!({"name": "m", "query": {"type": "newrelic", "select": "count(*) FROM Transaction"}})
}

pub(crate) fn ten_minutes(step: i64) -> Value {
    json!({
        "scope": "web", "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": step
    })
}

pub(crate) fn answer() -> String {
    let entry = |begin: i64, count: i64| {
        json!({
            "results": [{"count": count}], "beginTimeSeconds": begin, "endTimeSeconds": begin + 30,
            "inspectedCount": count
        })
    };
    json!({
        "timeSeries": [entry(1_605_913_200, 3), entry(1_605_913_230, 0), entry(1_605_913_260, 5)],
        "metadata": {"beginTimeMillis": 1_605_913_200_000_i64, "endTimeMillis": 1_605_913_290_000_i64},
    })
    .to_string()
}

#[tokio::test]
async fn a_query_is_one_request_and_one_set() {
    let server = NotingServer::start(200, answer()).await;
    let store = store(account(&format!("{}/newrelic/", server.base_url())));
    let sets = fetch_once(&store, count(), ten_minutes(60)).await.unwrap();
    let NotedRequest {
        target, headers, ..
    } = server.seen().remove(0);
    assert_eq!(
        target,
        "/newrelic/v1/accounts/12%2F345/query?nrql=SELECT+count%28*%29+FROM+Transaction+TIMESERIES+60+\
         seconds+SINCE+1605913200+UNTIL+1605913800+WHERE+asg_name+LIKE+%27web%27"
    );
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["x-query-key"], "nr-query-key");
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "startTimeMillis": 1_605_913_200_000_i64,
            "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": 1_605_913_290_000_i64,
            "endTimeIso": "2020-11-20T23:01:30Z", "stepMillis": 60_000, "values": [3.0, "NaN", 5.0],
            "attributes": {"query":
                "SELECT count(*) FROM Transaction TIMESERIES 60 seconds SINCE 1605913200 UNTIL \
                 1605913800 WHERE asg_name LIKE 'web'"}
        }])
    );
}

#[tokio::test]
async fn without_a_step_new_relic_s_own_is_taken() {
    let server = NotingServer::start(200, answer()).await;
    let sets = fetch_once(&store(account(server.base_url())), count(), ten_minutes(0))
        .await
        .unwrap();
    assert_eq!(sets[0].step_millis, 30_000);
    assert!(server.seen()[0].target.contains("TIMESERIES+MAX+SINCE"));
}

#[tokio::test]
async fn c_newrelic_01_03_errors_have_the_store_s_words_and_no_key() {
    let words = r#"{"error": "NRQL Syntax Error: Error at line 1 position 8"}"#;
    let server = NotingServer::start(400, words).await;
    let store = store(account(server.base_url()));
    let error = fetch_once(&store, count(), ten_minutes(60))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "Status: 400, URL: {}/v1/accounts/******/query?nrql=SELECT+count",
            server.base_url()
        )),
        "{text}"
    );
    assert!(
        text.ends_with("Message: NRQL Syntax Error: Error at line 1 position 8"),
        "{text}"
    );
    assert!(!format!("{error:?} {store:?}").contains("345"));
    assert!(!format!("{error:?} {store:?}").contains("nr-query-key"));
}

#[tokio::test]
async fn c_newrelic_02_a_failure_in_a_200_is_reported() {
    let server = NotingServer::start(200, r#"{"error": "over the limit"}"#).await;
    let store = store(account(server.base_url()));
    let error = fetch_once(&store, count(), ten_minutes(60))
        .await
        .unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    let text = error.to_string();
    assert!(
        text.contains("New Relic is not usable, it reports an error: over the limit"),
        "{text}"
    );
}

#[tokio::test]
async fn an_account_without_its_number_says_so_before_anything_is_sent() {
    let store = store(NewRelicAccount {
        application_key: None,
        ..account("http://127.0.0.1:1")
    });
    let error = fetch_once(&store, count(), ten_minutes(60))
        .await
        .unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "New Relic account nr has no applicationKey; set kayenta.newrelic.accounts[].applicationKey to \
         the number of the account."
    );
}

#[tokio::test]
async fn checks_ask_the_account_and_nothing_is_listed() {
    let server = NotingServer::start(200, "{}").await;
    let healthy = store(account(server.base_url()));
    healthy.check().await.unwrap();
    assert_eq!(
        server.seen()[0].target,
        "/v1/accounts/12%2F345/query?nrql=SHOW+EVENT+TYPES+SINCE+1+hour+ago"
    );
    assert!(healthy.metadata("").await.unwrap().entries.is_empty());
    let refusing = NotingServer::start(403, r#"{"error": "Invalid query key"}"#).await;
    let error = store(account(refusing.base_url()))
        .check()
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("Message: Invalid query key"));
}

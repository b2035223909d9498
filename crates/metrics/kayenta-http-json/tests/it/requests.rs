use kayenta_connections::{Authentication, Connection};
use kayenta_http::{HttpSettings, Transport};
use kayenta_http_json::{
    HttpJsonAccount, HttpJsonStore, Method, SetupError, answer::TimestampUnit,
};
use kayenta_metrics::{FetchErrorKind, MetricsStore};
use kayenta_testkit::NotingServer;
use serde_json::{Value, json};

use crate::support::{account, fetch, now, points, redirecting_to, store};

#[tokio::test]
async fn a_get_carries_the_query_in_its_url() {
    let server = NotingServer::start(200, points().to_string()).await;
    let url = format!(
        "{}/v1/${{scope}}/range?q=${{query}}&from=${{start}}&to=${{endEpochMillis}}&step=${{step}}s",
        server.base_url()
    );
    let sets = fetch(&store(account(url)), "team/web").await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.method, "GET");
    assert_eq!(
        seen.target,
        "/v1/team%2Fweb/range?q=cpu%7Ba%20b%7D&from=2020-11-20T23%3A00%3A00Z&to=1605913800000&step=60s"
    );
    assert_eq!(seen.headers["authorization"], "Bearer hj-token");
    assert_eq!(
        serde_json::to_value(sets).unwrap(),
        json!([{
            "name": "m", "tags": {}, "startTimeMillis": 1_605_913_200_000_i64,
            "startTimeIso": "2020-11-20T23:00:00Z", "endTimeMillis": 1_605_913_380_000_i64,
            "endTimeIso": "2020-11-20T23:03:00Z", "stepMillis": 60_000, "values": [1.5, "NaN", 3.0],
            "attributes": {"query": "cpu{a b}"}
        }])
    );
}

/// The worked example of `docs/configure.md`.
#[tokio::test]
async fn a_post_carries_it_in_its_body_and_every_tag_set_is_a_series() {
    let answer = json!({"results": [
        {"labels": {"pod": "a"}, "points": {"at": [1_605_913_200_000_i64], "value": [1]}},
        {"labels": {"pod": "b"}, "points": {"at": [1_605_913_260_000_i64], "value": [2]}},
    ]});
    let server = NotingServer::start(200, answer.to_string()).await;
    let body = r#"{"query": "${query}", "service": "${scope}",
                   "range": {"from": ${startEpochMillis}, "to": ${endEpochMillis}}}"#;
    let store = store(HttpJsonAccount {
        method: Method::Post,
        body: Some(body.to_owned()),
        series_path: Some("$.results[*]".to_owned()),
        tags_path: Some("$.labels".to_owned()),
        timestamps_path: Some("$.points.at".to_owned()),
        timestamp_unit: TimestampUnit::Millis,
        values_path: "$.points.value".to_owned(),
        ..account(format!("{}/api/query", server.base_url()))
    });
    let hostile = r#"web", "admin": true, "x": ""#;
    let sets = fetch(&store, hostile).await.unwrap();
    let tags: Vec<_> = sets
        .iter()
        .map(|set| set.tags.clone().unwrap()["pod"].clone())
        .collect();
    assert_eq!(tags, ["a", "b"]);
    let seen = server.seen().remove(0);
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/api/query")
    );
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(
        serde_json::from_str::<Value>(&seen.body).unwrap(),
        json!({
            "query": "cpu{a b}", "service": hostile,
            "range": {"from": 1_605_913_200_000_i64, "to": 1_605_913_800_000_i64}
        })
    );
}

#[tokio::test]
async fn a_form_is_sent_as_the_header_says() {
    let server = NotingServer::start(200, points().to_string()).await;
    let mut form = account(format!("{}/q", server.base_url()));
    form.method = Method::Post;
    form.body = Some("q=${query}&s=${scope}".to_owned());
    let kind = "application/x-www-form-urlencoded";
    form.headers.insert("Content-Type".to_owned(), kind.into());
    fetch(&store(form), "a&b").await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.headers["content-type"], kind);
    assert_eq!(seen.body, "q=cpu%7Ba+b%7D&s=a%26b");
}

#[tokio::test]
async fn no_series_is_a_placeholder() {
    let server = NotingServer::start(200, "[]").await;
    let store = store(account(format!("{}/q", server.base_url())));
    let sets = fetch(&store, "s").await.unwrap();
    assert_eq!((sets.len(), sets[0].step_millis), (1, 60_000));
    assert_eq!(sets[0].values.as_deref(), Some(&[][..]));
    assert_eq!(
        sets[0].end_time_iso.as_deref(),
        Some("2020-11-20T23:10:00Z")
    );
}

#[tokio::test]
async fn values_never_choose_host_or_path() {
    let server = NotingServer::start(200, "[]").await;
    let url = format!("{}/public/${{scope}}/data", server.base_url());
    let under = store(account(url));
    for scope in [
        "../admin",
        "..%2fadmin",
        "//evil.example",
        "@evil.example/",
        "x?y=z#f",
        "\\..\\admin",
        "%2e%2e",
        "x\r\nHost: evil.example",
    ] {
        fetch(&under, scope).await.unwrap();
        let target = server.seen().pop().unwrap().target;
        let stays = target.starts_with("/public/")
            && target.ends_with("/data")
            && target.matches('/').count() == 3;
        assert!(stays, "{scope} became {target}");
    }
    let before = server.seen().len();
    for scope in [".", ".."] {
        let error = fetch(&under, scope).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Invalid);
        assert_eq!(
            error.to_string(),
            format!(
                "The account's url cannot be filled in: '${{scope}}' leaves the segment '{scope}' in the \
                 path of the URL, which means another path"
            )
        );
    }
    assert_eq!(server.seen().len(), before, "nothing was sent");
}

#[tokio::test]
async fn redirects_stay_on_the_host() {
    let elsewhere = NotingServer::start(200, points().to_string()).await;
    // Another port is another server.
    let server = redirecting_to(&format!("{}/stolen", elsewhere.base_url())).await;
    let moved = store(account(format!("{}/q", server.base_url())));
    let error = fetch(&moved, "s").await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "{}/q redirects to another host ({}/stolen), which is not followed; configure the URL where \
             the data is",
            server.base_url(),
            elsewhere.base_url()
        )
    );
    assert!(elsewhere.seen().is_empty());
    // On its own host it may move, but not for ever.
    let server = redirecting_to("/q").await;
    let turning = store(account(format!("{}/q", server.base_url())));
    let error = fetch(&turning, "s").await.unwrap_err().to_string();
    assert!(
        error.starts_with("Too many follow-up requests: 21"),
        "{error}"
    );
}

#[tokio::test]
async fn errors_have_the_server_s_words_and_no_secret() {
    for (body, words) in [
        (r#"{"message": "no hj-token today"}"#, "no ****** today"),
        (r#"{"error": {"message": "bad query"}}"#, "bad query"),
        (r#"{"error": "bad query"}"#, "bad query"),
        (r#"{"errors": ["first", "second"]}"#, "first"),
        ("not json", "Bad Request"),
    ] {
        let server = NotingServer::start(400, body).await;
        let store = store(account(format!("{}/q?token=${{scope}}", server.base_url())));
        let error = fetch(&store, "s3cret").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "Status: 400, URL: {}/q?token=******, Message: {words}",
                server.base_url()
            )
        );
        assert!(!format!("{error:?} {store:?}").contains("hj-token"));
    }
    // A server that repeats what it was sent.
    let server = NotingServer::start(200, r#"[{"t": 1, "v": "Bearer hj-token"}]"#).await;
    let store = store(account(format!("{}/q", server.base_url())));
    let error = fetch(&store, "s").await.unwrap_err();
    let words = "valuesPath '$[*].v' finds the text \"******\" where a number is wanted";
    assert!(error.to_string().contains(words), "{error}");
    assert!(!format!("{error:?}").contains("hj-token"));
}

#[tokio::test]
async fn long_answers_are_read_and_too_long_ones_are_not() {
    let points: Vec<_> = (0..20_000).map(|i| json!({"t": i * 60, "v": i})).collect();
    let server = NotingServer::start(200, Value::from(points).to_string()).await;
    let long = store(account(format!("{}/q", server.base_url())));
    let sets = fetch(&long, "s").await.unwrap();
    assert_eq!(sets[0].values.as_ref().unwrap().len(), 20_000);
    let server = NotingServer::start(200, " ".repeat((16 << 20) + 1)).await;
    let too_long = store(account(format!("{}/q", server.base_url())));
    let error = fetch(&too_long, "s").await.unwrap_err();
    assert!(
        error.to_string().contains("is larger than 16777216 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn checks_ask_whether_somebody_is_there() {
    for (status, is_there) in [(200, true), (404, true), (401, true), (503, false)] {
        let server = NotingServer::start(status, "").await;
        let store = store(account(format!("{}/q?x=${{query}}", server.base_url())));
        assert_eq!(store.check().await.is_ok(), is_there, "{status}");
        assert_eq!(server.seen()[0].target, "/");
        assert!(store.metadata("").await.unwrap().entries.is_empty());
    }
    let nobody = store(account("http://127.0.0.1:1/q".to_owned()));
    assert!(nobody.check().await.is_err());
}

#[test]
fn accounts_that_cannot_work_are_refused_with_the_setting() {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let error = |account: HttpJsonAccount| -> SetupError {
        HttpJsonStore::new(account, &transport, now()).unwrap_err()
    };
    let good = || account("http://h/q".to_owned());
    for (account, words) in [
        (
            account("http://${scope}/q".to_owned()),
            "url is not a valid template: scheme and host of the URL must not depend on the query",
        ),
        (
            HttpJsonAccount {
                body: Some("{${a".to_owned()),
                ..good()
            },
            "body is not a valid template: '${' at character 2 has no closing brace",
        ),
        (
            HttpJsonAccount {
                values_path: "v".to_owned(),
                ..good()
            },
            "valuesPath 'v' is not a valid JSONPath (RFC 9535): ",
        ),
        (
            HttpJsonAccount {
                headers: [("a b".to_owned(), "x".into())].into(),
                ..good()
            },
            "'a b' is not a header name",
        ),
    ] {
        let text = error(account).to_string();
        assert!(text.starts_with(words), "{text}");
    }
}

#[tokio::test]
async fn an_account_that_authenticates_sends_its_token_beside_its_headers() {
    let server = NotingServer::start(200, points().to_string()).await;
    let connection = Connection {
        authentication: Authentication::Bearer("s3cret-token".into()),
        ..Connection::default()
    };
    let store = store(HttpJsonAccount {
        headers: [("X-Tenant".to_owned(), "team-a".into())].into(),
        connection,
        ..account(format!("{}/q", server.base_url()))
    });
    fetch(&store, "web").await.unwrap();
    let seen = server.seen().remove(0).headers;
    assert_eq!(seen["authorization"], "Bearer s3cret-token");
    assert_eq!(seen["x-tenant"], "team-a");
    assert!(!format!("{store:?}").contains("s3cret"), "{store:?}");
}

//! What can be done on the page of an execution.

use std::time::Duration;

use kayenta_testkit::{FakePrometheus, eventually};
use serde_json::{Value, json};

use super::visit::{SECURITY, Visit, location, signed_in, value};
use crate::{
    requests::{Caller, config, metric},
    samples::embedded_service,
};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_is_canceled_from_its_page_with_the_role_write_alone() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let load = metric("load", "Load", r#"load{v="${scope}"}"#);
    let scopes = json!([{"scopeName": "default", "controlScope": "baseline", "experimentScope": "canary", "step": 60}]);
    let body = json!({"canaryConfig": config("waiting", &[load], json!({"Load": 100})), "executionRequest": {
        "scopes": scopes, "lifetimeDurationMins": 60, "thresholds": {"pass": "95", "marginal": "10"}}});
    let caller = Caller::new(service.base_url()).as_bearer("0123456789abcdef");
    let id = caller
        .start("/standalone_canary_analysis?application=shop", &body)
        .await
        .unwrap();
    let page = format!("/ui/analyses/{id}");

    let writer = signed_in(&service, "berta", "another-password").await;
    let due = eventually("its run is due", PATIENCE, async || {
        let (_, listed) = caller.get("/executions").await.unwrap();
        let analysis = &listed["executions"][0];
        let due = analysis["nextRunTimeMillis"].as_i64();
        due.zip(analysis["startTimeMillis"].as_i64()).ok_or(listed)
    });
    let (due, started) = due.await;
    assert!(
        (0..60_000).contains(&(due - started - 3_600_000)),
        "{due} {started}"
    );
    let waiting = writer.get(&page).await.text().await.unwrap();
    assert!(waiting.contains("Run 1 of 1 is due at <time"), "{waiting}");
    assert!(waiting.contains("</time>, in 59 min"), "{waiting}");
    let list = writer.get("/ui").await.text().await.unwrap();
    assert!(
        list.contains("next at <time") && list.contains(", in 59 min"),
        "{list}"
    );

    let reader = signed_in(&service, "anna", "an-ordinary-password").await;
    let seen = reader.get(&page).await.text().await.unwrap();
    assert!(!seen.contains("<button>Cancel"), "{seen}");
    let token = reader.token("/ui/sign-out").await;
    let refused = reader
        .post(&format!("{page}/cancel"), &[("action-token", &token)])
        .await;
    assert_eq!(refused.status(), 403);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("anna needs the role write")
    );

    let token = writer.token(&page).await;
    let action = [("action-token", token.as_str())];
    let forged = writer
        .post_from(
            "https://elsewhere.example",
            &format!("{page}/cancel"),
            &action,
        )
        .await;
    assert_eq!(forged.status(), 403);
    let path = format!("/standalone_canary_analysis/{id}");
    let (_, status) = caller.get(&path).await.unwrap();
    assert_eq!(status["complete"], false, "{status}");
    let canceled = writer.post(&format!("{page}/cancel"), &action).await;
    assert_eq!(
        (canceled.status().as_u16(), location(&canceled)),
        (303, page.as_str())
    );
    let status = caller.complete(&path, PATIENCE).await;
    assert_eq!(status["executionStatus"], "CANCELED", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn running_again_opens_a_form_that_says_what_was_run_and_starts_it_changed() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let load = metric("load", "Load", r#"load{v="${scope}"}"#);
    let scope = json!({"scopeName": "default", "controlScope": "baseline", "experimentScope": "canary", "step": 60,
        "controlLocation": "eu", "experimentLocation": "us", "controlOffsetInMinutes": 30,
        "extendedScopeParams": {"pod": "a=b"},
        "startTimeIso": "2020-11-20T23:00:00Z", "endTimeIso": "2020-11-21T00:00:00Z"});
    let request = |scopes: Value| {
        json!({"canaryConfig": config("again", std::slice::from_ref(&load), json!({"Load": 100})), "executionRequest": {
            "scopes": scopes, "analysisIntervalMins": 30, "thresholds": {"pass": "95", "marginal": "10"}}})
    };
    let caller = Caller::new(service.base_url()).as_bearer("0123456789abcdef");
    let start = async |scopes: Value| {
        let path = "/standalone_canary_analysis?application=shop";
        let id = caller.start(path, &request(scopes)).await.unwrap();
        let path = format!("/standalone_canary_analysis/{id}");
        let status = caller.complete(&path, PATIENCE).await;
        (format!("/ui/analyses/{id}"), status)
    };
    let (page, status) = start(json!([scope])).await;
    let writer = signed_in(&service, "berta", "another-password").await;
    let shown = writer.get(&page).await.text().await.unwrap();
    let (_, rest) = shown.split_once("href=\"/ui/new?").unwrap();
    let query = rest.split_once('"').unwrap().0.replace("&#38;", "&");
    let form = writer.get(&format!("/ui/new?{query}")).await;
    assert_eq!(form.status(), 200);
    let form = form.text().await.unwrap();
    for (name, expected) in [
        ("baseline", "baseline"),
        ("canary", "canary"),
        ("location", "eu"),
        ("canary-location", "us"),
        ("start", "2020-11-20T23:00:00Z"),
        ("end", "2020-11-21T00:00:00Z"),
        ("interval", "30"),
        ("offset", "30"),
        ("application", "shop"),
        ("pass", "95"),
        ("marginal", "10"),
    ] {
        assert_eq!(value(&form, name), expected, "{name}");
    }
    assert!(
        form.contains("as analysis") && form.contains("pod=a=b"),
        "{form}"
    );

    // The same form, with another threshold.
    let token = value(&form, "action-token").to_owned();
    let mut fields: Vec<(String, String)> = reqwest::Url::parse(&format!("http://form/?{query}"))
        .unwrap()
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| name != "marginal")
        .collect();
    for (name, value) in [
        ("marginal", "20"),
        ("do", "start"),
        ("action-token", &token),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let again = writer.post("/ui/new", &fields).await;
    assert_eq!(again.status(), 303);
    let next = location(&again).strip_prefix("/ui/analyses/").unwrap();
    let next = next.split_once('?').map_or(next, |(id, _)| id);
    let (_, repeated) = caller
        .get(&format!("/standalone_canary_analysis/{next}"))
        .await
        .unwrap();
    for (field, value) in [("user", json!("berta")), ("application", json!("shop"))] {
        assert_eq!(repeated[field], value, "{repeated}");
    }
    assert_eq!(repeated["canaryConfig"], status["canaryConfig"]);
    let mut expected = status["canaryAnalysisExecutionRequest"].clone();
    expected["thresholds"]["marginal"] = json!(20.0);
    assert_eq!(repeated["canaryAnalysisExecutionRequest"], expected);

    // What the form has no fields for is started as it was.
    let mut other = scope.clone();
    other["scopeName"] = json!("other");
    let (page, status) = start(json!([scope, other])).await;
    let shown = writer.get(&page).await.text().await.unwrap();
    assert!(shown.contains("Run again as it was"), "{shown}");
    let token = writer.token(&page).await;
    let action = [("action-token", token.as_str())];
    let again = writer.post(&format!("{page}/again"), &action).await;
    let next = location(&again).strip_prefix("/ui/analyses/").unwrap();
    let (_, repeated) = caller
        .get(&format!("/standalone_canary_analysis/{next}"))
        .await
        .unwrap();
    for field in ["canaryConfig", "canaryAnalysisExecutionRequest"] {
        assert_eq!(repeated[field], status[field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_failed_is_tried_again_in_the_editor_of_its_config() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let caller = Caller::new(service.base_url()).as_bearer("0123456789abcdef");
    let broken = metric("broken", "Load", r#"fail400{v="${scope}"}"#);
    let broken = config("broken", &[broken], json!({"Load": 100}));
    let (status, answer) = caller.post("/canaryConfig", &broken).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let stored = answer["canaryConfigId"].as_str().unwrap();
    let side = |scope: &str| {
        json!({"scope": scope, "location": "eu", "start": "2020-11-20T23:00:00Z",
            "end": "2020-11-21T00:00:00Z", "step": 60, "extendedScopeParams": {}})
    };
    let request = json!({"scopes": {"default": {"controlScope": side("one"), "experimentScope": side("two")}},
        "thresholds": {"pass": 95, "marginal": 75}});
    let failed = async |path: &str, body: Value| {
        let run = caller.start(path, &body).await.unwrap();
        let status = caller.complete(&format!("/canary/{run}"), PATIENCE).await;
        assert_eq!(status["status"], "terminal", "{status}");
        format!("/ui/runs/{run}")
    };
    let of_stored = failed(
        &format!("/canary/{stored}?application=shop"),
        request.clone(),
    )
    .await;
    let body = json!({"canaryConfig": broken, "executionRequest": request});
    let of_ad_hoc = failed("/canary?application=shop", body).await;

    let reader = signed_in(&service, "anna", "an-ordinary-password").await;
    let seen = reader.get(&of_stored).await.text().await.unwrap();
    assert!(!seen.contains("Try the query again"), "{seen}");

    let config = format!("/ui/configs/{stored}");
    let seen = reader.get(&config).await.text().await.unwrap();
    assert!(seen.contains("needs the role write"), "{seen}");
    assert!(!seen.contains("value=\"try:"), "{seen}");

    let writer = signed_in(&service, "berta", "another-password").await;
    let seen = writer.get(&config).await.text().await.unwrap();
    assert!(seen.contains("value=\"try:0\""), "{seen}");
    let try_again = async |page: &str, editor: &str| {
        let shown = writer.get(page).await.text().await.unwrap();
        let action = format!("action=\"{editor}");
        let (_, form) = shown
            .split_once(&action)
            .unwrap_or_else(|| panic!("no {action}: {shown}"));
        let mut fields = vec![("do", "try-again")];
        for name in [
            "action-token",
            "of",
            "metric",
            "storage",
            "try-account",
            "try-baseline",
            "try-canary",
            "try-location",
            "try-start",
            "try-end",
            "try-step",
        ] {
            fields.push((name, value(form, name)));
        }
        let editor = writer.post(editor, &fields).await;
        assert_eq!(editor.status(), 200);
        editor.text().await.unwrap()
    };
    let of_new = try_again(&of_ad_hoc, "/ui/new-config").await;
    let of_stored = try_again(&of_stored, &format!("/ui/configs/{stored}")).await;
    for editor in [&of_new, &of_stored] {
        for part in [
            "Preview of broken",
            "fail400{v=&#34;one&#34;}",
            "fail400{v=&#34;two&#34;}",
            "400",
        ] {
            assert!(editor.contains(part), "no {part}: {editor}");
        }
        for (name, expected) in [
            ("try-baseline", "one"),
            ("try-canary", "two"),
            ("try-location", "eu"),
            ("try-start", "2020-11-20T23:00:00Z"),
            ("try-end", "2020-11-21T00:00:00Z"),
            ("try-step", "60"),
        ] {
            assert_eq!(value(editor, name), expected, "{name}");
        }
    }
    assert!(of_new.contains("as the run had it"), "{of_new}");
    assert!(!of_stored.contains("not saved"), "{of_stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_run_under_way_say_that_its_store_does_not_answer() {
    let nothing = format!("http://127.0.0.1:{}", kayenta_testkit::free_port().unwrap());
    let service = embedded_service(&nothing, "").await;
    let caller = Caller::new(service.base_url());
    let load = metric("load", "Load", r#"load{v="${scope}"}"#);
    let scopes = json!([{"scopeName": "default", "controlScope": "baseline", "experimentScope": "canary", "step": 60,
        "startTimeIso": "2020-11-20T23:00:00Z", "endTimeIso": "2020-11-21T00:00:00Z"}]);
    let body = json!({"canaryConfig": config("away", &[load], json!({"Load": 100})), "executionRequest": {
        "scopes": scopes, "thresholds": {"pass": "95", "marginal": "10"}}});
    let path = "/standalone_canary_analysis?application=shop";
    let id = caller.start(path, &body).await.unwrap();
    let visit = Visit::new(&service);
    let run = eventually("its run begins", PATIENCE, async || {
        let (_, listed) = caller.get("/executions?kinds=analysisRun").await.unwrap();
        let run = listed["executions"][0]["id"].as_str().map(str::to_owned);
        run.ok_or(listed)
    });
    let run = run.await;
    for page in [format!("/ui/analyses/{id}"), format!("/ui/runs/{run}")] {
        let trouble = format!("canary-prometheus does not answer now: No answer from {nothing}");
        let seen = eventually("the run goes on without its store", PATIENCE, async || {
            let seen = visit.get(&page).await.text().await.unwrap();
            let says = |what: &str| seen.contains(what);
            if says("Running") && says(&trouble) {
                Ok(())
            } else {
                Err(seen)
            }
        });
        seen.await;
    }
}

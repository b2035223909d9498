//! The pages: who may see them, what protects them, and a walk through them in a real browser.

use std::{path::Path, time::Duration};

use kayenta_testkit::{FakePrometheus, Service};
use serde_json::{Value, json};

use crate::{
    browser,
    requests::{Caller, config, metric},
    samples::embedded_service,
};

/// The checker of accessibility.
const AXE: (&str, &str) = ("axe-core", "4.14.1");

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name that tries to be markup, to turn the direction of text, and to be long.
fn hostile() -> String {
    format!(
        "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&\u{202e}drow\u{200b}{}",
        "n".repeat(4000)
    )
}

/// A service with an analysis that failed, a run of hostile names, and a run whose store refuses.
struct Stage {
    _prometheus: FakePrometheus,
    service: Service,
    analysis: String,
    run: String,
    hostile: String,
    broken: String,
}

impl Stage {
    async fn set() -> Self {
        let prometheus = FakePrometheus::start().await.unwrap();
        let service = embedded_service(&prometheus.base_url(), "").await;
        let caller = Caller::new(service.base_url());
        let load = metric("load", "Load", r#"load{v="${scope}"}"#);
        let errors = metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#);
        let broken = metric("broken", "Load", r#"fail400{v="${scope}"}"#);
        let mut named = metric("load", "Load", r#"load{v="${scope}"}"#);
        named["name"] = json!(hostile());
        named["groups"] = json!([hostile()]);
        let mixed = config("mixed", &[load, errors], json!({"Load": 50, "Errors": 45}));
        let scopes = |control: &str, experiment: &str| {
            json!([{"scopeName": "default", "controlScope": control, "experimentScope": experiment,
                "startTimeIso": "2020-11-20T23:00:00Z", "endTimeIso": "2020-11-21T00:00:00Z", "step": 60}])
        };
        let body = json!({"canaryConfig": mixed, "executionRequest": {
            "scopes": scopes("baseline", "canary"), "analysisIntervalMins": 30,
            "thresholds": {"pass": "95", "marginal": "10"}}});
        let path = "/standalone_canary_analysis?application=shop&user=anna";
        let analysis = caller.start(path, &body).await.unwrap();
        let request = |experiment: &str| {
            let side = |scope: &str| {
                json!({"scope": scope, "location": hostile(), "start": "2020-11-20T23:00:00Z",
                    "end": "2020-11-21T00:00:00Z", "step": 60, "extendedScopeParams": {}})
            };
            json!({"scopes": {"default": {"controlScope": side("baseline"), "experimentScope": side(experiment)}},
                "thresholds": {"pass": 95, "marginal": 75}})
        };
        let start = async |config: Value| {
            let body = json!({"canaryConfig": config, "executionRequest": request("canary")});
            caller
                .start("/canary?application=shop", &body)
                .await
                .unwrap()
        };
        let hostile_config = config(&hostile(), &[named], json!({hostile(): 100}));
        let hostile = start(hostile_config).await;
        let broken = start(config("broken", &[broken], json!({"Load": 100}))).await;
        for id in [&hostile, &broken] {
            caller.complete(&format!("/canary/{id}"), PATIENCE).await;
        }
        let path = format!("/standalone_canary_analysis/{analysis}");
        let status = caller.complete(&path, PATIENCE).await;
        let runs = status["canaryAnalysisExecutionResult"]["canaryExecutionResults"]
            .as_array()
            .unwrap();
        let run = runs.last().unwrap()["executionId"]
            .as_str()
            .unwrap()
            .to_owned();
        Self {
            _prometheus: prometheus,
            service,
            analysis,
            run,
            hostile,
            broken,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn a_walk_through_every_page_in_a_browser_finds_nothing_amiss() {
    let axe = browser::package(AXE).await.join("axe.min.js");
    let stage = Stage::set().await;
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&pictures).unwrap();
    let (run, hostile) = (&stage.run, &stage.hostile);
    let pages = json!({
        "list": "/ui",
        "list-filtered": "/ui?application=shop&verdict=Marginal&kind=analysis&span=24h",
        "analysis": format!("/ui/analyses/{}", stage.analysis),
        "run": format!("/ui/runs/{run}"),
        "run-filtered": format!("/ui/runs/{run}?label=High&sort=deviation"),
        "metric": format!("/ui/runs/{run}?metric=errors"),
        "metric-histogram": format!("/ui/runs/{run}?metric=errors&chart=histogram"),
        "metric-ecdf": format!("/ui/runs/{run}?metric=errors&chart=ecdf"),
        "metric-box": format!("/ui/runs/{run}?metric=errors&chart=box"),
        "metric-zoomed": format!("/ui/runs/{run}?metric=errors&zoom=600-1200&hide=baseline"),
        "failed-run": format!("/ui/runs/{}", stage.broken),
        "hostile-run": format!("/ui/runs/{hostile}?search=%3Cscript%3E"),
        "hostile-metric": format!("/ui/runs/{hostile}?metric=0"),
        "hostile-search": "/ui?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    });
    let addresses = pages.to_string();
    let settings = [
        ("AXE", axe.as_os_str()),
        ("PAGES", addresses.as_ref()),
        ("PICTURES", pictures.as_os_str()),
    ];
    let patience = Duration::from_secs(600);
    let seen = browser::walk("pages.cjs", &stage.service, &settings, patience).await;
    let amiss = ["errors", "foreign", "wide", "axe"].map(|what| (what, &seen[what]));
    let found = amiss.iter().filter(|(_, found)| **found != json!([]));
    assert_eq!(found.count(), 0, "{amiss:#?}");
    assert_eq!(seen["dialogs"], 0, "markup ran");
    assert_eq!(seen["visited"], 4 * pages.as_object().unwrap().len());
    // By keyboard from `/` to the metric that failed.
    assert_eq!(seen["home"], "/ui");
    assert_eq!(seen["focused"], "search");
    assert_eq!(seen["searched"], 1, "the analysis alone is called mixed");
    assert_eq!(seen["analysis"], format!("/ui/analyses/{}", stage.analysis));
    assert!(
        seen["run"].as_str().unwrap().starts_with("/ui/runs/"),
        "{seen}"
    );
    assert_eq!(seen["failing"], "errors");
    assert!(
        seen["zone"]
            .as_str()
            .unwrap()
            .contains("local zone, show UTC"),
        "{}",
        seen["zone"]
    );
    // Without script.
    let text = |page: &str| seen["texts"][page].as_str().unwrap().to_owned();
    for (page, parts) in [
        (
            "list",
            &[
                "mixed",
                "broken",
                "baseline → canary",
                "analysis, 2 of 2 runs",
                "anna",
            ][..],
        ),
        ("analysis", &["run 2 of 2", "Started by", "Interval"]),
        (
            "run",
            &[
                "errors is",
                "A score of 100 cannot be reached",
                "× 45 %",
                "Findings",
            ],
        ),
        (
            "metric",
            &[
                "High",
                "98 % confidence",
                "Numbers of what was judged",
                "errors{v=\"canary\",kind=\"bad\"}",
            ],
        ),
        (
            "failed-run",
            &["Failed to run", "fail400", "canary-prometheus", "Stages"],
        ),
        ("hostile-run", &["<script>alert('x')</script>"]),
    ] {
        for part in parts {
            assert!(
                text(page).contains(part),
                "no {part:?} on {page}: {}",
                text(page)
            );
        }
    }
    println!("pictures of the pages: {}", pictures.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn c_api_21_pages_have_a_strict_policy_and_browsers_are_sent_to_them() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let get = async |path: &str, accept: &str| {
        let url = format!("{}{path}", service.base_url());
        let request = client
            .get(url)
            .header("accept", accept)
            .header("origin", "https://elsewhere.example");
        request.send().await.unwrap()
    };
    let page = get("/ui", "text/html").await;
    assert_eq!(page.status(), 200);
    let header = |name: &str| {
        page.headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let policy = header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-frame-options").as_deref(), Some("DENY"));
    assert_eq!(header("access-control-allow-origin"), None);
    let open = get("/credentials", "application/json").await;
    assert!(
        open.headers().contains_key("access-control-allow-origin"),
        "the API stays open"
    );
    assert_eq!(
        get("/ui/runs/01KQ0000000000000000000000", "text/html")
            .await
            .status(),
        404
    );
    assert_eq!(get("/ui/assets/other.js", "*/*").await.status(), 404);
    assert_eq!(
        client
            .post(format!("{}/ui", service.base_url()))
            .send()
            .await
            .unwrap()
            .status(),
        405
    );
    let home = get("/", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(
        (
            home.status().as_u16(),
            home.headers()["location"].to_str().unwrap()
        ),
        (302, "/ui")
    );
    assert_eq!(
        get("/", "*/*").await.status(),
        404,
        "everybody else gets what they got before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_need_the_role_read_and_can_be_switched_off() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let security = "kayenta.security.enabled: true\nkayenta.security.users[0].username: anna\n\
         kayenta.security.users[0].password: an-ordinary-password\nkayenta.security.users[0].role: read\n";
    let service = embedded_service(&prometheus.base_url(), security).await;
    let client = reqwest::Client::new();
    let page = |path: &str| {
        client
            .get(format!("{}{path}", service.base_url()))
            .header("accept", "text/html,*/*")
    };
    for path in [
        "/ui",
        "/ui/runs/1",
        "/ui/analyses/1/report.html",
        "/ui/assets/kayenta.js",
    ] {
        let refused = page(path).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        assert!(
            refused.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .contains("Basic"),
            "{path}"
        );
    }
    let allowed = page("/ui").basic_auth("anna", Some("an-ordinary-password"));
    assert_eq!(allowed.send().await.unwrap().status(), 200);

    let without = embedded_service(&prometheus.base_url(), "kayenta.ui.enabled: false\n").await;
    let gone = client
        .get(format!("{}/ui", without.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
}

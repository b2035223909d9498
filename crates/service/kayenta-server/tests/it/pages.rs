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
    config: String,
    hostile_config: String,
    /// One of whose 300 metrics one failed.
    large: String,
}

/// The metric that failed in the large run.
const ONE_OF_300: &str = "metric 217";

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
        // Names are hostile in one application; the other is as people have them.
        let request = |application: &str| {
            let location = if application == "shop" {
                "eu".to_owned()
            } else {
                hostile()
            };
            let side = |scope: &str| {
                json!({"scope": scope, "location": location, "start": "2020-11-20T23:00:00Z",
                    "end": "2020-11-21T00:00:00Z", "step": 60, "extendedScopeParams": {}})
            };
            json!({"scopes": {"default": {"controlScope": side("baseline"), "experimentScope": side("canary")}},
                "thresholds": {"pass": 95, "marginal": 75}})
        };
        let start = async |application: &str, config: Value| {
            let body = json!({"canaryConfig": config, "executionRequest": request(application)});
            let path = format!("/canary?application={application}");
            caller.start(&path, &body).await.unwrap()
        };
        let store = async |application: &str, config: &Value| {
            let (status, answer) = caller.post("/canaryConfig", config).await.unwrap();
            assert_eq!(status, 200, "{answer}");
            let id = answer["canaryConfigId"].as_str().unwrap().to_owned();
            let path = format!("/canary/{id}?application={application}");
            let run = caller.start(&path, &request(application)).await.unwrap();
            caller.complete(&format!("/canary/{run}"), PATIENCE).await;
            id
        };
        let mut kept = mixed.clone();
        kept["name"] = json!("kept");
        let stored = store("shop", &kept).await;
        let mut of_hostile_names = config("hostile", &[named.clone()], json!({hostile(): 90}));
        of_hostile_names["templates"] = json!({hostile(): hostile()});
        of_hostile_names["metrics"][0]["query"][hostile()] = json!(hostile());
        let hostile_config = store("hostile", &of_hostile_names).await;
        let hostile = start(
            "hostile",
            config(&hostile(), &[named], json!({hostile(): 100})),
        )
        .await;
        let broken = start("shop", config("broken", &[broken], json!({"Load": 100}))).await;
        let many: Vec<Value> = (0..300)
            .map(|number| {
                let name = format!("metric {number}");
                let kind = if name == ONE_OF_300 { "bad" } else { "const" };
                let query = format!(r#"load{{v="${{scope}}",n="{number}",kind="{kind}"}}"#);
                metric(&name, "Load", &query)
            })
            .collect();
        let large = start("shop", config("large", &many, json!({"Load": 100}))).await;
        for id in [&hostile, &broken, &large] {
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
            config: stored,
            hostile_config,
            large,
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
        "list-of-shop": "/ui?application=shop",
        "list-filtered": "/ui?application=shop&verdict=Marginal&kind=analysis&span=24h",
        "analysis": format!("/ui/analyses/{}", stage.analysis),
        "run": format!("/ui/runs/{run}"),
        "run-filtered": format!("/ui/runs/{run}?label=High&sort=deviation"),
        "metric": format!("/ui/runs/{run}?metric=errors"),
        "metric-histogram": format!("/ui/runs/{run}?metric=errors&chart=histogram"),
        "metric-ecdf": format!("/ui/runs/{run}?metric=errors&chart=ecdf"),
        "metric-box": format!("/ui/runs/{run}?metric=errors&chart=box"),
        "metric-zoomed": format!("/ui/runs/{run}?metric=errors&zoom=600-1200&hide=baseline"),
        "what-if": format!("/ui/runs/{run}/what-if?pass=40&weight.Load=20&m1.direction=decrease&edit=1"),
        "what-if-all": format!("/ui/runs/{run}/what-if?all.nanStrategy=replace&edit=all&only=changed"),
        "hostile-what-if": format!("/ui/runs/{hostile}/what-if?judge=%3Cscript%3E&edit=0&m0.critical=true"),
        "compare": format!("/ui/compare?a={run}&b={hostile}"),
        "compare-form": "/ui/compare",
        "accounts": "/ui/accounts",
        "configs": "/ui/configs?search=kept",
        "config": format!("/ui/configs/{}", stage.config),
        "config-history": format!("/ui/configs/{}/history", stage.config),
        "new-config": "/ui/new-config",
        "new-config-guided": "/ui/new-config?guided=1",
        "new-analysis": format!("/ui/new?config={}&baseline=1.0&canary=1.1&aa=1", stage.config),
        "hostile-config": format!("/ui/configs/{}", stage.hostile_config),
        "hostile-config-history": format!("/ui/configs/{}/history", stage.hostile_config),
        "hostile-new-analysis": format!("/ui/new?config={}&baseline=%3Cscript%3E&params=%3Cscript%3E%3D%22%27", stage.hostile_config),
        "failed-run": format!("/ui/runs/{}", stage.broken),
        "hostile-run": format!("/ui/runs/{hostile}?search=%3Cscript%3E"),
        "hostile-metric": format!("/ui/runs/{hostile}?metric=0"),
        "hostile-search": "/ui?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    });
    let addresses = pages.to_string();
    let settings = [
        ("AXE", axe.as_os_str()),
        ("LARGE", stage.large.as_ref()),
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
    assert_eq!(seen["oneOf300"], ONE_OF_300);
    assert_eq!(seen["whatIf"], "With your changes Pass: 50 of 100");
    for readout in ["readout", "next"] {
        let text = seen[readout].as_str().unwrap();
        let parts = [
            "2020-11-20 23:",
            "UTC: baseline ",
            ", canary ",
            ", difference +",
        ];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    assert_ne!(seen["readout"], seen["next"]);
    let (from, to) = seen["zoom"].as_str().unwrap().split_once('-').unwrap();
    let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
    assert!(
        (400..550).contains(&from) && (800..950).contains(&to),
        "{from} {to}"
    );
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
        (
            "what-if",
            &[
                "As judged",
                "With your changes",
                "pass threshold: 95 → 40",
                "errors: fails on increase → decrease",
                "weight of Load: 50 → 20",
                "Settings of errors",
                "now passes",
            ],
        ),
        (
            "what-if-all",
            &[
                "Settings of every metric",
                "every metric: nan strategy remove → replace",
            ],
        ),
        ("hostile-what-if", &["Changes", "critical false → true"]),
        ("compare", &["Run A", "Run B", "gone", "new"]),
        (
            "accounts",
            &[
                "canary-prometheus",
                "Answers",
                "endpoint.baseUrl",
                "Try now",
            ],
        ),
        ("hostile-run", &["<script>alert('x')</script>"]),
        ("configs", &["kept", "shop", "Last verdicts"]),
        (
            "config",
            &[
                "the weights add up to 95",
                "Last runs of this config",
                "Type kept to delete",
            ],
        ),
        ("config-history", &["errors", "Effect", "No suggestion"]),
        ("new-config-guided", &["Histogram of latencies"]),
        (
            "new-analysis",
            &["A/A test", "kayenta analyze", "curl -X POST"],
        ),
        (
            "hostile-config",
            &[
                "<script>alert('x')</script>",
                "2 problems, 0 of them errors",
            ],
        ),
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

const SECURITY: &str = "kayenta.security:
  enabled: true
  users:
    - {username: anna, password: an-ordinary-password, role: read}
    - {username: berta, password: another-password, role: write}
  tokens:
    - {name: pipeline, token: 0123456789abcdef, role: write}
";

/// A browser without a screen: it keeps cookies, follows no redirects by itself, and sends the Origin of its page.
struct Visit<'a> {
    service: &'a Service,
    client: reqwest::Client,
    cookies: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
}

impl<'a> Visit<'a> {
    fn new(service: &'a Service) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            service,
            client: client.build().unwrap(),
            cookies: std::sync::Mutex::default(),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("accept", "text/html,*/*;q=0.8")
            .header("cookie", cookies.join("; "));
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("; Path=/ui; HttpOnly; SameSite=Strict"),
                "{cookie}"
            );
            let (pair, _) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies
                .lock()
                .unwrap()
                .insert(name.to_owned(), value.to_owned());
        }
        response
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.service.base_url());
        self.send(self.client.get(url)).await
    }

    /// Sends a form from a page of this origin.
    async fn post_from(
        &self,
        origin: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> reqwest::Response {
        let url = format!("{}{path}", self.service.base_url());
        let request = self.client.post(url).header("origin", origin).form(fields);
        self.send(request).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.post_from(&self.service.base_url(), path, fields).await
    }

    /// The token in the form of a page.
    async fn token(&self, path: &str) -> String {
        let page = self.get(path).await.text().await.unwrap();
        let (_, rest) = page
            .split_once("name=\"action-token\" value=\"")
            .unwrap_or_else(|| panic!("no form on {path}: {page}"));
        rest.split_once('"').unwrap().0.to_owned()
    }
}

fn location(response: &reqwest::Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_for_the_pages_alone_and_signs_out() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let visit = Visit::new(&service);
    let refused = visit.get("/ui/runs/1?metric=a%20b").await;
    assert_eq!(refused.status(), 303);
    let form = location(&refused).to_owned();
    assert_eq!(form, "/ui/sign-in?next=%2Fui%2Fruns%2F1%3Fmetric%3Da%2520b");
    let token = visit.token(&form).await;
    let field = ("action-token", token.as_str());
    let next = ("next", "/ui?search=x");

    let wrong = visit
        .post(
            "/ui/sign-in",
            &[field, next, ("username", "anna"), ("password", "wrong")],
        )
        .await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await.unwrap().contains("Bad credentials."));
    let by_user = [
        field,
        next,
        ("username", "anna"),
        ("password", "an-ordinary-password"),
    ];
    let without_token = visit.post("/ui/sign-in", &by_user[1..]).await;
    assert_eq!(without_token.status(), 403);
    let elsewhere = visit
        .post_from("https://elsewhere.example", "/ui/sign-in", &by_user)
        .await;
    assert_eq!(elsewhere.status(), 403);
    assert_eq!(
        visit.get("/ui").await.status(),
        303,
        "nobody has signed in yet"
    );

    let signed_in = visit.post("/ui/sign-in", &by_user).await;
    assert_eq!(
        (signed_in.status().as_u16(), location(&signed_in)),
        (303, "/ui?search=x")
    );
    assert_eq!(visit.get("/ui").await.status(), 200);
    assert!(
        visit
            .get("/ui/sign-out")
            .await
            .text()
            .await
            .unwrap()
            .contains("signed in as anna")
    );
    // The cookie of the pages is none of the API.
    assert_eq!(visit.get("/canaryConfig").await.status(), 401);

    let token = visit.token("/ui/sign-out").await;
    let out = visit
        .post("/ui/sign-out", &[("action-token", &token)])
        .await;
    assert_eq!(
        (out.status().as_u16(), location(&out)),
        (303, "/ui/sign-in")
    );
    assert_eq!(visit.get("/ui").await.status(), 303);

    let token = visit.token("/ui/sign-in").await;
    let by_token = [
        ("action-token", token.as_str()),
        ("token", "0123456789abcdef"),
    ];
    let signed_in = visit.post("/ui/sign-in", &by_token).await;
    assert_eq!(
        (signed_in.status().as_u16(), location(&signed_in)),
        (303, "/ui")
    );
    assert!(
        visit
            .get("/ui/sign-out")
            .await
            .text()
            .await
            .unwrap()
            .contains("signed in as pipeline")
    );
}

/// A browser that has signed in.
async fn signed_in<'a>(service: &'a Service, username: &str, password: &str) -> Visit<'a> {
    let visit = Visit::new(service);
    let token = visit.token("/ui/sign-in").await;
    let fields = [
        ("action-token", token.as_str()),
        ("username", username),
        ("password", password),
    ];
    assert_eq!(visit.post("/ui/sign-in", &fields).await.status(), 303);
    visit
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_is_canceled_and_run_again_from_its_page_with_the_role_write_alone() {
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

    let writer = signed_in(&service, "berta", "another-password").await;
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

    let again = writer.post(&format!("{page}/again"), &action).await;
    assert_eq!(again.status(), 303);
    let next = location(&again).strip_prefix("/ui/analyses/").unwrap();
    assert_ne!(next, id);
    let (_, repeated) = caller
        .get(&format!("/standalone_canary_analysis/{next}"))
        .await
        .unwrap();
    for (field, value) in [("user", json!("berta")), ("application", json!("shop"))] {
        assert_eq!(repeated[field], value, "{repeated}");
    }
    for field in ["canaryConfig", "canaryAnalysisExecutionRequest"] {
        assert_eq!(repeated[field], status[field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_names_users_for_the_pages_alone_and_only_where_that_is_set() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let trusting = format!("{SECURITY}kayenta.ui.userHeader: X-Forwarded-User\n");
    for (settings, page) in [(trusting.as_str(), 200), (SECURITY, 401)] {
        let service = embedded_service(&prometheus.base_url(), settings).await;
        let client = reqwest::Client::new();
        let get = async |path: &str| {
            let request = client.get(format!("{}{path}", service.base_url()));
            request
                .header("x-forwarded-user", "clara")
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!(get("/ui").await, page, "{settings}");
        assert_eq!(get("/canaryConfig").await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_need_the_role_read_and_can_be_switched_off() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let client = reqwest::Client::new();
    let page = |path: &str| client.get(format!("{}{path}", service.base_url()));
    for path in ["/ui", "/ui/runs/1", "/ui/analyses/1/report.html"] {
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
    let script = page("/ui/assets/kayenta.js").send().await.unwrap();
    assert_eq!(script.status(), 200, "the page for signing in has a style");
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

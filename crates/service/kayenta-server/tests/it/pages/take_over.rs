//! What a page suggests, taken over into the stored config.

use std::time::Duration;

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use super::visit::{SECURITY, Visit, signed_in, value};
use crate::{
    requests::{Caller, config, metric},
    samples::embedded_service,
};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service with a stored config.
struct Stored {
    _prometheus: FakePrometheus,
    service: kayenta_testkit::Service,
    caller: Caller,
    id: String,
}

impl Stored {
    async fn new(query: &str) -> Self {
        let prometheus = FakePrometheus::start().await.unwrap();
        let service = embedded_service(&prometheus.base_url(), SECURITY).await;
        let caller = Caller::new(service.base_url()).as_bearer("0123456789abcdef");
        let load = metric("load", "Load", query);
        let stored = config("taken-over", &[load], json!({"Load": 100}));
        let (status, answer) = caller.post("/canaryConfig", &stored).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let id = answer["canaryConfigId"].as_str().unwrap().to_owned();
        Self {
            _prometheus: prometheus,
            service,
            caller,
            id,
        }
    }

    /// The id of a run that has ended.
    async fn run(&self, baseline: &str, canary: &str) -> String {
        let side = |scope: &str| {
            json!({"scope": scope, "location": "eu", "start": "2020-11-20T23:00:00Z",
                "end": "2020-11-21T00:00:00Z", "step": 60, "extendedScopeParams": {}})
        };
        let request = json!({"scopes": {"default": {"controlScope": side(baseline),
            "experimentScope": side(canary)}}, "thresholds": {"pass": 95, "marginal": 75}});
        let path = format!("/canary/{}?application=shop", self.id);
        let run = self.caller.start(&path, &request).await.unwrap();
        let path = format!("/canary/{run}");
        self.caller.complete(&path, PATIENCE).await;
        run
    }

    async fn metric(&self) -> Value {
        let path = format!("/canaryConfig/{}", self.id);
        let (status, stored) = self.caller.get(&path).await.unwrap();
        assert_eq!(status, 200, "{stored}");
        stored["metrics"][0].clone()
    }

    /// Saves what an editor's page shows.
    async fn save(&self, visit: &Visit<'_>, page: &str) {
        let (_, text) = page.split_once("name=\"json\"").unwrap();
        let (_, text) = text.split_once('>').unwrap();
        let text = text.split_once("</textarea>").unwrap().0;
        let text = text.replace("&#34;", "\"").replace("&#38;", "&");
        let fields = [
            ("action-token", value(page, "action-token")),
            ("base", value(page, "base")),
            ("json", &text),
            ("do", "save"),
        ];
        let path = format!("/ui/configs/{}", self.id);
        let saved = visit.post(&path, &fields).await;
        assert_eq!(saved.status(), 303, "{}", saved.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_effect_that_healthy_runs_suggest_is_taken_over_into_the_config_and_saved() {
    let stored = Stored::new(r#"load{v="${scope}"}"#).await;
    for _ in 0..3 {
        stored.run("baseline", "canary").await;
    }
    let page = format!("/ui/configs/{}/history", stored.id);
    let reader = signed_in(&stored.service, "anna", "an-ordinary-password").await;
    let seen = reader.get(&page).await.text().await.unwrap();
    assert!(seen.contains("From 3 healthy runs"), "{seen}");
    assert!(seen.contains("<title>Change over the last 3 runs</title>"));
    assert_eq!(seen.matches("<circle class=\"pa\"").count(), 3, "{seen}");
    assert!(
        !seen.contains("Take over"),
        "a reader changes nothing: {seen}"
    );

    let writer = signed_in(&stored.service, "berta", "another-password").await;
    let seen = writer.get(&page).await.text().await.unwrap();
    let suggested = value(&seen, "allowedIncrease").to_owned();
    let allowed: f64 = suggested.parse().unwrap();
    assert!((1.01..1.2).contains(&allowed), "{suggested}");
    let fields = [
        ("action-token", value(&seen, "action-token")),
        ("metric", value(&seen, "metric")),
        ("allowedIncrease", &suggested),
        ("do", "suggested"),
    ];
    let path = format!("/ui/configs/{}", stored.id);
    let editor = writer.post(&path, &fields).await.text().await.unwrap();
    assert!(
        editor.contains("These changes are not saved yet."),
        "{editor}"
    );
    assert_eq!(
        stored.metric().await["analysisConfigurations"]["canary"],
        json!({"direction": "increase"}),
        "nothing is stored before somebody saves"
    );
    stored.save(&writer, &editor).await;
    assert_eq!(
        stored.metric().await["analysisConfigurations"]["canary"],
        json!({"direction": "increase", "effectSize": {"allowedIncrease": allowed}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changes_of_a_what_if_are_taken_over_into_the_config_as_it_was_written() {
    let query = r#"load{v="${scope}",kind="bad"}"#;
    let stored = Stored::new(query).await;
    let run = stored.run("baseline", "canary").await;
    let writer = signed_in(&stored.service, "berta", "another-password").await;
    let page = format!("/ui/runs/{run}/what-if");
    let unchanged = writer.get(&page).await.text().await.unwrap();
    assert!(!unchanged.contains("Take over"), "{unchanged}");
    let page = format!("{page}?m0.allowedIncrease=9&m0.nanStrategy=replace");
    let seen = writer.get(&page).await.text().await.unwrap();
    let (_, form) = seen
        .split_once(&format!("action=\"/ui/configs/{}\"", stored.id))
        .unwrap();
    let (_, json) = form.split_once("name=\"json\"").unwrap();
    let (_, json) = json.split_once('>').unwrap();
    let json = json.split_once("</textarea>").unwrap().0;
    let json = json.replace("&#34;", "\"").replace("&#38;", "&");
    let fields = [
        ("action-token", value(form, "action-token")),
        ("json", &json),
        ("do", "take-over"),
    ];
    let path = format!("/ui/configs/{}", stored.id);
    let editor = writer.post(&path, &fields).await.text().await.unwrap();
    assert!(
        editor.contains("These changes are not saved yet."),
        "{editor}"
    );
    stored.save(&writer, &editor).await;
    let metric = stored.metric().await;
    assert_eq!(
        metric["analysisConfigurations"]["canary"],
        json!({"direction": "increase", "effectSize": {"allowedIncrease": 9.0}, "nanStrategy": "replace"})
    );
    assert_eq!(
        metric["query"]["customInlineTemplate"],
        format!("PromQL:{query}"),
        "what runs escape is written as before"
    );
}

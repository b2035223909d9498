//! Executions for a walk through the pages.

use std::time::Duration;

use kayenta_testkit::{FakePrometheus, Service};
use serde_json::{Value, json};

use crate::{
    requests::{Caller, config, metric},
    samples::embedded_service,
};

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
pub(crate) struct Stage {
    _prometheus: FakePrometheus,
    pub(crate) service: Service,
    pub(crate) analysis: String,
    pub(crate) run: String,
    pub(crate) hostile: String,
    pub(crate) broken: String,
    pub(crate) config: String,
    pub(crate) hostile_config: String,
    /// One of whose 300 metrics one failed.
    pub(crate) large: String,
}

/// The metric that failed in the large run.
pub(crate) const ONE_OF_300: &str = "metric 217";

impl Stage {
    pub(crate) async fn set() -> Self {
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
            // Twice, so that the config has a history.
            for _ in 0..2 {
                let run = caller.start(&path, &request(application)).await.unwrap();
                caller.complete(&format!("/canary/{run}"), PATIENCE).await;
            }
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

//! The calls of the clients there are, as each of them sends them, and what it reads of the answers.

mod kayentactl;

use std::time::Duration;

use kayenta_testkit::{FakePrometheus, Service};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{requests::Caller, samples::embedded_service};

/// A client, its service and its metric store.
struct World {
    _prometheus: FakePrometheus,
    service: Service,
    http: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let prometheus = FakePrometheus::start().await.unwrap();
        let service = embedded_service(&prometheus.base_url(), "").await;
        Self {
            _prometheus: prometheus,
            service,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Sends what a client sends; status and body (null when there is none).
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.service.base_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        (status, body)
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ];
        self.send(method, path, &headers, Some(&body.to_string()))
            .await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, &[], None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn complete(&self, path: &str) -> Value {
        Caller::new(self.service.base_url())
            .complete(path, Duration::from_secs(60))
            .await
    }
}

fn metric(name: &str, template: &str) -> Value {
    json!({
        "name": name,
        "query": {"type": "prometheus", "customInlineTemplate": template},
        "groups": ["errors"],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default",
    })
}

fn config(name: &str) -> Value {
    json!({
        "name": name,
        "applications": ["shop"],
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [metric("errors", "PromQL:sum(errors{version=\"${scope}\"})")],
        "templates": {},
        "classifier": {"groupWeights": {"errors": 100}},
    })
}

const START: &str = "2020-11-20T23:00:00Z";
const END: &str = "2020-11-21T00:00:00Z";

fn scopes() -> Value {
    let side = |scope: &str| json!({"scope": scope, "location": "eastus", "start": START, "end": END, "step": 60});
    json!({"default": {"controlScope": side("baseline"), "experimentScope": side("canary")}})
}

/// A score as Go and Kotlin decode it: a JSON number.
fn is_number(value: &Value) -> bool {
    value.is_f64() || value.is_i64()
}

/// Argo Rollouts' provider: a config by its name, a run of it, and the score.
#[tokio::test(flavor = "multi_thread")]
async fn argo_rollouts() {
    let world = World::new().await;
    world
        .json(Method::POST, "/canaryConfig", &config("argo"))
        .await;
    // Empty account parameters mean the default ones; the time stamp is an integer for Go.
    let configs = world
        .get("/canaryConfig?application=shop&configurationAccountName=")
        .await;
    let found = configs
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "argo")
        .unwrap();
    assert!(found["updatedTimestamp"].is_i64(), "{found}");
    assert!(found["applications"].is_array() && found["updatedTimestampIso"].is_string());
    let id = found["id"].as_str().unwrap();
    let path = format!(
        "/canary/{id}?application=shop&metricsAccountName=canary-prometheus&configurationAccountName=&storageAccountName="
    );
    // A rollout's scopes may lack their region; steps are Go integers.
    let request = json!({"scopes": scopes(), "thresholds": {"pass": 95, "marginal": 75}});
    let headers = [("content-type", "application/json")];
    let (status, started) = world
        .send(Method::POST, &path, &headers, Some(&request.to_string()))
        .await;
    assert_eq!(status, 200, "it takes no other status for a success");
    let run = started["canaryExecutionId"].as_str().unwrap();
    let (status, early) = world
        .send(Method::GET, &format!("/canary/{run}"), &[], None)
        .await;
    assert_eq!(status, 200, "also while it runs");
    assert!(early["complete"].is_boolean());
    let done = world.complete(&format!("/canary/{run}")).await;
    assert_eq!(done["status"], "succeeded");
    assert!(
        is_number(&done["result"]["judgeResult"]["score"]["score"]),
        "{done}"
    );
    // A run that fails is a 200, too, with an object to print.
    let mut bad = request;
    bad["scopes"]["default"]["experimentScope"]["start"] = Value::Null;
    let (_, started) = world.json(Method::POST, &path, &bad).await;
    let run = started["canaryExecutionId"].as_str().unwrap();
    let failed = world.complete(&format!("/canary/{run}")).await;
    assert_eq!(failed["status"], "terminal");
    assert!(failed["exception"].is_object() && failed.get("result").is_none());
}

/// Orca's `KayentaService`: explicit nulls, integer thresholds, a cancel whose body is a JSON text.
#[tokio::test(flavor = "multi_thread")]
async fn orca() {
    let world = World::new().await;
    for account in world.get("/credentials").await.as_array().unwrap() {
        assert!(account["name"].is_string() && account["type"].is_string());
    }
    let (_, stored) = world
        .json(Method::POST, "/canaryConfig", &config("orca"))
        .await;
    let id = stored["canaryConfigId"].as_str().unwrap();
    for summary in world.get("/canaryConfig").await.as_array().unwrap() {
        assert!(summary["id"].is_string() && summary["name"].is_string());
        assert!(summary["applications"].is_array());
    }
    let mut request =
        json!({"scopes": scopes(), "thresholds": {"pass": 95, "marginal": 75}, "siteLocal": null});
    for side in ["controlScope", "experimentScope"] {
        request["scopes"]["default"][side]["extendedScopeParams"] =
            json!({"type": "cluster", "dataset": null});
    }
    let path = format!(
        "/canary/{id}?application=shop&parentPipelineExecutionId=01PARENT&metricsAccountName=canary-prometheus\
         &configurationAccountName=canary-storage&storageAccountName=canary-storage"
    );
    let (status, started) = world.json(Method::POST, &path, &request).await;
    assert_eq!(status, 200, "{started}");
    let run = started["canaryExecutionId"].as_str().unwrap();
    let done = world
        .complete(&format!("/canary/{run}?storageAccountName=canary-storage"))
        .await;
    assert_eq!(done["application"], "shop");
    assert_eq!(done["parentPipelineExecutionId"], "01PARENT");
    for field in ["buildTimeIso", "startTimeIso", "endTimeIso"] {
        let time = done[field].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{field}: {time}");
    }
    let result = &done["result"];
    assert_eq!(result["canaryDuration"], "PT1H");
    let score = &result["judgeResult"]["score"];
    assert!(is_number(&score["score"]));
    assert!(score["classification"].is_string() && score["classificationReason"].is_string());
    for one in result["judgeResult"]["results"].as_array().unwrap() {
        assert!(one["controlMetadata"]["stats"]["count"].is_i64(), "{one}");
    }
    let cancel = format!("/pipelines/{run}/cancel");
    let headers = [("content-type", "application/json; charset=UTF-8")];
    let (status, body) = world
        .send(Method::PUT, &cancel, &headers, Some("\"\""))
        .await;
    assert_eq!((status, body), (202, Value::Null));
}

/// Gate, Deck and gate-mcp: everything a user interface lists, draws, tries out and removes.
#[tokio::test(flavor = "multi_thread")]
async fn gate_and_deck() {
    let world = World::new().await;
    let judges = world.get("/judges").await;
    assert_eq!(
        judges[0],
        json!({"name": "NetflixACAJudge-v1.0", "visible": true})
    );
    let metrics = world
        .get("/metadata/metricsService?filter=a&metricsAccountName=canary-prometheus")
        .await;
    assert!(
        metrics
            .as_array()
            .unwrap()
            .iter()
            .all(|metric| metric["name"].is_string())
    );
    assert!(world.get("/metricsServices").await.is_array());

    // Deck adds fields of its own, sends numbers as texts, and gets them back as the service knows them.
    let mut written = config("deck");
    written["configVersion"] = json!(1.0);
    written["isNew"] = json!(true);
    written["metrics"][0]["id"] = json!("#0");
    let (status, stored) = world
        .json(
            Method::POST,
            "/canaryConfig?configurationAccountName=canary-storage",
            &written,
        )
        .await;
    assert_eq!(status, 200, "{stored}");
    let id = stored["canaryConfigId"].as_str().unwrap();
    let path = format!("/canaryConfig/{id}?configurationAccountName=canary-storage");
    let read = world.get(&path).await;
    assert_eq!(read["configVersion"], "1.0");
    assert!(read.get("isNew").is_none());
    let (status, updated) = world.json(Method::PUT, &path, &read).await;
    assert_eq!(status, 200, "{updated}");

    let ad_hoc = json!({
        "canaryConfig": read,
        "executionRequest": {"scopes": scopes(), "thresholds": {"pass": "95", "marginal": "75"}},
    });
    let (status, started) = world
        .json(
            Method::POST,
            "/canary?application=shop&metricsAccountName=canary-prometheus&storageAccountName=canary-storage",
            &ad_hoc,
        )
        .await;
    assert_eq!(status, 200, "{started}");
    let run = started["canaryExecutionId"].as_str().unwrap();
    let done = world
        .complete(&format!("/canary/{run}?storageAccountName=canary-storage"))
        .await;
    let listed = world
        .get("/canary/executions?application=shop&limit=20&page=1&statuses=succeeded,RUNNING&storageAccountName=canary-storage")
        .await;
    assert_eq!(listed[0]["pipelineId"], json!(run));

    // What its graphs are drawn from; the parameter is called differently here.
    let pairs = done["metricSetPairListId"].as_str().unwrap();
    let path = format!("/metricSetPairList/{pairs}?accountName=canary-storage");
    let list = world.get(&path).await;
    let pair = &list[0];
    for side in ["control", "experiment"] {
        assert_eq!(pair["values"][side].as_array().unwrap().len(), 61);
        assert!(pair["scopes"][side]["startTimeMillis"].is_i64());
        assert!(pair["scopes"][side]["stepMillis"].is_i64());
    }
    assert_eq!(
        pair["id"],
        done["result"]["judgeResult"]["results"][0]["id"]
    );

    // Trying a query out, dry and for good; gate sends no body and no content type.
    let path = format!(
        "/fetch/prometheus/query?metricsAccountName=canary-prometheus&storageAccountName=canary-storage\
         &metricSetName=x&metricName=up&scope=canary&start={START}&end={END}&step=60"
    );
    let dry = format!("{path}&customFilter=PromQL:up&dryRun=true");
    let (status, answer) = world.send(Method::POST, &dry, &[], None).await;
    assert_eq!((status, answer), (200, json!({"query": "up"})));
    let (status, answer) = world
        .send(
            Method::POST,
            &format!("{path}&customFilter=PromQL:up"),
            &[],
            None,
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let id_of_list = answer["metricSetListId"].as_str().unwrap();
    assert!(
        world
            .get(&format!("/metricSetList/{id_of_list}"))
            .await
            .is_array()
    );

    let (status, body) = world
        .send(Method::DELETE, &format!("/canaryConfig/{id}"), &[], None)
        .await;
    assert_eq!((status, body), (204, Value::Null));
}

/// Referee: no account on reads, a retrospective analysis of the past, its report page.
#[tokio::test(flavor = "multi_thread")]
async fn referee() {
    let world = World::new().await;
    let credentials = world.get("/credentials").await;
    let first = |kind: &str| {
        credentials
            .as_array()
            .unwrap()
            .iter()
            .find(|account| {
                account["supportedTypes"]
                    .as_array()
                    .unwrap()
                    .contains(&json!(kind))
            })
            .unwrap()["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (metrics, storage) = (first("METRICS_STORE"), first("OBJECT_STORE"));
    let ad_hoc = json!({
        "canaryConfig": config("referee"),
        "executionRequest": {"scopes": scopes(), "thresholds": {"pass": 95, "marginal": 75}},
    });
    let path = format!("/canary?metricsAccountName={metrics}&storageAccountName={storage}");
    let (status, started) = world.json(Method::POST, &path, &ad_hoc).await;
    assert_eq!(status, 200);
    let run = started["canaryExecutionId"].as_str().unwrap();
    let done = world.complete(&format!("/canary/{run}")).await;
    assert_eq!(done["result"]["canaryDuration"], "PT1H");
    let pairs = done["metricSetPairListId"].as_str().unwrap();
    assert!(
        world
            .get(&format!("/metricSetPairList/{pairs}"))
            .await
            .is_array()
    );

    let analysis = json!({
        "canaryConfig": config("referee"),
        "executionRequest": {
            "scopes": [{
                "scopeName": "default", "controlScope": "baseline", "controlLocation": "eastus",
                "experimentScope": "canary", "experimentLocation": "eastus",
                "startTimeIso": START, "endTimeIso": END, "step": 60,
            }],
            "thresholds": {"pass": 95, "marginal": 75}, "analysisIntervalMins": 30,
        },
    });
    let path = format!(
        "/standalone_canary_analysis?metricsAccountName={metrics}&storageAccountName={storage}"
    );
    let (_, started) = world.json(Method::POST, &path, &analysis).await;
    let id = started["canaryAnalysisExecutionId"].as_str().unwrap();
    let report = world
        .complete(&format!("/standalone_canary_analysis/{id}"))
        .await;
    assert_eq!(report["canaryConfig"]["name"], "referee");
    let runs = &report["canaryAnalysisExecutionResult"]["canaryExecutionResults"];
    let pairs = runs[1]["metricSetPairListId"].as_str().unwrap();
    assert!(
        world
            .get(&format!("/metricSetPairList/{pairs}"))
            .await
            .is_array()
    );
    assert!(
        world
            .get(&format!(
                "/canary/{}",
                runs[0]["executionId"].as_str().unwrap()
            ))
            .await["complete"]
            == true
    );
}

/// The Azure DevOps gate polls one JSONPath; spin's and Terraform's calls come through gate.
#[tokio::test(flavor = "multi_thread")]
async fn azure_devops_gate_and_spin() {
    let world = World::new().await;
    // `spin canary canary-config save`, then `retro`: a stored config run over the past.
    let mut with_id = config("spin");
    with_id["id"] = json!("my-config");
    let (status, stored) = world.json(Method::POST, "/canaryConfig", &with_id).await;
    assert_eq!(
        (status, stored),
        (200, json!({"canaryConfigId": "my-config"}))
    );
    let (status, again) = world.json(Method::POST, "/canaryConfig", &with_id).await;
    assert_eq!(status, 400);
    assert_eq!(
        again["message"],
        "Canary config 'my-config' already exists."
    );
    let request = json!({
        "scopes": [{
            "scopeName": "default", "controlScope": "baseline", "experimentScope": "canary",
            "startTimeIso": START, "endTimeIso": END, "step": 60,
        }],
        "thresholds": {"pass": 95, "marginal": 75},
    });
    let (status, started) = world
        .json(
            Method::POST,
            "/standalone_canary_analysis/my-config?application=shop",
            &request,
        )
        .await;
    assert_eq!(status, 200, "{started}");
    let id = started["canaryAnalysisExecutionId"].as_str().unwrap();
    let gate = world
        .complete(&format!("/standalone_canary_analysis/{id}"))
        .await;
    let path = "/canaryAnalysisExecutionResult/canaryExecutionResults/0/result/judgeResult/score/classification";
    assert_eq!(gate.pointer(path), Some(&json!("Pass")));
    assert_eq!(gate["canaryConfigId"], "my-config");
}

use serde_json::{Value, json};

use crate::fixture::{config, service};

/// C-API-01.
#[tokio::test]
async fn a_config_is_stored_read_listed_changed_and_removed() {
    let service = service();
    let created = service.json("POST", "/canaryConfig", &config("one")).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let id = created.json()["canaryConfigId"]
        .as_str()
        .unwrap()
        .to_owned();

    let loaded = service.get(&format!("/canaryConfig/{id}")).await;
    assert_eq!(loaded.status, 200);
    assert_eq!(loaded.header("content-type"), Some("application/json"));
    assert_eq!(loaded.json()["name"], "one");
    assert_eq!(loaded.json()["applications"][0], "app");
    assert_eq!(loaded.json()["id"], json!(id));

    let again = service.json("POST", "/canaryConfig", &config("one")).await;
    assert_eq!(again.status, 400);
    assert_eq!(
        again.message(),
        "Canary config with name 'one' already exists in the scope of applications [app]."
    );

    let listed = service.get("/canaryConfig?application=app").await;
    assert_eq!(listed.json()[0]["id"], json!(id));
    assert_eq!(
        service.get("/canaryConfig?application=other").await.json(),
        json!([])
    );

    let changed = service
        .json("PUT", &format!("/canaryConfig/{id}"), &config("two"))
        .await;
    assert_eq!(changed.json(), json!({"canaryConfigId": id}));
    let loaded = service.get(&format!("/canaryConfig/{id}")).await;
    assert_eq!(loaded.json()["name"], "two", "the newest version is read");
    assert_eq!(
        loaded.json()["metrics"][0]["query"]["serviceType"],
        "prometheus"
    );

    let removed = service
        .call("DELETE", &format!("/canaryConfig/{id}"), &[])
        .await;
    assert_eq!(removed.status, 204);
    assert_eq!(removed.text, "");
    assert_eq!(
        service.get(&format!("/canaryConfig/{id}")).await.status,
        404
    );
    let again = service
        .call("DELETE", &format!("/canaryConfig/{id}"), &[])
        .await;
    assert_eq!(again.status, 400);
    let missing = service
        .json("PUT", &format!("/canaryConfig/{id}"), &config("two"))
        .await;
    assert_eq!(missing.status, 400);
    assert_eq!(
        missing.message(),
        format!("Canary config '{id}' does not exist.")
    );
}

#[tokio::test]
async fn configs_that_cannot_be_are_400() {
    let service = service();
    let mut nameless = config("x");
    nameless.as_object_mut().unwrap().remove("name");
    let answer = service.json("POST", "/canaryConfig", &nameless).await;
    assert_eq!(answer.message(), "Canary config must specify a name.");
    let mut twice = config("twice");
    let metric = twice["metrics"][0].clone();
    twice["metrics"].as_array_mut().unwrap().push(metric);
    let answer = service.json("POST", "/canaryConfig", &twice).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().ends_with("'errors' is duplicated."));
}

#[tokio::test]
async fn metric_name_checks_can_be_switched_off() {
    let mut lax = crate::fixture::options();
    lax.validate_metric_names = false;
    let service = crate::fixture::service_with(lax, Vec::new());
    let mut twice = config("twice");
    let metric = twice["metrics"][0].clone();
    twice["metrics"].as_array_mut().unwrap().push(metric);
    let answer = service.json("POST", "/canaryConfig", &twice).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn ids_keep_their_dots() {
    let service = service();
    let mut dotted = config("dotted");
    dotted["id"] = json!("a.b.json");
    let answer = service.json("POST", "/canaryConfig", &dotted).await;
    assert_eq!(answer.json(), json!({"canaryConfigId": "a.b.json"}));
    assert_eq!(service.get("/canaryConfig/a.b.json").await.status, 200);
}

#[tokio::test]
async fn c_api_29_dropped_fields_of_metrics_are_named_and_every_problem_is_listed_on_request() {
    let service = service();
    let mut written = config("misspelt");
    written["metrics"][0]["scope"] = json!("default");
    written["surprise"] = json!(1);
    written["classifier"] = json!({"groupWeights": {"nobody": 50}});
    let plain = service.json("POST", "/canaryConfig", &written).await.json();
    let warnings = plain["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{plain}");
    assert_eq!(
        warnings[0],
        "metrics[0].scope: a metric has no field 'scope', so it has no effect; did you mean 'scopeName'?"
    );
    assert_eq!(plain.get("problems"), None);

    let id = plain["canaryConfigId"].as_str().unwrap();
    let path = format!("/canaryConfig/{id}?problems=true");
    let asked = service.json("PUT", &path, &written).await.json();
    let pointers: Vec<&str> = asked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["pointer"].as_str().unwrap())
        .collect();
    for pointer in [
        "/surprise",
        "/metrics/0/scope",
        "/classifier/groupWeights/nobody",
    ] {
        assert!(pointers.contains(&pointer), "{pointer}: {asked}");
    }
}

/// C-API-22: what a query has that means nothing is reported wherever a config can be sent.
#[tokio::test]
async fn unknown_fields_of_a_query_are_warned_of_by_every_request_that_takes_a_config() {
    let service = service();
    let warned = |answer: &Value, fields: &[&str]| {
        let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
        let texts: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
        assert_eq!(texts.len(), fields.len(), "{answer}");
        for (text, field) in texts.iter().zip(fields) {
            let start = format!("metrics{field}: ");
            assert!(
                text.starts_with(&start) && text.contains("has no effect"),
                "{answer}"
            );
        }
    };
    let mut odd = config("odd");
    odd["metrics"][0]["query"]["metricNam"] = json!("up");
    let mut two = odd.clone();
    let mut other = odd["metrics"][0].clone();
    other["name"] = json!("other");
    other["query"] = json!({"type": "signalfx", "queryPairs": [{"keyy": "a"}]});
    two["metrics"].as_array_mut().unwrap().push(other);
    let both = ["[0].query.metricNam", "[1].query.queryPairs[0].keyy"];

    let created = service.json("POST", "/canaryConfig", &two).await.json();
    warned(&created, &both);
    let id = created["canaryConfigId"].as_str().unwrap();
    let path = format!("/canaryConfig/{id}");
    warned(&service.json("PUT", &path, &two).await.json(), &both);
    let kept = service.get(&path).await.json();
    assert!(!kept.to_string().contains("metricNam\""), "{kept}");

    let scope = |scope: &str| json!({"scope": scope, "start": "2024-01-01T00:00:00Z", "end": "2024-01-01T01:00:00Z", "step": 60});
    let run = json!({
        "canaryConfig": odd,
        "executionRequest": {
            "scopes": {"default": {"controlScope": scope("a"), "experimentScope": scope("b")}},
            "thresholds": {"pass": 95, "marginal": 75},
        },
    });
    warned(
        &service.json("POST", "/canary", &run).await.json(),
        &both[..1],
    );
    let analysis = json!({
        "canaryConfig": odd,
        "executionRequest": {
            "scopes": [{
                "scopeName": "default", "controlScope": "a", "experimentScope": "b", "step": 60,
                "startTimeIso": "2024-01-01T00:00:00Z", "endTimeIso": "2024-01-01T01:00:00Z",
            }],
            "thresholds": {"pass": 95, "marginal": 75},
        },
    });
    let path = "/standalone_canary_analysis";
    warned(
        &service.json("POST", path, &analysis).await.json(),
        &both[..1],
    );

    let right = service
        .json("POST", "/canaryConfig", &config("right"))
        .await;
    assert_eq!(right.json().get("warnings"), None);
}

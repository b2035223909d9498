use serde_json::json;

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

use serde_json::json;

use crate::fixture::{options, service, service_with};

#[tokio::test]
async fn metric_sets_are_kept_with_their_odd_values() {
    let service = service();
    let sets = json!([{
        "name": "m", "tags": {}, "startTimeMillis": 0, "endTimeMillis": 0, "stepMillis": 60000,
        "values": [1.0, "NaN", "-Infinity", 1e10],
    }]);
    let stored = service.json("POST", "/metricSetList", &sets).await;
    assert_eq!(stored.status, 200);
    let id = stored.json()["metricSetListId"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/metricSetList/{id}");
    assert_eq!(service.get(&path).await.json(), sets);
    let listed = service.get("/metricSetList").await.json();
    assert_eq!(listed[0]["id"], json!(id));
    assert!(listed[0]["updatedTimestamp"].is_i64());
    assert_eq!(service.call("DELETE", &path, &[]).await.status, 204);
    assert_eq!(service.get(&path).await.status, 404);
    assert_eq!(service.call("DELETE", &path, &[]).await.status, 400);
    let answer = service.json("POST", "/metricSetList", &json!({})).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn one_pair_of_a_list_can_be_asked_for() {
    let service = service();
    let pairs = json!([{"name": "a", "id": "p1"}, {"name": "b", "id": "p2"}]);
    let stored = service
        .json(
            "POST",
            "/metricSetPairList?accountName=canary-storage",
            &pairs,
        )
        .await;
    let id = stored.json()["metricSetPairListId"]
        .as_str()
        .unwrap()
        .to_owned();
    let pair = service.get(&format!("/metricSetPairList/{id}/p2")).await;
    assert_eq!(pair.json()["name"], "b");
    let missing = service.get(&format!("/metricSetPairList/{id}/p3")).await;
    assert_eq!(missing.status, 404);
    assert!(
        missing.message().contains("has no pair p3"),
        "{}",
        missing.text
    );
    let missing = service.get("/metricSetPairList/none/p3").await;
    assert_eq!(missing.status, 404);
    assert!(!missing.message().is_empty());
    assert_eq!(
        service.get("/metricSetPairList").await.json()[0]["id"],
        json!(id)
    );
}

#[tokio::test]
async fn bodies_of_megabytes_pass() {
    let service = service();
    let values: Vec<f64> = (0..400_000).map(|i| f64::from(i) + 0.125).collect();
    let sets = json!([{"name": "big", "values": values}]);
    let stored = service.json("POST", "/metricSetList", &sets).await;
    assert_eq!(stored.status, 200);
    let id = stored.json()["metricSetListId"]
        .as_str()
        .unwrap()
        .to_owned();
    let loaded = service.get(&format!("/metricSetList/{id}")).await;
    assert_eq!(
        loaded.json()[0]["values"].as_array().unwrap().len(),
        400_000
    );
}

#[tokio::test]
async fn results_are_archived_by_hand() {
    let service = service();
    let result = json!({"complete": true, "status": "succeeded", "application": "app"});
    let path = "/canaryResultArchive";
    let stored = service
        .json("POST", &format!("{path}?pipelineId=r1"), &result)
        .await;
    assert_eq!(stored.json(), json!({"pipelineId": "r1"}));
    let again = service
        .json("POST", &format!("{path}?pipelineId=r1"), &result)
        .await;
    assert_eq!(again.status, 400);
    assert_eq!(
        again.message(),
        "Archived canary result 'r1' already exists."
    );
    assert_eq!(service.get("/canaryResultArchive/r1").await.json(), result);
    assert_eq!(service.get("/canary/r1").await.json(), result);
    let changed = json!({"complete": true, "status": "terminal"});
    let answer = service
        .json("PUT", "/canaryResultArchive/r1", &changed)
        .await;
    assert_eq!(answer.json(), json!({"pipelineId": "r1"}));
    assert_eq!(
        service.get("/canaryResultArchive/r1").await.json()["status"],
        "terminal"
    );
    let missing = service
        .json("PUT", "/canaryResultArchive/r2", &changed)
        .await;
    assert_eq!(missing.status, 400);
    assert_eq!(
        missing.message(),
        "Archived canary result 'r2' does not exist."
    );
    assert_eq!(service.get(path).await.json()[0]["id"], "r1");
    let removed = service.call("DELETE", "/canaryResultArchive/r1", &[]).await;
    assert_eq!(removed.status, 204);
    let drawn = service.json("POST", path, &result).await;
    assert_eq!(drawn.json()["pipelineId"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn accounts_and_judges_are_reported() {
    let service = service();
    let accounts = service.get("/credentials").await.json();
    let names: Vec<_> = accounts
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["canary-prometheus", "wave", "canary-storage"]);
    assert_eq!(accounts[0]["endpoint"]["baseUrl"], "http://prometheus:9090");
    assert_eq!(
        service.get("/metricsServices").await.text,
        r#"[{"name":"canary-prometheus","type":"prometheus","recommendedLocations":[],"locations":[]}]"#
    );
    assert_eq!(
        service.get("/judges").await.json()[0],
        json!({"name": "NetflixACAJudge-v1.0", "visible": true})
    );
    let found = service.get("/metadata/metricsService?filter=HTTP").await;
    assert_eq!(found.json(), json!([{"name": "http_requests_total"}]));
}

#[tokio::test]
async fn c_meta_01_a_kept_list_of_metrics_says_its_age() {
    let found = service().get("/metadata/metricsService").await;
    assert_eq!(found.headers["age"], "90");
}

#[tokio::test]
async fn an_account_can_be_forgotten_if_that_is_switched_on() {
    let service = service();
    let answer = service.call("DELETE", "/credentials/nobody", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    let answer = service
        .call("DELETE", "/credentials/canary-storage", &[])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        service.get("/canaryConfig").await.message(),
        "Unable to resolve account of type CONFIGURATION_STORE."
    );

    let mut guarded = options();
    guarded.credentials_delete_enabled = false;
    let service = service_with(guarded, Vec::new());
    let answer = service
        .call("DELETE", "/credentials/canary-storage", &[])
        .await;
    assert_eq!(answer.status, 404);
}

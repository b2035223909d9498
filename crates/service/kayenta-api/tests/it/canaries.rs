use std::sync::Arc;

use kayenta_testkit::eventually;
use serde_json::json;

use crate::fixture::{
    Away, PATIENCE, Service, complete, config, execution_request, options, service, service_on,
};

async fn start_adhoc(service: &Service, experiment: &str) -> String {
    let body = json!({
        "canaryConfig": config("adhoc"),
        "executionRequest": execution_request(experiment),
    });
    let answer = service.json("POST", "/canary", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["canaryExecutionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_ad_hoc_run_is_judged() {
    let service = service();
    let id = start_adhoc(&service, "good").await;
    let run = complete(&service, &format!("/canary/{id}")).await;
    assert_eq!(run["status"], "succeeded", "{}", run["exception"]);
    assert_eq!(run["application"], "ad-hoc");
    assert_eq!(run["result"]["judgeResult"]["score"]["score"], 100.0);
    assert_eq!(run["result"]["canaryDuration"], "PT1H");
    let pairs = run["metricSetPairListId"].as_str().unwrap();
    let pairs = service.get(&format!("/metricSetPairList/{pairs}")).await;
    assert_eq!(pairs.json()[0]["name"], "errors");

    let id = start_adhoc(&service, "bad").await;
    let run = complete(&service, &format!("/canary/{id}")).await;
    assert_eq!(
        run["result"]["judgeResult"]["score"]["classification"],
        "Fail"
    );

    let listed = service.get("/canary/executions?statuses=Succeeded").await;
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    assert_eq!(listed.json()[0]["pipelineId"], json!(id), "newest first");
    let second = service.get("/canary/executions?limit=1&page=2").await;
    assert_ne!(second.json()[0]["pipelineId"], json!(id));
    assert_eq!(
        service.get("/canary/executions?limit=0").await.json(),
        json!([])
    );
}

#[tokio::test]
async fn a_stored_config_runs_under_its_id_even_if_that_is_executions() {
    let service = service();
    let mut stored = config("stored");
    stored["id"] = json!("executions");
    assert_eq!(
        service.json("POST", "/canaryConfig", &stored).await.status,
        200
    );
    let answer = service
        .json(
            "POST",
            "/canary/executions?application=app",
            &execution_request("good"),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["canaryExecutionId"].clone();
    let run = complete(&service, &format!("/canary/{}", id.as_str().unwrap())).await;
    assert_eq!(run["canaryConfigId"], "executions");
    assert_eq!(run["configurationAccountName"], "canary-storage");
}

#[tokio::test]
async fn requests_that_cannot_run_are_400_with_the_references_words() {
    let service = service();
    for (body, message) in [
        (
            json!({"executionRequest": execution_request("good")}),
            "canaryConfig must be provided for ad-hoc requests",
        ),
        (
            json!({"canaryConfig": config("x")}),
            "executionRequest must be provided for ad-hoc requests",
        ),
        (
            json!({"canaryConfig": config("x"), "executionRequest": {}}),
            "Canary metrics require scopes, but no scopes were provided in the execution request.",
        ),
    ] {
        let answer = service.json("POST", "/canary", &body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.message(), message);
    }
    let answer = service
        .json("POST", "/canary/none", &execution_request("good"))
        .await;
    assert_eq!(answer.status, 404);
    let answer = service.get("/canary/01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    assert_eq!(answer.status, 404);
    assert!(!answer.message().is_empty());
}

#[tokio::test]
async fn an_analysis_ends_with_a_verdict() {
    let service = service();
    let body = json!({
        "canaryConfig": config("analysed"),
        "executionRequest": {
            "scopes": [{
                "controlScope": "good", "experimentScope": "good", "scopeName": "default",
                "startTimeIso": "2024-01-01T00:00:00Z", "endTimeIso": "2024-01-01T01:00:00Z",
            }],
            "thresholds": {"pass": "95", "marginal": "75"},
            "analysisIntervalMins": 30,
        },
    });
    let answer = service
        .json("POST", "/standalone_canary_analysis?user=me", &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["canaryAnalysisExecutionId"].clone();
    let path = format!("/standalone_canary_analysis/{}", id.as_str().unwrap());
    let analysis = complete(&service, &path).await;
    assert_eq!(analysis["executionStatus"], "SUCCEEDED");
    assert_eq!(analysis["status"], "succeeded");
    assert_eq!(analysis["user"], "me");
    let result = &analysis["canaryAnalysisExecutionResult"];
    assert_eq!(result["canaryScores"], json!([100.0, 100.0]));
    assert_eq!(result["didPassThresholds"], true);
}

#[tokio::test]
async fn analyses_can_be_switched_off() {
    let mut without = crate::fixture::options();
    without.scape_enabled = false;
    let service = crate::fixture::service_with(without, Vec::new());
    let answer = service
        .json("POST", "/standalone_canary_analysis", &json!({}))
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"], "Not Found");
}

#[tokio::test]
async fn executions_are_listed_shown_canceled_and_forgotten() {
    let service = service();
    let id = start_adhoc(&service, "good").await;
    complete(&service, &format!("/canary/{id}")).await;
    assert!(
        service
            .get("/pipelines")
            .await
            .json()
            .as_array()
            .unwrap()
            .contains(&json!(id))
    );
    let raw = service.get(&format!("/pipelines/{id}")).await.json();
    assert_eq!(raw["type"], "PIPELINE");
    let canceled = service
        .raw(
            "PUT",
            &format!("/pipelines/{id}/cancel"),
            "application/json",
            "\"\"",
        )
        .await;
    assert_eq!(canceled.status, 202);
    assert_eq!(canceled.text, "");
    let path = format!("/pipelines/{id}");
    assert_eq!(service.call("DELETE", &path, &[]).await.status, 200);
    let gone = service.call("DELETE", &path, &[]).await;
    assert_eq!(gone.status, 404);
    assert_eq!(gone.message(), format!("No pipeline found for {id}"));
    let answer = service.call("PUT", "/pipelines/none/cancel", &[]).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn deleting_a_live_execution_is_401_without_a_body() {
    let service = service();
    let body = json!({
        "canaryConfig": config("waiting"),
        "executionRequest": {
            "scopes": [{"controlScope": "good", "experimentScope": "good"}],
            "thresholds": {"pass": 95, "marginal": 75},
            "lifetimeDurationMins": 60,
        },
    });
    let answer = service
        .json("POST", "/standalone_canary_analysis", &body)
        .await;
    let id = answer.json()["canaryAnalysisExecutionId"].clone();
    let path = format!("/pipelines/{}", id.as_str().unwrap());
    let answer = service.call("DELETE", &path, &[]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.text, "");
    let answer = service.call("PUT", &format!("{path}/cancel"), &[]).await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn stored_pairs_are_judged_again() {
    let service = service();
    let mut stored = config("stored");
    stored["id"] = json!("c");
    service.json("POST", "/canaryConfig", &stored).await;
    let id = start_adhoc(&service, "good").await;
    let run = complete(&service, &format!("/canary/{id}")).await;
    let pairs = run["metricSetPairListId"].as_str().unwrap();
    let query = format!(
        "canaryConfigId=c&metricSetPairListId={pairs}&passThreshold=95&marginalThreshold=75"
    );
    let answer = service
        .call("POST", &format!("/judges/judge?{query}"), &[])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["score"]["score"], 100.0);
    // The same as an HTML form.
    let answer = service
        .raw(
            "POST",
            "/judges/judge",
            "application/x-www-form-urlencoded",
            &query,
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);

    let answer = service
        .call("POST", &format!("/judges/comparison?{query}"), &[])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["canaryExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/judges/comparison/{id}");
    let body = eventually("the comparison ends", PATIENCE, async || {
        let body = service.get(&path).await.json();
        if body == json!({}) {
            Err(body)
        } else {
            Ok(body)
        }
    })
    .await;
    let result = &body["comparisonResult"];
    assert_eq!(result["judge1Result"], result["judge2Result"]);
    assert_eq!(result["judge1Result"]["score"]["score"], 100.0);
}

#[tokio::test]
async fn executions_of_all_applications_are_listed_newest_first_page_by_page() {
    let service = service();
    let mut ids = Vec::new();
    for (application, experiment) in [("shop", "good"), ("cart", "bad"), ("shop", "bad")] {
        let body = json!({
            "canaryConfig": config("listed"),
            "executionRequest": execution_request(experiment),
        });
        let path = format!("/canary?application={application}");
        let id = service.json("POST", &path, &body).await.json()["canaryExecutionId"].clone();
        complete(&service, &format!("/canary/{}", id.as_str().unwrap())).await;
        ids.insert(0, id);
    }
    let listed = async |query: &str| {
        let answer = service.get(&format!("/executions?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        answer.json()
    };
    let ids_of = |page: &serde_json::Value| -> Vec<serde_json::Value> {
        let executions = page["executions"].as_array().unwrap();
        executions
            .iter()
            .map(|execution| execution["id"].clone())
            .collect()
    };
    let all = listed("").await;
    assert_eq!(ids_of(&all), ids);
    let newest = &all["executions"][0];
    for (field, value) in [
        ("kind", json!("run")),
        ("application", json!("shop")),
        ("status", json!("SUCCEEDED")),
        ("configName", json!("listed")),
        ("verdict", json!("Fail")),
    ] {
        assert_eq!(newest[field], value, "{newest}");
    }
    for (query, expected) in [
        ("applications=shop", vec![0, 2]),
        ("applications=cart,none", vec![1]),
        ("verdicts=fail", vec![0, 1]),
        ("verdicts=Pass&applications=shop", vec![2]),
        ("configs=other", vec![]),
        ("statuses=running", vec![]),
        ("kinds=analysis", vec![]),
        ("kinds=run,comparison&search=CART", vec![1]),
        ("to=1970-01-01T00:00:00Z", vec![]),
        ("from=0", vec![0, 1, 2]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|index: usize| ids[index].clone())
            .collect();
        assert_eq!(ids_of(&listed(query).await), expected, "{query}");
    }
    let mut paged = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = listed(&query).await;
        paged.extend(ids_of(&page));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!(paged, ids);
    for wrong in [
        "cursor=x",
        "statuses=nope",
        "kinds=nope",
        "from=yesterday",
        "limit=abc",
    ] {
        assert_eq!(
            service.get(&format!("/executions?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn while_records_cannot_be_read_finished_runs_come_from_the_archive_and_nothing_is_accepted()
{
    let service = service_on(Some(Arc::new(Away)), options(), Vec::new());
    let document = crate::fixture::document();
    let example = |path: &str| {
        let content = &document["paths"][path]["post"]["requestBody"]["content"];
        content["application/json"]["example"].clone()
    };
    let archived = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF";
    let stored = service
        .json(
            "POST",
            &format!("/canaryResultArchive?pipelineId={archived}"),
            &example("/canaryResultArchive"),
        )
        .await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    let run = service.get(&format!("/canary/{archived}")).await;
    assert_eq!(run.status, 200, "{}", run.text);
    assert_eq!(run.json()["complete"], true);

    let another = service.get("/canary/01HKZ0Q8M4J0W6T3V9Y2C5B7DG").await;
    assert_eq!(another.status, 503, "{}", another.text);
    for path in ["/canary", "/standalone_canary_analysis"] {
        let refused = service.json("POST", path, &example(path)).await;
        assert_eq!(refused.status, 503, "{path}: {}", refused.text);
    }
}

//! What holds for every route, asked of every route there is.

use kayenta_testkit::eventually;
use serde_json::{Value, json};

use crate::fixture::{PATIENCE, Service, complete, config, execution_request, service};

/// Method, path with its parameters filled in, and whether it is a management endpoint.
async fn every_operation(service: &Service) -> Vec<(String, String, bool)> {
    let document = service.get("/v3/api-docs").await.json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let filled: Vec<&str> = path
                .split('/')
                .map(|part| {
                    if part.starts_with('{') {
                        "nothing"
                    } else {
                        part
                    }
                })
                .collect();
            let management = operation["tags"][0] == "management";
            all.push((method.to_uppercase(), filled.join("/"), management));
        }
    }
    assert!(all.len() > 45, "{}", all.len());
    all
}

#[tokio::test]
async fn every_route_answers_options_and_refuses_what_it_does_not_have() {
    let service = service();
    let operations = every_operation(&service).await;
    for (_, path, _) in &operations {
        let declared: Vec<&str> = ["GET", "POST", "PUT", "DELETE"]
            .into_iter()
            .filter(|method| operations.iter().any(|(m, p, _)| m == method && p == path))
            .collect();
        let options = service.call("OPTIONS", path, &[]).await;
        assert_eq!(options.status, 200, "OPTIONS {path}");
        assert_eq!(options.text, "", "OPTIONS {path}");
        let allow = options.header("allow").unwrap();
        assert!(allow.ends_with(",OPTIONS"), "{path}: {allow}");
        assert_eq!(
            allow.contains("HEAD"),
            declared.contains(&"GET"),
            "{path}: {allow}"
        );

        let refused = service.call("PATCH", path, &[]).await;
        assert_eq!(refused.status, 405, "PATCH {path}");
        assert_eq!(
            refused.header("allow"),
            Some(declared.join(",").as_str()),
            "{path}"
        );
        assert!(refused.message().contains("PATCH"), "{path}");
        if !declared.contains(&"GET") {
            assert_eq!(
                service.call("HEAD", path, &[]).await.status,
                405,
                "HEAD {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_get_answers_head_a_trailing_slash_and_only_those_who_take_json() {
    let service = service();
    for (method, path, management) in every_operation(&service).await {
        if method == "GET" {
            let get = service.get(&path).await;
            assert!(!get.status.is_server_error(), "{path}: {}", get.text);
            let head = service.call("HEAD", &path, &[]).await;
            assert_eq!(head.status, get.status, "HEAD {path}");
            assert_eq!(head.text, "", "HEAD {path}");
            assert_eq!(
                service.get(&format!("{path}/")).await.status,
                get.status,
                "{path}/"
            );
        }
        if !management {
            let answer = service
                .call(&method, &path, &[("accept", "text/html")])
                .await;
            assert_eq!(answer.status, 406, "{method} {path}");
            assert!(answer.message().contains("Accept"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_body_must_be_json_and_whole() {
    let service = service();
    let document = service.get("/v3/api-docs").await.json();
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"].is_null() || operation["tags"][0] == "management" {
                continue;
            }
            routes += 1;
            let path = path.replace("{id}", "x").replace(['{', '}'], "");
            let method = method.to_uppercase();
            let text = service.raw(&method, &path, "text/plain", "{}").await;
            assert_eq!(text.status, 415, "{method} {path}");
            assert_eq!(text.header("accept"), Some("application/json"));
            assert!(text.message().contains("text/plain"), "{method} {path}");
            let untyped = service.call(&method, &path, &[]).await;
            assert_eq!(untyped.status, 415, "{method} {path} without a type");
            for body in ["", "null", "{\"a\":", "7", "\"text\""] {
                let answer = service.raw(&method, &path, "application/json", body).await;
                assert_eq!(
                    answer.status, 400,
                    "{method} {path} {body}: {}",
                    answer.text
                );
                assert!(!answer.message().is_empty());
            }
        }
    }
    assert!(routes >= 10, "{routes}");
}

#[tokio::test]
async fn empty_parameters_are_absent_ones() {
    let service = service();
    for path in [
        "/canaryConfig?configurationAccountName=&application=",
        "/canary/executions?application=&limit=&page=&statuses=&storageAccountName=",
        "/metricSetList?accountName=",
        "/metricSetPairList?accountName=",
        "/canaryResultArchive?storageAccountName=",
        "/metadata/metricsService?metricsAccountName=&filter=",
        "/judges?nobodyKnowsThis=1",
    ] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    let body = json!({"canaryConfig": config("c"), "executionRequest": execution_request("good")});
    let path =
        "/canary?metricsAccountName=&storageAccountName=&application=&parentPipelineExecutionId=";
    let started = service.json("POST", path, &body).await;
    assert_eq!(started.status, 200, "{}", started.text);
    let id = started.json()["canaryExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let status = service
        .get(&format!("/canary/{id}?storageAccountName="))
        .await
        .json();
    assert_eq!(status["metricsAccountName"], "canary-prometheus");
    assert_eq!(status["storageAccountName"], "canary-storage");
}

#[tokio::test]
async fn c_api_18_an_unknown_account_comes_with_the_ones_there_are() {
    let service = service();
    let answer = service
        .get("/canaryConfig?configurationAccountName=nope")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({"message": "Unable to resolve account nope.", "knownAccounts": ["canary-storage"]})
    );
    let body = json!({"canaryConfig": config("c"), "executionRequest": execution_request("good")});
    let answer = service
        .json("POST", "/canary?metricsAccountName=nope", &body)
        .await;
    assert_eq!(answer.json()["knownAccounts"], json!(["canary-prometheus"]));
    // Other mistakes have nothing to do with accounts.
    let answer = service.json("POST", "/canary", &json!({})).await;
    assert!(answer.json().get("knownAccounts").is_none());
}

#[tokio::test]
async fn a_removed_account_is_gone_and_removing_it_again_is_200() {
    let service = service();
    for _ in 0..2 {
        let answer = service
            .call("DELETE", "/credentials/canary-prometheus", &[])
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text, "");
    }
    let credentials = service.get("/credentials").await.json();
    let names: Vec<&Value> = credentials
        .as_array()
        .unwrap()
        .iter()
        .map(|account| &account["name"])
        .collect();
    assert!(!names.contains(&&json!("canary-prometheus")), "{names:?}");
    let answer = service
        .get("/metadata/metricsService?metricsAccountName=canary-prometheus")
        .await;
    assert_eq!(
        answer.message(),
        "Unable to resolve account canary-prometheus."
    );
}

#[tokio::test]
async fn an_execution_is_shown_in_the_references_shape() {
    let service = service();
    let body = json!({"canaryConfig": config("c"), "executionRequest": execution_request("good")});
    let started = service
        .json("POST", "/canary?application=shop", &body)
        .await
        .json();
    let id = started["canaryExecutionId"].as_str().unwrap().to_owned();
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
    let pipeline = service.get(&format!("/pipelines/{id}")).await.json();
    assert_eq!(pipeline["type"], "PIPELINE");
    assert_eq!(pipeline["id"], json!(id));
    assert_eq!(pipeline["application"], "shop");
    assert_eq!(
        pipeline["pipelineConfigId"],
        "shop-standard-canary-pipeline"
    );
    assert_eq!(pipeline["status"], "SUCCEEDED");
    assert_eq!(pipeline["canceled"], false);
    assert!(pipeline["startTime"].is_i64() && pipeline["endTime"].is_i64());
    assert_eq!(pipeline["trigger"]["type"], "none");
    let stages = pipeline["stages"].as_array().unwrap();
    for stage in stages {
        for field in [
            "id",
            "refId",
            "type",
            "name",
            "status",
            "context",
            "requisiteStageRefIds",
        ] {
            assert!(stage.get(field).is_some(), "{field} in {stage}");
        }
    }
    let by_ref = |name: &str| stages.iter().find(|stage| stage["refId"] == name).unwrap();
    assert_eq!(
        by_ref("judge")["requisiteStageRefIds"],
        json!(["mixMetrics"])
    );
    assert!(by_ref("mixMetrics")["outputs"]["metricSetPairListId"].is_string());

    assert_eq!(
        service
            .call("PUT", &format!("/pipelines/{id}/cancel"), &[])
            .await
            .status,
        202
    );
    assert_eq!(
        service
            .call("DELETE", &format!("/pipelines/{id}"), &[])
            .await
            .status,
        200
    );
    for (method, path) in [
        ("GET", format!("/pipelines/{id}")),
        ("DELETE", format!("/pipelines/{id}")),
        ("PUT", format!("/pipelines/{id}/cancel")),
    ] {
        let answer = service.call(method, &path, &[]).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.message(), format!("No pipeline found for {id}"));
    }
}

#[tokio::test]
async fn two_judges_are_compared_and_a_wrong_one_is_reported() {
    let service = service();
    let stored = service
        .json("POST", "/canaryConfig", &config("c"))
        .await
        .json();
    let config_id = stored["canaryConfigId"].as_str().unwrap().to_owned();
    let started = service
        .json(
            "POST",
            &format!("/canary/{config_id}"),
            &execution_request("bad"),
        )
        .await
        .json();
    let run = started["canaryExecutionId"].as_str().unwrap().to_owned();
    let status = complete(&service, &format!("/canary/{run}")).await;
    let pairs = status["metricSetPairListId"].as_str().unwrap();
    let compare = |judge: &str| {
        format!(
            "/judges/comparison?canaryConfigId={config_id}&metricSetPairListId={pairs}\
             &passThreshold=95&marginalThreshold=75&overrideCanaryJudge2={judge}"
        )
    };
    let compared = async |judge: &str| -> Value {
        let started = service.call("POST", &compare(judge), &[]).await;
        assert_eq!(started.status, 200, "{}", started.text);
        let id = started.json()["canaryExecutionId"]
            .as_str()
            .unwrap()
            .to_owned();
        let comparison = eventually("the comparison ends", PATIENCE, async || {
            let answer = service.get(&format!("/judges/comparison/{id}")).await;
            assert_eq!(answer.status, 200);
            if answer.text == "{}" {
                Err(answer.text)
            } else {
                Ok(answer.json())
            }
        })
        .await;
        // A comparison is no canary run.
        assert_eq!(service.get(&format!("/canary/{id}")).await.status, 400);
        comparison
    };
    let both = compared("NetflixACAJudge-v1.0").await;
    let score = |number: u8| {
        both["comparisonResult"][format!("judge{number}Result")]["score"]["classification"].clone()
    };
    assert_eq!((score(1), score(2)), (json!("Fail"), json!("Fail")));
    let failed = compared("nobody").await;
    assert!(failed.get("comparisonResult").is_none());
    let errors = &failed["exceptions"]["Perform Analysis with Judge 2"]["details"]["errors"];
    assert_eq!(errors[0], "Unable to resolve canary judge 'nobody'.");

    assert_eq!(service.get("/judges/comparison/nothing").await.status, 404);
    assert_eq!(
        service
            .get(&format!("/judges/comparison/{run}"))
            .await
            .status,
        400
    );
    let answer = service.call("POST", "/judges/comparison", &[]).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.message().contains("canaryConfigId"),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn depth_and_size_of_bodies_are_bounded() {
    let service = service();
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"siteLocal\":{{\"x\":{}1{}}}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        )
    };
    for body in [deep("[", "]"), deep("{\"a\":", "}")] {
        for path in ["/canary/x", "/standalone_canary_analysis/x"] {
            let answer = service.raw("POST", path, "application/json", &body).await;
            assert_eq!(answer.status, 400, "{path}");
            assert!(
                answer.message().contains("nested too deeply"),
                "{}",
                answer.message()
            );
        }
    }
    // Depth in ignored fields does no harm.
    let ignored = deep("[", "]").replace("siteLocal", "unknown");
    let answer = service
        .raw("POST", "/canary/x", "application/json", &ignored)
        .await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    for number in ["1e999", "-1e999", "123456789012345678901234567890"] {
        let body = format!("{{\"thresholds\":{{\"pass\":{number}}}}}");
        let answer = service
            .raw("POST", "/canary/x", "application/json", &body)
            .await;
        assert!(answer.status.is_client_error(), "{number}: {}", answer.text);
        assert!(!answer.message().is_empty(), "{number}");
    }
}

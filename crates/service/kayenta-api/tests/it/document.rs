use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use crate::fixture::service;

fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../api-spec/openapi.json")
}

/// C-API-15. Regenerate with `UPDATE_OPENAPI=1 cargo test -p kayenta-api`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch for whoever runs the tests"
)]
fn the_committed_document_is_up_to_date() {
    let mut current = serde_json::to_string_pretty(&kayenta_api::document()).unwrap();
    current.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(committed(), &current).unwrap();
    }
    let committed = fs::read_to_string(committed()).unwrap();
    assert!(
        current == committed,
        "api-spec/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p kayenta-api"
    );
}

#[test]
fn every_operation_is_described_with_its_answers() {
    let document = kayenta_api::document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{what} has no summary");
            assert!(operation["tags"][0].is_string(), "{what} has no tag");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{what}: {id} is taken");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{what} never succeeds"
            );
            for placeholder in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                let name = placeholder.trim_end_matches('}');
                let described = operation["parameters"]
                    .as_array()
                    .is_some_and(|parameters| parameters.iter().any(|p| p["name"] == name));
                assert!(described, "{what}: {name} is not described");
            }
        }
    }
    assert!(ids.len() > 50, "{}", ids.len());
}

/// The schemas are written by hand; here they are held against what the model really writes.
#[test]
fn schemas_name_the_fields_the_model_writes() {
    let document = kayenta_api::document();
    let schemas = &document["components"]["schemas"];
    let fields = |schema: &str| -> BTreeSet<String> {
        schemas[schema]["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("no schema {schema}"))
            .keys()
            .cloned()
            .collect()
    };
    let written =
        |value: Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let full = include_str!("full_status.json");
    let status: kayenta_model::CanaryStatusResponse = serde_json::from_str(full).unwrap();
    let value = serde_json::to_value(&status).unwrap();
    assert_eq!(
        fields("CanaryExecutionStatusResponse"),
        written(value.clone())
    );
    assert_eq!(fields("CanaryConfig"), written(value["config"].clone()));
    assert_eq!(
        fields("MetricConfig"),
        written(value["config"]["metrics"][0].clone())
    );
    assert_eq!(
        fields("CanaryExecutionRequest"),
        written(value["canaryExecutionRequest"].clone())
    );
    assert_eq!(
        fields("CanaryScope"),
        written(value["canaryExecutionRequest"]["scopes"]["default"]["controlScope"].clone())
    );
    let judged = &value["result"]["judgeResult"];
    assert_eq!(fields("CanaryJudgeResult"), written(judged.clone()));
    assert_eq!(
        fields("AnalysisResult"),
        written(judged["results"][0].clone())
    );
    assert_eq!(fields("JudgeScore"), written(judged["score"].clone()));
    assert_eq!(
        fields("GroupScore"),
        written(judged["groupScores"][0].clone())
    );
    let analysis = kayenta_model::AnalysisScope {
        control_scope: Some(String::new()),
        control_location: Some(String::new()),
        experiment_scope: Some(String::new()),
        experiment_location: Some(String::new()),
        start_time_iso: Some(String::new()),
        end_time_iso: Some(String::new()),
        ..Default::default()
    };
    assert_eq!(
        fields("CanaryAnalysisExecutionRequestScope"),
        written(serde_json::to_value(&analysis).unwrap())
    );
}

/// Examples are documentation that lies unless it is read.
#[test]
fn examples_are_what_the_service_reads() {
    let document = kayenta_api::document();
    let example =
        |schema: &str| -> Value { document["components"]["schemas"][schema]["example"].clone() };
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let config: kayenta_model::CanaryConfig = read(example("CanaryConfig"));
    assert!(config.metrics()[0].query.is_some());
    let adhoc: kayenta_model::CanaryAdhocRequest = read(example("CanaryAdhocExecutionRequest"));
    assert!(adhoc.execution_request.unwrap().thresholds.is_some());
    let request: kayenta_model::CanaryExecutionRequest = read(example("CanaryExecutionRequest"));
    assert!(request.scopes.is_some());
    let analysis: kayenta_model::AnalysisRequest = read(example("CanaryAnalysisExecutionRequest"));
    assert_eq!(analysis.lifetime_duration_mins, Some(60));
    let status: kayenta_model::CanaryStatusResponse =
        read(example("CanaryExecutionStatusResponse"));
    assert_eq!(
        status.result.unwrap().judge_result.unwrap().total(),
        Some(100.0)
    );
    let set: kayenta_model::MetricSet = read(example("MetricSet"));
    assert!(set.values.unwrap()[1].is_nan());
    let pair: kayenta_model::MetricSetPair = read(example("MetricSetPair"));
    assert_eq!(pair.scopes.unwrap().len(), 2);
}

#[tokio::test]
async fn document_and_user_interface_are_served() {
    let service = service();
    let document = service.get("/v3/api-docs").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert!(
        document.json()["openapi"]
            .as_str()
            .unwrap()
            .starts_with('3')
    );
    assert!(document.json()["paths"]["/canaryConfig"].is_object());
    assert!(document.json()["paths"]["/fetch/datadog/query"].is_null());
    let config = service.get("/v3/api-docs/swagger-config").await;
    assert_eq!(config.json()["url"], "/v3/api-docs");
    for path in ["/swagger-ui.html", "/swagger-ui", "/swagger-ui/"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 302, "{path}");
        assert_eq!(answer.header("location"), Some("/swagger-ui/index.html"));
    }
    let page = service
        .call("GET", "/swagger-ui/index.html", &[("accept", "text/html")])
        .await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.text.contains("swagger-ui"));
    for (accepted, encoding) in [
        ("gzip, deflate", Some("gzip")),
        ("br, GZIP;q=0.5", Some("gzip")),
        ("gzip;q=0, br", None),
        ("identity", None),
    ] {
        let headers = [("accept-encoding", accepted)];
        let page = service
            .call("HEAD", "/swagger-ui/index.html", &headers)
            .await;
        assert_eq!(page.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(page.header("vary"), Some("accept-encoding"));
    }
    let initializer = service.get("/swagger-ui/swagger-initializer.js").await;
    assert!(initializer.text.contains("/v3/api-docs"));
    assert_eq!(service.get("/swagger-ui/nope.js").await.status, 404);
}

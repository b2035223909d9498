use std::collections::BTreeSet;

use serde_json::Value;

use crate::{completeness::assert_matches_schema, fixture::service};

#[test]
fn every_operation_is_described_with_its_answers() {
    let document = crate::fixture::document();
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

/// The schemas of types with a serialisation of their own, held against what they write: names, types
/// and which fields are required.
#[test]
fn schemas_of_types_with_their_own_serialisation_describe_what_they_write() {
    let document = crate::fixture::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let check = |name: &str, full: Value, least: Value| {
        let schema = &schemas[name];
        assert_eq!(names(&schema["properties"]), names(&full), "{name}");
        let required: BTreeSet<String> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| field.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(required, names(&least), "{name}");
        assert_matches_schema(name, &full, schema, schemas);
    };
    let status: kayenta_model::CanaryStatusResponse =
        serde_json::from_str(include_str!("full_status.json")).unwrap();
    check(
        "CanaryExecutionStatusResponse",
        serde_json::to_value(&status).unwrap(),
        serde_json::to_value(kayenta_model::CanaryStatusResponse::default()).unwrap(),
    );
    let text = || Some("x".to_owned());
    let analysis = kayenta_model::AnalysisStatusResponse {
        application: text(),
        user: text(),
        parent_pipeline_execution_id: text(),
        pipeline_id: text(),
        stage_status: Some(vec![kayenta_model::AnalysisStage::default()]),
        complete: true,
        execution_status: Some(kayenta_model::ExecutionStatus::Succeeded),
        exception: Some(serde_json::json!({"details": {"errors": ["x"]}})),
        canary_analysis_execution_result: Some(kayenta_model::AnalysisExecutionResult {
            canary_score_message: text(),
            ..Default::default()
        }),
        canary_analysis_execution_request: Some(kayenta_model::AnalysisRequest {
            scopes: Some(Vec::new()),
            thresholds: Some(kayenta_model::Thresholds::default()),
            ..Default::default()
        }),
        canary_config: status.config.clone(),
        canary_config_id: text(),
        build_time_millis: Some(1),
        build_time_iso: text(),
        start_time_millis: Some(1),
        start_time_iso: text(),
        end_time_millis: Some(1),
        end_time_iso: text(),
        storage_account_name: text(),
        metrics_account_name: text(),
        status: Default::default(),
    };
    check(
        "CanaryAnalysisExecutionStatusResponse",
        serde_json::to_value(&analysis).unwrap(),
        serde_json::to_value(kayenta_model::AnalysisStatusResponse::default()).unwrap(),
    );
    for set in [
        serde_json::json!({"values": [1.0, "NaN", "-Infinity"]}),
        serde_json::json!({"values": []}),
    ] {
        let set: kayenta_model::MetricSet = serde_json::from_value(set).unwrap();
        let written = serde_json::to_value(&set).unwrap();
        assert_matches_schema("MetricSet", &written, &schemas["MetricSet"], schemas);
    }
    let pair: kayenta_model::MetricSetPair =
        serde_json::from_value(schemas["MetricSetPair"]["example"].clone()).unwrap();
    check(
        "MetricSetPair",
        serde_json::to_value(&pair).unwrap(),
        serde_json::to_value(kayenta_model::MetricSetPair::default()).unwrap(),
    );
    for metric in status.config.unwrap().metrics() {
        let query = serde_json::to_value(metric.query.as_ref().unwrap()).unwrap();
        assert_matches_schema("QueryConfig", &query, &schemas["QueryConfig"], schemas);
    }
}

/// Examples are documentation that lies unless it is read.
#[test]
fn examples_are_what_the_service_reads() {
    let document = crate::fixture::document();
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

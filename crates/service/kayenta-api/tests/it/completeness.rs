//! The API document is complete: every operation, response and schema of it is checked.

use kayenta_settings::{AuthenticationSettings, BasicUser, Role};
use serde_json::{Map, Value};

use crate::fixture::{options, service, service_with};

/// Statuses whose answers have no body, as clients know them.
fn is_bodiless(operation: &str, status: &str) -> bool {
    matches!(
        (operation, status),
        // A live execution cannot be forgotten.
        ("delete /pipelines/{executionId}", "401")
            // Spring's way to say that there is no such thing.
            | (
                "get /env/{key}" | "get /metrics/{name}" | "get /health/{component}",
                "404"
            )
    )
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
}

/// The response, or the shared one it refers to.
fn resolved<'a>(response: &'a Value, document: &'a Value) -> &'a Value {
    match response["$ref"].as_str() {
        Some(reference) => {
            let name = reference.rsplit('/').next().unwrap();
            &document["components"]["responses"][name]
        }
        None => response,
    }
}

fn text<'a>(value: &'a Value, what: &str) -> &'a str {
    let text = value.as_str().unwrap_or_default();
    assert!(!text.trim().is_empty(), "{what} is missing");
    text
}

#[test]
fn every_parameter_is_described_with_its_default_or_what_absence_means() {
    let document = crate::fixture::document();
    let mut parameters = 0;
    for (what, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let what = format!("{what}, parameter {}", parameter["name"]);
            let description = text(&parameter["description"], &what);
            assert!(
                !parameter["schema"]["type"].is_null() || !parameter["schema"]["$ref"].is_null(),
                "{what} has no type"
            );
            if parameter["required"] == true {
                assert!(!parameter["example"].is_null(), "{what} has no example");
            } else {
                assert!(
                    !parameter["schema"]["default"].is_null() || description.contains("absent"),
                    "{what}: the meaning of its absence is missing"
                );
            }
            parameters += 1;
        }
    }
    assert!(parameters > 100, "{parameters}");
}

#[test]
fn every_body_is_described_with_an_example_that_matches_its_schema() {
    let document = crate::fixture::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut examples = 0;
    let mut check = |what: &str, contents: &Value| {
        let contents = contents.as_object().unwrap();
        assert!(!contents.is_empty(), "{what}");
        for (media_type, content) in contents {
            let what = format!("{what} as {media_type}");
            let example = &content["example"];
            assert!(!example.is_null(), "{what} has no example");
            assert_matches_schema(&what, example, &content["schema"], schemas);
            examples += 1;
        }
    };
    for (what, operation) in operations(&document) {
        if let Some(body) = operation.get("requestBody") {
            let what = format!("{what}, body");
            text(&body["description"], &what);
            check(&what, &body["content"]);
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let what_status = format!("{what}, {status}");
            let response = resolved(response, &document);
            text(&response["description"], &what_status);
            match response.get("content") {
                Some(contents) => check(&what_status, contents),
                None => assert!(
                    status.starts_with('2') || is_bodiless(&what, status),
                    "{what_status}: its body is not described"
                ),
            }
        }
    }
    assert!(examples > 200, "{examples}");
}

#[test]
fn every_operation_lists_the_responses_of_the_transport() {
    let document = crate::fixture::document();
    for (what, operation) in operations(&document) {
        let has = |status: &str| operation["responses"].get(status).is_some();
        assert!(has("500"), "{what}");
        assert!(has("400") || !what.contains('{'), "{what}");
        let management = operation["tags"][0] == "management";
        assert!(management || has("406"), "{what}");
        assert!(
            operation.get("requestBody").is_none() || (has("413") && has("415") && has("408")),
            "{what}"
        );
        assert!(
            what.contains("/health") || (has("401") && has("403")),
            "{what}"
        );
    }
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["bearer", "basic"]);
    // None is needed until authentication is switched on.
    assert_eq!(document["security"][0], serde_json::json!({}));
}

#[test]
fn every_schema_and_property_is_described() {
    let document = crate::fixture::document();
    let mut properties = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        text(&schema["description"], name);
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            let what = format!("{name}.{property}");
            let described = std::iter::once(schema)
                .chain(schema["oneOf"].as_array().into_iter().flatten())
                .any(|schema| schema["description"].is_string());
            assert!(described, "{what} is not described");
            properties += 1;
        }
    }
    assert!(properties > 250, "{properties}");
}

/// Whether a value is what the schema promises, as far as the schemas of the document go.
pub(crate) fn assert_matches_schema(
    what: &str,
    value: &Value,
    schema: &Value,
    schemas: &Map<String, Value>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return assert_matches_schema(what, value, &schemas[name], schemas);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        assert_matches_schema(what, value, part, schemas);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let matching = choices.iter().any(|choice| {
            std::panic::catch_unwind(|| assert_matches_schema(what, value, choice, schemas)).is_ok()
        });
        assert!(matching, "{what}: {value} is none of the choices");
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let ok = types.iter().any(|name| match *name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    });
    assert!(ok, "{what}: {value} is no {types:?}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(
            allowed.contains(value),
            "{what}: {value} is none of {allowed:?}"
        );
    }
    for element in value.as_array().into_iter().flatten() {
        assert_matches_schema(what, element, &schema["items"], schemas);
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap();
        assert!(
            fields.contains_key(name),
            "{what}: {name} is missing in {value}"
        );
    }
    for (name, field) in fields {
        let schema = match schema["properties"].get(name) {
            Some(schema) => schema,
            None => &schema["additionalProperties"],
        };
        assert_matches_schema(&format!("{what}.{name}"), field, schema, schemas);
    }
}

#[tokio::test]
async fn swagger_2_is_served_for_old_tools() {
    let service = service();
    let answer = service.get("/v2/api-docs").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let old = answer.json();
    assert_eq!(old["swagger"], "2.0");
    let new = service.get("/v3/api-docs").await.json();
    assert_eq!(
        old["paths"].as_object().unwrap().keys().collect::<Vec<_>>(),
        new["paths"].as_object().unwrap().keys().collect::<Vec<_>>()
    );
    let body = &old["paths"]["/canaryConfig"]["post"]["parameters"];
    let body = body.as_array().unwrap().iter().find(|p| p["in"] == "body");
    assert_eq!(
        body.unwrap()["schema"]["$ref"],
        "#/definitions/CanaryConfig"
    );
    // A query of one of ten stores: an object with the fields of all.
    let query = &old["definitions"]["QueryConfig"];
    assert_eq!(query["type"], "object");
    let types = query["properties"]["type"]["enum"].as_array().unwrap();
    assert!(
        types.len() >= 10 && types.contains(&"http-json".into()),
        "{types:?}"
    );
    assert!(query["properties"]["labelBindings"].is_object());
    let everything = kayenta_api::document_2(&crate::fixture::document()).to_string();
    for word in ["oneOf", "#/components", "propertyNames", "\"null\"]"] {
        assert!(!everything.contains(word), "{word} is no Swagger 2.0");
    }
}

#[tokio::test]
async fn swagger_settings_are_honoured() {
    let mut named = options();
    named.swagger_title = "Canaries of the shop".to_owned();
    named.swagger_description = "Ask the platform team.".to_owned();
    named.swagger_contact = "platform@example.com".to_owned();
    named.swagger_patterns = vec!["/canary.*".to_owned(), "/health".to_owned(), "[".to_owned()];
    named.context_path = "/kay".to_owned();
    let service = service_with(named, Vec::new());
    for path in ["/kay/v3/api-docs", "/kay/v2/api-docs"] {
        let document = service.get(path).await.json();
        let info = &document["info"];
        assert_eq!(info["title"], "Canaries of the shop", "{path}");
        assert_eq!(info["description"], "Ask the platform team.");
        assert_eq!(info["contact"]["email"], "platform@example.com");
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        assert!(
            paths.iter().any(|path| *path == "/canaryConfig"),
            "{paths:?}"
        );
        assert!(paths.iter().any(|path| *path == "/health"));
        assert!(
            paths
                .iter()
                .all(|path| path.starts_with("/canary") || *path == "/health"),
            "{paths:?}"
        );
    }
    let new = service.get("/kay/v3/api-docs").await.json();
    assert_eq!(new["servers"][0]["url"], "/kay");
    let old = service.get("/kay/v2/api-docs").await.json();
    assert_eq!(old["basePath"], "/kay");
    // What is not listed answers all the same.
    assert_eq!(service.get("/kay/judges").await.status, 200);

    let mut nameless = options();
    nameless.swagger_title = String::new();
    let document = service_with(nameless, Vec::new())
        .get("/v3/api-docs")
        .await
        .json();
    assert_eq!(document["info"]["title"], "Kayenta API");

    let mut off = options();
    off.swagger_enabled = false;
    let service = service_with(off, Vec::new());
    for path in [
        "/v2/api-docs",
        "/v3/api-docs",
        "/v3/api-docs/swagger-config",
        "/swagger-ui.html",
        "/swagger-ui/index.html",
    ] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_served_document_lists_only_the_configured_security_schemes() {
    let open = service().get("/v3/api-docs").await.json();
    assert!(open.get("security").is_none());
    assert!(open["components"].get("securitySchemes").is_none());
    assert!(
        open["paths"]["/judges"]["get"]["responses"]
            .get("401")
            .is_none()
    );

    let mut guarded = options();
    guarded.authentication = Some(AuthenticationSettings {
        users: vec![BasicUser {
            username: "ann".to_owned(),
            password: "geheim".into(),
            role: Role::Read,
        }],
        ..AuthenticationSettings::default()
    });
    let service = service_with(guarded, Vec::new());
    let answer = service
        .call(
            "GET",
            "/v3/api-docs",
            &[("authorization", "Basic YW5uOmdlaGVpbQ==")],
        )
        .await;
    let document = answer.json();
    assert_eq!(document["security"], serde_json::json!([{"basic": []}]));
    assert!(
        document["components"]["securitySchemes"]
            .get("bearer")
            .is_none()
    );
    assert!(document["paths"]["/judges"]["get"]["responses"]["401"].is_object());
    assert!(!answer.text.contains("geheim"));
}

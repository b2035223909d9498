//! JSON Schemas of what people write: canary configs and requests. They are made of the schemas of the API document and of the
//! table of judge settings, and are stricter than the service: a field that it would drop is a mistake here.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, extract::Path, response::IntoResponse, routing::get};
use bytes::Bytes;
use http::{HeaderValue, header};
use kayenta_judge::{METRIC_SETTINGS, SettingKind};
use kayenta_web::ErrorResponse;
use serde_json::{Map, Value, json};

/// A schema of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonSchema {
    /// Its file, below `api-spec/schemas/` and `/schemas/`.
    pub file: &'static str,
    title: &'static str,
    root: &'static str,
}

/// Every schema.
pub const JSON_SCHEMAS: [JsonSchema; 3] = [
    JsonSchema {
        file: "canary-config.json",
        title: "Canary config",
        root: "CanaryConfig",
    },
    JsonSchema {
        file: "canary-request.json",
        title: "Body of POST /canary",
        root: "CanaryAdhocExecutionRequest",
    },
    JsonSchema {
        file: "analysis-request.json",
        title: "Body of POST /standalone_canary_analysis",
        root: "CanaryAnalysisAdhocExecutionRequest",
    },
];

const REFERENCE: &str = "#/components/schemas/";

impl JsonSchema {
    /// The schema of 2020-12, from an API document.
    #[must_use]
    pub fn of(self, document: &Value) -> Value {
        let empty = Map::new();
        let schemas = document["components"]["schemas"]
            .as_object()
            .unwrap_or(&empty);
        let mut wanted = vec![self.root.to_owned()];
        let mut seen = BTreeSet::new();
        let mut definitions = Map::new();
        while let Some(name) = wanted.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let mut schema = schemas.get(&name).cloned().unwrap_or_default();
            plain(&mut schema, &mut wanted);
            if name == "MetricConfig" {
                schema["properties"]["analysisConfigurations"]["properties"] =
                    json!({"canary": settings()});
            }
            definitions.insert(name, schema);
        }
        queries(&mut definitions);
        let mut root = definitions.remove(self.root).unwrap_or_default();
        root["properties"]["$schema"] =
            json!({"type": "string", "description": "Where this schema is, for editors."});
        definitions.sort_keys();
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
        });
        if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
            schema.extend(root);
            schema.insert("$defs".to_owned(), Value::Object(definitions));
        }
        schema
    }
}

/// Turns a schema of an API document into a plain one, and notes which others it needs.
fn plain(schema: &mut Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| plain(item, wanted)),
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.strip_prefix(REFERENCE))
                .map(str::to_owned)
            {
                map.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
                wanted.push(name);
            }
            if let Some(example) = map.remove("example") {
                map.insert("examples".to_owned(), json!([example]));
            }
            let is_closed = map.get("properties").is_some_and(Value::is_object)
                && !map.contains_key("additionalProperties");
            if is_closed {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            for (name, value) in map.iter_mut() {
                match (name.as_str(), value) {
                    // What is below it are values, not schemas.
                    ("examples" | "enum" | "default", _) => {}
                    ("properties", Value::Object(properties)) => {
                        properties
                            .values_mut()
                            .for_each(|property| plain(property, wanted));
                    }
                    (_, value) => plain(value, wanted),
                }
            }
        }
        _ => {}
    }
}

/// Gives each kind of query its type, so that its fields and it stand in one closed object.
fn queries(definitions: &mut Map<String, Value>) {
    let Some(choices) = definitions
        .get("QueryConfig")
        .and_then(|query| query["oneOf"].as_array())
    else {
        return;
    };
    let kinds: Vec<(String, Value)> = choices
        .iter()
        .filter_map(|choice| {
            let name = choice["allOf"][0]["$ref"]
                .as_str()?
                .strip_prefix("#/$defs/")?;
            let kind = choice["allOf"][1]["properties"]["type"]["enum"][0].clone();
            Some((name.to_owned(), kind))
        })
        .collect();
    for (name, kind) in &kinds {
        let Some(query) = definitions.get_mut(name) else {
            continue;
        };
        query["properties"]["type"] = json!({"const": kind, "description": "The metric store."});
        query["properties"]["serviceType"] =
            json!({"type": "string", "description": "Equal to type; may be left out."});
        query["required"] = json!(["type"]);
    }
    let types: Vec<&Value> = kinds.iter().map(|(_, kind)| kind).collect();
    // By its type instead of `oneOf`: mistakes are then reported for the one kind that is meant.
    let chosen: Vec<Value> = kinds
        .iter()
        .map(|(name, kind)| {
            json!({
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": format!("#/$defs/{name}")},
            })
        })
        .collect();
    let choice = json!({
        "type": "object",
        "description": "How a metric is fetched; type names the metric store.",
        "required": ["type"],
        "properties": {"type": {"enum": types}},
        "allOf": chosen,
    });
    definitions.insert("QueryConfig".to_owned(), choice);
}

/// The settings of a metric. Other judges may read further ones.
fn settings() -> Value {
    let mut root =
        json!({"type": "object", "description": "How the metric is judged.", "properties": {}});
    for setting in METRIC_SETTINGS {
        let about = format!("{} Default: {}.", setting.about, setting.default);
        let schema = match setting.kind {
            SettingKind::Word(words) => json!({"enum": words, "description": about}),
            SettingKind::Flag => json!({"type": "boolean", "description": about}),
            SettingKind::Number => json!({"type": "number", "description": about}),
        };
        match setting.path.split_once('.') {
            None => root["properties"][setting.path] = schema,
            Some((section, name)) => {
                let section = &mut root["properties"][section];
                if section.is_null() {
                    *section = json!({"type": "object", "properties": {}});
                }
                section["properties"][name] = schema;
            }
        }
    }
    root
}

/// The file of the schema of `kayenta.yml`.
pub const CONFIGURATION_SCHEMA: &str = "kayenta.json";

/// Where they are.
pub(crate) const ROUTE: &str = "/schemas/{file}";

/// The schemas as files.
pub(crate) fn routes(document: &Value, configuration: &'static str) -> Router {
    let made = |schema: JsonSchema| (schema.file, Bytes::from(schema.of(document).to_string()));
    let mut schemas: Vec<(&str, Bytes)> = JSON_SCHEMAS.map(made).into();
    if !configuration.is_empty() {
        let configuration = Bytes::from_static(configuration.as_bytes());
        schemas.push((CONFIGURATION_SCHEMA, configuration));
    }
    let schemas = Arc::new(schemas);
    let serve = move |Path(file): Path<String>| {
        let found = schemas.iter().find(|(name, _)| *name == file);
        let response = match found {
            Some((_, schema)) => {
                let kind = HeaderValue::from_static("application/schema+json");
                ([(header::CONTENT_TYPE, kind)], schema.clone()).into_response()
            }
            None => ErrorResponse::no_such_path().into_response(),
        };
        async move { response }
    };
    Router::new().route(ROUTE, get(serve))
}

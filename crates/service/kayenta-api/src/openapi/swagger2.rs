//! The document as Swagger 2.0, for tools that read nothing newer. It is less precise: a value of one of
//! several types is any value there, and a query of one of several stores is an object with the fields
//! of all of them.

use serde_json::{Map, Value, json};

use super::schema::{RESPONSES, resolved, resolved_response};

/// Words of a schema that mean the same in both versions.
const SHARED_WORDS: [&str; 19] = [
    "type",
    "format",
    "title",
    "description",
    "default",
    "example",
    "enum",
    "required",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "readOnly",
];

/// Words of a parameter's schema that stand beside its name in Swagger 2.0.
const PARAMETER_WORDS: [&str; 9] = [
    "type",
    "format",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
];

/// The OpenAPI 3.1 document as Swagger 2.0.
pub(crate) fn swagger_2(document: &Value) -> Value {
    let empty = Map::new();
    let schemas = document["components"]["schemas"]
        .as_object()
        .unwrap_or(&empty);
    let mut info = document["info"].clone();
    if let Some(license) = info["license"].as_object_mut() {
        license.remove("identifier");
    }
    let mut swagger = json!({
        "swagger": "2.0",
        "info": info,
        "basePath": document["servers"][0]["url"].as_str().unwrap_or("/"),
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "tags": document.get("tags").cloned().unwrap_or_else(|| json!([])),
        "paths": {},
        "definitions": {},
    });
    if let Some(paths) = document["paths"].as_object() {
        for (path, item) in paths {
            let operations: Map<String, Value> = item
                .as_object()
                .into_iter()
                .flatten()
                .map(|(method, operation)| {
                    (
                        method.clone(),
                        operation_2(operation, schemas, &document["components"]["responses"]),
                    )
                })
                .collect();
            swagger["paths"][path] = Value::Object(operations);
        }
    }
    for (name, schema) in schemas {
        swagger["definitions"][name] = schema_2(schema, schemas);
    }
    for (name, response) in document["components"]["responses"]
        .as_object()
        .into_iter()
        .flatten()
    {
        swagger["responses"][name] = response_2(response, schemas);
    }
    if let Some(schemes) = document["components"]["securitySchemes"].as_object() {
        for (name, scheme) in schemes {
            swagger["securityDefinitions"][name] = scheme_2(scheme);
        }
        swagger["security"] = requirements_2(&document["security"]);
    }
    swagger
}

fn operation_2(operation: &Value, schemas: &Map<String, Value>, shared: &Value) -> Value {
    let mut old = Map::new();
    for word in [
        "tags",
        "summary",
        "description",
        "operationId",
        "deprecated",
    ] {
        if let Some(value) = operation.get(word) {
            old.insert(word.to_owned(), value.clone());
        }
    }
    if operation.get("security").is_some() {
        old.insert(
            "security".to_owned(),
            requirements_2(&operation["security"]),
        );
    }
    let mut parameters: Vec<Value> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| parameter_2(parameter, schemas))
        .collect();
    if let Some(body) = operation["requestBody"].as_object() {
        let content = body["content"].as_object();
        if let Some((media_type, content)) = content.and_then(|content| content.iter().next()) {
            let mut parameter = json!({
                "name": "body",
                "in": "body",
                "required": body.get("required").cloned().unwrap_or(Value::Bool(false)),
                "schema": schema_2(&content["schema"], schemas),
            });
            if let Some(description) = body.get("description") {
                parameter["description"] = description.clone();
            }
            parameters.push(parameter);
            old.insert("consumes".to_owned(), json!([media_type]));
        }
    }
    if !parameters.is_empty() {
        old.insert("parameters".to_owned(), Value::Array(parameters));
    }
    let mut responses = Map::new();
    let mut media_types: Vec<&String> = Vec::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = resolved_response(response, shared)["content"].as_object();
        if let Some(media_type) = content.and_then(|content| content.keys().next())
            && !media_types.contains(&media_type)
        {
            media_types.push(media_type);
        }
        responses.insert(status.clone(), response_2(response, schemas));
    }
    if !media_types.is_empty() {
        old.insert("produces".to_owned(), json!(media_types));
    }
    old.insert("responses".to_owned(), Value::Object(responses));
    Value::Object(old)
}

fn response_2(response: &Value, schemas: &Map<String, Value>) -> Value {
    if let Some(reference) = response["$ref"].as_str() {
        return json!({"$ref": reference.replace(RESPONSES, "#/responses/")});
    }
    let mut old = json!({"description": response["description"]});
    if let Some((media_type, content)) = response["content"]
        .as_object()
        .and_then(|content| content.iter().next())
    {
        old["schema"] = schema_2(&content["schema"], schemas);
        if let Some(example) = content.get("example") {
            old["examples"] = json!({media_type: example});
        }
    }
    old
}

fn parameter_2(parameter: &Value, schemas: &Map<String, Value>) -> Value {
    let mut old = Map::new();
    for word in ["name", "in", "description", "required"] {
        if let Some(value) = parameter.get(word) {
            old.insert(word.to_owned(), value.clone());
        }
    }
    if let Some(example) = parameter.get("example") {
        old.insert("x-example".to_owned(), example.clone());
    }
    let schema = schema_2(resolved(&parameter["schema"], schemas), schemas);
    copy_words(&schema, &PARAMETER_WORDS, &mut old);
    if let Some(items) = schema.get("items") {
        let mut simple = Map::new();
        copy_words(items, &PARAMETER_WORDS, &mut simple);
        old.insert("items".to_owned(), Value::Object(simple));
        old.insert("collectionFormat".to_owned(), json!("multi"));
    }
    old.entry("type").or_insert_with(|| json!("string"));
    Value::Object(old)
}

fn copy_words(from: &Value, words: &[&str], to: &mut Map<String, Value>) {
    for word in words {
        if let Some(value) = from.get(word) {
            to.insert((*word).to_owned(), value.clone());
        }
    }
}

fn schema_2(schema: &Value, schemas: &Map<String, Value>) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let reference = reference.replace("#/components/schemas/", "#/definitions/");
        // Words beside a reference count in 3.1 only.
        return match schema.get("description") {
            Some(description) => {
                json!({"description": description, "allOf": [{"$ref": reference}]})
            }
            None => json!({"$ref": reference}),
        };
    }
    let mut old = Map::new();
    copy_words(schema, &SHARED_WORDS, &mut old);
    if let Some(types) = schema["type"].as_array() {
        nullable_type(types, &mut old);
    }
    if let Some(items) = schema.get("items") {
        old.insert("items".to_owned(), schema_2(items, schemas));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let properties = properties
            .iter()
            .map(|(name, property)| (name.clone(), schema_2(property, schemas)))
            .collect();
        old.insert("properties".to_owned(), Value::Object(properties));
    }
    match &schema["additionalProperties"] {
        Value::Bool(any) => {
            old.insert("additionalProperties".to_owned(), json!(any));
        }
        values @ Value::Object(_) => {
            old.insert("additionalProperties".to_owned(), schema_2(values, schemas));
        }
        _ => {}
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| schema_2(part, schemas)).collect();
        old.insert("allOf".to_owned(), Value::Array(parts));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        add_choices(choices, schemas, &mut old);
    }
    // Swagger 2.0 has no type that allows null, so null is no default either.
    if old.get("default").is_some_and(Value::is_null) {
        old.remove("default");
    }
    Value::Object(old)
}

/// `["string", "null"]` is a text that may be missing.
fn nullable_type(types: &[Value], old: &mut Map<String, Value>) {
    let mut named = types.iter().filter(|name| *name != "null");
    match (named.next(), named.next()) {
        (Some(only), None) => {
            old.insert("type".to_owned(), only.clone());
        }
        _ => {
            old.remove("type");
        }
    }
    if types.iter().any(|name| name == "null") {
        old.insert("x-nullable".to_owned(), json!(true));
    }
}

fn add_choices(choices: &[Value], schemas: &Map<String, Value>, old: &mut Map<String, Value>) {
    let (null, others): (Vec<&Value>, Vec<&Value>) =
        choices.iter().partition(|choice| choice["type"] == "null");
    if !null.is_empty() {
        old.insert("x-nullable".to_owned(), json!(true));
    }
    if let [only] = others.as_slice() {
        old.insert("allOf".to_owned(), json!([schema_2(only, schemas)]));
        return;
    }
    let mut properties = Map::new();
    for choice in others {
        if !collect_properties(choice, schemas, &mut properties) {
            // Not all of them are objects: any value.
            return;
        }
    }
    old.insert("type".to_owned(), json!("object"));
    old.insert("properties".to_owned(), Value::Object(properties));
}

/// Adds the fields of an object; whether it is one. An enumerated field lists the values of all.
fn collect_properties(
    schema: &Value,
    schemas: &Map<String, Value>,
    properties: &mut Map<String, Value>,
) -> bool {
    let schema = resolved(schema, schemas);
    if let Some(parts) = schema["allOf"].as_array() {
        return parts
            .iter()
            .all(|part| collect_properties(part, schemas, properties));
    }
    let Some(fields) = schema["properties"].as_object() else {
        return false;
    };
    for (name, field) in fields {
        let field = schema_2(field, schemas);
        match properties.get_mut(name) {
            None => {
                properties.insert(name.clone(), field);
            }
            Some(known) => {
                let known = known.get_mut("enum").and_then(Value::as_array_mut);
                if let (Some(known), Some(more)) = (known, field["enum"].as_array()) {
                    known.extend(more.iter().cloned());
                }
            }
        }
    }
    true
}

fn scheme_2(scheme: &Value) -> Value {
    let description = scheme["description"].clone();
    if scheme["scheme"] == "basic" {
        json!({"type": "basic", "description": description})
    } else {
        let text = description.as_str().unwrap_or_default();
        json!({
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": format!("{text} Written as `Bearer <token>`."),
        })
    }
}

/// An empty requirement beside others, which makes them optional, is new in 3: nothing is then
/// required here.
fn requirements_2(requirements: &Value) -> Value {
    let list = requirements.as_array().cloned().unwrap_or_default();
    if list
        .iter()
        .any(|one| one.as_object().is_some_and(Map::is_empty))
    {
        json!([])
    } else {
        Value::Array(list)
    }
}

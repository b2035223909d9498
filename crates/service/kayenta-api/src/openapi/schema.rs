//! Reading schemas of a document: references, and examples put together from what is known of their
//! parts.

use serde_json::{Map, Value, json};

/// Where a document defines the responses that operations share.
pub(super) const RESPONSES: &str = "#/components/responses/";

/// Schemas nest; one that contains itself has no example.
const DEEPEST: usize = 12;

/// The schema, or the one it refers to.
pub(super) fn resolved<'a>(schema: &'a Value, schemas: &'a Map<String, Value>) -> &'a Value {
    schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        .and_then(|name| schemas.get(name))
        .unwrap_or(schema)
}

/// The response, or the shared one it refers to.
pub(super) fn resolved_response<'a>(response: &'a Value, shared: &'a Value) -> &'a Value {
    response["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix(RESPONSES))
        .and_then(|name| shared.get(name))
        .unwrap_or(response)
}

/// An example of a schema: its own, or one made of the examples of its parts. `None` when a required
/// part has none.
pub(super) fn example_of(schema: &Value, schemas: &Map<String, Value>) -> Option<Value> {
    example_within(schema, schemas, DEEPEST)
}

fn example_within(schema: &Value, schemas: &Map<String, Value>, depth: usize) -> Option<Value> {
    let schema = resolved(schema, schemas);
    if let Some(example) = schema.get("example").or_else(|| schema.get("default")) {
        return Some(example.clone());
    }
    if let Some(first) = schema["enum"].get(0) {
        return Some(first.clone());
    }
    let depth = depth.checked_sub(1)?;
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices
            .iter()
            .find_map(|choice| example_within(choice, schemas, depth));
    }
    if let Some(items) = schema.get("items") {
        return Some(json!([example_within(items, schemas, depth)?]));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let mut example = Map::new();
        for (name, property) in properties {
            match example_within(property, schemas, depth) {
                Some(value) => {
                    example.insert(name.clone(), value);
                }
                None if is_required(schema, name) => return None,
                None => {}
            }
        }
        return (!example.is_empty()).then_some(Value::Object(example));
    }
    schema
        .get("additionalProperties")
        .is_some()
        .then(|| json!({}))
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .is_some_and(|required| required.iter().any(|n| n == name))
}

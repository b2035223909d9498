//! What the operations of the document have in common, defined once: the responses that any route can
//! return, examples, and authentication.

use serde_json::{Map, Value, json};

use super::schema::{RESPONSES, example_of, resolved};
use crate::options::ApiOptions;

/// The methods of operations.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// Ids for path parameters and required query parameters without an example.
const ULID: &str = "01HKZ0Q8M4J0W6T3V9Y2C5B7DF";
const UUID: &str = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d";

/// Parameters of `/fetch/<store>/query` that have a configured default.
const TEST_DEFAULTS: [&str; 6] = [
    "project",
    "resourceType",
    "location",
    "scope",
    "start",
    "end",
];

/// Routes that pass on the status of the metric store or judge they call.
const RELAYING: [&str; 3] = ["/fetch/", "/metadata/", "/judges/judge"];

/// The security schemes in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// None: no authentication.
    Open,
    /// All, and none required: the document of the program, not of a running service.
    Possible,
    /// Those that are configured.
    Required,
}

/// Adds to a generated document what its operations share.
pub(crate) fn complete(document: &mut Value, options: &ApiOptions, security: Security) {
    describe_service(document, options);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for schema in schemas.values_mut() {
            never_null(schema);
        }
        add_examples(schemas);
    }
    let schemas = document["components"]["schemas"].clone();
    let empty = Map::new();
    let schemas = schemas.as_object().unwrap_or(&empty);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get_mut(method) {
                    complete_operation(operation, path, method, security, schemas);
                }
            }
        }
    }
    share_responses(document);
    add_security(document, options, security);
}

/// An optional property may be absent, and the service never sends `null` for one; nor has a required
/// property a default.
fn never_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        required
            .as_array()
            .is_some_and(|required| required.iter().any(|other| other == name))
    };
    if let Some(Value::Object(additional)) = schema.get_mut("additionalProperties") {
        additional.remove("default");
    }
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        if property.get("default").is_some_and(Value::is_null) || is_required(name) {
            property.remove("default");
        }
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = property.get_mut("oneOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_mut_slice() {
                let only = std::mem::take(only);
                property.remove("oneOf");
                for (word, value) in only {
                    property.entry(word).or_insert(value);
                }
            }
        }
    }
}

/// Gives the schemas of the model their examples.
fn add_examples(schemas: &mut Map<String, Value>) {
    let examples: Map<String, Value> =
        serde_json::from_str(include_str!("examples.json")).unwrap_or_default();
    for (name, example) in examples {
        if let Some(schema) = schemas.get_mut(&name) {
            schema["example"] = example;
        }
    }
}

fn describe_service(document: &mut Value, options: &ApiOptions) {
    let info = &mut document["info"];
    if !options.swagger_description.is_empty() {
        info["description"] = json!(options.swagger_description);
    }
    if !options.swagger_contact.is_empty() {
        info["contact"] = if options.swagger_contact.contains('@') {
            json!({"email": options.swagger_contact})
        } else {
            json!({"name": options.swagger_contact})
        };
    }
    let context_path = options.context_path.trim_end_matches('/');
    if !context_path.is_empty() {
        document["servers"] = json!([{"url": context_path}]);
    }
}

fn complete_operation(
    operation: &mut Value,
    path: &str,
    method: &str,
    security: Security,
    schemas: &Map<String, Value>,
) {
    let management = operation["tags"][0] == "management";
    let parameters = operation.get_mut("parameters");
    if let Some(parameters) = parameters.and_then(Value::as_array_mut) {
        for parameter in parameters {
            if parameter["required"] == true {
                if parameter.get("example").is_none() {
                    parameter["example"] = json!(example_of_parameter(&parameter["name"], method));
                }
            } else {
                describe_absence(parameter, path);
            }
        }
    }
    let has_body = operation["requestBody"].is_object();
    if has_body {
        complete_body(&mut operation["requestBody"], schemas);
    }
    // Probes never require credentials.
    let guarded = security != Security::Open && !path.starts_with("/health");
    let responses = &mut operation["responses"];
    let mut add = |wanted: bool, status: &str, description: &str, schema: &str| {
        if wanted && responses.get(status).is_none() {
            responses[status] = json!({
                "description": description,
                "content": {"application/json": {
                    "schema": {"$ref": format!("#/components/schemas/{schema}")},
                }},
            });
        }
    };
    add(
        path.contains('{'),
        "400",
        "The path contains characters this API does not accept",
        "ErrorMessage",
    );
    add(
        guarded,
        "401",
        "Missing or invalid credentials",
        "ErrorReport",
    );
    add(guarded, "403", "Insufficient permissions", "ErrorReport");
    add(
        !management,
        "406",
        "The `Accept` header excludes JSON",
        "ErrorMessage",
    );
    add(
        has_body || (method == "post" && !management),
        "408",
        "The body did not arrive in time",
        "ErrorMessage",
    );
    add(
        has_body || (method == "post" && !management),
        "413",
        "The body is too large",
        "ErrorMessage",
    );
    add(true, "500", "Internal error", "ErrorReport");
    add(
        RELAYING.iter().any(|prefix| path.starts_with(prefix)),
        "default",
        "The status that the metric store or remote judge returned",
        "ErrorReport",
    );
    if let Some(responses) = responses.as_object_mut() {
        responses.sort_keys();
        for (status, response) in responses {
            complete_response(response, status, schemas);
        }
    }
    if security != Security::Open && !guarded {
        operation["security"] = json!([]);
    }
}

/// The description of an optional parameter says what its absence means.
fn describe_absence(parameter: &mut Value, path: &str) {
    let schema = &mut parameter["schema"];
    if schema["type"] == "boolean" && schema.get("default").is_none() {
        schema["default"] = json!(false);
    }
    let description = parameter["description"].as_str().unwrap_or_default();
    if parameter["schema"].get("default").is_some() || description.contains("absent") {
        return;
    }
    let name = parameter["name"].as_str().unwrap_or_default();
    let has_test_default =
        path.starts_with("/fetch/") && TEST_DEFAULTS.contains(&name.trim_end_matches("TimeIso"));
    let absent = if has_test_default {
        "The store's `test-controller-defaults` when absent."
    } else {
        "None when absent."
    };
    parameter["description"] = json!(format!("{description} {absent}"));
}

fn complete_body(body: &mut Value, schemas: &Map<String, Value>) {
    let Some(contents) = body["content"].as_object_mut() else {
        return;
    };
    let mut description = None;
    for content in contents.values_mut() {
        let schema = content["schema"].clone();
        if content.get("example").is_none()
            && let Some(example) = example_of(&schema, schemas)
        {
            content["example"] = example;
        }
        description = description.or_else(|| description_of(&schema, schemas));
    }
    if body.get("description").is_none() {
        let description =
            description.unwrap_or_else(|| "Additional template bindings by name.".to_owned());
        body["description"] = json!(description);
    }
}

fn description_of(schema: &Value, schemas: &Map<String, Value>) -> Option<String> {
    if let Some(items) = schema.get("items") {
        return description_of(items, schemas).map(|one| {
            format!(
                "A list, each element: {}{}",
                one[..1].to_lowercase(),
                &one[1..]
            )
        });
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices
            .iter()
            .find_map(|choice| description_of(choice, schemas));
    }
    resolved(schema, schemas)["description"]
        .as_str()
        .map(str::to_owned)
}

fn complete_response(response: &mut Value, status: &str, schemas: &Map<String, Value>) {
    let Some(contents) = response.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    for content in contents.values_mut() {
        if content.get("example").is_some() {
            continue;
        }
        let schema = &content["schema"];
        let example = match schema["$ref"].as_str() {
            Some("#/components/schemas/ErrorMessage") => Some(message_example(status)),
            Some("#/components/schemas/ErrorReport") => report_example(status),
            _ => example_of(schema, schemas),
        };
        if let Some(example) = example {
            content["example"] = example;
        }
    }
}

fn message_example(status: &str) -> Value {
    if status == "400" {
        return json!({
            "message": "Unable to resolve account nope.",
            "knownAccounts": ["canary-storage"],
        });
    }
    json!({"message": match status {
        "404" => "No pipeline found for 01HKZ0Q8M4J0W6T3V9Y2C5B7DF",
        "406" => "This path answers application/json, which the Accept header excludes.",
        "408" => "The request body did not arrive in time.",
        "413" => "The request body is longer than 67108864 bytes.",
        "415" => "Content type 'text/plain' is not supported; 'application/json' is required.",
        _ => "The request cannot be processed.",
    }})
}

fn report_example(status: &str) -> Option<Value> {
    let code: u16 = if status == "default" {
        429
    } else {
        status.parse().ok()?
    };
    let reason = http::StatusCode::from_u16(code).ok()?.canonical_reason()?;
    let message = match code {
        400 => "The field 'enabled' must be set.",
        401 => "Full authentication is required.",
        403 => "Access is denied: reader needs the role write.",
        404 => "No message available",
        429 => {
            "Status: 429, URL: http://prometheus:9090/api/v1/query_range?query=up, Message: Too Many Requests"
        }
        503 => "cannot read an execution: Redis at redis:6379: timed out",
        _ => "An internal error occurred; the log says more under this request's id.",
    };
    Some(json!({
        "timestamp": "2025-04-08T12:34:56.789+00:00",
        "status": code,
        "error": reason,
        "message": message,
    }))
}

fn example_of_parameter(name: &Value, method: &str) -> &'static str {
    match name.as_str().unwrap_or_default() {
        // What is started by an id is a stored config.
        "id" if method == "post" => UUID,
        "id" | "executionId" | "pipelineId" => ULID,
        "accountName" => "canary-storage",
        "name" | "key" => "canary.telemetry.query",
        "start" => "2024-01-01T00:00:00Z",
        "end" => "2024-01-01T01:00:00Z",
        "scope" => "canary",
        "metricName" => "cpu",
        _ => UUID,
    }
}

/// Defines the error responses that several operations have once, under `components`.
fn share_responses(document: &mut Value) {
    let mut counts: Vec<(String, Value, usize)> = Vec::new();
    for (status, response) in error_responses(document) {
        match counts
            .iter_mut()
            .find(|(known, value, _)| *known == status && value == response)
        {
            Some((_, _, count)) => *count += 1,
            None => counts.push((status, response.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    let mut shared = Map::new();
    for (status, response, count) in counts {
        let name = component_name(&status);
        if count > 1 && !shared.contains_key(&name) {
            shared.insert(name, response);
        }
    }
    for (status, response) in error_responses(document) {
        let name = component_name(&status);
        if shared.get(&name) == Some(&*response) {
            *response = json!({"$ref": format!("{RESPONSES}{name}")});
        }
    }
    shared.sort_keys();
    document["components"]["responses"] = Value::Object(shared);
}

fn error_responses(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
        .filter_map(|operation| operation["responses"].as_object_mut())
        .flat_map(|responses| responses.iter_mut())
        .filter(|(status, _)| !status.starts_with('2'))
        .map(|(status, response)| (status.clone(), response))
}

/// `NotFound` for `404`; the status of another service is `Relayed`.
fn component_name(status: &str) -> String {
    status
        .parse()
        .ok()
        .and_then(|code| http::StatusCode::from_u16(code).ok()?.canonical_reason())
        .map_or_else(|| "Relayed".to_owned(), |reason| reason.replace(' ', ""))
}

fn add_security(document: &mut Value, options: &ApiOptions, security: Security) {
    let (bearer, basic) = match (security, &options.authentication) {
        (Security::Possible, _) => (true, true),
        (Security::Required, Some(settings)) => (
            !settings.tokens.is_empty() || settings.jwt.is_some(),
            !settings.users.is_empty(),
        ),
        (Security::Open, _) | (Security::Required, None) => return,
    };
    let mut schemes = Map::new();
    let mut needed = Vec::new();
    if security == Security::Possible {
        // An empty requirement: authentication is off by default.
        needed.push(json!({}));
    }
    if bearer {
        schemes.insert(
            "bearer".to_owned(),
            json!({
                "type": "http", "scheme": "bearer",
                "description": "A configured token, or a JSON Web Token issued by the identity provider.",
            }),
        );
        needed.push(json!({"bearer": []}));
    }
    if basic {
        schemes.insert(
            "basic".to_owned(),
            json!({"type": "http", "scheme": "basic", "description": "A configured user."}),
        );
        needed.push(json!({"basic": []}));
    }
    document["components"]["securitySchemes"] = Value::Object(schemes);
    document["security"] = Value::Array(needed);
}

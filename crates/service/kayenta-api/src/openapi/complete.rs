//! What every operation of the document has in common, written once: the answers the transport can
//! give on any route, examples, and how callers show who they are.

use serde_json::{Map, Value, json};

use super::schema::{example_of, resolved};
use crate::options::ApiOptions;

/// The methods an operation can have.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// Ids as they look, for path parameters and required query parameters without an example.
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

/// Routes that hand on the status of the store or judge they ask.
const RELAYING: [&str; 3] = ["/fetch/", "/metadata/", "/judges/judge"];

/// Which security schemes the document tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// None: everybody may do everything.
    Open,
    /// All of them, none of which is needed: the document of no service in particular.
    Possible,
    /// Those the service was given.
    Required,
}

/// Adds to a generated document what its operations share.
pub(crate) fn complete(document: &mut Value, options: &ApiOptions, security: Security) {
    describe_service(document, options);
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
    add_security(document, options, security);
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
                    parameter["example"] = json!(example_of_parameter(&parameter["name"]));
                }
            } else {
                tell_what_absence_means(parameter, path);
            }
        }
    }
    let has_body = operation["requestBody"].is_object();
    if has_body {
        complete_body(&mut operation["requestBody"], schemas);
    }
    // Probes are open whatever is switched on.
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
        "The path holds what no path of ours holds",
        "ErrorMessage",
    );
    add(
        guarded,
        "401",
        "Authentication is on, and the caller has not shown who they are",
        "ErrorReport",
    );
    add(
        guarded,
        "403",
        "Authentication is on, and the caller may not do this",
        "ErrorReport",
    );
    add(
        !management,
        "406",
        "The caller accepts no JSON",
        "ErrorMessage",
    );
    add(
        has_body || (method == "post" && !management),
        "408",
        "The body took too long to arrive",
        "ErrorMessage",
    );
    add(
        has_body || (method == "post" && !management),
        "413",
        "The body is longer than the service accepts",
        "ErrorMessage",
    );
    add(true, "500", "A failure inside", "ErrorReport");
    add(
        RELAYING.iter().any(|prefix| path.starts_with(prefix)),
        "default",
        "What the metric store or remote judge behind it answered, handed on",
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

/// An optional parameter describes what happens without it.
fn tell_what_absence_means(parameter: &mut Value, path: &str) {
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
        "Nothing when absent."
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
        let description = description.unwrap_or_else(|| "An object of texts.".to_owned());
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
        _ => "What the caller asked for cannot be done.",
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
        401 => "Authentication is required.",
        403 => "Access is denied: this needs the role write.",
        404 => "No message available",
        429 => {
            "Status: 429, URL: http://prometheus:9090/api/v1/query_range?query=up, Message: Too Many Requests"
        }
        503 => "The object store of account canary-storage does not answer: connection refused",
        _ => "An internal error occurred; the log says more under this request's id.",
    };
    Some(json!({
        "timestamp": "2025-04-08T12:34:56.789+00:00",
        "status": code,
        "error": reason,
        "message": message,
    }))
}

fn example_of_parameter(name: &Value) -> &'static str {
    match name.as_str().unwrap_or_default() {
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

fn add_security(document: &mut Value, options: &ApiOptions, security: Security) {
    let (bearer, basic) = match security {
        Security::Open => return,
        Security::Possible => (true, true),
        Security::Required => (
            !options.security.tokens.is_empty() || options.security.jwt.is_some(),
            !options.security.users.is_empty(),
        ),
    };
    let mut schemes = Map::new();
    let mut needed = Vec::new();
    if security == Security::Possible {
        // An empty requirement: authentication is off unless it is switched on.
        needed.push(json!({}));
    }
    if bearer {
        schemes.insert(
            "bearer".to_owned(),
            json!({
                "type": "http", "scheme": "bearer",
                "description": "A configured token, or a JSON Web Token of the identity provider.",
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

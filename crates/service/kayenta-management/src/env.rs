//! `/info`, `/env`, `/configprops`: where the settings came from, secrets masked.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use kayenta_model::schema::FreeObject;
use kayenta_properties::{PropertyView, SourceView};
use kayenta_web::ErrorResponse;
use serde_json::{Map, Value, json};

use crate::{masking::Masking, response, schemas, state::Management};

/// Get information about this build and deployment
///
/// An empty object unless `management.info.env.enabled` shows the `info.*` properties.
#[utoipa::path(
    get,
    path = "/info",
    tag = "management",
    responses((status = 200, description = "Free information", body = FreeObject,
        content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({"app": {"name": "kayenta"}})))
)]
pub(crate) async fn info(State(state): State<Management>, headers: HeaderMap) -> Response {
    response::json(&headers, StatusCode::OK, state.info())
}

/// List the property sources, highest precedence first
///
/// Values of keys that look secret are `******`; passwords inside URLs are masked under any key.
#[utoipa::path(
    get,
    path = "/env",
    tag = "management",
    responses((status = 200, description = "The sources", body = schemas::EnvironmentReport,
        content_type = "application/vnd.spring-boot.actuator.v3+json"))
)]
pub(crate) async fn environment(State(state): State<Management>, headers: HeaderMap) -> Response {
    let masking = state.masking();
    let environment = state.environment();
    let sources: Vec<Value> = environment
        .sources
        .iter()
        .map(|source| {
            let properties: Map<String, Value> = source
                .properties
                .iter()
                .map(|property| (property.name.clone(), shown(masking, source, property)))
                .collect();
            json!({"name": source.name, "properties": properties})
        })
        .collect();
    let body = json!({
        "activeProfiles": environment.active_profiles,
        "propertySources": sources,
    });
    response::json(&headers, StatusCode::OK, &body)
}

/// Get a property: its effective value, and its value in each source
#[utoipa::path(
    get,
    path = "/env/{key}",
    tag = "management",
    params(("key" = String, Path, description = "Name of the property, in any spelling",
        example = "server.port")),
    responses(
        (status = 200, description = "The property", body = FreeObject,
            content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({"property": {"source": "kayenta.yml", "value": 8090}})),
        (status = 404, description = "No source has the property"),
    )
)]
pub(crate) async fn property(
    State(state): State<Management>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let masking = state.masking();
    let environment = state.environment();
    let wanted = uniform(&key, false);
    let mut winner = None;
    let mut sources = Vec::with_capacity(environment.sources.len());
    for source in &environment.sources {
        let Some(property) = find(source, &wanted) else {
            sources.push(json!({"name": source.name}));
            continue;
        };
        let shown = shown(masking, source, property);
        if winner.is_none() {
            winner = Some(json!({"source": source.name, "value": shown["value"]}));
        }
        sources.push(json!({"name": source.name, "property": shown}));
    }
    let Some(winner) = winner else {
        return ErrorResponse::empty(StatusCode::NOT_FOUND).into_response();
    };
    let body = json!({
        "property": winner,
        "activeProfiles": environment.active_profiles,
        "propertySources": sources,
    });
    response::json(&headers, StatusCode::OK, &body)
}

/// List the effective settings by prefix, secrets masked
#[utoipa::path(
    get,
    path = "/configprops",
    tag = "management",
    responses((status = 200, description = "The settings", body = FreeObject,
        content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({"contexts": {"kayenta": {"beans": {}}}})))
)]
pub(crate) async fn settings(State(state): State<Management>, headers: HeaderMap) -> Response {
    let masking = state.masking();
    let beans: Map<String, Value> = state
        .environment()
        .settings
        .iter()
        .map(|(prefix, settings)| {
            let properties = masking.mask(prefix, settings);
            (
                prefix.clone(),
                json!({"prefix": prefix, "properties": properties}),
            )
        })
        .collect();
    let body = json!({"contexts": {"kayenta": {"beans": beans}}});
    response::json(&headers, StatusCode::OK, &body)
}

/// The source of the variables of the environment.
const VARIABLES: &str = "systemEnvironment";

fn shown(masking: &Masking, source: &SourceView, property: &PropertyView) -> Value {
    let value = if source.name == VARIABLES {
        masking.mask_variable(&property.name, &property.value)
    } else {
        masking.mask(&property.name, &property.value)
    };
    let mut shown = Map::new();
    shown.insert("value".to_owned(), value);
    if let Some(origin) = &property.origin {
        shown.insert("origin".to_owned(), origin.as_str().into());
    }
    shown.into()
}

fn find<'a>(source: &'a SourceView, wanted: &str) -> Option<&'a PropertyView> {
    let variables = source.name == VARIABLES;
    source
        .properties
        .iter()
        .find(|property| uniform(&property.name, variables) == wanted)
}

/// One spelling for all of a name: lower case, no dashes, indices as segments; underscores of
/// variables are dots.
fn uniform(name: &str, variable: bool) -> String {
    name.chars()
        .filter_map(|c| match c {
            '-' | ']' => None,
            '[' => Some('.'),
            '_' if variable => Some('.'),
            other => Some(other.to_ascii_lowercase()),
        })
        .collect()
}

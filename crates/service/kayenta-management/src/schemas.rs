//! The shapes of the responses in the API document.
#![expect(dead_code, reason = "described, never built")]

use std::collections::BTreeMap;

use kayenta_model::{Double, schema::FreeObject};
use utoipa::ToSchema;

/// How the service, a group or a component is.
#[derive(ToSchema)]
#[schema(example = json!({
    "status": "UP",
    "components": {"ping": {"status": "UP"}, "redisHealth": {"status": "UP"}},
    "groups": ["liveness", "readiness"],
}))]
pub(crate) struct HealthReport {
    /// `UP`, `DOWN`, `OUT_OF_SERVICE` or `UNKNOWN`.
    status: String,
    /// The components, where they are shown.
    components: Option<BTreeMap<String, HealthComponent>>,
    /// The groups there are.
    groups: Option<Vec<String>>,
}

/// How a component is.
#[derive(ToSchema)]
pub(crate) struct HealthComponent {
    /// Its status.
    status: String,
    /// What else is known, where details are shown.
    details: Option<FreeObject>,
}

/// Every property source, strongest first.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "activeProfiles": ["local"],
    "propertySources": [{
        "name": "kayenta.yml",
        "properties": {"server.port": {"value": 8090, "origin": "kayenta.yml:3:5"}},
    }],
}))]
pub(crate) struct EnvironmentReport {
    /// The profiles.
    active_profiles: Vec<String>,
    /// The sources.
    property_sources: Vec<PropertySourceReport>,
}

/// One property source.
#[derive(ToSchema)]
pub(crate) struct PropertySourceReport {
    /// Its name.
    name: String,
    /// Its properties.
    properties: BTreeMap<String, PropertyReport>,
}

/// One property.
#[derive(ToSchema)]
pub(crate) struct PropertyReport {
    /// Its value, `******` if secret.
    #[schema(example = 8090)]
    value: serde_json::Value,
    /// Where it stands.
    origin: Option<String>,
}

/// Every logger.
#[derive(ToSchema)]
#[schema(example = json!({
    "levels": ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
    "loggers": {"ROOT": {"configuredLevel": "INFO", "effectiveLevel": "INFO"}},
    "groups": {"web": {"members": ["org.springframework.web"]}},
}))]
pub(crate) struct LoggersReport {
    /// The levels there are.
    levels: Vec<String>,
    /// Loggers by name.
    loggers: BTreeMap<String, LoggerReport>,
    /// Groups by name.
    groups: BTreeMap<String, FreeObject>,
}

/// The levels of one logger, or the members of a group.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"configuredLevel": "INFO", "effectiveLevel": "INFO"}))]
pub(crate) struct LoggerReport {
    /// Set on this very logger.
    configured_level: Option<String>,
    /// In force; not told of a group.
    effective_level: Option<String>,
    /// The loggers of a group.
    members: Option<Vec<String>>,
}

/// A new level.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"configuredLevel": "DEBUG"}))]
pub(crate) struct LevelChange {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`; `null` to inherit.
    configured_level: Option<String>,
}

/// The names of all meters.
#[derive(ToSchema)]
pub(crate) struct MeterNames {
    /// Ascending.
    #[schema(example = json!(["canary.telemetry.query", "http.server.requests"]))]
    names: Vec<String>,
}

/// One meter.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "http.server.requests",
    "baseUnit": "seconds",
    "measurements": [
        {"statistic": "COUNT", "value": 8.0},
        {"statistic": "TOTAL_TIME", "value": 0.8},
        {"statistic": "MAX", "value": 0.5},
    ],
    "availableTags": [{"tag": "method", "values": ["GET", "POST"]}],
}))]
pub(crate) struct MeterReport {
    /// Its name.
    name: String,
    /// What it counts.
    description: Option<String>,
    /// Unit of its numbers.
    base_unit: Option<String>,
    /// Its numbers.
    measurements: Vec<MeasurementReport>,
    /// Tags that would narrow it down.
    available_tags: Vec<TagReport>,
}

/// One number.
#[derive(ToSchema)]
pub(crate) struct MeasurementReport {
    /// `COUNT`, `TOTAL_TIME`, `TOTAL`, `MAX`, `VALUE`.
    statistic: String,
    /// The number.
    value: Double,
}

/// A tag and its values.
#[derive(ToSchema)]
pub(crate) struct TagReport {
    /// The tag.
    tag: String,
    /// Its values.
    values: Vec<String>,
}

/// Every meter, as the Spinnaker monitoring daemon reads them.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "applicationName": "kayenta",
    "applicationVersion": "",
    "metrics": {"canary.telemetry.query": {
        "kind": "Counter",
        "values": [{
            "tags": [{"key": "metricsStore", "value": "prometheus"}],
            "values": [{"t": 1704067200000_i64, "v": 2.0}],
        }],
    }},
    "startTime": 1704060000000_i64,
}))]
pub(crate) struct SpectatorReport {
    /// `kayenta`.
    application_name: String,
    /// Empty.
    application_version: String,
    /// Meters by name.
    metrics: BTreeMap<String, FreeObject>,
    /// When measuring began, milliseconds since 1970.
    start_time: i64,
}

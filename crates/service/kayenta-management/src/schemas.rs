//! The shapes of the responses in the API document.
#![expect(dead_code, reason = "described, never built")]

use std::collections::BTreeMap;

use kayenta_model::{Double, schema::FreeObject};
use utoipa::ToSchema;

/// Health of the service, a group or a component.
#[derive(ToSchema)]
#[schema(example = json!({
    "status": "UP",
    "components": {"ping": {"status": "UP"}, "redisHealth": {"status": "UP"}},
    "groups": ["liveness", "readiness"],
}))]
pub(crate) struct HealthReport {
    /// `UP`, `DOWN`, `OUT_OF_SERVICE` or `UNKNOWN`.
    status: String,
    /// The components, if they are shown.
    components: Option<BTreeMap<String, HealthComponent>>,
    /// Names of the groups.
    groups: Option<Vec<String>>,
}

/// Health of a component.
#[derive(ToSchema)]
pub(crate) struct HealthComponent {
    /// Status of the component.
    status: String,
    /// Details, if they are shown.
    details: Option<FreeObject>,
}

/// The property sources, highest precedence first.
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
    /// The active profiles.
    active_profiles: Vec<String>,
    /// The sources.
    property_sources: Vec<PropertySourceReport>,
}

/// One property source.
#[derive(ToSchema)]
pub(crate) struct PropertySourceReport {
    /// Name.
    name: String,
    /// The properties by name.
    properties: BTreeMap<String, PropertyReport>,
}

/// One property.
#[derive(ToSchema)]
pub(crate) struct PropertyReport {
    /// Value, `******` if secret.
    #[schema(example = 8090)]
    value: serde_json::Value,
    /// File, line and column.
    origin: Option<String>,
}

/// The loggers.
#[derive(ToSchema)]
#[schema(example = json!({
    "levels": ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
    "loggers": {"ROOT": {"configuredLevel": "INFO", "effectiveLevel": "INFO"}},
    "groups": {"web": {"members": ["org.springframework.web"]}},
}))]
pub(crate) struct LoggersReport {
    /// The levels.
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
    /// The level set on this logger.
    configured_level: Option<String>,
    /// The level in effect; absent for a group.
    effective_level: Option<String>,
    /// The loggers of a group.
    members: Option<Vec<String>>,
}

/// A new level.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"configuredLevel": "DEBUG"}))]
pub(crate) struct LevelChange {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`; absent to inherit the level.
    configured_level: Option<String>,
}

/// Names of the meters.
#[derive(ToSchema)]
pub(crate) struct MeterNames {
    /// In ascending order.
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
    /// Name.
    name: String,
    /// What it measures.
    description: Option<String>,
    /// Unit of the measurements.
    base_unit: Option<String>,
    /// The measurements.
    measurements: Vec<MeasurementReport>,
    /// The tags that select among its series.
    available_tags: Vec<TagReport>,
}

/// One measurement.
#[derive(ToSchema)]
pub(crate) struct MeasurementReport {
    /// `COUNT`, `TOTAL_TIME`, `TOTAL`, `MAX`, `VALUE`.
    statistic: String,
    /// Value.
    value: Double,
}

/// A tag and its values.
#[derive(ToSchema)]
pub(crate) struct TagReport {
    /// The tag.
    tag: String,
    /// The values of the tag.
    values: Vec<String>,
}

/// The meters in the format of the Spinnaker monitoring daemon.
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
    /// Always `kayenta`.
    application_name: String,
    /// Always empty.
    application_version: String,
    /// Meters by name.
    metrics: BTreeMap<String, FreeObject>,
    /// When measuring began, in milliseconds since 1970.
    start_time: i64,
}

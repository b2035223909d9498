use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Double, FreeObject};

/// How the service, a group or a component is.
#[derive(Serialize, ToSchema)]
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
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthComponent {
    /// Its status.
    status: String,
    /// What else is known, where details are shown.
    details: Option<FreeObject>,
}

/// Every property source, strongest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentReport {
    /// The profiles.
    active_profiles: Vec<String>,
    /// The sources.
    property_sources: Vec<PropertySourceReport>,
}

/// One property source.
#[derive(Serialize, ToSchema)]
pub(crate) struct PropertySourceReport {
    /// Its name.
    name: String,
    /// Its properties.
    properties: BTreeMap<String, PropertyReport>,
}

/// One property.
#[derive(Serialize, ToSchema)]
pub(crate) struct PropertyReport {
    /// Its value, `******` if secret.
    #[schema(value_type = FreeObject)]
    value: FreeObject,
    /// Where it stands.
    origin: Option<String>,
}

/// Every logger.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggersReport {
    /// The levels there are.
    levels: Vec<String>,
    /// Loggers by name.
    loggers: BTreeMap<String, LoggerReport>,
    /// Groups by name.
    groups: BTreeMap<String, FreeObject>,
}

/// The levels of one logger.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"configuredLevel": "INFO", "effectiveLevel": "INFO"}))]
pub(crate) struct LoggerReport {
    /// Set on this very logger.
    configured_level: Option<String>,
    /// In force.
    effective_level: String,
}

/// A new level.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"configuredLevel": "DEBUG"}))]
pub(crate) struct LevelChange {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`; `null` to inherit.
    configured_level: Option<String>,
}

/// The names of all meters.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterNames {
    /// Ascending.
    names: Vec<String>,
}

/// One meter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
#[derive(Serialize, ToSchema)]
pub(crate) struct MeasurementReport {
    /// `COUNT`, `TOTAL_TIME`, `TOTAL`, `MAX`, `VALUE`.
    statistic: String,
    /// The number.
    value: Double,
}

/// A tag and its values.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagReport {
    /// The tag.
    tag: String,
    /// Its values.
    values: Vec<String>,
}

/// Every meter, as the Spinnaker monitoring daemon reads them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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

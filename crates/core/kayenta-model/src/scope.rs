//! Where and when a metric is fetched.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{lenient, time::Instant};

/// One side of a scope: the deployment, its time window and the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryScope {
    /// Identifies the deployment, bound in queries as `${scope}`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub scope: Option<String>,
    /// Region, zone or whatever the query makes of it, bound as `${location}`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub location: Option<String>,
    /// Start of the window, in ISO-8601 or milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::instant"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "2024-01-01T00:00:00Z"))]
    pub start: Option<Instant>,
    /// End of the window, in ISO-8601 or milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::instant"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "2024-01-01T01:00:00Z"))]
    pub end: Option<Instant>,
    /// Step between data points, in seconds.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    #[cfg_attr(feature = "schema", schema(example = 60))]
    pub step: Option<i64>,
    /// Additional template bindings by name.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub extended_scope_params: Option<IndexMap<String, String>>,
}

impl CanaryScope {
    /// A further binding by name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.extended_scope_params
            .as_ref()?
            .get(name)
            .map(String::as_str)
    }
}

/// The two sides that are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryScopePair))]
#[serde(rename_all = "camelCase", default)]
pub struct ScopePair {
    /// The baseline; required if a metric refers to the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_scope: Option<CanaryScope>,
    /// The canary; required if a metric refers to the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_scope: Option<CanaryScope>,
}

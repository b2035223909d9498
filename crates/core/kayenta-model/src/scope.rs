//! Where and when a metric is fetched.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{lenient, time::Instant};

/// One side of a scope: what to look at, from when to when, how finely.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryScope {
    /// Name of the deployment looked at; meaning is the query's.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub scope: Option<String>,
    /// Region, zone or whatever the query makes of it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub location: Option<String>,
    /// First moment of the window.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::instant"
    )]
    pub start: Option<Instant>,
    /// Last moment of the window.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::instant"
    )]
    pub end: Option<Instant>,
    /// Distance of points in seconds.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub step: Option<i64>,
    /// Further template bindings.
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
#[serde(rename_all = "camelCase", default)]
pub struct ScopePair {
    /// The baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_scope: Option<CanaryScope>,
    /// The canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_scope: Option<CanaryScope>,
}

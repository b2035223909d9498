//! Shapes of the API document that no type has: an adapter describes its accounts and metrics as JSON.
#![expect(dead_code, reason = "described, never built")]

use utoipa::ToSchema;

/// An account without its secrets; additional fields depend on its type.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "canary-prometheus", "supportedTypes": ["METRICS_STORE"], "locations": [],
    "recommendedLocations": [], "endpoint": {"baseUrl": "http://prometheus:9090"}, "type": "prometheus",
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountCredentials {
    /// The name requests use.
    name: String,
    /// `METRICS_STORE`, `OBJECT_STORE`, `CONFIGURATION_STORE` or `REMOTE_JUDGE`, one or more.
    supported_types: Vec<String>,
    /// The locations it knows.
    locations: Vec<String>,
    /// The locations user interfaces should offer first.
    recommended_locations: Vec<String>,
    /// Kind of the account.
    r#type: String,
}

/// A metric of a metric store; some stores return more than the name.
#[derive(ToSchema)]
#[schema(example = json!({"name": "http_requests_total"}))]
pub(crate) struct MetricDescriptor {
    /// Name of the metric.
    name: String,
}

//! What the service has to know about Prometheus before any account is configured.

use kayenta_metrics::{ScopeField, StoreDescription};

/// The facts about Prometheus.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[
        ScopeField::parameter("project"),
        ScopeField::parameter("resourceType"),
    ],
    template_fields: &["project", "resourceType", "scope", "location"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.prometheus"],
    ..StoreDescription::new("prometheus", "PrometheusCanaryScope")
};

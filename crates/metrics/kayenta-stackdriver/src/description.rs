//! What the service has to know about Google Cloud Monitoring (Stackdriver) before any account is configured.

use kayenta_metrics::{ScopeField, StoreDescription};

/// The facts about Google Cloud Monitoring (Stackdriver).
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[
        ScopeField::parameter("project"),
        ScopeField::parameter("resourceType"),
        ScopeField::parameter("crossSeriesReducer"),
        ScopeField::parameter("perSeriesAligner"),
    ],
    template_fields: &["project", "resourceType", "scope", "location"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.stackdriver"],
    ..StoreDescription::new("stackdriver", "StackdriverCanaryScope")
};

//! What the service has to know about New Relic Insights before any account is configured.

use kayenta_metrics::{ScopeField, StoreDescription};

/// The facts about New Relic Insights.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[
        ScopeField::parameter_called("scopeKey", "_scope_key"),
        ScopeField::parameter_called("locationKey", "_location_key"),
    ],
    template_fields: &["scope", "location", "step"],
    // As many points as New Relic likes.
    accepts_step_zero: true,
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.newrelic"],
    ..StoreDescription::new("newrelic", "NewrelicCanaryScope")
};

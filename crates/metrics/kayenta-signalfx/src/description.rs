//! What the service has to know about SignalFx before any account is configured.

use kayenta_metrics::{ScopeField, StoreDescription};

/// The facts about SignalFx.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[
        ScopeField::parameter_called("scopeKey", "_scope_key"),
        ScopeField::parameter_called("locationKey", "_location_key"),
    ],
    template_fields: &["scope", "location"],
    // The reference has none either.
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.signalfx"],
    ..StoreDescription::new("signalfx", "SignalFxCanaryScope")
};

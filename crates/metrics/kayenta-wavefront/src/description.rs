//! What the service has to know about Wavefront before any account is configured.

use kayenta_metrics::{ScopeField, ScopeValue, StoreDescription};

use crate::query::granularity;

/// The facts about Wavefront.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[ScopeField {
        name: "granularity",
        value: ScopeValue::Derived(|scope| scope.step.map(granularity)),
    }],
    template_fields: &["scope", "location"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.wavefront"],
    ..StoreDescription::new("wavefront", "WavefrontCanaryScope")
};

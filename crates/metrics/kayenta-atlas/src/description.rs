//! What the service has to know about Atlas before any account is configured.

use kayenta_metrics::{ScopeField, StoreDescription};

/// The facts about Atlas.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    scope_fields: &[
        ScopeField::parameter("type").or("cluster"),
        ScopeField::parameter("deployment").or("main"),
        ScopeField::parameter("dataset").or("regional"),
        ScopeField::parameter("environment").or("test"),
        ScopeField::parameter("accountId"),
    ],
    template_fields: &["scope", "location"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.atlas"],
    ..StoreDescription::new("atlas", "AtlasCanaryScope")
};

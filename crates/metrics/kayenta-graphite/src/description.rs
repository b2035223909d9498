//! What the service has to know about Graphite before any account is configured.

use kayenta_metrics::StoreDescription;

/// The facts about Graphite.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    template_fields: &["scope", "location"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.graphite"],
    ..StoreDescription::new("graphite", "GraphiteCanaryScope")
};

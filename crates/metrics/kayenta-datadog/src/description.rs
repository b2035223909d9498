//! What the service has to know about Datadog before any account is configured.

use kayenta_metrics::StoreDescription;

/// The facts about Datadog.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    template_fields: &["scope", "location"],
    // Datadog chooses the distance of the points itself.
    warns_of_few_points: false,
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.datadog"],
    ..StoreDescription::new("datadog", "DatadogCanaryScope")
};

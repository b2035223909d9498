//! What the service has to know about any server that answers with JSON before any account is configured.

use kayenta_metrics::StoreDescription;

/// The facts about any server that answers with JSON.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    template_fields: &["scope", "location", "step"],
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.httpjson"],
    ..StoreDescription::new("http-json", "HttpJsonCanaryScope")
};

//! What the service has to know about InfluxDB before any account is configured.

use kayenta_metrics::StoreDescription;

/// The facts about InfluxDB.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    fetch_route: Some(&crate::fetch::FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.influxdb"],
    ..StoreDescription::new("influxdb", "InfluxdbCanaryScope")
};

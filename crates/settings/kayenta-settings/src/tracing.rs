//! `kayenta.tracing.*`: traces over OTLP/HTTP.

use kayenta_secrets::{BaseUrl, Secret};

/// Whether traces are exported, where to, and which.
#[derive(Clone, Debug)]
pub struct TracingSettings {
    /// `endpoint`, else `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces`: the whole URL to
    /// which traces are posted. `None` when there are no traces.
    pub endpoint: Option<BaseUrl>,
    /// `headers` of the exports, and those of `OTEL_EXPORTER_OTLP_HEADERS`; every value counts as a secret.
    pub headers: Vec<(String, Secret)>,
    /// `sampleRatio`, else what `OTEL_TRACES_SAMPLER` says, default 1: share of the traces beginning here that are exported.
    pub sample_ratio: f64,
    /// Whether the trace of a caller is exported if and only if the caller says so. Only `OTEL_TRACES_SAMPLER` changes it.
    pub follow_caller: bool,
    /// `serviceName`, else `OTEL_SERVICE_NAME`, default the name of the application.
    pub service_name: String,
    /// `OTEL_RESOURCE_ATTRIBUTES`: what else is known of this process.
    pub attributes: Vec<(String, String)>,
}

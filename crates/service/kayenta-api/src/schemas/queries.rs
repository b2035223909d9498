use utoipa::ToSchema;

/// How a metric is fetched; `type` says from which kind of store. Answers add `serviceType`, equal to
/// `type`.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schema(example = json!({"type": "prometheus", "metricName": "http_errors", "labelBindings": ["app=\"${scope}\""]}))]
pub(crate) enum QueryConfig {
    /// Prometheus.
    Prometheus(PrometheusQuery),
    /// Google Cloud Monitoring.
    Stackdriver(StackdriverQuery),
    /// Datadog.
    Datadog(DatadogQuery),
    /// New Relic Insights.
    Newrelic(NewrelicQuery),
    /// SignalFx.
    Signalfx(SignalfxQuery),
    /// Graphite.
    Graphite(GraphiteQuery),
    /// Wavefront.
    Wavefront(WavefrontQuery),
    /// InfluxDB.
    Influxdb(InfluxdbQuery),
    /// Atlas.
    Atlas(AtlasQuery),
    /// Any store that answers JSON over HTTP.
    #[serde(rename = "http-json")]
    HttpJson(HttpJsonQuery),
}

/// A metric with label bindings, or a template.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrometheusQuery {
    /// Monitored resource type; part of the default filter.
    #[schema(required = false)]
    resource_type: String,
    /// Name of the time series.
    #[schema(required = false)]
    metric_name: String,
    /// Label matchers, each as PromQL writes it.
    #[schema(required = false)]
    label_bindings: Vec<String>,
    /// Labels to group by.
    #[schema(required = false)]
    group_by_fields: Vec<String>,
    /// A filter, or after `PromQL:` a whole query, with `${…}` bindings.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

/// A Google Cloud Monitoring query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackdriverQuery {
    /// Monitored resource type.
    #[schema(required = false)]
    resource_type: String,
    /// Metric type.
    #[schema(required = false)]
    metric_type: String,
    /// Reducer across series.
    #[schema(required = false)]
    cross_series_reducer: String,
    /// Aligner within a series.
    #[schema(required = false)]
    per_series_aligner: String,
    /// Fields to group by.
    #[schema(required = false)]
    group_by_fields: Vec<String>,
    /// A template written in the metric itself.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

/// A Datadog query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DatadogQuery {
    /// Metric with aggregation.
    #[schema(required = false, example = "avg:system.cpu.user")]
    metric_name: String,
    /// A template written in the metric itself.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

/// A New Relic Insights query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewrelicQuery {
    /// Trailing part of the NRQL text.
    #[schema(required = false)]
    q: String,
    /// Leading `SELECT …` part.
    #[schema(required = false)]
    select: String,
    /// A template written in the metric itself.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

/// A SignalFx query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignalfxQuery {
    /// Name of the time series.
    #[schema(required = false)]
    metric_name: String,
    /// Filters.
    #[schema(required = false)]
    query_pairs: Vec<SignalfxPair>,
    /// Aggregation of the SignalFlow program.
    #[schema(required = false)]
    aggregation_method: String,
    /// A template written in the metric itself.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

/// One filter of a SignalFx query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignalfxPair {
    /// Dimension.
    #[schema(required = false)]
    key: String,
    /// Wanted value.
    #[schema(required = false)]
    value: String,
}

/// A Graphite query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GraphiteQuery {
    /// Target path with `$scope` and `$location`.
    #[schema(required = false)]
    metric_name: String,
}

/// A Wavefront query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WavefrontQuery {
    /// Name of the time series.
    #[schema(required = false)]
    metric_name: String,
    /// How points of one bucket are summarised.
    #[schema(required = false)]
    summarization: String,
    /// Aggregating function around the series.
    #[schema(required = false)]
    aggregate: String,
}

/// An InfluxDB query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InfluxdbQuery {
    /// Measurement.
    #[schema(required = false)]
    metric_name: String,
    /// Fields of the measurement.
    #[schema(required = false)]
    fields: Vec<String>,
    /// A template written in the metric itself.
    #[schema(required = false)]
    custom_inline_template: String,
}

/// An Atlas query.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AtlasQuery {
    /// Stack-language expression.
    #[schema(required = false, example = "name,CpuRawUser,:eq,:sum")]
    q: String,
}

/// A query of a store that answers JSON over HTTP.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpJsonQuery {
    /// Bound as `${metricName}` in the account's templates.
    #[schema(required = false)]
    metric_name: String,
    /// Bound as `${query}` in the account's templates.
    #[schema(required = false)]
    custom_inline_template: String,
    /// Name of a template of the config.
    #[schema(required = false)]
    custom_filter_template: String,
}

//! How a metric is fetched: one shape per metric store, distinguished by `type`.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::lenient;

macro_rules! query_shapes {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty = $with:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_meta])*
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = $with)]
            pub $field: Option<$ty>,)*
        }
    )*};
}

query_shapes! {
    /// A Prometheus query: either a metric with label bindings, or a template.
    PrometheusQuery {
        /// Monitored resource type, a template binding and part of the default filter.
        resource_type: String = "lenient::string",
        /// Name of the time series.
        metric_name: String = "lenient::string",
        /// Label matchers, each as PromQL writes it.
        label_bindings: Vec<String> = "lenient::strings",
        /// Labels to group by.
        group_by_fields: Vec<String> = "lenient::strings",
        /// Deprecated; its use fails the query.
        custom_filter: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A Google Cloud Monitoring (Stackdriver) query.
    StackdriverQuery {
        /// Monitored resource type.
        resource_type: String = "lenient::string",
        /// Metric type, e.g. `compute.googleapis.com/instance/cpu/utilization`.
        metric_type: String = "lenient::string",
        /// Reducer across series.
        cross_series_reducer: String = "lenient::string",
        /// Aligner within a series.
        per_series_aligner: String = "lenient::string",
        /// Fields to group by.
        group_by_fields: Vec<String> = "lenient::strings",
        /// Deprecated; its use fails the query.
        custom_filter: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A Datadog query.
    DatadogQuery {
        /// Metric with aggregation, e.g. `avg:system.cpu.user`.
        metric_name: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A New Relic Insights query.
    NewrelicQuery {
        /// Trailing part of the NRQL text.
        q: String = "lenient::string",
        /// Leading `SELECT …` part of the NRQL text.
        select: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A Graphite query.
    GraphiteQuery {
        /// Target path with `$scope` and `$location`.
        metric_name: String = "lenient::string",
    }
    /// A Wavefront query.
    WavefrontQuery {
        /// Name of the time series.
        metric_name: String = "lenient::string",
        /// How points of one bucket are summarised.
        summarization: String = "lenient::string",
        /// Aggregating function around the series.
        aggregate: String = "lenient::string",
    }
    /// An InfluxDB query.
    InfluxdbQuery {
        /// Measurement.
        metric_name: String = "lenient::string",
        /// Fields of the measurement.
        fields: Vec<String> = "lenient::strings",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
    }
    /// An Atlas query.
    AtlasQuery {
        /// Stack-language expression.
        q: String = "lenient::string",
    }
    /// One `key: value` filter of a SignalFx query.
    SignalfxPair {
        /// Dimension.
        key: String = "lenient::string",
        /// Wanted value.
        value: String = "lenient::string",
    }
    /// A query of the project's own `http-json` store: named parameters for the account's templates.
    HttpJsonQuery {
        /// Name of the time series, bound as `${metricName}`.
        metric_name: String = "lenient::string",
        /// A template written in the metric itself, bound as `${query}`.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
}

/// A SignalFx query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignalfxQuery {
    /// Name of the time series.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub metric_name: Option<String>,
    /// Filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_pairs: Option<Vec<SignalfxPair>>,
    /// Aggregation of the SignalFlow program.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub aggregation_method: Option<String>,
    /// A template written in the metric itself.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub custom_inline_template: Option<String>,
    /// Name of a template of the config.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub custom_filter_template: Option<String>,
}

/// A query of any store. `type` is required on input; output adds `serviceType`, equal to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum QueryConfig {
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

impl QueryConfig {
    /// The store the query is for, as `type` and `serviceType` spell it.
    #[must_use]
    pub fn service_type(&self) -> &'static str {
        match self {
            Self::Prometheus(_) => "prometheus",
            Self::Stackdriver(_) => "stackdriver",
            Self::Datadog(_) => "datadog",
            Self::Newrelic(_) => "newrelic",
            Self::Signalfx(_) => "signalfx",
            Self::Graphite(_) => "graphite",
            Self::Wavefront(_) => "wavefront",
            Self::Influxdb(_) => "influxdb",
            Self::Atlas(_) => "atlas",
            Self::HttpJson(_) => "http-json",
        }
    }

    /// The template written in the metric itself, for the stores that have one.
    #[must_use]
    pub fn inline_template(&self) -> Option<&str> {
        match self {
            Self::Prometheus(q) => q.custom_inline_template.as_deref(),
            Self::Stackdriver(q) => q.custom_inline_template.as_deref(),
            Self::Datadog(q) => q.custom_inline_template.as_deref(),
            Self::Newrelic(q) => q.custom_inline_template.as_deref(),
            Self::Signalfx(q) => q.custom_inline_template.as_deref(),
            Self::Influxdb(q) => q.custom_inline_template.as_deref(),
            Self::HttpJson(q) => q.custom_inline_template.as_deref(),
            Self::Graphite(_) | Self::Wavefront(_) | Self::Atlas(_) => None,
        }
    }

    /// The same, to be changed in place.
    pub fn inline_template_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Prometheus(q) => q.custom_inline_template.as_mut(),
            Self::Stackdriver(q) => q.custom_inline_template.as_mut(),
            Self::Datadog(q) => q.custom_inline_template.as_mut(),
            Self::Newrelic(q) => q.custom_inline_template.as_mut(),
            Self::Signalfx(q) => q.custom_inline_template.as_mut(),
            Self::Influxdb(q) => q.custom_inline_template.as_mut(),
            Self::HttpJson(q) => q.custom_inline_template.as_mut(),
            Self::Graphite(_) | Self::Wavefront(_) | Self::Atlas(_) => None,
        }
    }

    /// The name of the config's template the query refers to, for the stores that have the field.
    #[must_use]
    pub fn filter_template(&self) -> Option<&str> {
        match self {
            Self::Prometheus(q) => q.custom_filter_template.as_deref(),
            Self::Stackdriver(q) => q.custom_filter_template.as_deref(),
            Self::Datadog(q) => q.custom_filter_template.as_deref(),
            Self::Newrelic(q) => q.custom_filter_template.as_deref(),
            Self::Signalfx(q) => q.custom_filter_template.as_deref(),
            Self::HttpJson(q) => q.custom_filter_template.as_deref(),
            Self::Graphite(_) | Self::Wavefront(_) | Self::Influxdb(_) | Self::Atlas(_) => None,
        }
    }

    /// The deprecated filter; any value but `None` fails the query.
    #[must_use]
    pub fn custom_filter(&self) -> Option<&str> {
        match self {
            Self::Prometheus(q) => q.custom_filter.as_deref(),
            Self::Stackdriver(q) => q.custom_filter.as_deref(),
            _ => None,
        }
    }

    /// The query's own `resourceType`, for the stores that have one.
    #[must_use]
    pub fn resource_type(&self) -> Option<&str> {
        match self {
            Self::Prometheus(q) => q.resource_type.as_deref(),
            Self::Stackdriver(q) => q.resource_type.as_deref(),
            _ => None,
        }
    }
}

impl Serialize for QueryConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let fields = match self {
            Self::Prometheus(q) => serde_json::to_value(q),
            Self::Stackdriver(q) => serde_json::to_value(q),
            Self::Datadog(q) => serde_json::to_value(q),
            Self::Newrelic(q) => serde_json::to_value(q),
            Self::Signalfx(q) => serde_json::to_value(q),
            Self::Graphite(q) => serde_json::to_value(q),
            Self::Wavefront(q) => serde_json::to_value(q),
            Self::Influxdb(q) => serde_json::to_value(q),
            Self::Atlas(q) => serde_json::to_value(q),
            Self::HttpJson(q) => serde_json::to_value(q),
        }
        .map_err(S::Error::custom)?;
        let fields = fields
            .as_object()
            .ok_or_else(|| S::Error::custom("a query is an object"))?;
        let mut map = serializer.serialize_map(Some(fields.len() + 2))?;
        map.serialize_entry("type", self.service_type())?;
        for (name, value) in fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("serviceType", self.service_type())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_leads_with_type_and_ends_with_service_type() {
        let text = r#"{"type":"prometheus","serviceType":"x","metricName":"up","unknown":1,"labelBindings":[1]}"#;
        let query: QueryConfig = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&query).unwrap(),
            r#"{"type":"prometheus","metricName":"up","labelBindings":["1"],"serviceType":"prometheus"}"#
        );
    }

    #[test]
    fn a_query_without_a_known_type_is_refused() {
        assert!(serde_json::from_str::<QueryConfig>(r#"{"metricName":"up"}"#).is_err());
        assert!(serde_json::from_str::<QueryConfig>(r#"{"type":"nagios"}"#).is_err());
    }
}

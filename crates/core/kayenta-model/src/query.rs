//! How a metric is fetched: one shape per metric store, distinguished by `type`.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::lenient;

macro_rules! query_shapes {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty = $with:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_meta])*
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = $with)]
            pub $field: Option<$ty>,)*
        }
    )*};
}

query_shapes! {
    /// A Prometheus query: a metric with label bindings, or a template.
    PrometheusQuery {
        /// Monitored resource type, part of the default filter and bound as `${resourceType}`.
        resource_type: String = "lenient::string",
        /// Name of the time series.
        metric_name: String = "lenient::string",
        /// Label matchers in PromQL.
        label_bindings: Vec<String> = "lenient::strings",
        /// Labels to group by.
        group_by_fields: Vec<String> = "lenient::strings",
        /// Deprecated; a query that has it fails.
        #[cfg_attr(feature = "schema", schema(ignore))]
        custom_filter: String = "lenient::string",
        /// A filter, or after `PromQL:` a whole query, with `${…}` bindings.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A Google Cloud Monitoring (Stackdriver) query.
    StackdriverQuery {
        /// Monitored resource type.
        resource_type: String = "lenient::string",
        /// Metric type, such as `compute.googleapis.com/instance/cpu/utilization`.
        metric_type: String = "lenient::string",
        /// Reducer across series.
        cross_series_reducer: String = "lenient::string",
        /// Aligner within a series.
        per_series_aligner: String = "lenient::string",
        /// Fields to group by.
        group_by_fields: Vec<String> = "lenient::strings",
        /// Deprecated; a query that has it fails.
        #[cfg_attr(feature = "schema", schema(ignore))]
        custom_filter: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A Datadog query.
    DatadogQuery {
        /// Metric with its aggregation.
        #[cfg_attr(feature = "schema", schema(example = "avg:system.cpu.user"))]
        metric_name: String = "lenient::string",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
    /// A New Relic Insights query.
    NewRelicQuery {
        /// Trailing part of the NRQL text.
        q: String = "lenient::string",
        /// Leading part of the NRQL text, `SELECT …`.
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
        /// How the points of one step are summarised.
        summarization: String = "lenient::string",
        /// Aggregating function around the series.
        aggregate: String = "lenient::string",
    }
    /// An InfluxDB query.
    InfluxDbQuery {
        /// Measurement.
        metric_name: String = "lenient::string",
        /// Fields of the measurement.
        fields: Vec<String> = "lenient::strings",
        /// A template written in the metric itself.
        custom_inline_template: String = "lenient::string",
    }
    /// An Atlas query.
    AtlasQuery {
        /// Expression in the Atlas stack language.
        #[cfg_attr(feature = "schema", schema(example = "name,CpuRawUser,:eq,:sum"))]
        q: String = "lenient::string",
    }
    /// One filter of a SignalFx query.
    SignalFxPair {
        /// Dimension.
        key: String = "lenient::string",
        /// Value.
        value: String = "lenient::string",
    }
    /// A query of a metric store that answers with JSON over HTTP: bindings for the templates of the account.
    HttpJsonQuery {
        /// Bound as `${metricName}` in the templates of the account.
        metric_name: String = "lenient::string",
        /// A template; its text is bound as `${query}` in the templates of the account.
        custom_inline_template: String = "lenient::string",
        /// Name of a template of the config.
        custom_filter_template: String = "lenient::string",
    }
}

/// A SignalFx query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SignalFxQuery {
    /// Name of the time series.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub metric_name: Option<String>,
    /// Filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_pairs: Option<Vec<SignalFxPair>>,
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

/// How a metric is fetched; `type` names the kind of metric store. Responses add `serviceType`, equal
/// to `type`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum QueryConfig {
    /// Prometheus.
    Prometheus(PrometheusQuery),
    /// Google Cloud Monitoring.
    Stackdriver(StackdriverQuery),
    /// Datadog.
    Datadog(DatadogQuery),
    /// New Relic Insights.
    NewRelic(NewRelicQuery),
    /// SignalFx.
    SignalFx(SignalFxQuery),
    /// Graphite.
    Graphite(GraphiteQuery),
    /// Wavefront.
    Wavefront(WavefrontQuery),
    /// InfluxDB.
    InfluxDb(InfluxDbQuery),
    /// Atlas.
    Atlas(AtlasQuery),
    /// Any metric store that answers with JSON over HTTP.
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
            Self::NewRelic(_) => "newrelic",
            Self::SignalFx(_) => "signalfx",
            Self::Graphite(_) => "graphite",
            Self::Wavefront(_) => "wavefront",
            Self::InfluxDb(_) => "influxdb",
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
            Self::NewRelic(q) => q.custom_inline_template.as_deref(),
            Self::SignalFx(q) => q.custom_inline_template.as_deref(),
            Self::InfluxDb(q) => q.custom_inline_template.as_deref(),
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
            Self::NewRelic(q) => q.custom_inline_template.as_mut(),
            Self::SignalFx(q) => q.custom_inline_template.as_mut(),
            Self::InfluxDb(q) => q.custom_inline_template.as_mut(),
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
            Self::NewRelic(q) => q.custom_filter_template.as_deref(),
            Self::SignalFx(q) => q.custom_filter_template.as_deref(),
            Self::HttpJson(q) => q.custom_filter_template.as_deref(),
            Self::Graphite(_) | Self::Wavefront(_) | Self::InfluxDb(_) | Self::Atlas(_) => None,
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
            Self::NewRelic(q) => serde_json::to_value(q),
            Self::SignalFx(q) => serde_json::to_value(q),
            Self::Graphite(q) => serde_json::to_value(q),
            Self::Wavefront(q) => serde_json::to_value(q),
            Self::InfluxDb(q) => serde_json::to_value(q),
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

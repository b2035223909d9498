//! How a metric is fetched: one shape per metric store, distinguished by `type`.

use kayenta_json::{JsonError, in_field};
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{fields::field_names, lenient};

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
            /// A template written in the metric itself: the text of the query, with `${…}` bindings.
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::string")]
            pub custom_inline_template: Option<String>,
            /// Name of a template of the config.
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::string")]
            pub custom_filter_template: Option<String>,
            /// The same as `customInlineTemplate`, under the name that later releases of Kayenta give it;
            /// takes precedence where a query has both.
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::string")]
            pub template: Option<String>,
            /// Fields that the query had and that mean nothing in it.
            #[serde(skip)]
            #[cfg_attr(feature = "schema", schema(ignore))]
            pub unread: Vec<String>,
        }

        impl Shape for $name {
            fn unread(&mut self, names: Vec<String>) {
                self.unread = names;
            }
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
    }
    /// A Datadog query.
    DatadogQuery {
        /// Metric with its aggregation.
        #[cfg_attr(feature = "schema", schema(example = "avg:system.cpu.user"))]
        metric_name: String = "lenient::string",
    }
    /// A New Relic Insights query.
    NewRelicQuery {
        /// Trailing part of the NRQL text.
        q: String = "lenient::string",
        /// Leading part of the NRQL text, `SELECT …`.
        select: String = "lenient::string",
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
    }
    /// An Atlas query.
    AtlasQuery {
        /// Expression in the Atlas stack language.
        #[cfg_attr(feature = "schema", schema(example = "name,CpuRawUser,:eq,:sum"))]
        q: String = "lenient::string",
    }
    /// A SignalFx query.
    SignalFxQuery {
        /// Name of the time series.
        metric_name: String = "lenient::string",
        /// Filters.
        query_pairs: Vec<SignalFxPair> = "Option::deserialize",
        /// Aggregation of the SignalFlow program.
        aggregation_method: String = "lenient::string",
    }
    /// A query of a metric store that answers with JSON over HTTP: bindings for the templates of the account.
    HttpJsonQuery {
        /// Bound as `${metricName}` in the templates of the account.
        metric_name: String = "lenient::string",
    }
}

/// One filter of a SignalFx query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SignalFxPair {
    /// Dimension.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub key: Option<String>,
    /// Value.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub value: Option<String>,
}

/// How a metric is fetched; `type` names the kind of metric store. Responses add `serviceType`, equal
/// to `type`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase", try_from = "Fields")]
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

/// Evaluates an expression for the shape of a query, whichever it is.
macro_rules! each_shape {
    ($query:expr, $shape:ident => $value:expr) => {
        match $query {
            QueryConfig::Prometheus($shape) => $value,
            QueryConfig::Stackdriver($shape) => $value,
            QueryConfig::Datadog($shape) => $value,
            QueryConfig::NewRelic($shape) => $value,
            QueryConfig::SignalFx($shape) => $value,
            QueryConfig::Graphite($shape) => $value,
            QueryConfig::Wavefront($shape) => $value,
            QueryConfig::InfluxDb($shape) => $value,
            QueryConfig::Atlas($shape) => $value,
            QueryConfig::HttpJson($shape) => $value,
        }
    };
}

impl QueryConfig {
    /// The values of `type`, one per metric store.
    pub const TYPES: &[&str] = &[
        "prometheus",
        "stackdriver",
        "datadog",
        "newrelic",
        "signalfx",
        "graphite",
        "wavefront",
        "influxdb",
        "atlas",
        "http-json",
    ];

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

    /// The template written in the metric itself, under either of its names.
    #[must_use]
    pub fn inline_template(&self) -> Option<&str> {
        each_shape!(self, q => {
            let template = q.template.as_deref().filter(|text| !text.is_empty());
            template.or(q.custom_inline_template.as_deref())
        })
    }

    /// The name of the field that has the inline template.
    #[must_use]
    pub fn inline_template_field(&self) -> Option<&'static str> {
        let filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        each_shape!(self, q => {
            if filled(&q.template) {
                Some("template")
            } else {
                filled(&q.custom_inline_template).then_some("customInlineTemplate")
            }
        })
    }

    /// The templates written in the metric itself, to be changed in place.
    pub fn inline_templates_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let (first, second) = each_shape!(self, q => {
            (&mut q.custom_inline_template, &mut q.template)
        });
        first.iter_mut().chain(second)
    }

    /// The name of the config's template the query refers to.
    #[must_use]
    pub fn filter_template(&self) -> Option<&str> {
        each_shape!(self, q => q.custom_filter_template.as_deref())
    }

    /// Fields that the query had and that mean nothing in it: unknown or misspelt ones, which the
    /// service drops as the reference does (Q-JSON-01).
    #[must_use]
    pub fn unread(&self) -> &[String] {
        each_shape!(self, q => &q.unread)
    }

    /// The fields that a query of this type has, beside `type` and `serviceType`; `None` for a type that does not exist.
    #[must_use]
    pub fn fields_of(store: &str) -> Option<&'static [&'static str]> {
        Some(match store {
            "prometheus" => field_names::<PrometheusQuery>(),
            "stackdriver" => field_names::<StackdriverQuery>(),
            "datadog" => field_names::<DatadogQuery>(),
            "newrelic" => field_names::<NewRelicQuery>(),
            "signalfx" => field_names::<SignalFxQuery>(),
            "graphite" => field_names::<GraphiteQuery>(),
            "wavefront" => field_names::<WavefrontQuery>(),
            "influxdb" => field_names::<InfluxDbQuery>(),
            "atlas" => field_names::<AtlasQuery>(),
            "http-json" => field_names::<HttpJsonQuery>(),
            _ => return None,
        })
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
        let fields = each_shape!(self, q => serde_json::to_value(q)).map_err(S::Error::custom)?;
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

/// The fields of a query before it is known whose they are. Of two fields of one name the last counts.
#[derive(Deserialize)]
#[serde(transparent)]
struct Fields(Map<String, Value>);

/// One store's part of a query.
trait Shape: DeserializeOwned {
    /// Notes the fields that mean nothing.
    fn unread(&mut self, names: Vec<String>);
}

impl TryFrom<Fields> for QueryConfig {
    type Error = String;

    fn try_from(Fields(mut fields): Fields) -> Result<Self, String> {
        let known = || format!("one of '{}'", Self::TYPES.join("', '"));
        let store = match fields.remove("type") {
            Some(Value::String(store)) => store,
            None | Some(Value::Null) => {
                let missing = format!(
                    "the field is missing; it names the metric store, {}",
                    known()
                );
                return Err(in_field("type", missing));
            }
            Some(_) => {
                return Err(in_field("type", format_args!("expected {}", known())));
            }
        };
        match store.as_str() {
            "prometheus" => shape(fields).map(Self::Prometheus),
            "stackdriver" => shape(fields).map(Self::Stackdriver),
            "datadog" => shape(fields).map(Self::Datadog),
            "newrelic" => shape(fields).map(Self::NewRelic),
            "signalfx" => shape(fields).map(Self::SignalFx),
            "graphite" => shape(fields).map(Self::Graphite),
            "wavefront" => shape(fields).map(Self::Wavefront),
            "influxdb" => shape(fields).map(Self::InfluxDb),
            "atlas" => shape(fields).map(Self::Atlas),
            "http-json" => shape(fields).map(Self::HttpJson),
            _ => {
                let unknown = format!("there is no metric store '{store}'; expected {}", known());
                Err(in_field("type", unknown))
            }
        }
    }
}

/// Reads one store's part of a query.
fn shape<T: Shape>(fields: Map<String, Value>) -> Result<T, String> {
    let known = field_names::<T>();
    let unread = fields
        .iter()
        .filter(|(name, value)| {
            !value.is_null() && *name != "serviceType" && !known.contains(&name.as_str())
        })
        .map(|(name, _)| name.clone())
        .collect();
    match serde_path_to_error::deserialize::<_, T>(Value::Object(fields)) {
        Ok(mut shape) => {
            shape.unread(unread);
            Ok(shape)
        }
        Err(error) => {
            let field = error.path().to_string();
            Err(in_field(&field, JsonError::from(error.into_inner())))
        }
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
    fn every_type_is_read_and_written_under_its_name() {
        for &store in QueryConfig::TYPES {
            let query =
                serde_json::json!({"type": store, "template": "a", "customFilterTemplate": "b"});
            let query: QueryConfig = serde_json::from_value(query).unwrap();
            assert_eq!(query.service_type(), store);
            let fields = QueryConfig::fields_of(store).unwrap();
            assert!(
                fields.contains(&"customFilterTemplate"),
                "{store}: {fields:?}"
            );
            assert_eq!(query.inline_template(), Some("a"), "{store}");
            assert_eq!(query.filter_template(), Some("b"), "{store}");
            assert_eq!(query.unread(), [] as [&str; 0], "{store}");
            let written = serde_json::to_value(&query).unwrap();
            assert_eq!(written["template"], "a", "{store}");
            assert_eq!(
                serde_json::from_value::<QueryConfig>(written).unwrap(),
                query
            );
        }
    }

    #[test]
    fn c_api_22_a_template_under_its_later_name_takes_precedence_unless_it_is_empty() {
        let template = |text: &str| {
            let query: QueryConfig = serde_json::from_str(text).unwrap();
            query.inline_template().map(str::to_owned)
        };
        let both = r#"{"type":"datadog","customInlineTemplate":"old","template":"new"}"#;
        assert_eq!(template(both).as_deref(), Some("new"));
        let empty = r#"{"type":"datadog","customInlineTemplate":"old","template":""}"#;
        assert_eq!(template(empty).as_deref(), Some("old"));
    }

    #[test]
    fn fields_that_mean_nothing_are_named_and_not_kept() {
        let text =
            r#"{"type":"graphite","metricname":"x","q":1,"serviceType":"graphite","extra":null}"#;
        let query: QueryConfig = serde_json::from_str(text).unwrap();
        assert_eq!(query.unread(), ["metricname", "q"]);
        assert_eq!(
            serde_json::to_string(&query).unwrap(),
            r#"{"type":"graphite","serviceType":"graphite"}"#
        );
    }

    #[test]
    fn the_mistake_in_a_query_is_reported_with_its_place() {
        let mistake = |text: &str| {
            let error = serde_json::from_str::<QueryConfig>(text).unwrap_err();
            let error = JsonError::from(error);
            (
                error.field().unwrap_or_default().to_owned(),
                error.mistake(),
            )
        };
        let (field, text) = mistake(r#"{"type":"prometheus","labelBindings":["a",{}]}"#);
        assert_eq!(field, "labelBindings[1]");
        assert!(
            text.starts_with("expected a string, number or boolean, found an object"),
            "{text}"
        );
        let (field, text) = mistake(r#"{"type":"signalfx","queryPairs":[{"key":[]}]}"#);
        assert_eq!(field, "queryPairs[0].key");
        assert!(text.contains("found a list"), "{text}");
        let (field, text) = mistake(r#"{"type":"clickhouse"}"#);
        assert_eq!(field, "type");
        assert!(
            text.contains("no metric store 'clickhouse'") && text.contains("'prometheus'"),
            "{text}"
        );
        let (_, text) = mistake("\"up\"");
        assert!(
            text.starts_with("expected an object, found the text \"up\""),
            "{text}"
        );
    }

    #[test]
    fn a_query_without_a_known_type_is_refused() {
        assert!(serde_json::from_str::<QueryConfig>(r#"{"metricName":"up"}"#).is_err());
        assert!(serde_json::from_str::<QueryConfig>(r#"{"type":"nagios"}"#).is_err());
    }
}

//! A canary config: which metrics to compare, how to judge them, how to weigh their groups.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "schema")]
use crate::schema::FreeObject;
use crate::{lenient, query::QueryConfig};

/// A JSON object in the order it was written, kept as it is.
pub type JsonMap = Map<String, Value>;

/// What to compare and how to judge it. An absent field stays absent when the config is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryConfig {
    /// When the config was created, in milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub created_timestamp: Option<i64>,
    /// When the config was last updated, in milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub updated_timestamp: Option<i64>,
    /// `createdTimestamp` in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub created_timestamp_iso: Option<String>,
    /// `updatedTimestamp` in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub updated_timestamp_iso: Option<String>,
    /// Unique within each application; letters, digits, `-` and `_`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Key in the configuration store; generated when absent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub id: Option<String>,
    /// Free text.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub description: Option<String>,
    /// Free text, usually `1`; not interpreted.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub config_version: Option<String>,
    /// The applications that may use the config; a stored config needs at least one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::strings"
    )]
    pub applications: Option<Vec<String>>,
    /// The judge, and its settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeConfig>,
    /// The metrics, in the order in which they are fetched, mixed and judged; a run needs at least
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricConfig>>,
    /// Query templates by name.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub templates: Option<IndexMap<String, String>>,
    /// Weights of the metric groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierConfig>,
}

impl CanaryConfig {
    /// The metrics, none when the field is absent.
    #[must_use]
    pub fn metrics(&self) -> &[MetricConfig] {
        self.metrics.as_deref().unwrap_or_default()
    }

    /// Fills absent `applications`, `metrics` and `templates` with empty ones, as the reference does
    /// whenever it rebuilds a config.
    pub fn fill_collections(&mut self) {
        self.applications.get_or_insert_default();
        self.metrics.get_or_insert_default();
        self.templates.get_or_insert_default();
    }

    /// The config as an execution carries it: collections filled in, and every `${` of a template
    /// written `$\{`. Doing it twice changes nothing more; query building undoes it.
    #[must_use]
    pub fn escaped(mut self) -> Self {
        self.fill_collections();
        for metric in self.metrics.iter_mut().flatten() {
            metric.groups.get_or_insert_default();
            metric.analysis_configurations.get_or_insert_default();
            for template in metric
                .query
                .iter_mut()
                .flat_map(QueryConfig::inline_templates_mut)
            {
                *template = escape_template(template);
            }
        }
        for template in self
            .templates
            .iter_mut()
            .flatten()
            .map(|(_, template)| template)
        {
            *template = escape_template(template);
        }
        self
    }
}

/// Whether a stored config may have this name. The comma is allowed though the reference's message does not say so:
/// existing configs use it.
#[must_use]
pub fn is_config_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ',' | '_' | '-');
    !name.is_empty() && name.chars().all(allowed)
}

fn escape_template(template: &str) -> String {
    template.replace("${", "$\\{")
}

/// The judge a config asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct JudgeConfig {
    /// A name that `GET /judges` lists; absent or empty for the default judge.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    #[cfg_attr(feature = "schema", schema(example = "NetflixACAJudge-v1.0"))]
    pub name: Option<String>,
    /// Settings passed to a remote judge; the built-in judge reads none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<FreeObject>))]
    pub judge_configurations: Option<JsonMap>,
}

/// One metric of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricConfig {
    /// Name of the metric, unique within the config; its metric sets, pairs and results carry it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// How to fetch it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryConfig>,
    /// The groups whose scores it counts for.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::strings"
    )]
    pub groups: Option<Vec<String>>,
    /// Judge settings; the built-in judge reads the object under `canary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<IndexMap<String, FreeObject>>))]
    pub analysis_configurations: Option<IndexMap<String, JsonMap>>,
    /// The scope of the request over which it is fetched.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    #[cfg_attr(feature = "schema", schema(example = "default"))]
    pub scope_name: Option<String>,
}

impl MetricConfig {
    /// The name, empty when absent.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// How group scores add up to the total score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ClassifierConfig {
    /// Weight of each group in percent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double_map"
    )]
    pub group_weights: Option<IndexMap<String, f64>>,
    /// Stored and returned, but not used: the thresholds of the request apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_thresholds: Option<Thresholds>,
}

/// The scores from which a canary passes or is marginal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Thresholds {
    /// A score at or above it passes.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double"
    )]
    pub pass: Option<f64>,
    /// A score below it fails; between the two it is marginal.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double"
    )]
    pub marginal: Option<f64>,
}

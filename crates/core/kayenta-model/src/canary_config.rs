//! A canary config: which metrics to compare, how to judge them, how to weigh their groups.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{lenient, query::QueryConfig};

/// A JSON object in the order it was written, kept as it is.
pub type JsonMap = Map<String, Value>;

/// What to compare and how to judge it. `None` is an absent field, which stays absent when stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryConfig {
    /// Milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub created_timestamp: Option<i64>,
    /// Milliseconds since 1970.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::long"
    )]
    pub updated_timestamp: Option<i64>,
    /// The same moment as `createdTimestamp` in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub created_timestamp_iso: Option<String>,
    /// The same moment as `updatedTimestamp` in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub updated_timestamp_iso: Option<String>,
    /// Unique within each application.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Key in the configuration store.
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
    /// The applications that may use the config.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::strings"
    )]
    pub applications: Option<Vec<String>>,
    /// Which judge, and settings only a remote judge reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeConfig>,
    /// The metrics, in the order they are fetched, mixed and judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricConfig>>,
    /// Named query templates.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub templates: Option<IndexMap<String, String>>,
    /// Group weights.
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
            if let Some(template) = metric
                .query
                .as_mut()
                .and_then(QueryConfig::inline_template_mut)
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

fn escape_template(template: &str) -> String {
    template.replace("${", "$\\{")
}

/// Which judge a config asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JudgeConfig {
    /// Name of the judge; absent or empty means the default judge.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Settings no built-in judge reads; kept and sent to a remote judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_configurations: Option<JsonMap>,
}

/// One metric of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricConfig {
    /// Name of the metric; the metric set, the pair and the result carry it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// How to fetch it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryConfig>,
    /// The groups it counts for.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::strings"
    )]
    pub groups: Option<Vec<String>>,
    /// Judge settings, of which only the object under `canary` is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_configurations: Option<IndexMap<String, JsonMap>>,
    /// Name of the scope pair of the request it is fetched over.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub scope_name: Option<String>,
}

impl MetricConfig {
    /// The name, empty when absent.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// How group scores are weighed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassifierConfig {
    /// Weight of each group in percent.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double_map"
    )]
    pub group_weights: Option<IndexMap<String, f64>>,
    /// Kept and returned, never used: thresholds come with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_thresholds: Option<Thresholds>,
}

/// Scores from which a canary passes, and at or below which it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Thresholds {
    /// A score at or above it passes.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double"
    )]
    pub pass: Option<f64>,
    /// A score below it fails; between the two is marginal.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::double"
    )]
    pub marginal: Option<f64>,
}

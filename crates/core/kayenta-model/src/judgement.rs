//! What a judge says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::schema::FreeObject;
use crate::{canary_config::JsonMap, lenient, number::Double};

/// The judgement of all metrics of a canary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryJudgeResult {
    /// Name of the judge.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub judge_name: Option<String>,
    /// One per metric set pair, in input order, muted ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<AnalysisResult>>,
    /// One per group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_scores: Option<Vec<GroupScore>>,
    /// The total score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<JudgeScore>,
}

impl CanaryJudgeResult {
    /// The total score, when there is one.
    #[must_use]
    pub fn total(&self) -> Option<f64> {
        self.score.as_ref()?.score.map(f64::from)
    }
}

/// Which of how many judgements of one analysis. A canary on its own is look 1 of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Look {
    /// From 1.
    pub index: u32,
    /// How many looks are planned.
    pub total: u32,
}

impl Look {
    /// Whether no further look follows.
    #[must_use]
    pub fn is_last(self) -> bool {
        self.index >= self.total
    }
}

impl Default for Look {
    fn default() -> Self {
        Self { index: 1, total: 1 }
    }
}

/// The judgement of one metric set pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisResult {
    /// Name of the metric.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Labels of the pair.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub tags: Option<IndexMap<String, String>>,
    /// Id of the metric set pair.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub id: Option<String>,
    /// `Pass`, `High`, `Low`, `Nodata`, `NodataFailMetric` or `Error`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    #[cfg_attr(feature = "schema", schema(example = "High"))]
    pub classification: Option<String>,
    /// Reason for the classification, if there is one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub classification_reason: Option<String>,
    /// The groups whose scores it counts for.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::strings"
    )]
    pub groups: Option<Vec<String>>,
    /// Statistics of the canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_metadata: Option<SideMetadata>,
    /// Statistics of the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_metadata: Option<SideMetadata>,
    /// The effect size, under `ratio`; absent when classification failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<FreeObject>))]
    pub result_metadata: Option<JsonMap>,
    /// Whether this result alone fails the canary.
    #[serde(deserialize_with = "flag")]
    pub critical: bool,
    /// Whether it is left out of the scores.
    #[serde(deserialize_with = "flag")]
    pub muted: bool,
}

fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(lenient::boolean(deserializer)?.unwrap_or_default())
}

/// What is known of one side of a pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SideMetadata {
    /// Statistics of the cleaned values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<MetricStats>))]
    pub stats: Option<SideStats>,
    /// Additional fields of a remote judge.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub more: JsonMap,
}

impl SideMetadata {
    /// All five statistics, as the built-in judge gives them.
    #[must_use]
    pub fn of(stats: MetricStats) -> Self {
        Self {
            stats: Some(SideStats::Full(stats)),
            more: JsonMap::new(),
        }
    }

    /// All five statistics, unless a remote judge gave fewer.
    #[must_use]
    pub fn full_stats(&self) -> Option<&MetricStats> {
        match self.stats.as_ref()? {
            SideStats::Full(stats) => Some(stats),
            SideStats::Partial(_) => None,
        }
    }

    /// The number of values, if known.
    #[must_use]
    pub fn count(&self) -> Option<i64> {
        match self.stats.as_ref()? {
            SideStats::Full(stats) => Some(stats.count),
            SideStats::Partial(fields) => fields.get("count")?.as_i64(),
        }
    }
}

/// Statistics of one side: the five of the built-in judge, or whatever a remote judge sends, which is
/// passed on unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SideStats {
    /// All five.
    Full(MetricStats),
    /// Others.
    Partial(JsonMap),
}

/// Statistics of the cleaned values of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MetricStats {
    /// Number of values.
    pub count: i64,
    /// Arithmetic mean.
    pub mean: Double,
    /// Smallest value.
    pub min: Double,
    /// Sample standard deviation.
    pub std: Double,
    /// Largest value.
    pub max: Double,
}

/// The score of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct GroupScore {
    /// Name of the group.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Percentage of its metrics that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Double>,
    /// Empty from the built-in judge.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub classification: Option<String>,
    /// Empty from the built-in judge.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub classification_reason: Option<String>,
}

/// The total score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct JudgeScore {
    /// 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Double>,
    /// `Pass`, `Marginal`, `Fail`, `Nodata` or `Error`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    #[cfg_attr(feature = "schema", schema(example = "Pass"))]
    pub classification: Option<String>,
    /// Reason for the classification; empty on a pass.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub classification_reason: Option<String>,
}

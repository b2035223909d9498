//! Why a judge labelled a metric as it did, and what it could not have seen.
//!
//! Numbers that do not exist are left out, never `null`. Shifts are in the unit of the metric, percentages
//! are of the baseline's mean, rates and p-values are shares of 1.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{judgement::Look, number::Double};

/// Everything that can be said about a judged canary beside its result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryExplanation {
    /// What the run proves, if its judge draws such a conclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Conclusion>,
    /// One per result of the judge, in its order.
    pub results: Vec<MetricExplanation>,
    /// The findings of all metrics: first those that rest on a test, then those that rest on a rule.
    pub findings: Vec<MetricFinding>,
}

/// The explanation of a standalone analysis: that of its newest judgement, which decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisExplanation {
    /// Id of the run that is explained; `GET /canary/{id}/explanation` explains the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Which of the planned judgements it is.
    pub look: Look,
    /// The explanation of the run.
    pub explanation: CanaryExplanation,
}

/// The explanation of one result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricExplanation {
    /// Name of the metric.
    pub name: String,
    /// UUID of the metric set pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Labels of the pair.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub tags: IndexMap<String, String>,
    /// Why it has its label.
    pub explanation: Explanation,
    /// What else was found in its data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Why a metric has its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Explanation {
    /// Version of this shape.
    pub version: u32,
    /// The same in words.
    pub sentences: Vec<String>,
    /// What was tested, and how it came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<ExplainedTest>,
    /// The effect size and what of it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<ExplainedEffect>,
    /// How far the metric is from another label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<LabelDistance>,
    /// The smallest change a run like this is likely to find.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detectable: Option<DetectableShift>,
    /// What the data are like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataQuality>,
}

impl Explanation {
    /// The version this crate writes.
    pub const VERSION: u32 = 1;
}

impl Default for Explanation {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            sentences: Vec::new(),
            test: None,
            effect: None,
            distance: None,
            detectable: None,
            data: None,
        }
    }
}

/// The test behind a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ExplainedTest {
    /// That of `NetflixACAJudge-v1.0`.
    MannWhitney(MannWhitneyTest),
    /// Those of `PairedCanaryJudge-v1.0`.
    Paired(PairedTest),
    /// That of `StaticLimitJudge-v1.0`.
    StaticLimit(StaticLimitTest),
}

/// The interval of the shift between two unpaired samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MannWhitneyTest {
    /// Of the interval, as a share.
    pub confidence: Double,
    /// Lower end of the shift.
    pub lower: Double,
    /// Upper end of the shift.
    pub upper: Double,
    /// The shift.
    pub estimate: Double,
    /// How far the interval has to stay clear of 0: a quarter of the shift.
    pub bound: Double,
}

/// A comparison point by point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PairedTest {
    /// Relative change of the typical point; 0.1 is 10 % more than the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Double>,
    /// Lower end of the relative change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower: Option<Double>,
    /// Upper end of the relative change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<Double>,
    /// Of the interval, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Double>,
    /// Relative change found four times in five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detectable: Option<Double>,
    /// Degrees of freedom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub df: Option<usize>,
    /// Correlation of neighbouring differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autocorrelation: Option<Double>,
    /// Of the canary being higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_high: Option<Double>,
    /// Of the canary being lower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_low: Option<Double>,
    /// Of the direction that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<Double>,
    /// What p is held against, before it is shared among the metrics.
    pub level: Double,
    /// Which test decides: `body`, `sparse`, `excursions` or `drift`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// What is proved about the metric.
    pub conclusion: Conclusion,
    /// Whether ratios were compared instead of differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<bool>,
    /// How many differences were cut because they lie far out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipped: Option<usize>,
}

/// A statistic of the canary against fixed limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct StaticLimitTest {
    /// Name of the statistic, as in the settings.
    pub statistic: String,
    /// Its value; for a share of points that beyond a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Double>,
    /// The upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<Double>,
    /// The lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower: Option<Double>,
    /// The share of points above the upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_above: Option<Double>,
    /// The share of points below the lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_below: Option<Double>,
    /// The share of points that may lie beyond a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_share: Option<Double>,
}

/// What a run proves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Conclusion {
    /// A harmful change.
    Worse,
    /// That there is no harmful change of the tolerated size or more.
    NoWorse,
    /// Neither.
    #[default]
    Inconclusive,
}

/// The effect size of a metric beside its thresholds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ExplainedEffect {
    /// `meanRatio` or `cles`.
    pub measure: String,
    /// Its value; a ratio with 0 does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Double>,
    /// Above it a metric may be High.
    pub allowed_increase: Double,
    /// Below it a metric may be Low.
    pub allowed_decrease: Double,
    /// From it on a critical metric that is High fails the canary.
    pub critical_increase: Double,
    /// From it on a critical metric that is Low fails the canary.
    pub critical_decrease: Double,
}

/// How far a metric is from another label; approximate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct LabelDistance {
    /// The smallest amount that, added to every canary value, makes the metric High; negative by how
    /// much it is beyond that.
    pub to_high: Double,
    /// The same in percent of the baseline's mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_high_percent: Option<Double>,
    /// Which condition is the last to hold: `interval` or `effect`.
    pub to_high_because: String,
    /// The amount nearest to 0 that, added to every canary value, makes the metric Low; positive by how
    /// much it is beyond that.
    pub to_low: Double,
    /// The same in percent of the baseline's mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_low_percent: Option<Double>,
    /// Which condition is the last to hold: `interval` or `effect`.
    pub to_low_because: String,
}

/// A shift that is found with some certainty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DetectableShift {
    /// In the unit of the metric.
    pub shift: Double,
    /// In percent of the baseline's mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Double>,
    /// How often it is found, as a share.
    pub power: Double,
}

/// What the data of a metric are like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DataQuality {
    /// The baseline.
    pub control: SideQuality,
    /// The canary.
    pub experiment: SideQuality,
    /// Points with a value on both sides.
    pub pairs: usize,
    /// Share of points with a value on one side only.
    pub one_sided: Double,
    /// Share of values that occur more than once, both sides together.
    pub tie_share: Double,
    /// Correlation of neighbouring differences between the sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autocorrelation: Option<Double>,
    /// Factor by which the variance of the comparison exceeds that of independent, unrelated points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub design_effect: Option<Double>,
    /// Independent points a side that carry as much information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_points: Option<Double>,
    /// The built-in judge's chance of a wrong High or Low on such data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarm_rate: Option<Double>,
}

/// What the data of one side are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SideQuality {
    /// Points.
    pub given: usize,
    /// Points without a value.
    pub missing: usize,
    /// Values left out as outliers.
    pub outliers_dropped: usize,
    /// Values that were judged.
    pub used: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Longest run of points without a value.
    pub longest_gap: usize,
}

/// Something worth knowing about a metric that changes no label and no score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Finding {
    /// What was found.
    pub id: FindingId,
    /// The side a test points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<FindingDirection>,
    /// p-value of the test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<Double>,
    /// Its size, by kind: a relative change, a ratio, a rate, a share or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Double>,
    /// Lower end of a relative change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower: Option<Double>,
    /// Upper end of a relative change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<Double>,
    /// Points where the canary stands out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<usize>,
    /// Points where the baseline stands out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<usize>,
    /// The finding in words.
    pub sentence: String,
}

/// A finding with the metric it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricFinding {
    /// Name of the metric; absent when it concerns the whole analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// UUID of the metric set pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The side a finding points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum FindingDirection {
    /// The canary is higher.
    Increase,
    /// The canary is lower.
    Decrease,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum FindingId {
    /// A test point by point sees a change that the built-in one does not.
    #[default]
    Level,
    /// Events on one side where the other has none.
    Sparse,
    /// A heavier tail.
    Excursions,
    /// More movement from point to point.
    Spread,
    /// A difference that changes during the run.
    Drift,
    /// Neighbouring points resemble each other.
    Autocorrelated,
    /// Both sides follow a common movement.
    SharedMovement,
    /// Many points have a value on one side only.
    UnequalCoverage,
    /// The sides are from different times.
    NotConcurrent,
    /// Too few points to see much.
    FewPoints,
    /// Hardly any different values.
    Ties,
    /// An analysis judges more than once.
    Peeking,
    /// Both sides come from one and the same query.
    SameQuery,
    /// Series of the two sides have different labels and found no partner.
    UnpairedTags,
    /// A metric could not be tested and does not count.
    ErrorNotCounted,
}

impl FindingId {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Sparse => "sparse",
            Self::Excursions => "excursions",
            Self::Spread => "spread",
            Self::Drift => "drift",
            Self::Autocorrelated => "autocorrelated",
            Self::SharedMovement => "sharedMovement",
            Self::UnequalCoverage => "unequalCoverage",
            Self::NotConcurrent => "notConcurrent",
            Self::FewPoints => "fewPoints",
            Self::Ties => "ties",
            Self::Peeking => "peeking",
            Self::SameQuery => "sameQuery",
            Self::UnpairedTags => "unpairedTags",
            Self::ErrorNotCounted => "errorNotCounted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_exist_are_left_out_and_infinite_ones_are_words() {
        let finding = Finding {
            id: FindingId::Spread,
            direction: Some(FindingDirection::Increase),
            p: Some(Double(0.25)),
            value: Some(Double(f64::INFINITY)),
            sentence: "Yes.".to_owned(),
            ..Finding::default()
        };
        let text = serde_json::to_string(&finding).unwrap();
        assert_eq!(
            text,
            r#"{"id":"spread","direction":"increase","p":0.25,"value":"Infinity","sentence":"Yes."}"#
        );
        assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
        let text = serde_json::to_string(&Explanation::default()).unwrap();
        assert_eq!(text, r#"{"version":1,"sentences":[]}"#);
    }

    #[test]
    fn the_kind_of_a_test_comes_first() {
        let test = ExplainedTest::MannWhitney(MannWhitneyTest::default());
        let text = serde_json::to_string(&test).unwrap();
        assert!(
            text.starts_with(r#"{"kind":"mannWhitney","confidence":0.0,"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<ExplainedTest>(&text).unwrap(), test);
    }

    #[test]
    fn the_word_of_a_kind_is_the_one_that_is_written() {
        for id in [
            FindingId::Level,
            FindingId::SharedMovement,
            FindingId::ErrorNotCounted,
        ] {
            assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
        }
    }
}

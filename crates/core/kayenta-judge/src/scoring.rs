//! From labels to group scores and the total.

use std::collections::HashMap;

use indexmap::IndexMap;
use kayenta_model::{AnalysisResult, CanaryJudgeResult, Double, GroupScore, JudgeScore};

use crate::{
    JudgeError, JudgeRequest, ScoreThresholds, classification::Label, group_order::hash_order,
};

/// Share of metrics without data, in percent, from which a canary fails.
const NO_DATA_LIMIT: f64 = 50.0;

/// A result with its label at hand.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) label: Label,
    pub(crate) result: AnalysisResult,
}

/// What a judge made of each of some pairs, in their order.
#[derive(Debug, Default)]
pub struct JudgedPairs(Vec<Judged>);

impl JudgedPairs {
    /// Adds what the judge made of the pairs that follow.
    pub fn append(&mut self, mut following: Self) {
        self.0.append(&mut following.0);
    }

    /// The verdict of the judge called `judge_name` on all pairs of a run, with the weights of the config. The pairs of
    /// the request are not looked at.
    ///
    /// # Errors
    /// [`MissingClassifier`](JudgeError::MissingClassifier) when the config has none.
    pub fn verdict(
        self,
        judge_name: &str,
        request: &JudgeRequest,
    ) -> Result<CanaryJudgeResult, JudgeError> {
        let classifier = request.canary_config.classifier.as_ref();
        let classifier = classifier.ok_or(JudgeError::MissingClassifier)?;
        let weights = classifier.group_weights.as_ref();
        Ok(score(judge_name, self.0, weights, request.thresholds))
    }
}

impl FromIterator<Judged> for JudgedPairs {
    fn from_iter<I: IntoIterator<Item = Judged>>(judged: I) -> Self {
        Self(judged.into_iter().collect())
    }
}

/// Scores the results and puts the whole answer together. `weights` are those of the config's
/// classifier, in percent.
fn score(
    judge_name: &str,
    judged: Vec<Judged>,
    weights: Option<&IndexMap<String, f64>>,
    thresholds: ScoreThresholds,
) -> CanaryJudgeResult {
    // Muted results are shown and count for nothing.
    let counting: Vec<&Judged> = judged
        .iter()
        .filter(|judged| !judged.result.muted)
        .collect();
    let groups = group_scores(&counting);
    let (total, reason) = total(&counting, &groups, weights);
    let classification = if total >= thresholds.pass {
        "Pass"
    } else if total >= thresholds.marginal {
        "Marginal"
    } else {
        "Fail"
    };
    let group_scores = groups
        .iter()
        .map(|group| GroupScore {
            name: Some(group.name.to_owned()),
            score: Some(Double(group.score())),
            classification: Some(String::new()),
            classification_reason: Some(String::new()),
        })
        .collect();
    let score = JudgeScore {
        score: Some(Double(total)),
        classification: Some(classification.to_owned()),
        classification_reason: Some(reason.unwrap_or_default()),
    };
    CanaryJudgeResult {
        judge_name: Some(judge_name.to_owned()),
        group_scores: Some(group_scores),
        score: Some(score),
        results: Some(judged.into_iter().map(|judged| judged.result).collect()),
    }
}

/// How the metrics of one group fared; labels that are neither of the two do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Group<'a> {
    name: &'a str,
    passed: u32,
    failed: u32,
}

impl Group<'_> {
    fn has_data(&self) -> bool {
        self.passed + self.failed > 0
    }

    /// Percentage that passed; 0 without data, although such a group counts as 100 in the total.
    fn score(&self) -> f64 {
        if self.has_data() {
            f64::from(self.passed) / f64::from(self.passed + self.failed) * 100.0
        } else {
            0.0
        }
    }

    fn contribution(&self) -> f64 {
        if self.has_data() { self.score() } else { 100.0 }
    }
}

/// The groups that occur, in the order of the reference. A group named twice by a metric counts it twice.
fn group_scores<'a>(counting: &[&'a Judged]) -> Vec<Group<'a>> {
    let mut names: Vec<&str> = Vec::new();
    let mut groups: HashMap<&str, Group<'_>> = HashMap::new();
    for judged in counting {
        for name in judged.result.groups.iter().flatten() {
            let group = groups.entry(name).or_insert_with(|| {
                names.push(name);
                Group {
                    name,
                    passed: 0,
                    failed: 0,
                }
            });
            match judged.label {
                Label::Pass => group.passed += 1,
                Label::High | Label::Low | Label::NoDataFailMetric => group.failed += 1,
                Label::NoData | Label::Error => {}
            }
        }
    }
    hash_order(&mut names);
    names.into_iter().map(|name| groups[name]).collect()
}

/// The total and, unless it is the weighted sum, why.
fn total(
    counting: &[&Judged],
    groups: &[Group<'_>],
    weights: Option<&IndexMap<String, f64>>,
) -> (f64, Option<String>) {
    let failing = counting
        .iter()
        .find(|judged| judged.result.critical && judged.label != Label::Pass);
    if let Some(judged) = failing {
        let reason = judged.result.classification_reason.as_deref();
        return (
            0.0,
            Some(format!("Canary Failed: {}", reason.unwrap_or_default())),
        );
    }
    let no_data = counting
        .iter()
        .filter(|judged| judged.label == Label::NoData)
        .count();
    // Without any result this is NaN and no reason to fail.
    if 100.0 * no_data as f64 / counting.len() as f64 >= NO_DATA_LIMIT {
        let reason = "Canary Failed: 50% or more metrics returned NODATA";
        return (0.0, Some(reason.to_owned()));
    }
    (round_to_cents(weighted_sum(groups, weights)), None)
}

fn weighted_sum(groups: &[Group<'_>], weights: Option<&IndexMap<String, f64>>) -> f64 {
    let shares = shares(groups, weights);
    groups.iter().zip(shares).fold(0.0, |sum, (group, weight)| {
        sum + group.contribution() * (weight / 100.0)
    })
}

/// The weight of each group. Groups without one share what the weights leave of 100. Weights of groups that do not
/// occur are spent all the same.
fn shares(groups: &[Group<'_>], weights: Option<&IndexMap<String, f64>>) -> Vec<f64> {
    let weight = |group: &Group<'_>| weights.and_then(|weights| weights.get(group.name)).copied();
    let given: f64 = weights
        .into_iter()
        .flatten()
        .fold(0.0, |sum, (_, w)| sum + w);
    let unweighted = groups
        .iter()
        .filter(|group| weight(group).is_none())
        .count();
    let share = if unweighted > 0 {
        (100.0 - given) / unweighted as f64
    } else {
        0.0
    };
    groups
        .iter()
        .map(|group| weight(group).unwrap_or(share))
        .collect()
}

/// What each group contributed to the total of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSum {
    /// The groups that occur, in the order of `groupScores`.
    pub groups: Vec<GroupShare>,
    /// The weighted sum, which is the total unless something else decided.
    pub weighted: f64,
    /// The total of a canary whose metrics all pass; not 100 when the weights do not add up.
    pub reachable: f64,
    /// Why the total is not the weighted sum: a critical metric, or too many without data.
    pub decided_by: Option<String>,
}

/// A group with its share of the total.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupShare {
    /// Name of the group.
    pub name: String,
    /// Metrics that passed.
    pub passed: u32,
    /// Metrics that failed.
    pub failed: u32,
    /// Metrics that do not count: no data, or an error.
    pub uncounted: u32,
    /// What the group counts for, 0 to 100; a group without data counts as 100.
    pub score: f64,
    /// Its weight in percent, given by the config or what the given ones leave.
    pub weight: f64,
}

impl ScoreSum {
    /// How the total of `result` came about with the weights of the config's classifier. `None` when it did not
    /// come about this way, as with judges that are not built in.
    #[must_use]
    pub fn of(result: &CanaryJudgeResult, weights: Option<&IndexMap<String, f64>>) -> Option<Self> {
        let judged = result
            .results
            .iter()
            .flatten()
            .map(|result| {
                Some(Judged {
                    label: Label::parse(result.classification.as_deref()?)?,
                    result: result.clone(),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let counting: Vec<&Judged> = judged
            .iter()
            .filter(|judged| !judged.result.muted)
            .collect();
        let groups = group_scores(&counting);
        let (total, decided_by) = total(&counting, &groups, weights);
        if result.total() != Some(total) {
            return None;
        }
        let shares = shares(&groups, weights);
        let uncounted = |name: &str| {
            let of_group = counting
                .iter()
                .flat_map(|judged| judged.result.groups.iter().flatten())
                .filter(|group| *group == name);
            u32::try_from(of_group.count()).unwrap_or(u32::MAX)
        };
        Some(Self {
            weighted: round_to_cents(weighted_sum(&groups, weights)),
            reachable: round_to_cents(shares.iter().sum()),
            decided_by,
            groups: groups
                .iter()
                .zip(shares)
                .map(|(group, weight)| GroupShare {
                    name: group.name.to_owned(),
                    passed: group.passed,
                    failed: group.failed,
                    uncounted: uncounted(group.name) - group.passed - group.failed,
                    score: group.contribution(),
                    weight,
                })
                .collect(),
        })
    }
}

/// Two decimals, halves away from zero, of the shortest decimal that reads back as the number. So
/// 2.675 becomes 2.68, although the double lies below it.
fn round_to_cents(value: f64) -> f64 {
    let text = value.to_string();
    let Some((whole, decimals)) = text.split_once('.').filter(|(_, d)| d.len() > 2) else {
        return value;
    };
    let mut digits = format!("{whole}{}", &decimals[..2]).into_bytes();
    if decimals.as_bytes()[2] >= b'5' {
        increment(&mut digits);
    }
    let cents = digits.len() - 2;
    let rounded: String = digits[..cents]
        .iter()
        .chain(b".")
        .chain(&digits[cents..])
        .map(|&byte| char::from(byte))
        .collect();
    rounded.parse().unwrap_or(value)
}

/// Adds one to the magnitude of a decimal integer, which may have a sign.
fn increment(digits: &mut Vec<u8>) {
    let first = usize::from(digits.first() == Some(&b'-'));
    for digit in digits[first..].iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(first, b'1');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Pass@a` or, critical, `High@b!`, as in the tables of the specification.
    fn judged(text: &str) -> Judged {
        let (label, group) = text.split_once('@').unwrap();
        let label = match label {
            "Pass" => Label::Pass,
            "High" => Label::High,
            "Low" => Label::Low,
            "Nodata" => Label::NoData,
            "Ndf" => Label::NoDataFailMetric,
            _ => Label::Error,
        };
        Judged {
            label,
            result: AnalysisResult {
                critical: group.ends_with('!'),
                muted: group.ends_with('~'),
                groups: Some(vec![group.trim_end_matches(['!', '~']).to_owned()]),
                classification_reason: Some("why".to_owned()),
                ..AnalysisResult::default()
            },
        }
    }

    fn scored(weights: &[(&str, f64)], results: &str) -> CanaryJudgeResult {
        let weights = weights
            .iter()
            .map(|&(name, weight)| (name.to_owned(), weight))
            .collect();
        let judged = results.split_whitespace().map(judged).collect();
        let thresholds = ScoreThresholds {
            pass: 75.0,
            marginal: 50.0,
        };
        score("j", judged, Some(&weights), thresholds)
    }

    fn total_of(weights: &[(&str, f64)], results: &str) -> f64 {
        scored(weights, results).total().unwrap()
    }

    #[test]
    fn the_parts_of_a_sum_are_those_of_the_total() {
        let weights: IndexMap<String, f64> =
            [("a".to_owned(), 40.0), ("c".to_owned(), 30.0)].into();
        let scored = |results: &str| {
            let thresholds = ScoreThresholds::default();
            let judged: Vec<Judged> = results
                .split_whitespace()
                .map(judged)
                .map(|mut judged| {
                    judged.result.classification = Some(judged.label.as_str().to_owned());
                    judged
                })
                .collect();
            score("j", judged, Some(&weights), thresholds)
        };
        let result = scored("Pass@a High@a Nodata@a Pass@b Pass@b High@b~");
        let sum = ScoreSum::of(&result, Some(&weights)).unwrap();
        let groups: Vec<_> = sum
            .groups
            .iter()
            .map(|g| (&*g.name, g.passed, g.failed, g.uncounted, g.score, g.weight))
            .collect();
        assert_eq!(
            groups,
            [("b", 2, 0, 0, 100.0, 30.0), ("a", 1, 1, 1, 50.0, 40.0)]
        );
        assert_eq!((sum.weighted, sum.reachable), (50.0, 70.0));
        assert_eq!(result.total(), Some(50.0));
        assert_eq!(sum.decided_by, None);
        let critical = scored("High@a! Pass@a");
        let sum = ScoreSum::of(&critical, Some(&weights)).unwrap();
        assert_eq!((critical.total(), sum.weighted), (Some(0.0), 20.0));
        assert_eq!(sum.decided_by.as_deref(), Some("Canary Failed: why"));
        let mut foreign = result;
        foreign.score = Some(JudgeScore {
            score: Some(Double(12.0)),
            ..JudgeScore::default()
        });
        assert_eq!(ScoreSum::of(&foreign, Some(&weights)), None);
    }

    #[test]
    fn totals_of_the_reference_tests() {
        for (weights, results, expected) in [
            (&[][..], "Pass@g", 100.0),
            (&[], "High@g", 0.0),
            (&[], "Nodata@g", 0.0),
            (&[], "Pass@a Pass@a Nodata@b", 100.0),
            (&[], "Pass@g High@g", 50.0),
            (&[], "Pass@g High@g Low@g", 33.33),
            (&[("1", 75.0), ("2", 25.0)], "Pass@1 Pass@1 High@2", 75.0),
            (&[("1", 50.0), ("2", 50.0)], "Pass@1 High@1 High@2", 25.0),
            (&[("1", 50.0), ("2", 50.0)], "Pass@1 Nodata@1 High@2", 50.0),
            (&[], "Pass@g High@g!", 0.0),
            (&[], "Low@g Pass@g!", 50.0),
            (&[], "Pass@g Nodata@g!", 0.0),
            (
                &[("1", 15.0), ("2", 85.0)],
                "High@1 Low@1 Pass@1 High@2",
                5.0,
            ),
            (&[("A", 50.0), ("B", 50.0)], "Pass@A", 50.0),
            (&[("A", 60.0)], "Pass@A High@B Pass@C", 80.0),
            (&[], "", 0.0),
            (&[], "Error@g", 100.0),
            (&[], "Nodata@g Error@g", 0.0),
            (&[], "Pass@g Ndf@g", 50.0),
            (&[], "Pass@g High@g~", 100.0),
            (&[("A", 50.0)], "Pass@B High@A~", 50.0),
        ] {
            assert_eq!(total_of(weights, results), expected, "{results}");
        }
    }

    #[test]
    fn reasons_and_classes() {
        let score = |results| scored(&[], results).score.unwrap();
        let critical = score("Pass@g High@g!");
        assert_eq!(critical.classification.unwrap(), "Fail");
        assert_eq!(
            critical.classification_reason.unwrap(),
            "Canary Failed: why"
        );
        let no_data = score("Pass@g Nodata@g");
        assert_eq!(
            no_data.classification_reason.unwrap(),
            "Canary Failed: 50% or more metrics returned NODATA"
        );
        let marginal = score("Pass@g High@g");
        assert_eq!(marginal.classification.unwrap(), "Marginal");
        assert_eq!(marginal.classification_reason.unwrap(), "");
        assert_eq!(score("Pass@g").classification.unwrap(), "Pass");
    }

    #[test]
    fn group_scores_are_not_rounded_and_muted_results_stay_listed() {
        let result = scored(&[], "Pass@g High@g Low@g High@h~");
        let groups = result.group_scores.unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].score.unwrap().0, 33.33333333333333);
        assert_eq!(result.results.unwrap().len(), 4);
        assert_eq!(scored(&[], "").group_scores.unwrap(), []);
    }

    #[test]
    fn rounding_goes_by_the_shortest_decimal() {
        for (value, expected) in [
            (33.333333333333336, 33.33),
            (66.66666666666667, 66.67),
            (2.675, 2.68),
            (1.005, 1.01),
            (0.125, 0.13),
            (99.995, 100.0),
            (0.005, 0.01),
            (33.335, 33.34),
            (12.345, 12.35),
            (100.00000000000001, 100.0),
            (-2.675, -2.68),
            (-9.999, -10.0),
            (1e22, 1e22),
        ] {
            assert_eq!(round_to_cents(value), expected);
        }
        assert_eq!(round_to_cents(-0.001).to_bits(), (-0.0_f64).to_bits());
        assert!(round_to_cents(f64::NAN).is_nan());
    }
}

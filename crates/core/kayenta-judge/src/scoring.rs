//! From labels to group scores and the total.

use std::collections::HashMap;

use indexmap::IndexMap;
use kayenta_model::{AnalysisResult, CanaryJudgeResult, Double, GroupScore, JudgeScore};

use crate::{ScoreThresholds, classification::Label, group_order::hash_order};

/// Share of metrics without data, in percent, from which a canary fails.
const NO_DATA_LIMIT: f64 = 50.0;

/// A result with its label at hand.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) label: Label,
    pub(crate) result: AnalysisResult,
}

/// Scores the results and puts the whole answer together. `weights` are those of the config's
/// classifier, in percent.
pub(crate) fn score(
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

/// Groups without a weight share what the weights leave of 100. Weights of groups that do not occur
/// are spent all the same.
fn weighted_sum(groups: &[Group<'_>], weights: Option<&IndexMap<String, f64>>) -> f64 {
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
    groups.iter().fold(0.0, |sum, group| {
        sum + group.contribution() * (weight(group).unwrap_or(share) / 100.0)
    })
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

//! The explanation of `StaticLimitJudge-v1.0`.

use kayenta_model::{
    Double,
    explanation::{ExplainedTest, Explanation, StaticLimitTest},
};

use super::{built_in::missing, subject::Subject};
use crate::{
    JudgeError,
    classification::Label,
    figures::{figure, percent},
    static_limit::{Limits, Measured, Statistic},
};

pub(super) fn explanation(subject: &Subject<'_>) -> Result<Explanation, JudgeError> {
    let limits = Limits::read(subject.metric)?;
    let mut explanation = Explanation {
        data: Some(subject.quality()),
        ..Explanation::default()
    };
    let name = subject.name;
    if subject.experiment.is_empty() {
        explanation.sentences.push(match subject.label {
            Some(Label::Pass) => {
                format!("{name} passed: no data on the canary side, and gaps count as zero.")
            }
            _ => missing(subject),
        });
        return Ok(explanation);
    }
    let measured = limits.measure(&subject.experiment);
    let number = |value: Option<f64>| value.filter(|value| !value.is_nan()).map(Double);
    explanation.test = Some(ExplainedTest::StaticLimit(StaticLimitTest {
        statistic: limits.statistic.as_str().to_owned(),
        value: number(measured.value),
        upper: number(limits.upper),
        lower: number(limits.lower),
        share_above: number(measured.share_above),
        share_below: number(measured.share_below),
        tolerated_share: match limits.statistic {
            Statistic::Share { tolerated } => Some(Double(tolerated)),
            _ => None,
        },
    }));
    let reason = subject.reason.as_deref();
    explanation.sentences.push(match (subject.label, reason) {
        (Some(Label::Pass), _) => passed(name, &limits, &measured),
        (Some(Label::Error), _) => {
            format!("{name} could not be tested: its values are not finite. It does not count in its group.")
        }
        (_, Some(reason)) => format!("{reason}."),
        (_, None) => return Ok(explanation),
    });
    Ok(explanation)
}

fn passed(name: &str, limits: &Limits, measured: &Measured) -> String {
    let sides = [
        (limits.upper, measured.share_above, "above"),
        (limits.lower, measured.share_below, "below"),
    ];
    let kept: Vec<String> = sides
        .into_iter()
        .filter_map(|(limit, share, side)| {
            let limit = figure(limit?);
            Some(match share {
                Some(share) => format!("{} of the points are {side} {limit}", percent(share)),
                None => format!("is not {side} {limit}"),
            })
        })
        .collect();
    let kept = kept.join(" and ");
    match (limits.statistic, measured.value) {
        (Statistic::Share { tolerated }, _) => {
            format!(
                "{name} passed: {kept}, {} are tolerated.",
                percent(tolerated)
            )
        }
        (statistic, value) => format!(
            "{name} passed: the {} of {} {kept}.",
            statistic.as_str(),
            figure(value.unwrap_or(f64::NAN))
        ),
    }
}

//! The explanation of `NetflixACAJudge-v1.0`.

use kayenta_model::{
    Double,
    explanation::{
        DetectableShift, ExplainedEffect, ExplainedTest, Explanation, LabelDistance,
        MannWhitneyTest,
    },
};
use kayenta_stats::Interval;

use super::{
    numbers::{Numbers, Reach},
    subject::Subject,
};
use crate::{
    classification::Label,
    figures::figure,
    settings::{Direction, EffectMeasure},
};

/// Level of the judge's interval.
const CONFIDENCE: f64 = 0.98;

/// How often a shift that counts as detectable is found.
const POWER: f64 = 0.8;

/// Values a side below which more would help.
const FEW: usize = 50;

pub(super) fn explanation(subject: &Subject<'_>) -> Explanation {
    let numbers = subject.numbers();
    let mut explanation = Explanation {
        sentences: sentences(subject, numbers),
        data: Some(subject.quality()),
        ..Explanation::default()
    };
    let Some(numbers) = numbers else {
        return explanation;
    };
    let settings = &subject.settings;
    let Interval {
        lower,
        upper,
        estimate,
    } = numbers.interval;
    explanation.test = Some(ExplainedTest::MannWhitney(MannWhitneyTest {
        confidence: Double(CONFIDENCE),
        lower: Double(lower),
        upper: Double(upper),
        estimate: Double(estimate),
        bound: Double(numbers.bound),
    }));
    explanation.effect = Some(ExplainedEffect {
        measure: match settings.measure {
            EffectMeasure::MeanRatio => "meanRatio",
            EffectMeasure::CommonLanguage => "cles",
        }
        .to_owned(),
        value: numbers.effect.is_finite().then_some(Double(numbers.effect)),
        allowed_increase: Double(settings.allowed_increase),
        allowed_decrease: Double(settings.allowed_decrease),
        critical_increase: Double(settings.critical_increase),
        critical_decrease: Double(settings.critical_decrease),
    });
    if !subject.muted {
        let percent = |reach: Reach| subject.percent_of_baseline(reach.shift).map(Double);
        explanation.distance = Some(LabelDistance {
            to_high: Double(numbers.to_high.shift),
            to_high_percent: percent(numbers.to_high),
            to_high_because: numbers.to_high.because.to_owned(),
            to_low: Double(numbers.to_low.shift),
            to_low_percent: percent(numbers.to_low),
            to_low_because: numbers.to_low.because.to_owned(),
        });
    }
    explanation.detectable = Some(DetectableShift {
        shift: Double(numbers.detectable),
        percent: subject.percent_of_baseline(numbers.detectable).map(Double),
        power: Double(POWER),
    });
    explanation
}

/// `3.2 (6.37 %)`, without the percentage when there is none.
pub(super) fn sized(subject: &Subject<'_>, shift: f64) -> String {
    match subject.percent_of_baseline(shift) {
        Some(percent) => format!("{} ({} %)", figure(shift), figure(percent.abs())),
        None => figure(shift),
    }
}

fn sentences(subject: &Subject<'_>, numbers: Option<&Numbers>) -> Vec<String> {
    let name = subject.name;
    let mut sentences = Vec::new();
    match (subject.label, numbers) {
        (Some(Label::NoData | Label::NoDataFailMetric), _) => sentences.push(missing(subject)),
        (Some(Label::Error), _) => sentences.push(format!(
            "{name} could not be tested: all values are tied after the shift. It does not count in its \
             group."
        )),
        (Some(Label::High), Some(numbers)) => sentences.push(format!(
            "{name}: the canary is higher by {}, at least {} with 98 % confidence. It would have passed \
             had every value been {} lower.",
            sized(subject, numbers.interval.estimate),
            figure(numbers.interval.lower),
            figure(-numbers.to_high.shift),
        )),
        (Some(Label::Low), Some(numbers)) => sentences.push(format!(
            "{name}: the canary is lower by {}, at least {} with 98 % confidence. It would have passed \
             had every value been {} higher.",
            sized(subject, -numbers.interval.estimate),
            figure(-numbers.interval.upper),
            figure(numbers.to_low.shift),
        )),
        (Some(Label::Pass), Some(numbers)) => passed(subject, numbers, &mut sentences),
        (Some(Label::Pass), None) => sentences.push(trivially_passed(subject)),
        _ => {}
    }
    if let Some(numbers) = numbers
        && numbers.detectable > 0.25 * subject.control_summary.mean.abs()
        && let Some(percent) = subject.percent_of_baseline(numbers.detectable)
    {
        sentences.push(format!(
            "The data are too {} to see less than {} %.",
            if subject.used() < FEW { "few" } else { "noisy" },
            figure(percent.abs()),
        ));
    }
    sentences
}

fn passed(subject: &Subject<'_>, numbers: &Numbers, sentences: &mut Vec<String>) {
    let name = subject.name;
    let Interval {
        lower,
        upper,
        estimate,
    } = numbers.interval;
    if lower <= 0.0 && upper >= 0.0 {
        sentences.push(format!(
            "{name} passed: no shift was found (interval {} to {}). This run could have found a shift of \
             {} four times in five.",
            figure(lower),
            figure(upper),
            sized(subject, numbers.detectable),
        ));
        return;
    }
    let settings = &subject.settings;
    let higher = lower > 0.0;
    let side = if higher { "higher" } else { "lower" };
    let excluded = match settings.direction {
        Direction::Either => None,
        Direction::Increase => (!higher).then_some("increase"),
        Direction::Decrease => higher.then_some("decrease"),
    };
    let beyond = if higher {
        lower > numbers.bound
    } else {
        upper < -numbers.bound
    };
    let size = sized(subject, if higher { estimate } else { -estimate });
    if let Some(direction) = excluded {
        sentences.push(format!(
            "{name} passed: the canary is {side} by about {size}. A change to the {side} side is not \
             judged (direction {direction})."
        ));
    } else if beyond {
        let allowed = if higher {
            settings.allowed_increase
        } else {
            settings.allowed_decrease
        };
        let what = match settings.measure {
            EffectMeasure::MeanRatio => {
                format!(
                    "its mean is {} times the baseline's",
                    figure(numbers.effect)
                )
            }
            EffectMeasure::CommonLanguage => {
                format!("its effect size is {}", figure(numbers.effect))
            }
        };
        sentences.push(format!(
            "{name} passed: the canary is {side} beyond doubt, but {what} and {} is allowed.",
            figure(allowed)
        ));
    } else {
        let more = if higher {
            format!("{} more", figure(numbers.to_high.shift))
        } else {
            format!("{} less", figure(-numbers.to_low.shift))
        };
        sentences.push(format!(
            "{name} passed: the canary is {side} by about {size}, but the interval {} to {} reaches into \
             the tolerated quarter of the estimate. {more} would have failed it.",
            figure(lower),
            figure(upper),
        ));
    }
}

fn trivially_passed(subject: &Subject<'_>) -> String {
    let name = subject.name;
    let (x, y) = (&subject.experiment.sorted, &subject.control.sorted);
    match (x.values().first(), y.values().first()) {
        (Some(_), Some(&value)) if x.is_constant() && y.is_constant() => {
            format!("{name} passed: every value is {}.", figure(value))
        }
        (Some(_), Some(_)) => format!("{name} passed: both sides hold the same values."),
        (x, _) => {
            let side = if x.is_none() { "canary" } else { "baseline" };
            format!("{name} passed: no data on the {side} side, and gaps count as zero.")
        }
    }
}

/// Which side lacks data.
pub(super) fn missing(subject: &Subject<'_>) -> String {
    let canary = subject.experiment.is_empty();
    let (side, raw, clean) = if canary {
        ("canary", subject.raw_experiment, &subject.experiment)
    } else {
        ("baseline", subject.raw_control, &subject.control)
    };
    let given = match (clean.sorted.len(), raw.len()) {
        (0, _) => "no data".to_owned(),
        (used, given) => format!("{used} of {given} points"),
    };
    format!("{}: {given} on the {side} side.", subject.name)
}

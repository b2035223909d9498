//! Reasons and sentences of the paired judge.

use kayenta_model::explanation::Conclusion;

use super::{DecidedBy, MetricTests, PairedMetric, PairedSettings, State, evidence::SecondKind};
use crate::{
    classification::Label,
    figures::{figure, percent},
    settings::{Direction, MetricSettings},
};

/// Why a metric that does not pass has its label; the reference's text comes first, so that clients that
/// look for it go on working.
pub(super) fn reason(
    metric: &str,
    state: &State,
    label: Label,
    critical: bool,
    settings: &MetricSettings,
    tail: f64,
    pairs: usize,
) -> Option<String> {
    match (label, state) {
        (Label::High | Label::Low, State::Tested(tests)) => {
            let word = label.as_str();
            let why = accusation(tests, label == Label::High, settings, tail);
            Some(if critical {
                format!("The metric {metric} was classified as {word} (Critical): {why}")
            } else {
                format!("{metric} was classified as {word}: {why}")
            })
        }
        (Label::NoData | Label::NoDataFailMetric, State::Few { needed }) => Some(format!(
            "Too few points for {metric}: {pairs} pairs, {needed} are needed"
        )),
        (Label::NoData | Label::NoDataFailMetric, _) => Some(format!("Missing data for {metric}")),
        _ => None,
    }
}

/// What the test that decided saw.
fn accusation(tests: &MetricTests, high: bool, settings: &MetricSettings, tail: f64) -> String {
    let second = &tests.second;
    match tests.decided_by(settings.direction) {
        DecidedBy::Body => {
            let body = &tests.neutral;
            let half = body.half_width(tail);
            let sizes = [body.mean, body.mean - half, body.mean + half];
            let side = if high { "above" } else { "below" };
            // Values near the largest double have distances beyond it.
            if sizes.iter().any(|size| !size.is_finite()) {
                return format!(
                    "the typical point is further {side} the baseline than a number can say"
                );
            }
            let relative = sizes.map(|size| tests.series.relative(size));
            let [estimate, lower, upper] = match relative {
                [Some(a), Some(b), Some(c)] => [a, b, c].map(|x| (x, percent as fn(f64) -> String)),
                _ => sizes.map(|x| (x, figure as fn(f64) -> String)),
            };
            let show =
                |(size, text): (f64, fn(f64) -> String)| text(if high { size } else { -size });
            let (near, far) = if high { (lower, upper) } else { (upper, lower) };
            format!(
                "the typical point is {} {} the baseline ({} to {})",
                show(estimate),
                side,
                show(near),
                show(far),
            )
        }
        DecidedBy::Second if second.kind == SecondKind::Sparse => {
            let (where_from, against) = if high {
                (
                    "not zero in {} points where the baseline was",
                    (second.up, second.down),
                )
            } else {
                (
                    "zero in {} points where the baseline was not",
                    (second.down, second.up),
                )
            };
            let counted = where_from.replace("{}", &against.0.to_string());
            format!("{counted}, against {} the other way", against.1)
        }
        DecidedBy::Second => format!(
            "{} points far above their usual distance, {} far below",
            if high { second.up_beyond } else { second.up },
            if high {
                second.down
            } else {
                second.down_beyond
            },
        ),
        DecidedBy::Drift => format!(
            "the difference {} by {} during the run",
            if high { "grew" } else { "fell" },
            change(tests),
        ),
    }
}

/// The word for the test that accuses most.
pub(crate) fn decided_by(tests: &MetricTests, direction: Direction) -> &'static str {
    match tests.decided_by(direction) {
        DecidedBy::Body => "body",
        DecidedBy::Second => tests.second.kind.as_str(),
        DecidedBy::Drift => "drift",
    }
}

/// The size of a drift, as a percentage where there is one.
pub(super) fn change(tests: &MetricTests) -> String {
    let change = tests.drift.change;
    match tests.series.relative(change) {
        Some(relative) => percent(relative.abs()),
        None if change.is_finite() => figure(change.abs()),
        None => "more than a number can say".to_owned(),
    }
}

/// The sentences of a metric's explanation.
pub(crate) fn sentences(name: &str, metric: &PairedMetric, paired: &PairedSettings) -> Vec<String> {
    if let Some(reason) = &metric.judged.result.classification_reason {
        return vec![format!("{reason}.")];
    }
    let tolerated = percent(paired.tolerated_change);
    let sentence = match &metric.state {
        State::NoData => format!("{name} passed: a side has no data, and gaps count as zero."),
        State::Identical => format!("{name} passed: both sides hold the same values."),
        State::Few { needed } => format!(
            "{name} has no verdict yet: {} pairs, {needed} are needed before the last look.",
            metric.pairs
        ),
        State::Tested(_) if metric.conclusion == Conclusion::NoWorse => {
            let allowed = match metric.settings.direction {
                Direction::Decrease => metric.settings.allowed_decrease,
                _ => metric.settings.allowed_increase,
            };
            let found = if allowed == 1.0 {
                "no change was found".to_owned()
            } else {
                format!("no change beyond the allowed ratio of {}", figure(allowed))
            };
            format!("{name} passed: {found}, and one of {tolerated} is excluded.")
        }
        State::Tested(tests) => {
            let detectable = tests.neutral.detectable(metric.tail);
            let size = match tests.series.relative(detectable) {
                Some(relative) => Some(percent(relative)),
                None => detectable.is_finite().then(|| figure(detectable)),
            };
            match size {
                Some(size) => format!(
                    "{name} passed: no change was found; one of less than {size} would have been missed."
                ),
                None => format!("{name} passed: no change was found."),
            }
        }
    };
    vec![sentence]
}

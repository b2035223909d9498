//! The explanation of `PairedCanaryJudge-v1.0`.

use std::num::NonZeroUsize;

use kayenta_model::{
    Double,
    explanation::{
        Conclusion, DetectableShift, ExplainedEffect, ExplainedTest, Explanation, PairedTest,
    },
};

use super::subject::Subject;
use crate::{
    JudgeError, JudgeRequest,
    paired::{PairedMetric, PairedVerdict, State, words},
};

/// What the run proves, and the explanation of each metric.
pub(super) fn explanations(
    request: &JudgeRequest,
    subjects: &[Subject<'_>],
) -> Result<(Conclusion, Vec<Explanation>), JudgeError> {
    let verdict = PairedVerdict::new(request, NonZeroUsize::MIN)?;
    let explanations = verdict
        .metrics
        .iter()
        .zip(subjects)
        .map(|(metric, subject)| explanation(&verdict, metric, subject))
        .collect();
    Ok((verdict.conclusion, explanations))
}

fn finite(value: f64) -> Option<Double> {
    value.is_finite().then_some(Double(value))
}

fn explanation(
    verdict: &PairedVerdict,
    metric: &PairedMetric,
    subject: &Subject<'_>,
) -> Explanation {
    let mut test = PairedTest {
        level: Double(verdict.level),
        conclusion: metric.conclusion,
        p: metric.p.and_then(finite),
        ..PairedTest::default()
    };
    let mut explanation = Explanation {
        sentences: words::sentences(subject.name, metric, &verdict.settings),
        data: Some(subject.quality()),
        ..Explanation::default()
    };
    if let State::Tested(tests) = &metric.state {
        let body = &tests.neutral;
        let half = body.half_width(metric.tail);
        let relative = |difference: f64| tests.series.relative(difference).map(Double);
        let detectable = body.detectable(metric.tail);
        test = PairedTest {
            estimate: relative(body.mean),
            lower: relative(body.mean - half),
            upper: relative(body.mean + half),
            confidence: finite(1.0 - 2.0 * metric.tail),
            detectable: relative(detectable),
            df: Some(body.df),
            autocorrelation: finite(tests.autocorrelation),
            p_high: finite(tests.tails.high),
            p_low: finite(tests.tails.low),
            decided_by: Some(words::decided_by(tests, metric.settings.direction).to_owned()),
            log: Some(tests.series.is_log()),
            clipped: Some(tests.clipped),
            ..test
        };
        let settings = &metric.settings;
        explanation.effect = Some(ExplainedEffect {
            measure: "meanRatio".to_owned(),
            value: finite(tests.effect),
            allowed_increase: Double(settings.allowed_increase),
            allowed_decrease: Double(settings.allowed_decrease),
            critical_increase: Double(settings.critical_increase),
            critical_decrease: Double(settings.critical_decrease),
        });
        let share = tests.series.relative(detectable);
        let shift = if tests.series.is_log() {
            share.map(|share| share * tests.series.mean_control)
        } else {
            Some(detectable)
        };
        explanation.detectable = shift.and_then(finite).map(|shift| DetectableShift {
            shift,
            percent: share.map(|share| Double(100.0 * share)),
            power: Double(0.8),
        });
    }
    explanation.test = Some(ExplainedTest::Paired(test));
    explanation
}

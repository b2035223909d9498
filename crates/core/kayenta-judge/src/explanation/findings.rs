//! Things worth knowing that change no label and no score.

use kayenta_model::{
    CanaryJudgeResult, Double, Look,
    explanation::{Finding, FindingDirection, FindingId, MetricFinding},
};
use kayenta_stats::benjamini_hochberg;

use super::{
    ExplainedJudge,
    subject::{FEWEST_PAIRS, Subject},
};
use crate::{
    classification::Label,
    cleaning::{CONTROL, EXPERIMENT},
    figures::{figure, percent},
    paired::{
        Differences, directed,
        evidence::{Body, Drift, Second, SecondKind, Spread, Tails},
    },
    settings::Direction,
};

/// Expected share of wrong ones among the findings that rest on a test.
const FALSE_DISCOVERY_RATE: f64 = 0.02;

/// Pairs that a comparison of point-to-point movement needs.
const SPREAD_PAIRS: usize = 10;

/// One-sided level of the interval that a level finding shows, and of what a paired test could see.
const SHOWN_TAIL: f64 = 0.01;

/// One test of one metric, a member of the family.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) subject: usize,
    pub(super) direction: FindingDirection,
    pub(super) p: f64,
    /// What is reported if it is rejected.
    evidence: Evidence,
}

#[derive(Clone, Copy, Debug)]
enum Evidence {
    Level(Body),
    Second(Second),
    Spread(Spread),
    Drift(Drift),
}

impl Test {
    pub(super) fn id(&self) -> FindingId {
        match self.evidence {
            Evidence::Level(_) => FindingId::Level,
            Evidence::Second(second) => match second.kind {
                SecondKind::Sparse => FindingId::Sparse,
                SecondKind::Excursions => FindingId::Excursions,
            },
            Evidence::Spread(_) => FindingId::Spread,
            Evidence::Drift(_) => FindingId::Drift,
        }
    }
}

/// Every test of every metric that is not muted and has enough pairs.
pub(super) fn tests(subjects: &[Subject<'_>]) -> Vec<Test> {
    let mut tests = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let Some(neutral) = subject.neutral.as_ref().filter(|_| !subject.muted) else {
            continue;
        };
        let series = &subject.series;
        let mut differences = Differences::with(series, neutral);
        let body = Body::new(series, neutral);
        let second = Second::new(&mut differences, 1.0, 1.0);
        let drift = Drift::new(&mut differences, 1.0, 1.0);
        let mut add = |tails: Tails, evidence| {
            let direction = subject.settings.direction;
            let up = match direction {
                Direction::Increase => true,
                Direction::Decrease => false,
                Direction::Either => tails.high <= tails.low,
            };
            tests.push(Test {
                subject: index,
                direction: if up {
                    FindingDirection::Increase
                } else {
                    FindingDirection::Decrease
                },
                p: directed(tails, direction),
                evidence,
            });
        };
        add(body.tails, Evidence::Level(body));
        add(second.tails, Evidence::Second(second));
        if series.len() >= SPREAD_PAIRS {
            let spread = Spread::new(series);
            add(spread.tails, Evidence::Spread(spread));
        }
        add(drift.raw, Evidence::Drift(drift));
    }
    tests
}

/// All findings: rejected tests by metric, then rules by metric, then what concerns the whole analysis.
#[derive(Debug)]
pub(super) struct Findings(Vec<(Option<usize>, Finding)>);

impl Findings {
    pub(super) fn new(
        subjects: &[Subject<'_>],
        judge: ExplainedJudge,
        look: Look,
        result: &CanaryJudgeResult,
    ) -> Self {
        let mut findings = Vec::new();
        // A judge of fixed limits compares no sides.
        if judge != ExplainedJudge::StaticLimit {
            let tests = tests(subjects);
            let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
            for (test, rejected) in tests
                .iter()
                .zip(benjamini_hochberg(&p, FALSE_DISCOVERY_RATE))
            {
                let subject = &subjects[test.subject];
                // Only the built-in judge is blind to what this test sees.
                let shown = test.id() != FindingId::Level
                    || (judge == ExplainedJudge::BuiltIn && subject.label == Some(Label::Pass));
                if rejected && shown {
                    findings.push((Some(test.subject), tested(subject, test)));
                }
            }
        }
        for (index, subject) in subjects.iter().enumerate() {
            if subject.muted {
                continue;
            }
            let mut add = |finding| findings.push((Some(index), finding));
            if judge != ExplainedJudge::StaticLimit {
                if subject.series.len() >= FEWEST_PAIRS {
                    rules(subject, judge, &mut add);
                }
                same_query(subject).map(&mut add);
                unpaired_tags(subjects, index).map(&mut add);
            }
            if subject.label == Some(Label::Error) && result.total() == Some(100.0) {
                add(ruled(
                    FindingId::ErrorNotCounted,
                    None,
                    format!(
                        "{} could not be tested and does not count, so the score of 100 says nothing \
                         about it.",
                        subject.name
                    ),
                ));
            }
        }
        if judge == ExplainedJudge::BuiltIn && look.total > 1 {
            let looks = look.total;
            findings.push((
                None,
                ruled(
                    FindingId::Peeking,
                    Some(f64::from(looks)),
                    format!(
                        "This analysis judges {looks} times and stops at the first bad score. The chance \
                         of a false alarm is that of one look at least and {looks} times that at most."
                    ),
                ),
            ));
        }
        Self(findings)
    }

    /// Those of one metric.
    pub(super) fn of(&self, subject: usize) -> Vec<Finding> {
        let own = self.0.iter().filter(|(of, _)| *of == Some(subject));
        own.map(|(_, finding)| finding.clone()).collect()
    }

    /// All of them, with the metrics they belong to.
    pub(super) fn into_list(self, subjects: &[Subject<'_>]) -> Vec<MetricFinding> {
        let all = self.0.into_iter();
        all.map(|(of, finding)| MetricFinding {
            metric: of.map(|index| subjects[index].name.to_owned()),
            pair: of.and_then(|index| subjects[index].pair.id.clone()),
            finding,
        })
        .collect()
    }
}

fn ruled(id: FindingId, value: Option<f64>, sentence: String) -> Finding {
    Finding {
        id,
        value: value.map(Double),
        sentence,
        ..Finding::default()
    }
}

/// A number with its sign taken off when the canary is lower.
fn toward(up: bool, value: f64) -> f64 {
    if up { value } else { -value }
}

/// A difference as the percentage it is of the baseline, or as it is.
fn shown(subject: &Subject<'_>, difference: f64) -> String {
    match subject.series.relative(difference) {
        Some(share) => percent(share.abs()),
        None => figure(difference.abs()),
    }
}

fn tested(subject: &Subject<'_>, test: &Test) -> Finding {
    let up = test.direction == FindingDirection::Increase;
    let relative = |difference: f64| subject.series.relative(difference).map(Double);
    let finding = Finding {
        id: test.id(),
        direction: Some(test.direction),
        p: Some(Double(test.p)),
        ..Finding::default()
    };
    match test.evidence {
        Evidence::Level(body) => {
            let half = body.half_width(SHOWN_TAIL);
            let (lower, upper) = (body.mean - half, body.mean + half);
            let (near, far) = if up { (lower, upper) } else { (upper, lower) };
            let text = |difference: f64| match subject.series.relative(difference) {
                Some(share) => percent(toward(up, share)),
                None => figure(toward(up, difference)),
            };
            Finding {
                value: relative(body.mean),
                lower: relative(lower),
                upper: relative(upper),
                sentence: format!(
                    "A paired comparison, minute by minute, finds the canary {} {} the baseline ({} to \
                     {}); the built-in test cannot see it under the movement both sides share.",
                    text(body.mean),
                    if up { "above" } else { "below" },
                    text(near),
                    text(far),
                ),
                ..finding
            }
        }
        Evidence::Second(second) => Finding {
            up: Some(second.up),
            down: Some(second.down),
            sentence: rare_points(subject.name, &second, up),
            ..finding
        },
        Evidence::Spread(spread) => Finding {
            value: spread.ratio.map(Double),
            sentence: match spread.ratio {
                Some(ratio) if ratio.is_finite() => format!(
                    "From point to point the canary moves {} times as much as the baseline.",
                    figure(ratio)
                ),
                _ => "From point to point only the canary moves.".to_owned(),
            },
            ..finding
        },
        Evidence::Drift(drift) => Finding {
            value: relative(drift.change),
            sentence: format!(
                "The difference {} during the run: by {} from the first third to the last.",
                if up { "grows" } else { "falls" },
                shown(subject, drift.change),
            ),
            ..finding
        },
    }
}

fn rare_points(name: &str, second: &Second, up: bool) -> String {
    let (above, below) = (second.up, second.down);
    match second.kind {
        SecondKind::Sparse => format!(
            "{name} was not zero in {above} points of the canary alone and {below} of the baseline alone."
        ),
        SecondKind::Excursions if up => format!(
            "In {above} points the canary was far above its usual distance from the baseline, in {below} \
             far below: its tail has grown."
        ),
        SecondKind::Excursions => format!(
            "In {below} points the canary was far below its usual distance from the baseline, in {above} \
             far above: its lower tail has grown."
        ),
    }
}

/// Findings that rest on a rule, of a metric with enough pairs.
fn rules(subject: &Subject<'_>, judge: ExplainedJudge, add: &mut impl FnMut(Finding)) {
    let pairs = subject.series.len();
    if judge == ExplainedJudge::BuiltIn {
        about_the_built_in_test(subject, add);
    }
    let coverage = subject.coverage();
    if coverage.share() >= 0.05 {
        add(ruled(
            FindingId::UnequalCoverage,
            Some(coverage.share()),
            format!(
                "In {} of {} points only one side has data: the sides cover different times, which alone \
                 can look like a change.",
                coverage.one_sided, coverage.points
            ),
        ));
    }
    if !subject.concurrent {
        add(ruled(
            FindingId::NotConcurrent,
            None,
            "The baseline is from another time. On ordinary metrics that alone fails 10 to 40 % of \
             healthy canaries."
                .to_owned(),
        ));
    }
    if pairs < 20 {
        let limit = match (judge, subject.numbers()) {
            (ExplainedJudge::BuiltIn, Some(numbers)) => {
                Some(detectable(subject, numbers.detectable))
            }
            (ExplainedJudge::BuiltIn, None) => None,
            _ => paired_detectable(subject),
        };
        let sentence = match limit {
            Some(limit) => format!("Only {pairs} points: shifts under {limit} cannot be found."),
            None => format!("Only {pairs} points: small shifts cannot be found."),
        };
        add(ruled(FindingId::FewPoints, Some(pairs as f64), sentence));
    }
    let ties = subject.ties();
    if ties.share >= 0.5 && ties.distinct <= 10 && judge == ExplainedJudge::BuiltIn {
        add(ruled(
            FindingId::Ties,
            Some(ties.distinct as f64),
            format!(
                "Only {} different values: the test compares shares, not sizes.",
                ties.distinct
            ),
        ));
    }
}

/// Whether its assumptions hold.
fn about_the_built_in_test(subject: &Subject<'_>, add: &mut impl FnMut(Finding)) {
    let Some(effect) = subject.design_effect else {
        return;
    };
    let rate = effect.false_alarm_rate();
    if effect.factor >= 2.0 && rate > 0.02 {
        add(ruled(
            FindingId::Autocorrelated,
            Some(rate),
            format!(
                "Neighbouring points resemble each other: {} points carry the information of about {}. \
                 The built-in judge's chance of a false alarm here is about {}, not 0.2 %.",
                subject.used(),
                figure(subject.effective_points().unwrap_or_default()),
                percent(rate),
            ),
        ));
    }
    if effect.factor <= 0.5 {
        let built_in = subject
            .numbers()
            .map(|numbers| detectable(subject, numbers.detectable));
        let seen = match (built_in, paired_detectable(subject)) {
            (Some(built_in), Some(paired)) => {
                format!(": it can see {built_in}; a paired test would see {paired}.")
            }
            _ => ".".to_owned(),
        };
        add(ruled(
            FindingId::SharedMovement,
            Some(effect.factor),
            format!("Both sides follow a common movement that this test takes for noise{seen}"),
        ));
    }
}

/// A shift as a percentage where there is one.
fn detectable(subject: &Subject<'_>, shift: f64) -> String {
    match subject.percent_of_baseline(shift) {
        Some(percent) => format!("{} %", figure(percent.abs())),
        None => figure(shift),
    }
}

/// What the paired judge would find of this metric alone, at its default level.
fn paired_detectable(subject: &Subject<'_>) -> Option<String> {
    let body = Body::new(&subject.series, subject.neutral.as_ref()?);
    let tail = match subject.settings.direction {
        Direction::Either => SHOWN_TAIL / 2.0,
        _ => SHOWN_TAIL,
    };
    let detectable = body.detectable(tail);
    detectable.is_finite().then(|| shown(subject, detectable))
}

/// Both sides were asked with one and the same query over the same time.
fn same_query(subject: &Subject<'_>) -> Option<Finding> {
    let query = |side| {
        let attributes = subject.pair.attributes.as_ref()?.get(side)?;
        attributes.get("query").filter(|query| !query.is_empty())
    };
    let (control, experiment) = (query(CONTROL)?, query(EXPERIMENT)?);
    (subject.concurrent && control == experiment).then(|| {
        ruled(
            FindingId::SameQuery,
            None,
            format!(
                "{}: both sides come from the same query, so they are the same data and cannot differ. \
                 Use ${{scope}} or ${{location}} in it: {control}",
                subject.name
            ),
        )
    })
}

/// A series without partner of a metric whose other side has one, too: their labels differ.
fn unpaired_tags(subjects: &[Subject<'_>], index: usize) -> Option<Finding> {
    let subject = &subjects[index];
    let only = |subject: &Subject<'_>| {
        let has = |values: &[f64]| values.iter().any(|value| !value.is_nan());
        match (has(subject.raw_control), has(subject.raw_experiment)) {
            (true, false) => Some("baseline"),
            (false, true) => Some("canary"),
            _ => None,
        }
    };
    let own_side = only(subject)?;
    let tags = |subject: &Subject<'_>| subject.pair.tags.clone().unwrap_or_default();
    let own = tags(subject);
    let partner = subjects
        .iter()
        .filter(|other| other.name == subject.name)
        .find(|other| only(other).is_some_and(|side| side != own_side))?;
    let others = tags(partner);
    let differing: Vec<&str> = own
        .iter()
        .filter(|(key, value)| others.get(*key) != Some(value))
        .map(|(key, _)| key.as_str())
        .collect();
    let other_side = if own_side == "canary" {
        "baseline"
    } else {
        "canary"
    };
    (!differing.is_empty()).then(|| {
        ruled(
            FindingId::UnpairedTags,
            None,
            format!(
                "{}: the series {{{}}} of the {own_side} has no counterpart, because the {other_side} has \
                 {{{}}}. Their labels differ in {}; group or select both sides alike.",
                subject.name,
                subject.tags(),
                partner.tags(),
                differing.join(", "),
            ),
        )
    })
}

//! Is the experiment higher, lower, or neither?

use kayenta_stats::{AllTied, GaussianSource, Interval, MannWhitney, SortedSample};

use crate::{
    cleaning::CleanSample,
    settings::{Direction, EffectMeasure, MetricSettings, NanStrategy},
};

/// The critical value of the judge's level, 0.98, which no setting changes: −2.326347874040841.
pub(crate) const CRITICAL_VALUE: f64 = f64::from_bits(0xc002_9c5c_4630_ff0f);

/// The part of the shift by which an interval has to stay clear of zero. No setting changes it.
pub(crate) const TOLERANCE: f64 = 0.25;

/// Seed of the noise put on two constant samples (C-JUDGE-01).
const NOISE_SEED: i64 = 42;

/// Draws that are made when there is one point a side; an odd number, so that one outcome prevails.
const SINGLE_POINT_DRAWS: u32 = 101;

/// Standard deviation of that noise relative to the constant.
const NOISE_SCALE: f64 = 1e-5;

/// What a metric is judged to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Pass,
    High,
    Low,
    NoData,
    NoDataFailMetric,
    Error,
}

impl Label {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::High => "High",
            Self::Low => "Low",
            Self::NoData => "Nodata",
            Self::NoDataFailMetric => "NodataFailMetric",
            Self::Error => "Error",
        }
    }

    /// The label of a word on the wire.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Pass,
            Self::High,
            Self::Low,
            Self::NoData,
            Self::NoDataFailMetric,
            Self::Error,
        ];
        all.into_iter().find(|label| label.as_str() == word)
    }
}

/// The outcome for one pair.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Classification {
    pub(crate) label: Label,
    pub(crate) reason: Option<String>,
    /// The mean ratio, whatever the measure; absent when classification failed.
    pub(crate) deviation: Option<f64>,
    pub(crate) critical: bool,
}

impl Classification {
    /// A pass without a reason.
    pub(crate) fn pass(deviation: f64) -> Self {
        Self {
            label: Label::Pass,
            reason: None,
            deviation: Some(deviation),
            critical: false,
        }
    }
}

/// Classifies one pair. `mean_ratio` is the mean of the experiment over that of the control.
pub(crate) fn classify(
    metric: &str,
    settings: &MetricSettings,
    experiment: &CleanSample<'_>,
    control: &CleanSample<'_>,
    mean_ratio: f64,
) -> Classification {
    if experiment.is_empty() || control.is_empty() {
        return classify_missing(metric, settings);
    }
    let (x, y) = (&experiment.sorted, &control.sorted);
    if x.same_values(y) {
        return Classification {
            reason: Some("The Canary and Baseline data are identical".to_owned()),
            ..Classification::pass(1.0)
        };
    }
    if x.is_constant() && y.is_constant() && x.values()[0] == y.values()[0] {
        return Classification::pass(1.0);
    }
    let effect = match settings.measure {
        EffectMeasure::MeanRatio => mean_ratio,
        EffectMeasure::CommonLanguage => MannWhitney::new(x, y).common_language_effect(),
    };
    let Ok(change) = change(settings, experiment, control, effect) else {
        return Classification {
            label: Label::Error,
            reason: Some("Metric Classification Failed".to_owned()),
            deviation: None,
            critical: false,
        };
    };
    let (label, critical) = match change {
        Change::None => return Classification::pass(mean_ratio),
        Change::Up => (Label::High, reaches_up(effect, settings.critical_increase)),
        Change::Down => (Label::Low, reaches_down(effect, settings.critical_decrease)),
    };
    let critical = critical && settings.critical;
    let word = label.as_str();
    Classification {
        label,
        reason: Some(if critical {
            format!("The metric {metric} was classified as {word} (Critical)")
        } else {
            format!("{metric} was classified as {word}")
        }),
        deviation: Some(mean_ratio),
        critical,
    }
}

/// A side without values. Replacing NaN says that no data is fine.
pub(crate) fn classify_missing(metric: &str, settings: &MetricSettings) -> Classification {
    if settings.nan_strategy == NanStrategy::Replace {
        return Classification::pass(1.0);
    }
    let fails_alone = settings.must_have_data && !settings.critical;
    Classification {
        label: if fails_alone {
            Label::NoDataFailMetric
        } else {
            Label::NoData
        },
        reason: Some(format!("Missing data for {metric}")),
        deviation: Some(1.0),
        critical: settings.critical,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    Up,
    Down,
}

/// An effect that is NaN reaches every threshold.
fn reaches_up(effect: f64, threshold: f64) -> bool {
    effect.is_nan() || effect >= threshold
}

fn reaches_down(effect: f64, threshold: f64) -> bool {
    effect.is_nan() || effect <= threshold
}

/// Whether the shift is significant, large enough and in a direction that matters.
fn change(
    settings: &MetricSettings,
    experiment: &CleanSample<'_>,
    control: &CleanSample<'_>,
    effect: f64,
) -> Result<Change, AllTied> {
    let wanted = Wanted {
        up: settings.direction != Direction::Decrease
            && reaches_up(effect, settings.allowed_increase),
        down: settings.direction != Direction::Increase
            && reaches_down(effect, settings.allowed_decrease),
    };
    if experiment.sorted.is_constant() && control.sorted.is_constant() {
        return noised_change(wanted, experiment, control);
    }
    shift_direction(wanted, &experiment.sorted, &control.sorted)
}

/// The directions that would count.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    up: bool,
    down: bool,
}

/// Two constants have no variance, so noise is put on both. The reference draws it anew each time;
/// here the draws are always the same, for every pair alike, so that a judgement depends neither on
/// what was judged before nor on the number of threads (C-JUDGE-01).
///
/// With one point a side the noise decides whether the points are tied after the shift is taken out,
/// which makes the outcome a coin flip there. Here it is what comes out in most of many draws.
fn noised_change(
    wanted: Wanted,
    experiment: &CleanSample<'_>,
    control: &CleanSample<'_>,
) -> Result<Change, AllTied> {
    let mut source = GaussianSource::new(NOISE_SEED);
    let mut draw = || {
        let (x, y) = (
            noised(&mut source, experiment),
            noised(&mut source, control),
        );
        shift_direction(wanted, &x, &y)
    };
    if experiment.sorted.len() > 1 || control.sorted.len() > 1 {
        return draw();
    }
    let (mut tied, mut outcome) = (0, Err(AllTied));
    for _ in 0..SINGLE_POINT_DRAWS {
        match draw() {
            Ok(change) => outcome = Ok(change),
            Err(AllTied) => tied += 1,
        }
    }
    if tied > SINGLE_POINT_DRAWS / 2 {
        Err(AllTied)
    } else {
        outcome
    }
}

/// A constant sample with the noise that is put on it.
fn noised(source: &mut GaussianSource, sample: &CleanSample<'_>) -> SortedSample {
    let std = sample.values[0] * NOISE_SCALE;
    SortedSample::new(source.noised(&sample.values, std))
}

/// The whole interval that a label rests on, of sides that are not empty.
pub(crate) fn interval(
    experiment: &CleanSample<'_>,
    control: &CleanSample<'_>,
) -> Result<Interval, AllTied> {
    let (x, y) = (&experiment.sorted, &control.sorted);
    if !(x.is_constant() && y.is_constant()) {
        return MannWhitney::new(x, y).interval(CRITICAL_VALUE);
    }
    let mut source = GaussianSource::new(NOISE_SEED);
    let (x, y) = (
        noised(&mut source, experiment),
        noised(&mut source, control),
    );
    MannWhitney::new(&x, &y).interval(CRITICAL_VALUE)
}

/// An interval counts when it stays clear of zero by a part of the shift. Only what the answer depends
/// on is searched for.
fn shift_direction(wanted: Wanted, x: &SortedSample, y: &SortedSample) -> Result<Change, AllTied> {
    let test = MannWhitney::new(x, y);
    if !test.never_ties() {
        // Any part of the search may fail, so none can be left out.
        test.interval(CRITICAL_VALUE)?;
    }
    if !wanted.up && !wanted.down {
        return Ok(Change::None);
    }
    let mut search = test.search(CRITICAL_VALUE)?;
    if wanted.up {
        let lower = search.lower()?;
        if lower > 0.0 && lower > TOLERANCE * search.estimate()?.abs() {
            return Ok(Change::Up);
        }
    }
    if wanted.down {
        let upper = search.upper()?;
        if upper < 0.0 && upper < -(TOLERANCE * search.estimate()?.abs()) {
            return Ok(Change::Down);
        }
    }
    Ok(Change::None)
}

#[cfg(test)]
mod tests {
    use kayenta_model::MetricConfig;
    use kayenta_stats::{critical_value, mean_ratio};
    use serde_json::{Value, json};

    use super::*;

    fn classified(experiment: &[f64], control: &[f64], canary: Value) -> Classification {
        let metric: MetricConfig =
            serde_json::from_value(json!({"analysisConfigurations": {"canary": canary}})).unwrap();
        let settings = MetricSettings::read(&metric).unwrap();
        let x = CleanSample::new(experiment, &settings);
        let y = CleanSample::new(control, &settings);
        classify("m", &settings, &x, &y, mean_ratio(&x.values, &y.values))
    }

    fn label(experiment: &[f64], control: &[f64], canary: Value) -> Label {
        classified(experiment, control, canary).label
    }

    const S7: [f64; 5] = [20.0, 22.0, 21.0, 25.0, 30.0];
    const S8: [f64; 5] = [1.0, 2.2, 1.1, 2.5, 3.0];
    const ONES: [f64; 10] = [1.0; 10];

    #[test]
    fn the_critical_value_is_that_of_98_percent() {
        assert_eq!(CRITICAL_VALUE, critical_value(0.98));
    }

    #[test]
    fn field_cases() {
        let increase = json!({"effectSize": {"allowedIncrease": 1.05}});
        let mut canary = [100.0; 10];
        canary[8..].fill(1.0);
        assert_eq!(label(&canary, &ONES, increase.clone()), Label::High);
        canary[7..].fill(1.0);
        assert_eq!(label(&canary, &ONES, increase), Label::Pass);
        assert_eq!(
            label(&[1.0, 4.0, 2.0, 3.0, 1.0], &[0.0; 5], json!({})),
            Label::High
        );
        assert_eq!(
            label(&[5.0, 5.1, 5.2], &[5.3, 5.4, 5.5], json!({})),
            Label::Low
        );
        assert_eq!(label(&[1.5, 1.0], &[1.0, 1.2], json!({})), Label::Pass);
    }

    #[test]
    fn direction_and_thresholds_veto() {
        assert_eq!(label(&S7, &S8, json!({})), Label::High);
        assert_eq!(label(&S8, &S7, json!({})), Label::Low);
        assert_eq!(
            label(&S7, &S8, json!({"direction": "decrease"})),
            Label::Pass
        );
        assert_eq!(
            label(&S8, &S7, json!({"direction": "increase"})),
            Label::Pass
        );
        let veto = json!({"effectSize": {"allowedIncrease": 13.0}});
        assert_eq!(label(&S7, &S8, veto), Label::Pass);
        // Equal to the threshold counts as exceeding it.
        let exact = json!({"effectSize": {"allowedIncrease": 12.040816326530614}});
        assert_eq!(label(&S7, &S8, exact), Label::High);
        let cles = json!({"effectSize": {"measure": "cles", "allowedIncrease": 1.0}});
        assert_eq!(label(&S7, &S8, cles), Label::High);
    }

    #[test]
    fn criticality_has_a_threshold_of_its_own() {
        let outcome = classified(&S7, &S8, json!({"critical": true}));
        assert!(outcome.critical);
        assert_eq!(
            outcome.reason.unwrap(),
            "The metric m was classified as High (Critical)"
        );
        let outcome = classified(
            &S7,
            &S8,
            json!({"critical": true, "effectSize": {"criticalIncrease": 13.0}}),
        );
        assert!(!outcome.critical);
        assert_eq!(outcome.reason.unwrap(), "m was classified as High");
        assert_eq!(outcome.deviation, Some(12.040816326530614));
    }

    #[test]
    fn a_ratio_that_is_nan_vetoes_nothing() {
        let outcome = classified(
            &S7,
            &[0.0; 5],
            json!({"critical": true, "effectSize": {"allowedIncrease": 9e9, "criticalIncrease": 9e9}}),
        );
        assert!(outcome.critical && outcome.deviation.unwrap().is_nan());
    }

    #[test]
    fn missing_data() {
        let missing = |canary| {
            let outcome = classified(&[], &S8, canary);
            (outcome.label, outcome.critical, outcome.deviation)
        };
        assert_eq!(missing(json!({})), (Label::NoData, false, Some(1.0)));
        assert_eq!(
            missing(json!({"critical": true, "mustHaveData": true})),
            (Label::NoData, true, Some(1.0))
        );
        assert_eq!(
            missing(json!({"mustHaveData": true})),
            (Label::NoDataFailMetric, false, Some(1.0))
        );
        assert_eq!(
            missing(json!({"nanStrategy": "replace", "critical": true})),
            (Label::Pass, false, Some(1.0))
        );
    }

    #[test]
    fn identical_data_pass_with_a_reason_and_equal_constants_without() {
        let outcome = classified(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], json!({}));
        assert_eq!(
            outcome.reason.unwrap(),
            "The Canary and Baseline data are identical"
        );
        assert_eq!(classified(&[1.0, 1.0], &[1.0], json!({})).reason, None);
        assert_eq!(
            classified(&[0.0], &[-0.0], json!({})).reason.unwrap(),
            "The Canary and Baseline data are identical"
        );
    }

    #[test]
    fn c_judge_01_two_constants_are_judged_the_same_every_time() {
        assert_eq!(label(&[10.0; 5], &[1.0; 5], json!({})), Label::High);
        assert_eq!(label(&[1.0; 4], &[1.25; 6], json!({})), Label::Low);
        assert_eq!(label(&[10.0; 5], &[0.0; 5], json!({})), Label::High);
        // The ratio is that of the data, not of the noise: equality with a threshold counts.
        let twice = json!({"effectSize": {"allowedIncrease": 2.0}});
        let outcome = classified(&[2.0; 5], &[1.0; 5], twice);
        assert_eq!((outcome.label, outcome.deviation), (Label::High, Some(2.0)));
        for n in [10.0, 1.00001] {
            let expected = if n == 10.0 { Label::High } else { Label::Pass };
            assert_eq!(label(&[n; 10], &ONES, json!({})), expected);
        }
    }

    #[test]
    fn c_judge_01_single_points_get_the_likelier_outcome() {
        // Within a factor of two the reference always fails; 10 against 1 hardly, 1 against 10 mostly.
        assert_eq!(label(&[1.5], &[1.0], json!({})), Label::Error);
        assert_eq!(label(&[1.0], &[10.0], json!({})), Label::Error);
        assert_eq!(label(&[10.0], &[1.0], json!({})), Label::High);
        assert_eq!(label(&[1000.0], &[1.0], json!({})), Label::High);
        assert_eq!(label(&[0.0; 3], &[5.0], json!({})), Label::Error);
        let outcome = classified(&[5.0], &[5.5], json!({"critical": true}));
        assert_eq!(
            (
                outcome.reason.as_deref(),
                outcome.deviation,
                outcome.critical
            ),
            (Some("Metric Classification Failed"), None, false)
        );
    }
}

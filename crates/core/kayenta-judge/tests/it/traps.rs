//! What earlier drafts of the paired judge fell for, and what holds for any data.

use std::sync::Arc;

use kayenta_judge::{
    JudgeRequest, LocalJudge, LookVerdict, NetflixAcaJudge, PairedCanaryJudge, ScoreThresholds,
    explanation::{attach, explain},
};
use kayenta_model::{Look, MetricSetPair};
use kayenta_stats::GaussianSource;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A canary of metrics with settings, baselines and canaries.
fn request(metrics: &[(Value, Vec<f64>, Vec<f64>)], look: Look) -> JudgeRequest {
    let name = |index: usize| format!("m{index}");
    let configs: Vec<Value> = (metrics.iter().enumerate())
        .map(|(index, (canary, ..))| {
            json!({"name": name(index), "groups": ["g"], "analysisConfigurations": {"canary": canary}})
        })
        .collect();
    let config = json!({"metrics": configs, "classifier": {},
        "judge": {"name": PairedCanaryJudge::NAME, "judgeConfigurations": {"paired": {"success": true}}}});
    let pairs = metrics
        .iter()
        .enumerate()
        .map(|(index, (_, control, experiment))| MetricSetPair {
            name: Some(name(index)),
            id: Some(name(index)),
            values: Some(
                [("control", control), ("experiment", experiment)]
                    .map(|(side, values)| (side.to_owned(), values.clone()))
                    .into(),
            ),
            ..MetricSetPair::default()
        });
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_value(config).unwrap()),
        thresholds: ScoreThresholds {
            pass: 95.0,
            marginal: 75.0,
        },
        metric_set_pairs: Arc::new(pairs.collect()),
        look,
    }
}

/// A look at which an analysis may end successfully.
const MIDDLE: Look = Look {
    index: 8,
    total: 12,
};

fn verdict(metrics: &[(Value, Vec<f64>, Vec<f64>)], look: Look) -> LookVerdict {
    PairedCanaryJudge::default()
        .judge_look(&request(metrics, look))
        .unwrap()
}

fn labels(verdict: &LookVerdict) -> Vec<String> {
    let results = verdict.result.results.iter().flatten();
    results
        .map(|result| result.classification.clone().unwrap())
        .collect()
}

/// The label of one metric, judged alone and once.
fn label(canary: Value, control: Vec<f64>, experiment: Vec<f64>) -> String {
    let verdict = verdict(&[(canary, control, experiment)], Look::default());
    labels(&verdict).remove(0)
}

/// Noise around `level(t)` for t from 0 to 1, with a relative deviation of a tenth.
fn noisy(seed: i64, points: usize, level: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut source = GaussianSource::new(seed);
    (0..points)
        .map(|index| level(index as f64 / points as f64) * (0.1 * source.normal()).exp())
        .collect()
}

const SEEDS: std::ops::Range<i64> = 0..40;

/// How many of the seeds fail.
fn failures(one: impl Fn(i64) -> String) -> usize {
    SEEDS.filter(|&seed| one(seed) != "Pass").count()
}

#[test]
fn a_healthy_metric_with_negative_values_and_an_allowed_change_passes() {
    for allowed in [
        json!({"allowedIncrease": 1.1}),
        json!({"allowedDecrease": 0.9}),
    ] {
        let failed = failures(|seed| {
            let side = |seed| noisy(seed, 240, |_| -100.0);
            label(
                json!({"effectSize": allowed}),
                side(seed),
                side(seed + 1000),
            )
        });
        assert!(failed <= 2, "{allowed}: {failed}");
    }
}

#[test]
fn a_drift_within_the_allowed_change_passes_and_keeps_an_analysis_from_ending_early() {
    let canary = || json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.5}});
    let control = || noisy(1, 240, |_| 100.0);
    let experiment = || noisy(2, 240, |t| 100.0 * (1.0 + 0.2 * t));
    assert_eq!(label(canary(), control(), experiment()), "Pass");
    let verdict = verdict(&[(canary(), control(), experiment())], MIDDLE);
    assert_eq!(
        (labels(&verdict), verdict.early_success),
        (vec!["Pass".to_owned()], None)
    );
}

#[test]
fn excursions_within_the_allowed_change_pass() {
    let failed = failures(|seed| {
        let mut experiment = noisy(seed, 240, |_| 100.0);
        experiment
            .iter_mut()
            .step_by(20)
            .for_each(|value| *value *= 1.8);
        let canary = json!({"direction": "increase", "effectSize": {"allowedIncrease": 3.0}});
        label(canary, noisy(seed + 1000, 240, |_| 100.0), experiment)
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_warm_up_that_falls_back_to_the_baseline_does_not_fail_for_falling() {
    for direction in ["decrease", "either"] {
        let failed = failures(|seed| {
            let experiment = noisy(seed, 240, |t| 100.0 * (1.3 - 0.3 * t));
            let canary = json!({"direction": direction, "effectSize": {"allowedIncrease": 1.5}});
            label(canary, noisy(seed + 1000, 240, |_| 100.0), experiment)
        });
        assert!(failed <= 1, "{direction}: {failed}");
    }
    let failed = failures(|seed| {
        let experiment = noisy(seed, 240, |t| 100.0 * (0.7 + 0.3 * t));
        label(
            json!({"direction": "increase"}),
            noisy(seed + 1000, 240, |_| 100.0),
            experiment,
        )
    });
    assert_eq!(failed, 0);
}

#[test]
fn sparse_counts_at_exactly_the_allowed_ratio_pass() {
    fn poisson(source: &mut GaussianSource, rate: f64) -> f64 {
        let (mut count, mut product) = (0.0, source.uniform());
        while product > (-rate).exp() {
            count += 1.0;
            product *= source.uniform();
        }
        count
    }
    let failed = failures(|seed| {
        let mut source = GaussianSource::new(seed);
        let mut side =
            |rate: f64| -> Vec<f64> { (0..240).map(|_| poisson(&mut source, rate)).collect() };
        let (control, experiment) = (side(0.7), side(1.4));
        let canary = json!({"direction": "increase", "effectSize": {"allowedIncrease": 2.0}});
        label(canary, control, experiment)
    });
    assert!(failed <= 4, "{failed}");
}

#[test]
fn sides_made_equal_by_filled_gaps_pass_and_end_nothing() {
    let gaps = || vec![f64::NAN; 240];
    let canary = || json!({"nanStrategy": "replace"});
    let verdict = verdict(&[(canary(), gaps(), gaps())], MIDDLE);
    assert_eq!(
        (labels(&verdict), verdict.early_success),
        (vec!["Pass".to_owned()], None)
    );
}

#[test]
fn a_canary_whose_metrics_are_all_muted_ends_nothing_early() {
    let side = |seed| noisy(seed, 240, |_| 100.0);
    let muted = (
        json!({"muted": true, "direction": "increase"}),
        side(1),
        side(2),
    );
    let verdict = verdict(&[muted], MIDDLE);
    assert_eq!(
        (labels(&verdict), verdict.early_success),
        (vec!["Pass".to_owned()], None)
    );
}

#[test]
fn constant_ratios_and_differences_of_every_length_pass_when_allowed() {
    for points in 8..300 {
        let control: Vec<f64> = (0..points)
            .map(|index| 1.7 + f64::from(index) / 7.0)
            .collect();
        let experiment: Vec<f64> = control.iter().map(|value| 1.1 * value).collect();
        let allowed = json!({"effectSize": {"allowedIncrease": 1.1}});
        assert_eq!(
            label(allowed.clone(), control.clone(), experiment.clone()),
            "Pass",
            "{points}"
        );
        assert_eq!(
            label(json!({}), control.clone(), experiment.clone()),
            "High",
            "{points}"
        );
        let flat = |value: f64| vec![value; points as usize];
        assert_eq!(
            label(allowed, flat(1.3), flat(1.3 * 1.1)),
            "Pass",
            "{points}"
        );
        assert_eq!(label(json!({}), flat(0.1), flat(0.1)), "Pass", "{points}");
    }
}

#[test]
fn a_healthy_analysis_ends_early_with_a_message() {
    let side = |seed| noisy(seed, 240, |_| 100.0);
    let metrics = [(json!({"direction": "increase"}), side(1), side(2))];
    let found = verdict(&metrics, MIDDLE);
    assert_eq!(
        found.early_success.unwrap().to_string(),
        "Ended early at look 8 of 12: a change of 10 % or more is excluded (error at most 0.05)."
    );
    // Neither too early, nor at the end, nor by a judge that makes no such promise.
    let at = |index| Look { index, total: 12 };
    for look in [at(5), at(12), Look::default()] {
        assert_eq!(verdict(&metrics, look).early_success, None);
    }
    let built_in = NetflixAcaJudge::default();
    let found = built_in.judge_look(&request(&metrics, MIDDLE)).unwrap();
    assert_eq!(found.early_success, None);
}

fn series(values: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(values, 8..80)
}

fn positive() -> impl Strategy<Value = f64> {
    prop_oneof![3 => 50.0..60.0f64, 1 => 40.0..200.0f64]
}

fn counts() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.0), 1 => (0u32..5).prop_map(f64::from), 1 => -3.0..9.0f64]
}

fn hostile() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(0.0),
        Just(-0.0),
        Just(5e-324),
        Just(f64::MAX),
        Just(f64::MIN),
        -1e6..1e6f64,
        -1e300..1e300f64,
        Just(7.0),
    ]
}

fn swapped(label: &str) -> &str {
    match label {
        "High" => "Low",
        "Low" => "High",
        other => other,
    }
}

/// Judges and explains by both judges; everything has to be writable and hold no number that is none.
fn survives(control: Vec<f64>, experiment: Vec<f64>, canary: Value, look: Look) {
    let request = request(&[(canary, control, experiment)], look);
    let judges: [&dyn LocalJudge; 2] = [&PairedCanaryJudge::default(), &NetflixAcaJudge::default()];
    for judge in judges {
        let mut result = judge.judge(&request).unwrap();
        let total = result.total().unwrap();
        assert!((0.0..=100.0).contains(&total));
        let explained = explain(&request, &result).unwrap();
        let text = serde_json::to_string(&explained).unwrap();
        assert!(!text.contains("NaN") && !text.contains("null"), "{text}");
        let back = serde_json::from_str(&text).unwrap();
        assert_eq!(explained, back);
        attach(&mut result, &explained).unwrap();
        assert!(!serde_json::to_string(&result).unwrap().contains("null"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn swapping_the_sides_swaps_high_and_low(
        (x, y) in prop_oneof![
            (series(positive()), series(positive())),
            (series(counts()), series(counts())),
        ],
        factor in prop_oneof![Just(1.0), Just(1.3)],
    ) {
        let y: Vec<f64> = y.into_iter().map(|value| value * factor).collect();
        let there = label(json!({}), x.clone(), y.clone());
        let back = label(json!({}), y, x);
        prop_assert_eq!(swapped(&there), back);
    }

    #[test]
    fn scaling_positive_sides_changes_nothing(
        x in series(positive()), y in series(positive()), factor in 1e-6..1e6f64,
    ) {
        let scaled = |values: &[f64]| values.iter().map(|value| value * factor).collect();
        prop_assert_eq!(
            label(json!({}), scaled(&x), scaled(&y)),
            label(json!({}), x, y)
        );
    }

    #[test]
    fn the_order_of_the_metrics_changes_nothing(
        sides in prop::collection::vec((series(positive()), series(positive()), 0.9..1.2f64), 1..6),
        turn in 0..6usize,
    ) {
        let metrics: Vec<_> = sides
            .into_iter()
            .map(|(x, y, factor)| (json!({}), x, y.into_iter().map(|value| value * factor).collect()))
            .collect();
        let mut there = labels(&verdict(&metrics, Look::default()));
        let mut turned = metrics;
        turned.rotate_left(turn % there.len());
        let back = labels(&verdict(&turned, Look::default()));
        there.rotate_left(turn % back.len());
        prop_assert_eq!(there, back);
    }

    #[test]
    fn no_data_whatever_make_judgement_or_explanation_fail(
        control in prop::collection::vec(hostile(), 0..40),
        experiment in prop::collection::vec(hostile(), 0..40),
        strategy in prop_oneof![Just("remove"), Just("replace")],
        direction in prop_oneof![Just("increase"), Just("decrease"), Just("either")],
        allowed in prop_oneof![Just(1.0), Just(1.5), Just(1e-300), Just(1e300)],
        last in any::<bool>(),
    ) {
        let canary = json!({"nanStrategy": strategy, "direction": direction,
            "effectSize": {"allowedIncrease": allowed, "allowedDecrease": allowed}});
        survives(control, experiment, canary, if last { Look::default() } else { MIDDLE });
    }
}

#[test]
fn a_hundred_thousand_points_and_one_are_judged_and_explained() {
    let many = |seed| noisy(seed, 100_000, |_| 100.0);
    survives(many(1), many(2), json!({}), Look::default());
    let sparse = |seed| {
        many(seed)
            .iter()
            .map(|value| (value - 110.0).max(0.0))
            .collect()
    };
    survives(sparse(1), sparse(2), json!({}), Look::default());
    survives(vec![1.0], vec![2.0], json!({}), Look::default());
    survives(vec![1.0; 100_000], vec![2.0; 100_000], json!({}), MIDDLE);
}

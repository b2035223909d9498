//! Whole judgements: shapes, failures, threads.

use std::{num::NonZeroUsize, sync::Arc};

use kayenta_judge::{
    JudgeError, JudgeErrorKind, JudgeRequest, LocalJudge, NetflixAcaJudge, RandomDummyJudge,
    ScoreThresholds,
};
use kayenta_model::{CanaryJudgeResult, Thresholds};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::selection::Loaded;

fn request(config: Value, pairs: Value) -> JudgeRequest {
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_value(config).unwrap()),
        thresholds: ScoreThresholds {
            pass: 75.0,
            marginal: 50.0,
        },
        metric_set_pairs: Arc::new(serde_json::from_value(pairs).unwrap()),
        ..JudgeRequest::default()
    }
}

fn judge(config: Value, pairs: Value) -> Result<CanaryJudgeResult, JudgeError> {
    NetflixAcaJudge::default().judge(&request(config, pairs))
}

fn pair(experiment: Value, control: Value) -> Value {
    json!({"name": "latency", "id": "0b0e", "values": {"experiment": experiment, "control": control}})
}

fn config(metric: Value) -> Value {
    let mut metric = metric;
    metric["name"] = json!("latency");
    json!({"metrics": [metric], "classifier": {"groupWeights": {}}})
}

#[test]
fn the_shape_of_a_result() {
    let result = judge(
        config(json!({"groups": ["app"]})),
        json!([pair(
            json!([20, 22, 21, 25, 30]),
            json!([1, 2.2, 1.1, 2.5, 3])
        )]),
    )
    .unwrap();
    assert_eq!(
        serde_json::to_string(&result).unwrap(),
        concat!(
            r#"{"judgeName":"NetflixACAJudge-v1.0","results":[{"name":"latency","tags":{},"id":"0b0e","#,
            r#""classification":"High","classificationReason":"latency was classified as High","#,
            r#""groups":["app"],"#,
            r#""experimentMetadata":{"stats":{"count":5,"mean":23.6,"min":20.0,"std":4.03732584763727,"max":30.0}},"#,
            r#""controlMetadata":{"stats":{"count":5,"mean":1.96,"min":1.0,"std":0.8792041856133306,"max":3.0}},"#,
            r#""resultMetadata":{"ratio":12.040816326530614},"critical":false,"muted":false}],"#,
            r#""groupScores":[{"name":"app","score":0.0,"classification":"","classificationReason":""}],"#,
            r#""score":{"score":0.0,"classification":"Fail","classificationReason":""}}"#
        )
    );
}

#[test]
fn numbers_that_are_none_are_words() {
    let result = judge(
        config(json!({"groups": ["app"]})),
        json!([pair(json!([1, 2, "Infinity"]), json!([1, 1.5, 2.5]))]),
    )
    .unwrap();
    let result = serde_json::to_value(&result).unwrap();
    let first = &result["results"][0];
    assert_eq!(first["classification"], "Pass");
    assert_eq!(first["resultMetadata"], json!({"ratio": "NaN"}));
    assert_eq!(
        first["experimentMetadata"]["stats"],
        json!({"count": 3, "mean": "NaN", "min": 1.0, "std": "NaN", "max": "Infinity"})
    );
}

#[test]
fn c_judge_04_a_metric_without_groups_is_in_no_group() {
    let result = judge(
        config(json!({})),
        json!([pair(json!([1, 2]), json!([2, 1]))]),
    )
    .unwrap();
    assert_eq!(result.results.as_ref().unwrap()[0].groups, Some(vec![]));
    assert_eq!(result.group_scores, Some(vec![]));
    assert_eq!(result.total(), Some(0.0));
}

#[test]
fn nothing_to_judge_scores_zero() {
    let result = judge(json!({"classifier": {}}), json!([])).unwrap();
    assert_eq!(
        serde_json::to_value(&result).unwrap(),
        json!({"judgeName": "NetflixACAJudge-v1.0", "results": [], "groupScores": [],
            "score": {"score": 0.0, "classification": "Fail", "classificationReason": ""}})
    );
}

#[test]
fn several_series_of_a_metric_and_duplicate_metrics() {
    let config = json!({
        "metrics": [
            {"name": "latency", "groups": ["a"]},
            {"name": "latency", "groups": ["b"], "analysisConfigurations": {"canary": {"critical": "no"}}}
        ],
        "classifier": {}
    });
    let mut second = pair(json!([1, 2]), json!([1, 2]));
    second["tags"] = json!({"zone": "b"});
    let result = judge(config, json!([pair(json!([9, 8]), json!([1, 2])), second])).unwrap();
    // Only the first config counts, so the broken setting of the second is never read.
    let results = result.results.unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0].tags.as_ref().unwrap().len(), 0);
    assert_eq!(results[1].tags.as_ref().unwrap()["zone"], "b");
    assert_eq!(result.group_scores.unwrap()[0].score.unwrap().0, 50.0);
}

/// C-JUDGE-05.
#[test]
fn what_fails_a_whole_judgement() {
    let good = || json!([pair(json!([1, 2]), json!([1, 3]))]);
    let cases = [
        (
            judge(json!({"classifier": {}}), good()),
            "Could not find metric config for latency",
            JudgeErrorKind::InvalidArgument,
        ),
        (
            judge(json!({"metrics": [{"name": "latency"}]}), good()),
            "the canary config has no classifier",
            JudgeErrorKind::Malformed,
        ),
        (
            judge(
                config(json!({})),
                json!([pair(json!([1, null]), json!([1]))]),
            ),
            "metric 'latency': value 1 of 'experiment' is null",
            JudgeErrorKind::Malformed,
        ),
        (
            judge(config(json!({})), json!([{"name": "latency"}])),
            "metric 'latency': the metric set pair has no values for 'experiment'",
            JudgeErrorKind::Malformed,
        ),
        (
            judge(
                config(json!({"analysisConfigurations": {"canary": {"muted": 1}}})),
                good(),
            ),
            "metric 'latency': setting 'canary.muted' is the number 1, expected true or false",
            JudgeErrorKind::Malformed,
        ),
        (
            judge(
                config(json!({"analysisConfigurations": {"canary": {
                    "outliers": {"strategy": "remove", "outlierFactor": null}}}})),
                good(),
            ),
            "requirement failed: factor must be greater than zero",
            JudgeErrorKind::InvalidArgument,
        ),
    ];
    for (outcome, message, kind) in cases {
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn absent_thresholds_are_zero() {
    let thresholds = ScoreThresholds::from(Thresholds {
        pass: None,
        marginal: Some(3.0),
    });
    assert_eq!((thresholds.pass, thresholds.marginal), (0.0, 3.0));
}

#[test]
fn threads_do_not_change_a_judgement() {
    let series = |seed: u64| -> Vec<f64> {
        let mut source = kayenta_stats::GaussianSource::new(seed as i64);
        (0..2000).map(|_| source.normal()).collect()
    };
    let pairs: Vec<Value> = (0..40)
        .map(|i| pair(json!(series(i)), json!(series(i + 100))))
        .collect();
    let request = request(config(json!({"groups": ["g"]})), json!(pairs));
    let alone = NetflixAcaJudge::default().judge(&request).unwrap();
    let threads = NonZeroUsize::new(3).unwrap();
    let together = NetflixAcaJudge::default()
        .with_threads(threads)
        .judge(&request)
        .unwrap();
    assert_eq!(alone, together);
}

#[test]
fn the_dummy_goes_by_its_dice_and_looks_at_raw_values() {
    for (draw, label) in [
        (0.0, "Low"),
        (0.32, "Low"),
        (0.33, "Pass"),
        (0.65999, "High"),
        (0.99, "High"),
    ] {
        let dummy = RandomDummyJudge::new(Arc::new(Loaded(draw)));
        let result = dummy
            .judge(&request(
                config(
                    json!({"groups": ["g"], "analysisConfigurations": {"canary": {"muted": 3}}}),
                ),
                json!([pair(json!([1, "NaN"]), json!([]))]),
            ))
            .unwrap();
        let result = serde_json::to_value(&result).unwrap();
        let first = &result["results"][0];
        assert_eq!(result["judgeName"], "dredd-v1.0");
        assert_eq!(first["classification"], label, "{draw}");
        assert_eq!(first["experimentMetadata"]["stats"]["count"], 2);
        assert_eq!(first["experimentMetadata"]["stats"]["mean"], "NaN");
        assert_eq!(first.get("resultMetadata"), None);
        assert_eq!(first.get("classificationReason"), None);
    }
}

fn words() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("NaN")),
        Just(json!("Infinity")),
        Just(json!("-Infinity")),
        Just(json!(0.0)),
        Just(json!(-0.0)),
        (-1e6..1e6f64).prop_map(|value| json!(value)),
        (-1e300..1e300f64).prop_map(|value| json!(value)),
    ]
}

proptest! {
    #[test]
    fn no_data_whatever_makes_the_judge_fail(
        experiment in prop::collection::vec(words(), 0..12),
        control in prop::collection::vec(words(), 0..12),
        strategy in prop_oneof![Just("remove"), Just("replace")],
        outliers in prop_oneof![Just("remove"), Just("keep")],
        measure in prop_oneof![Just("cles"), Just("meanRatio")],
    ) {
        let canary = json!({"nanStrategy": strategy, "outliers": {"strategy": outliers},
            "effectSize": {"measure": measure}});
        let result = judge(
            config(json!({"groups": ["g"], "analysisConfigurations": {"canary": canary}})),
            json!([pair(json!(experiment), json!(control))]),
        ).unwrap();
        let total = result.total().unwrap();
        prop_assert!((0.0..=100.0).contains(&total));
        // What is written can be read again.
        let text = serde_json::to_string(&result).unwrap();
        let back: CanaryJudgeResult = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}

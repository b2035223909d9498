//! The judge of fixed limits.

use std::sync::Arc;

use kayenta_judge::{
    JudgeError, JudgeErrorKind, JudgeRequest, LocalJudge, ScoreThresholds, StaticLimitJudge,
    explanation::explain,
};
use kayenta_model::CanaryJudgeResult;
use serde_json::{Value, json};

fn request(canary: Value, values: Value) -> JudgeRequest {
    let config = json!({"metrics": [{"name": "m", "groups": ["g"],
        "analysisConfigurations": {"canary": canary}}], "classifier": {}});
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_value(config).unwrap()),
        thresholds: ScoreThresholds {
            pass: 95.0,
            marginal: 75.0,
        },
        metric_set_pairs: Arc::new(
            serde_json::from_value(json!([{"name": "m", "id": "p", "values": values}])).unwrap(),
        ),
        ..JudgeRequest::default()
    }
}

fn judge(canary: Value, values: Value) -> Result<CanaryJudgeResult, JudgeError> {
    StaticLimitJudge.judge(&request(canary, values))
}

/// Label, reason and whether it is critical.
fn outcome(canary: Value, experiment: Value) -> (String, String, bool) {
    let result = judge(canary, json!({"experiment": experiment})).unwrap();
    let result = result.results.unwrap().remove(0);
    (
        result.classification.unwrap(),
        result.classification_reason.unwrap_or_default(),
        result.critical,
    )
}

#[test]
fn each_statistic_is_held_against_its_limits() {
    let values = json!([1, 2, 3, 4, 10]);
    for (limit, label, reason) in [
        (json!({"upper": 4}), "Pass", ""),
        (
            json!({"upper": 3.9}),
            "High",
            "m was classified as High: the mean of 4 is above the limit of 3.9",
        ),
        (json!({"upper": 3, "statistic": "median"}), "Pass", ""),
        (
            json!({"lower": 3.5, "statistic": "median"}),
            "Low",
            "m was classified as Low: the median of 3 is below the limit of 3.5",
        ),
        (
            json!({"upper": 9, "statistic": "max"}),
            "High",
            "m was classified as High: the max of 10 is above the limit of 9",
        ),
        (
            json!({"upper": 8, "statistic": "p95"}),
            "High",
            "m was classified as High: the p95 of 8.8 is above the limit of 8",
        ),
        (
            json!({"upper": 9, "statistic": "p99"}),
            "High",
            "m was classified as High: the p99 of 9.76 is above the limit of 9",
        ),
        (
            json!({"upper": 5, "statistic": "share", "toleratedShare": 0.2}),
            "Pass",
            "",
        ),
        (
            json!({"upper": 5, "statistic": "share"}),
            "High",
            "m was classified as High: 20 % of the points are above the limit of 5, 0 % are tolerated",
        ),
        (
            json!({"lower": 3, "statistic": "share", "toleratedShare": 0.1}),
            "Low",
            "m was classified as Low: 40 % of the points are below the limit of 3, 10 % are tolerated",
        ),
    ] {
        let found = outcome(json!({"staticLimit": limit}), values.clone());
        assert_eq!(
            found,
            (label.to_owned(), reason.to_owned(), false),
            "{limit}"
        );
    }
}

#[test]
fn a_critical_metric_beyond_its_limit_fails_the_canary() {
    let canary = json!({"staticLimit": {"upper": 1}, "critical": true});
    let result = judge(canary, json!({"experiment": [2]})).unwrap();
    assert_eq!(result.total(), Some(0.0));
    let score = result.score.unwrap();
    assert_eq!(
        score.classification_reason.unwrap(),
        "Canary Failed: The metric m was classified as High (Critical): the mean of 2 is above the limit of 1"
    );
}

#[test]
fn missing_data_are_treated_as_by_the_built_in_judge() {
    let label = |mut canary: Value| {
        canary["staticLimit"] = json!({"upper": 1});
        let (label, _, critical) = outcome(canary, json!(["NaN"]));
        (label, critical)
    };
    assert_eq!(label(json!({})), ("Nodata".to_owned(), false));
    assert_eq!(
        label(json!({"mustHaveData": true})),
        ("NodataFailMetric".to_owned(), false)
    );
    assert_eq!(
        label(json!({"critical": true})),
        ("Nodata".to_owned(), true)
    );
    // The gap counts as zero.
    assert_eq!(
        label(json!({"nanStrategy": "replace"})),
        ("Pass".to_owned(), false)
    );
}

#[test]
fn a_baseline_is_shown_and_not_needed() {
    let canary = || json!({"staticLimit": {"upper": 9}});
    let ratio = |values: Value| {
        let result = judge(canary(), values).unwrap().results.unwrap().remove(0);
        (
            result.result_metadata.unwrap()["ratio"].clone(),
            result.control_metadata.unwrap().count(),
        )
    };
    assert_eq!(ratio(json!({"experiment": [4, 6]})), (json!(1.0), Some(0)));
    assert_eq!(
        ratio(json!({"experiment": [4, 6], "control": [2, 3]})),
        (json!(2.0), Some(2))
    );
    let error = judge(canary(), json!({"control": [1]})).unwrap_err();
    assert!(error.to_string().contains("no values for 'experiment'"));
}

#[test]
fn settings_that_do_not_fit_are_named() {
    for (canary, message) in [
        (
            json!({}),
            "metric 'm': setting 'canary.staticLimit' is without a limit, expected an object with 'upper', 'lower' or both",
        ),
        (
            json!({"staticLimit": {"upper": "5"}}),
            "metric 'm': setting 'canary.staticLimit.upper' is the string \"5\", expected a number",
        ),
        (
            json!({"staticLimit": {"upper": 1, "lower": 2}}),
            "metric 'm': setting 'canary.staticLimit.upper' is the number 1, expected a number that is not below 'lower'",
        ),
        (
            json!({"staticLimit": {"upper": 1, "statistic": "P95"}}),
            "metric 'm': setting 'canary.staticLimit.statistic' is the string \"P95\", expected 'mean', 'median', 'p95', 'p99', 'max' or 'share'",
        ),
        (
            json!({"staticLimit": {"upper": 1, "toleratedShare": 0.1}}),
            "metric 'm': setting 'canary.staticLimit.toleratedShare' is the number 0.1, expected absent unless 'statistic' is 'share'",
        ),
        (
            json!({"staticLimit": {"upper": 1, "statistic": "share", "toleratedShare": 1}}),
            "metric 'm': setting 'canary.staticLimit.toleratedShare' is the number 1, expected a number from 0 on and below 1",
        ),
    ] {
        let error = judge(canary, json!({"experiment": [1]})).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn configs_for_the_static_baseline_judge_learn_the_new_settings() {
    let error = judge(
        json!({"staticBaseline": {"value": 5}}),
        json!({"experiment": [1]}),
    )
    .unwrap_err();
    assert_eq!(error.kind(), JudgeErrorKind::InvalidArgument);
    let message = error.to_string();
    assert!(
        message.contains("'staticBaseline' is not supported")
            && message.contains("canary.staticLimit")
    );
}

#[test]
fn values_that_are_not_finite_are_an_error_of_the_metric() {
    let (label, reason, _) = outcome(json!({"staticLimit": {"upper": 1}}), json!([1, "Infinity"]));
    assert_eq!(
        (&label[..], &reason[..]),
        ("Error", "Metric Classification Failed")
    );
    let (label, ..) = outcome(
        json!({"staticLimit": {"upper": 1, "statistic": "max"}}),
        json!([1, "Infinity"]),
    );
    assert_eq!(label, "High");
}

#[test]
fn outcomes_are_explained() {
    let sentence = |limit: Value, experiment: Value| {
        let request = request(
            json!({"staticLimit": limit}),
            json!({"experiment": experiment}),
        );
        let result = StaticLimitJudge.judge(&request).unwrap();
        let explained = explain(&request, &result).unwrap();
        assert_eq!(explained.findings, []);
        explained.results[0].explanation.sentences.join(" ")
    };
    assert_eq!(
        sentence(json!({"upper": 5, "lower": 1}), json!([2, 4])),
        "m passed: the mean of 3 is not above 5 and is not below 1."
    );
    assert_eq!(
        sentence(
            json!({"upper": 5, "statistic": "share", "toleratedShare": 0.5}),
            json!([2, 6])
        ),
        "m passed: 50 % of the points are above 5, 50 % are tolerated."
    );
    assert_eq!(
        sentence(json!({"upper": 5}), json!([6])),
        "m was classified as High: the mean of 6 is above the limit of 5."
    );
    assert_eq!(
        sentence(json!({"upper": 5}), json!([])),
        "m: no data on the canary side."
    );
}

//! Vectors of an independent implementation, and the sentences.

use std::sync::Arc;

use kayenta_model::{
    AnalysisResult, MetricSetPair,
    explanation::{ExplainedTest, FindingId},
};
use serde_json::json;

use super::*;
use crate::{
    LocalJudge, ScoreThresholds,
    vectors::{Expected, cases, number, pairs},
};

fn request(config: Value, pairs: Value) -> JudgeRequest {
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_value(config).unwrap()),
        thresholds: ScoreThresholds {
            pass: 95.0,
            marginal: 75.0,
        },
        metric_set_pairs: Arc::new(serde_json::from_value::<Vec<MetricSetPair>>(pairs).unwrap()),
        ..JudgeRequest::default()
    }
}

/// One metric `m`.
fn one(canary: Value, control: &Value, experiment: &Value) -> JudgeRequest {
    request(
        json!({"metrics": [{"name": "m", "groups": ["g"], "analysisConfigurations": {"canary": canary}}],
            "classifier": {}}),
        json!([{"name": "m", "id": "p", "values": {"control": control, "experiment": experiment}}]),
    )
}

fn explained(request: &JudgeRequest) -> CanaryExplanation {
    let result = NetflixAcaJudge::default().judge(request).unwrap();
    explain(request, &result).unwrap()
}

#[test]
fn numbers_of_the_built_in_judge_equal_the_vectors() {
    for case in cases("explain_builtin.json.gz", 43) {
        let canary = json!({"effectSize": {"allowedIncrease": case["allowedIncrease"],
            "allowedDecrease": case["allowedDecrease"]}});
        let request = one(canary, &case["control"], &case["experiment"]);
        let explained = explained(&request).results.remove(0).explanation;
        let Some(ExplainedTest::MannWhitney(test)) = explained.test else {
            panic!("{}: no test", case["name"])
        };
        let (distance, data) = (explained.distance.unwrap(), explained.data.unwrap());
        let mut expected = Expected::new(&case["name"], &case["expected"]);
        for (key, value) in [
            ("lower", test.lower),
            ("upper", test.upper),
            ("estimate", test.estimate),
            ("bound", test.bound),
            ("toHigh", distance.to_high),
            ("toLow", distance.to_low),
            ("detectable", explained.detectable.unwrap().shift),
        ] {
            expected.close(key, Some(value.0), 2e-6);
        }
        expected.number("ratio", explained.effect.unwrap().value.map(f64::from));
        expected.equal("toHighBecause", Some(json!(distance.to_high_because)));
        expected.equal("toLowBecause", Some(json!(distance.to_low_because)));
        expected.number("designEffect", data.design_effect.map(f64::from));
        expected.number("falseAlarmRate", data.false_alarm_rate.map(f64::from));
        expected.number("effectivePoints", data.effective_points.map(f64::from));
        expected.number("tieShare", data.tie_share.0);
        expected.equal("missingControl", Some(json!(data.control.missing)));
        expected.equal("missingExperiment", Some(json!(data.experiment.missing)));
        expected.equal("longestGapControl", Some(json!(data.control.longest_gap)));
        expected.equal(
            "longestGapExperiment",
            Some(json!(data.experiment.longest_gap)),
        );
        expected.done();
    }
}

#[test]
fn design_effects_equal_the_vectors() {
    for case in cases("design_effect.json.gz", 67) {
        let effect = design_effect::DesignEffect::new(&pairs(&case));
        let mut expected = Expected::new(&case["name"], &case["expected"]);
        expected.number("designEffect", effect.map(|effect| effect.factor));
        expected.number(
            "falseAlarmRate",
            effect.map(|effect| effect.false_alarm_rate()),
        );
        expected.done();
    }
}

#[test]
fn findings_equal_the_vectors() {
    for case in cases("findings.json.gz", 8) {
        let (mut metrics, mut pairs, mut results) = (vec![], vec![], vec![]);
        for metric in case["metrics"].as_array().unwrap() {
            let name = &metric["name"];
            metrics.push(json!({"name": name, "groups": ["g"], "analysisConfigurations": {"canary": {
                "direction": metric["direction"], "nanStrategy": metric["nanStrategy"], "muted": metric["muted"]}}}));
            let start = if metric["concurrent"] == true {
                0
            } else {
                60_000
            };
            pairs.push(
                json!({"name": name, "id": name, "values": {"control": metric["control"],
                "experiment": metric["experiment"]}, "scopes": {"control": {"startTimeMillis": 0},
                "experiment": {"startTimeMillis": start}}}),
            );
            results.push(AnalysisResult {
                classification: Some(metric["builtInLabel"].as_str().unwrap().to_owned()),
                muted: metric["muted"].as_bool().unwrap(),
                ..AnalysisResult::default()
            });
        }
        let request = request(
            json!({"metrics": metrics, "classifier": {}}),
            Value::Array(pairs),
        );
        let result = CanaryJudgeResult {
            judge_name: Some(NetflixAcaJudge::NAME.to_owned()),
            results: Some(results),
            ..CanaryJudgeResult::default()
        };
        let metrics = MetricsByName::of(&request.canary_config);
        let subjects: Vec<Subject<'_>> = request
            .metric_set_pairs
            .iter()
            .enumerate()
            .map(|(index, pair)| Subject::new(&metrics, &result, index, pair).unwrap())
            .collect();

        let tests = findings::tests(&subjects);
        let expected = case["expected"]["tests"].as_array().unwrap();
        assert_eq!(tests.len(), expected.len(), "{}", case["name"]);
        for (test, expected) in tests.iter().zip(expected) {
            let mut expected = Expected::new(format!("{} {expected}", case["name"]), expected);
            expected.equal("metric", Some(json!(subjects[test.subject].name)));
            expected.equal("id", Some(json!(test.id())));
            expected.equal("direction", Some(json!(test.direction)));
            expected.number("p", test.p);
            expected.done();
        }

        let found = explain(&request, &result).unwrap().findings;
        let expected = case["expected"]["findings"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{}: {found:?}", case["name"]);
        for (found, values) in found.iter().zip(expected) {
            let finding = &found.finding;
            assert!(finding.sentence.ends_with('.') && !finding.sentence.contains("NaN"));
            let mut expected = Expected::new(format!("{} {values}", case["name"]), values);
            expected.equal("metric", Some(json!(found.metric)));
            expected.equal("id", Some(json!(finding.id)));
            expected.equal(
                "direction",
                finding.direction.map(|direction| json!(direction)),
            );
            expected.number("p", finding.p.map(f64::from));
            if finding.id == FindingId::NotConcurrent {
                expected.skip("value");
            } else {
                expected.number("value", finding.value.map(f64::from));
            }
            expected.number("lower", finding.lower.map(f64::from));
            expected.number("upper", finding.upper.map(f64::from));
            expected.equal("up", finding.up.map(|up| json!(up)));
            expected.equal("down", finding.down.map(|down| json!(down)));
            expected.done();
        }
    }
}

/// The baseline of the worked example in the documentation.
const BASELINE: [f64; 12] = [
    48.0, 52.0, 50.0, 47.0, 55.0, 49.0, 51.0, 53.0, 50.5, 46.0, 54.0, 49.5,
];
/// Its second canary: it passes, and every point is slower.
const A_LITTLE_SLOWER: [f64; 12] = [
    51.0, 55.5, 53.2, 50.5, 58.0, 52.5, 54.0, 56.5, 53.7, 49.1, 57.2, 52.8,
];
/// Its third canary.
const SLOWER: [f64; 12] = [
    62.0, 66.0, 64.0, 60.0, 70.0, 63.0, 65.0, 68.0, 64.5, 59.0, 69.0, 63.5,
];

fn sentences(canary: Value, control: &[f64], experiment: &[f64]) -> Vec<String> {
    let request = one(canary, &json!(control), &json!(experiment));
    explained(&request).results.remove(0).explanation.sentences
}

#[test]
fn the_worked_example_is_explained() {
    let request = one(
        json!({"direction": "either"}),
        &json!(BASELINE),
        &json!(A_LITTLE_SLOWER),
    );
    let explained = explained(&request);
    let metric = &explained.results[0];
    assert_eq!(
        metric.explanation.sentences,
        [
            "m passed: the canary is higher by about 3.2 (6.35 %), but the interval 0.1 to 6.5 reaches into \
             the tolerated quarter of the estimate. 0.933 more would have failed it."
        ]
    );
    let found: Vec<&str> = metric
        .findings
        .iter()
        .map(|finding| &finding.sentence[..])
        .collect();
    assert_eq!(
        found,
        [
            "A paired comparison, minute by minute, finds the canary 6.46 % above the baseline (6.27 % to \
             6.66 %); the built-in test cannot see it under the movement both sides share.",
            "Both sides follow a common movement that this test takes for noise: it can see 9.38 %; a paired \
             test would see 0.269 %.",
            "Only 12 points: shifts under 9.38 % cannot be found."
        ]
    );
    let text = serde_json::to_string(&metric.explanation).unwrap();
    assert!(!text.contains("null"), "{text}");
}

#[test]
fn every_outcome_has_its_sentence() {
    let high = sentences(json!({}), &BASELINE, &SLOWER);
    assert_eq!(
        high,
        [
            "m: the canary is higher by 14 (27.8 %), at least 10.5 with 98 % confidence. It would have passed \
             had every value been 9.33 lower."
        ]
    );
    let low = sentences(json!({}), &SLOWER, &BASELINE);
    assert!(
        low[0].starts_with("m: the canary is lower by 14 ("),
        "{low:?}"
    );
    assert!(low[0].ends_with(" higher."), "{low:?}");
    let allowed = sentences(
        json!({"effectSize": {"allowedIncrease": 1.5}}),
        &BASELINE,
        &SLOWER,
    );
    assert_eq!(
        allowed,
        [
            "m passed: the canary is higher beyond doubt, but its mean is 1.28 times the baseline's and 1.5 is \
             allowed."
        ]
    );
    let other_side = sentences(json!({"direction": "decrease"}), &BASELINE, &SLOWER);
    assert_eq!(
        other_side,
        [
            "m passed: the canary is higher by about 14 (27.8 %). A change to the higher side is not judged \
             (direction decrease)."
        ]
    );
    let same = sentences(json!({}), &BASELINE, &BASELINE);
    assert_eq!(same, ["m passed: both sides hold the same values."]);
    let constant = sentences(json!({}), &[7.0; 4], &[7.0; 3]);
    assert_eq!(constant, ["m passed: every value is 7."]);
    let nothing = sentences(json!({}), &[f64::NAN; 3].map(|_| 1.0), &[]);
    assert_eq!(nothing, ["m: no data on the canary side."]);
    let filled = sentences(json!({"nanStrategy": "replace"}), &[], &[1.0]);
    assert_eq!(
        filled,
        ["m passed: no data on the baseline side, and gaps count as zero."]
    );
    let error = sentences(json!({}), &[1.0], &[1.5]);
    assert_eq!(
        error,
        [
            "m could not be tested: all values are tied after the shift. It does not count in its group."
        ]
    );
    let wide = sentences(json!({}), &[1.0, 9.0, 4.0, 12.0], &[2.0, 8.0, 5.0, 11.0]);
    assert!(
        wide[0].starts_with("m passed: no shift was found (interval "),
        "{wide:?}"
    );
    assert!(
        wide[1].starts_with("The data are too few to see less than "),
        "{wide:?}"
    );
}

#[test]
fn the_same_query_on_both_sides_is_found_unless_the_times_differ() {
    let found = |control: &str, experiment: &str, start: i64| {
        let request = request(
            json!({"metrics": [{"name": "m", "groups": ["g"]}], "classifier": {}}),
            json!([{"name": "m", "id": "p", "values": {"control": [1, 2], "experiment": [1, 2]},
                "scopes": {"control": {"startTimeMillis": 0}, "experiment": {"startTimeMillis": start}},
                "attributes": {"control": {"query": control}, "experiment": {"query": experiment}}}]),
        );
        let ids: Vec<_> = explained(&request)
            .findings
            .iter()
            .map(|found| found.finding.id)
            .collect();
        ids
    };
    assert_eq!(
        found("up{v=\"$scope\"}", "up{v=\"$scope\"}", 0),
        [FindingId::SameQuery]
    );
    assert_eq!(found("up", "up", 60_000), []);
    assert_eq!(found("up{v=\"1\"}", "up{v=\"2\"}", 0), []);
    assert_eq!(found("", "", 0), []);
}

#[test]
fn series_whose_labels_do_not_pair_are_found_with_the_labels_that_differ() {
    let pair = |tags: Value, control: Value, experiment: Value| {
        json!({"name": "m", "id": "p", "tags": tags,
        "values": {"control": control, "experiment": experiment}})
    };
    let request = request(
        json!({"metrics": [{"name": "m", "groups": ["g"]}], "classifier": {}}),
        json!([
            pair(
                json!({"zone": "a", "host": "1"}),
                json!([1, 2]),
                json!(["NaN", "NaN"])
            ),
            pair(
                json!({"zone": "a", "host": "2"}),
                json!(["NaN", "NaN"]),
                json!([1, 2])
            ),
            pair(
                json!({"zone": "b", "host": "3"}),
                json!([1, 2]),
                json!([1, 2])
            ),
        ]),
    );
    let explained = explained(&request);
    let ids: Vec<_> = explained
        .findings
        .iter()
        .map(|found| found.finding.id)
        .collect();
    assert_eq!(ids, [FindingId::UnpairedTags; 2]);
    assert_eq!(
        explained.findings[0].finding.sentence,
        "m: the series {zone=a, host=1} of the baseline has no counterpart, because the canary has {zone=a, \
         host=2}. Their labels differ in host; group or select both sides alike."
    );
}

#[test]
fn an_error_beside_a_perfect_score_is_found() {
    let request = one(json!({}), &json!([1.0]), &json!([1.5]));
    let found = explained(&request).findings;
    assert_eq!(found[0].finding.id, FindingId::ErrorNotCounted);
    let muted = one(json!({"muted": true}), &json!([1.0]), &json!([1.5]));
    assert_eq!(explained(&muted).findings, []);
}

#[test]
fn more_than_one_look_of_the_built_in_judge_is_found() {
    let mut request = one(json!({}), &json!([1.0, 2.0]), &json!([2.0, 1.0]));
    request.look = kayenta_model::Look { index: 1, total: 6 };
    let found = explained(&request).findings;
    assert_eq!(
        (found[0].finding.id, &found[0].metric),
        (FindingId::Peeking, &None)
    );
}

#[test]
fn explanations_change_nothing_but_the_metadata_they_are_added_to() {
    let request = one(json!({}), &json!(BASELINE), &json!(A_LITTLE_SLOWER));
    let plain = NetflixAcaJudge::default().judge(&request).unwrap();
    let mut explained = plain.clone();
    attach(&mut explained, &explain(&request, &plain).unwrap()).unwrap();
    let metadata = explained.results.as_ref().unwrap()[0]
        .result_metadata
        .as_ref()
        .unwrap();
    let keys: Vec<&String> = metadata.keys().collect();
    assert_eq!(keys, ["ratio", "explanation", "findings"]);
    for result in explained.results.iter_mut().flatten() {
        let metadata = result.result_metadata.as_mut().unwrap();
        metadata.shift_remove("explanation");
        metadata.shift_remove("findings");
    }
    assert_eq!(explained, plain);
}

#[test]
fn a_config_asks_for_explanations_with_true_only() {
    let wanted = |explain: Value| {
        let config = json!({"judge": {"name": "j", "judgeConfigurations": {"explain": explain}}});
        is_wanted(&serde_json::from_value(config).unwrap())
    };
    assert!(wanted(json!(true)));
    assert!(!wanted(json!("true")) && !wanted(json!(false)) && !wanted(json!(null)));
    assert!(!is_wanted(&CanaryConfig::default()));
}

#[test]
fn numbers_of_the_vectors_may_be_words() {
    assert_eq!(number(&json!("Infinity")), f64::INFINITY);
}

#[test]
fn warnings_of_the_metric_store_are_among_the_sentences() {
    let values = json!([1.0, 2.0, 3.0, 2.5, 1.5]);
    let last = |attributes: Value| {
        let mut pair =
            json!({"name": "m", "id": "p", "values": {"control": values, "experiment": values}});
        pair["attributes"] = attributes;
        let config = json!({"metrics": [{"name": "m", "groups": ["g"], "analysisConfigurations": {}}], "classifier": {}});
        let explained = explained(&request(config, json!([pair])));
        explained.results[0]
            .explanation
            .sentences
            .last()
            .unwrap()
            .clone()
    };
    let warned = json!({"warnings": "shard 3 is away"});
    assert_eq!(
        last(json!({"control": {}, "experiment": warned})),
        "m: the metric store warned about the canary: shard 3 is away"
    );
    assert_eq!(
        last(json!({"control": warned, "experiment": warned})),
        "m: the metric store warned about both sides: shard 3 is away"
    );
    assert!(!last(json!({"control": {"query": "up"}})).contains("warned"));
}

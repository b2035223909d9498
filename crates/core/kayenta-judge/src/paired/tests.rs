//! Vectors of an independent implementation, and the traps of earlier drafts.

use std::{num::NonZeroUsize, sync::Arc};

use kayenta_model::MetricSetPair;
use serde_json::{Value, json};

use super::{
    difference::Differences,
    evidence::{Body, Drift, Second, SecondKind, Spread},
    *,
};
use crate::{
    ScoreThresholds,
    vectors::{Expected, cases, file, number, pairs, series},
};

fn compare_body(mut expected: Expected<'_>, allowed: f64, series: &PairedSeries) {
    let difference = difference::Difference::new(series, allowed);
    let body = Body::new(series, &difference);
    let clipped = &difference.clipped;
    expected.number("mean", body.mean);
    expected.number("se", body.se);
    expected.equal("df", Some(json!(body.df)));
    expected.number("t", body.t);
    expected.number("pHigh", body.tails.high);
    expected.number("pLow", body.tails.low);
    expected.number("rho1", difference.memory.autocorrelation);
    expected.equal("log", Some(json!(series.is_log())));
    expected.equal("clipped", Some(json!(clipped.changed)));
    expected.equal("n", Some(json!(series.len())));
    expected.number("scale", clipped.scale);
    expected.number("median", clipped.median);
    expected.done();
}

fn compare_second(mut expected: Expected<'_>, second: &Second, series: &PairedSeries) {
    expected.equal("kind", Some(json!(second.kind.as_str())));
    expected.equal("up", Some(json!(second.up)));
    expected.equal("down", Some(json!(second.down)));
    expected.number("dispersion", second.dispersion);
    expected.number("pHigh", second.tails.high);
    expected.number("pLow", second.tails.low);
    match second.kind {
        SecondKind::Sparse => {
            expected.number("oddsHigh", second.odds_high);
            expected.number("oddsLow", second.odds_low);
            let others = |values: &[f64]| values.iter().filter(|value| **value != 0.0).count();
            expected.equal(
                "experimentNonZero",
                Some(json!(others(&series.pairs.experiment))),
            );
            expected.equal("controlNonZero", Some(json!(others(&series.pairs.control))));
        }
        SecondKind::Excursions => {
            expected.equal("upBeyond", Some(json!(second.up_beyond)));
            expected.equal("downBeyond", Some(json!(second.down_beyond)));
        }
    }
    expected.done();
}

fn compare_drift(mut expected: Expected<'_>, drift: &Drift, series: &PairedSeries) {
    expected.number("t", drift.t);
    expected.equal("df", Some(json!(drift.df)));
    expected.number("rawHigh", drift.raw.high);
    expected.number("rawLow", drift.raw.low);
    expected.number("lastHigh", drift.last_high);
    expected.number("lastLow", drift.last_low);
    expected.number("pHigh", drift.tails.high);
    expected.number("pLow", drift.tails.low);
    expected.equal("log", Some(json!(series.is_log())));
    expected.number("change", drift.change);
    expected.done();
}

#[test]
fn body_tests_equal_the_vectors() {
    for case in cases("body.json.gz", 65) {
        let expected = Expected::new(&case["name"], &case["expected"]);
        compare_body(
            expected,
            number(&case["allowed"]),
            &PairedSeries::new(pairs(&case)),
        );
    }
}

#[test]
fn second_tests_equal_the_vectors() {
    for case in cases("second.json.gz", 65) {
        let series = PairedSeries::new(pairs(&case));
        let second = Second::new(
            &mut Differences::new(&series),
            number(&case["allowedIncrease"]),
            number(&case["allowedDecrease"]),
        );
        compare_second(
            Expected::new(&case["name"], &case["expected"]),
            &second,
            &series,
        );
    }
}

#[test]
fn drift_tests_equal_the_vectors() {
    for case in cases("drift.json.gz", 65) {
        let series = PairedSeries::new(pairs(&case));
        let drift = Drift::new(
            &mut Differences::new(&series),
            number(&case["allowedIncrease"]),
            number(&case["allowedDecrease"]),
        );
        compare_drift(
            Expected::new(&case["name"], &case["expected"]),
            &drift,
            &series,
        );
    }
}

#[test]
fn spreads_equal_the_vectors() {
    for case in cases("spread.json.gz", 67) {
        let spread = Spread::new(&PairedSeries::new(pairs(&case)));
        let mut expected = Expected::new(&case["name"], &case["expected"]);
        expected.number("ratio", spread.ratio);
        expected.equal("df", Some(json!(spread.df)));
        expected.number("pHigh", spread.tails.high);
        expected.number("pLow", spread.tails.low);
        expected.done();
    }
}

/// A request as a case of `judge.json` gives it; the vectors leave out what scoring needs.
fn request(config: &Value, pairs: &Value, look: Look) -> JudgeRequest {
    let mut config = config.clone();
    config["classifier"] = json!({"groupWeights": {}});
    let mut pairs = pairs.clone();
    for pair in pairs.as_array_mut().unwrap() {
        if pair["concurrent"] == false {
            pair["scopes"] = json!({"control": {"startTimeMillis": 0}, "experiment": {"startTimeMillis": 60_000}});
        }
    }
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_value(config).unwrap()),
        thresholds: ScoreThresholds {
            pass: 95.0,
            marginal: 75.0,
        },
        metric_set_pairs: Arc::new(serde_json::from_value::<Vec<MetricSetPair>>(pairs).unwrap()),
        look,
    }
}

fn verdict(request: &JudgeRequest) -> Result<PairedVerdict, JudgeError> {
    PairedVerdict::new(request, NonZeroUsize::MIN)
}

fn state(state: &State) -> &'static str {
    match state {
        State::NoData => "nodata",
        State::Identical => "identical",
        State::Few { .. } => "few",
        State::Tested(_) => "tested",
    }
}

#[test]
fn whole_metrics_equal_the_vectors() {
    for case in cases("metric.json.gz", 77) {
        let config = json!({"metrics": [{"name": "m", "groups": ["g"], "analysisConfigurations": {"canary": {
            "direction": case["direction"], "nanStrategy": case["nanStrategy"],
            "effectSize": {"allowedIncrease": case["allowedIncrease"], "allowedDecrease": case["allowedDecrease"]},
        }}}]});
        let pairs = json!([{"name": "m", "id": "p", "tags": {}, "values": {
            "control": case["control"], "experiment": case["experiment"]}}]);
        let verdict = verdict(&request(&config, &pairs, Look::default())).unwrap();
        let metric = &verdict.metrics[0];
        let mut expected = Expected::new(&case["name"], &case["expected"]);
        expected.equal("state", Some(json!(state(&metric.state))));
        expected.equal("n", Some(json!(metric.pairs)));
        expected.number("p", metric.p);
        if let State::Tested(tests) = &metric.state {
            expected.number("pHigh", tests.tails.high);
            expected.number("pLow", tests.tails.low);
            let part = |key: &str| {
                Expected::new(format!("{} {key}", case["name"]), &case["expected"][key])
            };
            compare_body(
                part("body"),
                number(&case["allowedIncrease"]),
                &tests.series,
            );
            compare_body(
                part("bodyLow"),
                number(&case["allowedDecrease"]),
                &tests.series,
            );
            compare_second(part("second"), &tests.second, &tests.series);
            compare_drift(part("drift"), &tests.drift, &tests.series);
        } else if matches!(metric.state, State::Identical) {
            expected.number("pHigh", 1.0);
            expected.number("pLow", 1.0);
        }
        for part in ["body", "bodyLow", "second", "drift"] {
            expected.skip(part);
        }
        expected.done();
    }
}

fn compare_metric(mut expected: Expected<'_>, verdict: &PairedVerdict, metric: &PairedMetric) {
    let result = &metric.judged.result;
    expected.equal("name", Some(json!(result.name)));
    expected.equal("n", Some(json!(metric.pairs)));
    expected.equal("state", Some(json!(state(&metric.state))));
    expected.equal("label", Some(json!(metric.judged.label.as_str())));
    expected.equal("critical", Some(json!(result.critical)));
    expected.equal("muted", Some(json!(result.muted)));
    expected.equal("conclusion", Some(json!(metric.conclusion)));
    expected.number("p", metric.p);
    if let State::Tested(tests) = &metric.state {
        let direction = metric.settings.direction;
        let body = &tests.neutral;
        let half = body.half_width(metric.tail);
        let relative = |difference| tests.series.relative(difference);
        expected.number("pHigh", tests.tails.high);
        expected.number("pLow", tests.tails.low);
        let decided_by = words::decided_by(tests, direction);
        expected.equal("decidedBy", Some(json!(decided_by)));
        expected.equal("log", Some(json!(tests.series.is_log())));
        expected.equal("df", Some(json!(body.df)));
        expected.number("autocorrelation", tests.autocorrelation);
        expected.number("confidence", 1.0 - 2.0 * metric.tail);
        expected.number("estimate", relative(body.mean));
        expected.number("lower", relative(body.mean - half));
        expected.number("upper", relative(body.mean + half));
        expected.number("detectable", relative(body.detectable(metric.tail)));
        expected.number("pNoWorse", tests.p_no_worse);
        let guard = metric.passes_drift_guard(verdict.settings.drift_guard);
        expected.equal("driftGuard", Some(json!(guard)));
    }
    expected.done();
}

#[test]
fn whole_canaries_equal_the_vectors() {
    let mut refused = 0;
    for case in cases("judge.json.gz", 83) {
        let look: Look = serde_json::from_value(case["look"].clone()).unwrap();
        let request = request(&case["canaryConfig"], &case["metricSetPairList"], look);
        let verdict = verdict(&request);
        if let Some(word) = case["expected"]["error"].as_str() {
            let error = verdict.unwrap_err().to_string();
            assert!(error.contains(word), "{}: {error}", case["name"]);
            refused += 1;
            continue;
        }
        let verdict = verdict.unwrap();
        let mut expected = Expected::new(&case["name"], &case["expected"]);
        expected.number("level", verdict.level);
        let in_family = |metric: &&PairedMetric| !metric.settings.muted && metric.p.is_some();
        let family = verdict.metrics.iter().filter(in_family).count();
        expected.equal("family", Some(json!(family)));
        expected.number("missLevel", verdict.settings.miss_level(look));
        expected.equal("conclusion", Some(json!(verdict.conclusion)));
        let passes = match (case["score"].as_f64(), case["pass"].as_f64()) {
            (Some(score), Some(pass)) => score >= pass,
            _ => true,
        };
        expected.equal("earlySuccess", Some(json!(verdict.settled() && passes)));
        expected.skip("results");
        expected.done();
        let results = case["expected"]["results"].as_array().unwrap();
        assert_eq!(results.len(), verdict.metrics.len());
        for (result, metric) in results.iter().zip(&verdict.metrics) {
            let of = format!("{} {}", case["name"], result["name"]);
            compare_metric(Expected::new(of, result), &verdict, metric);
        }
    }
    assert_eq!(refused, 17);
}

#[test]
fn whole_analyses_equal_the_vectors() {
    let vectors = file("sequential.json.gz");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 32);
    for case in cases {
        let (control, experiment) = (series(&case["control"]), series(&case["experiment"]));
        let points = case["pointsPerLook"].as_u64().unwrap() as usize;
        let total = case["looks"].as_u64().unwrap() as u32;
        let mut ends = None;
        for (index, expected) in (1..=total).zip(case["expected"].as_array().unwrap()) {
            let upto = points * index as usize;
            let pairs = json!([{"name": "m", "id": "p", "tags": {}, "values": {
                "control": &control[..upto], "experiment": &experiment[..upto]}}]);
            let look = Look { index, total };
            let verdict = verdict(&request(&vectors["canaryConfig"], &pairs, look)).unwrap();
            let metric = &verdict.metrics[0];
            let mut expected = Expected::new(format!("{} {index}", case["name"]), expected);
            expected.equal("look", Some(json!(index)));
            expected.number("level", verdict.level);
            expected.number("p", metric.p.unwrap_or(1.0));
            expected.equal("label", Some(json!(metric.judged.label.as_str())));
            expected.equal("conclusion", Some(json!(verdict.conclusion)));
            expected.equal("earlySuccess", Some(json!(verdict.settled())));
            expected.done();
            let outcome = match metric.judged.label {
                Label::High | Label::Low => Some("fail"),
                _ if verdict.settled() => Some("success"),
                _ if !look.is_last() => None,
                _ if verdict.conclusion == Conclusion::NoWorse => Some("success"),
                _ => Some("undecided"),
            };
            if ends.is_none() && outcome.is_some() {
                ends = Some(json!({"look": index, "outcome": outcome}));
            }
        }
        assert_eq!(ends.as_ref(), Some(&case["ends"]), "{}", case["name"]);
    }
}

//! The worked example of `docs/judge.md`, computed again.

use std::{path::Path, sync::Arc};

use kayenta_judge::{
    JudgeRequest, LocalJudge, NetflixAcaJudge, ScoreThresholds, explanation::explain,
};
use kayenta_stats::{MannWhitney, SortedSample, critical_value};
use serde_json::json;

fn numbers(text: &str) -> Vec<f64> {
    text.split(',')
        .map(|number| {
            let number = number.trim().trim_end_matches(" ms").replace('−', "-");
            number.parse().unwrap()
        })
        .collect()
}

#[test]
fn table_and_explanations_of_the_page_are_what_the_judge_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/judge.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, example) = page.split_once("## A worked example").unwrap();
    let (_, baseline) = example.split_once("twelve points: ").unwrap();
    let (baseline, _) = baseline.split_once(" ms.").unwrap();
    let control = numbers(baseline);
    assert_eq!(control.len(), 12);

    let rows: Vec<Vec<&str>> = example
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 3);
    let (mut sentences, mut findings) = (Vec::new(), Vec::new());
    for row in rows {
        let [name, values, lower, upper, estimate, bound, ratio, label] = row[..] else {
            panic!("{row:?}")
        };
        let experiment = numbers(values);
        let request = JudgeRequest {
            canary_config: Arc::new(
                serde_json::from_value(json!({
                    "metrics": [{"name": "latency", "groups": ["app"], "analysisConfigurations":
                        {"canary": {"direction": "increase"}}}],
                    "classifier": {"groupWeights": {"app": 100}},
                }))
                .unwrap(),
            ),
            thresholds: ScoreThresholds {
                pass: 95.0,
                marginal: 75.0,
            },
            metric_set_pairs: Arc::new(
                serde_json::from_value(json!([{"name": "latency", "id": "1", "tags": {},
                    "values": {"control": control, "experiment": experiment}}]))
                .unwrap(),
            ),
            ..JudgeRequest::default()
        };
        let judged = NetflixAcaJudge::default().judge(&request).unwrap();
        let result = &judged.results.as_ref().unwrap()[0];
        assert_eq!(result.classification.as_deref(), Some(label), "{name}");
        let reported = result.result_metadata.as_ref().unwrap()["ratio"]
            .as_f64()
            .unwrap();
        assert_eq!(format!("{reported:.3}"), ratio, "{name}");

        let explained = explain(&request, &judged).unwrap();
        sentences.push(explained.results[0].explanation.sentences.join(" "));
        if name == "a little slower" {
            let own = explained.results[0].findings.iter();
            findings.extend(own.map(|finding| finding.sentence.clone()));
        }

        let (experiment, control) = (sorted(&experiment), sorted(&control));
        let interval = MannWhitney::new(&experiment, &control)
            .interval(critical_value(0.98))
            .unwrap();
        let shown = [
            (lower, interval.lower),
            (upper, interval.upper),
            (estimate, interval.estimate),
            (bound, 0.25 * interval.estimate.abs()),
        ];
        for (text, number) in shown {
            let digits = format!("{number:.4}").replace('-', "−");
            // A zero has no sign on the page.
            assert_eq!(digits.replace("−0.0000", "0.0000"), text, "{name}");
        }
    }

    let quoted: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix("> "))
        .collect();
    sentences.extend(findings);
    assert_eq!(sentences, quoted);
}

fn sorted(values: &[f64]) -> SortedSample {
    SortedSample::new(values.to_vec())
}

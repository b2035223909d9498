//! The paired judge on whole canaries, and explanations beside recorded judgements.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    num::NonZeroUsize,
    sync::Arc,
};

use flate2::read::GzDecoder;
use kayenta_judge::{
    Judge, JudgeRegistry, PairedCanaryJudge, StaticLimitJudge,
    batch::{BatchOptions, judge_lines},
};
use serde_json::{Value, json};

use crate::selection::registry;

/// All judges.
pub(crate) fn every_judge() -> JudgeRegistry {
    registry()
        .with(Judge::Local(Arc::new(PairedCanaryJudge::default())))
        .with(Judge::Local(Arc::new(StaticLimitJudge)))
}

fn lines(file: &str) -> Vec<String> {
    let path = format!("{}/../../../testdata/{file}", env!("CARGO_MANIFEST_DIR"));
    let reader = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    reader.lines().map(Result::unwrap).collect()
}

fn judged(lines: &[String], explain: bool) -> Vec<String> {
    let options = BatchOptions {
        threads: NonZeroUsize::new(2).unwrap(),
        explain,
        ..BatchOptions::default()
    };
    let mut output = Vec::new();
    judge_lines(
        &every_judge(),
        lines.join("\n").as_bytes(),
        &mut output,
        options,
    )
    .unwrap();
    let output = String::from_utf8(output).unwrap();
    output.lines().map(str::to_owned).collect()
}

#[test]
fn labels_of_the_benchmark_sample_are_equal() {
    let sample = lines("judge-beyond/benchmark-sample.jsonl.gz");
    assert_eq!(sample.len(), 1541);
    let (mut wrong, mut labels) = (Vec::new(), 0);
    for (line, answer) in sample.iter().zip(judged(&sample, false)) {
        let (line, answer): (Value, Value) = (
            serde_json::from_str(line).unwrap(),
            serde_json::from_str(&answer).unwrap(),
        );
        assert_eq!(answer["id"], line["id"]);
        let results = answer["result"]["results"].as_array().unwrap();
        let found: Vec<&Value> = results
            .iter()
            .map(|result| &result["classification"])
            .collect();
        labels += found.len();
        if json!(found) != line["expected"] {
            wrong.push(line["id"].to_string());
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert!(labels > 1541);
}

/// Takes out what explanations add and counts it.
fn strip(answer: &mut Value) -> usize {
    answer.as_object_mut().unwrap().shift_remove("findings");
    let mut explained = 0;
    if answer.get("result").is_none() {
        return 0;
    }
    for result in answer["result"]["results"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let result = result.as_object_mut().unwrap();
        let Some(metadata) = result.get_mut("resultMetadata") else {
            continue;
        };
        let metadata = metadata.as_object_mut().unwrap();
        explained += usize::from(metadata.shift_remove("explanation").is_some());
        metadata.shift_remove("findings");
        if metadata.is_empty() {
            result.shift_remove("resultMetadata");
        }
    }
    explained
}

#[test]
fn explained_results_are_the_recorded_ones_with_metadata_added() {
    let vectors = lines("judge/judge.jsonl.gz");
    let (plain, explained) = (judged(&vectors, false), judged(&vectors, true));
    let mut count = 0;
    for (plain, explained) in plain.iter().zip(explained) {
        assert!(!explained.contains("null"), "{explained}");
        let mut explained: Value = serde_json::from_str(&explained).unwrap();
        count += strip(&mut explained);
        // As text, so that order and digits count, too.
        assert_eq!(&explained.to_string(), plain);
    }
    assert!(count > 400);
}

#[test]
fn findings_stand_beside_the_result_only_when_the_batch_explains() {
    let request = |explain: bool| {
        let config = json!({"metrics": [{"name": "m", "groups": ["g"]}], "classifier": {},
            "judge": {"name": PairedCanaryJudge::NAME, "judgeConfigurations": {"explain": explain}}});
        let pairs = json!([{"name": "m", "id": "p", "values": {"control": vec![1.0; 30], "experiment": vec![2.0; 30]}}]);
        json!({"id": 1, "canaryConfig": config, "metricSetPairList": pairs, "look": {"index": 2, "total": 3}})
            .to_string()
    };
    let answer = |explain_config, explain| -> Value {
        serde_json::from_str(&judged(&[request(explain_config)], explain)[0]).unwrap()
    };
    let plain = answer(false, false);
    assert_eq!(plain.get("findings"), None);
    assert_eq!(
        plain["result"]["results"][0]["resultMetadata"],
        json!({"ratio": 2.0})
    );
    let inside = answer(true, false);
    assert_eq!(inside.get("findings"), None);
    let test = &inside["result"]["results"][0]["resultMetadata"]["explanation"]["test"];
    assert_eq!(
        (&test["kind"], &test["conclusion"]),
        (&json!("paired"), &json!("worse"))
    );
    // 0.02 / (2 · 2): the look of the line is that of the judgement.
    assert_eq!(test["level"], 0.005);
    assert!(answer(false, true)["findings"].is_array());
}

#[test]
fn a_line_with_a_look_out_of_range_is_answered_by_an_error() {
    let line = json!({"id": 1, "canaryConfig": {"judge": {"name": PairedCanaryJudge::NAME}, "classifier": {}},
        "metricSetPairList": [], "look": {"index": 4, "total": 3}});
    let answer = &judged(&[line.to_string()], false)[0];
    assert!(answer.contains("look 4 of 3"), "{answer}");
}

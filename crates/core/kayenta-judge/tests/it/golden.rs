//! Four hundred judgements recorded from the reference.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    num::NonZeroUsize,
};

use flate2::read::GzDecoder;
use kayenta_judge::batch::{BatchOptions, judge_lines};
use serde_json::Value;

use crate::selection::registry;

fn vectors() -> Vec<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../testdata/judge/judge.jsonl.gz"
    );
    let reader = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    reader.lines().map(Result::unwrap).collect()
}

/// How many values, and how many different ones.
fn distinct(values: &Value) -> (usize, usize) {
    let mut kept: Vec<f64> = values
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let count = kept.len();
    kept.sort_by(f64::total_cmp);
    kept.dedup();
    (count, kept.len())
}

/// Whether the reference put random noise on a pair: two different constants.
fn is_noised(pair: &Value) -> bool {
    let [(_, x), (_, y)] = ["experiment", "control"].map(|side| distinct(&pair["values"][side]));
    x == 1 && y == 1
}

/// Whether noise decided between `Error` and a label, which it does with one point a side.
fn is_coin_flip(pair: &Value) -> bool {
    let [(m, _), (n, _)] = ["experiment", "control"].map(|side| distinct(&pair["values"][side]));
    is_noised(pair) && m == 1 && n == 1
}

fn text(value: &Value) -> String {
    value.to_string()
}

/// Takes the ratio out of a result and returns it.
fn take_ratio(result: &mut Value) -> Option<f64> {
    result["resultMetadata"]["ratio"].take().as_f64()
}

#[test]
fn four_hundred_recorded_judgements_are_equal() {
    let vectors = vectors();
    let mut output = Vec::new();
    let options = BatchOptions {
        threads: NonZeroUsize::new(2).unwrap(),
        ..BatchOptions::default()
    };
    let summary = judge_lines(
        &registry(),
        vectors.join("\n").as_bytes(),
        &mut output,
        options,
    )
    .unwrap();
    assert_eq!((summary.lines, summary.errors), (400, 27));

    let output = String::from_utf8(output).unwrap();
    let (mut exact, mut noised, mut flips) = (0, 0, 0);
    for (vector, line) in vectors.iter().zip(output.lines()) {
        let vector: Value = serde_json::from_str(vector).unwrap();
        let mut line: Value = serde_json::from_str(line).unwrap();
        let id = vector["id"].as_str().unwrap();
        assert_eq!(line["id"], id);
        let mut expected = vector["expected"].clone();
        if let Some(error) = expected["error"].as_str() {
            let ours = line["error"].as_str().unwrap();
            let wanted = if error
                .ends_with("java.lang.Boolean are in module java.base of loader 'bootstrap')")
            {
                "expected true or false"
            } else {
                "expected a number"
            };
            assert!(ours.contains(wanted), "{id}: {ours}");
            continue;
        }
        // As text, so that the order of the keys and the last digit count, too.
        if text(&line["result"]) == text(&expected["result"]) {
            exact += 1;
            continue;
        }
        // The only way to differ is noise: in the ratio up to 1e-4, and in the label of single points.
        let mut flipped = false;
        let pairs = vector["metricSetPairList"].as_array().unwrap();
        for (index, pair) in pairs.iter().enumerate() {
            let ours = &mut line["result"]["results"][index];
            let theirs = &mut expected["result"]["results"][index];
            if ours == theirs {
                continue;
            }
            assert!(is_noised(pair), "{id} {index}: {ours}, recorded {theirs}");
            if ours["classification"] != theirs["classification"] {
                assert!(
                    is_coin_flip(pair),
                    "{id} {index}: {ours}, recorded {theirs}"
                );
                let labels = [&ours["classification"], &theirs["classification"]];
                assert!(
                    labels.iter().any(|label| **label == "Error"),
                    "{id} {index}"
                );
                flipped = true;
                flips += 1;
                continue;
            }
            let (our_ratio, their_ratio) = (take_ratio(ours).unwrap(), take_ratio(theirs).unwrap());
            assert!(
                (our_ratio - their_ratio).abs() <= 1e-4 * their_ratio.abs(),
                "{id} {index}"
            );
            assert_eq!(ours, theirs, "{id} {index}");
            noised += 1;
        }
        if !flipped {
            assert_eq!(
                line["result"].to_string(),
                expected["result"].to_string(),
                "{id}"
            );
        }
    }
    // 13 single points fell on the less likely side when the reference was recorded.
    assert_eq!((exact, noised, flips), (329, 34, 13));
}

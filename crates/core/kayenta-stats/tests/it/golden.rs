//! Vectors recorded from the reference, equal bit for bit.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use flate2::read::GzDecoder;
use kayenta_stats::{MannWhitney, SortedSample, critical_value};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

#[test]
fn six_hundred_recorded_intervals_are_equal_bit_for_bit() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../testdata/judge/mann-whitney.jsonl.gz"
    );
    let reader = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for line in reader.lines() {
        let vector: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let id = vector["id"].as_str().unwrap();
        let experiment = SortedSample::new(numbers(&vector["x"]));
        let control = SortedSample::new(numbers(&vector["y"]));
        let critical = critical_value(vector["conf"].as_f64().unwrap());
        let outcome = MannWhitney::new(&experiment, &control).interval(critical);
        let expected = &vector["expected"];
        seen += 1;
        match (outcome, expected["error"].as_str()) {
            (Err(error), Some(text)) => {
                assert_eq!(format!("IllegalArgumentException: {error}"), text, "{id}");
            }
            (Ok(interval), None) => {
                for (name, ours) in [
                    ("lower", interval.lower),
                    ("upper", interval.upper),
                    ("estimate", interval.estimate),
                ] {
                    let theirs = expected[name].as_f64().unwrap();
                    if ours.to_bits() != theirs.to_bits() {
                        wrong.push(format!("{id} {name}: {ours} instead of {theirs}"));
                    }
                }
            }
            (outcome, error) => wrong.push(format!("{id}: {outcome:?} instead of {error:?}")),
        }
    }
    assert_eq!(seen, 600);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

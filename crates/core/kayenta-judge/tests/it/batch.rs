//! Judging a file.

use std::{
    io::{self, BufReader, Read},
    num::NonZeroUsize,
};

use kayenta_judge::batch::{BatchOptions, BatchSummary, judge_lines};
use serde_json::{Value, json};

use crate::selection::registry;

fn request(id: impl Into<Value>) -> Value {
    json!({
        "id": id.into(),
        "canaryConfig": {"metrics": [{"name": "m", "groups": ["g"]}], "classifier": {}},
        "thresholds": {"pass": 75, "marginal": 50},
        "metricSetPairList": [
            {"name": "m", "id": "p", "values": {"experiment": [1, 2, "NaN"], "control": [2, 1.0]}}
        ]
    })
}

fn run(input: &[u8], options: BatchOptions) -> (Vec<Value>, BatchSummary) {
    let mut output = Vec::new();
    let summary = judge_lines(&registry(), input, &mut output, options).unwrap();
    let lines = String::from_utf8(output).unwrap();
    let answers = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (answers, summary)
}

#[test]
fn a_broken_line_is_answered_and_the_rest_goes_on() {
    let mut unknown = request("unknown");
    unknown["metricSetPairList"][0]["name"] = json!("other");
    let mut malformed = request(7);
    malformed["metricSetPairList"] = json!({"not": "a list"});
    let mut foreign = request("foreign");
    foreign["canaryConfig"]["judge"] = json!({"name": "nobody"});
    let mut bare = request("bare");
    bare.as_object_mut().unwrap().remove("canaryConfig");
    let lines = [
        request("first").to_string(),
        "{broken".to_owned(),
        String::new(),
        unknown.to_string(),
        malformed.to_string(),
        foreign.to_string(),
        bare.to_string(),
        request(json!({"any": "id"})).to_string(),
    ];
    let (answers, summary) = run(lines.join("\n").as_bytes(), BatchOptions::default());
    assert_eq!(
        summary,
        BatchSummary {
            lines: 7,
            errors: 5
        }
    );
    let error = |index: usize| answers[index]["error"].as_str().unwrap();

    assert_eq!(answers[0]["id"], "first");
    assert_eq!(answers[0]["result"]["score"]["score"], 100.0);
    assert_eq!(answers[1]["id"], Value::Null);
    assert!(error(1).starts_with("line 2 is not a valid request: "));
    assert_eq!(answers[2]["id"], "unknown");
    assert_eq!(error(2), "Could not find metric config for other");
    assert_eq!(answers[3]["id"], 7);
    assert!(error(3).starts_with("metricSetPairList cannot be read: "));
    assert_eq!(error(4), "Unable to resolve canary judge 'nobody'.");
    assert_eq!(error(5), "canaryConfig is missing");
    assert_eq!(answers[6]["id"], json!({"any": "id"}));
    assert_eq!(answers[6]["result"]["results"][0]["classification"], "Pass");
}

#[test]
fn order_holds_on_many_threads_and_in_small_chunks() {
    let input: String = (0..300).map(|id| format!("{}\n", request(id))).collect();
    let options = BatchOptions {
        threads: NonZeroUsize::new(4).unwrap(),
        chunk_bytes: 2000,
        ..BatchOptions::default()
    };
    let (answers, summary) = run(input.as_bytes(), options);
    assert_eq!(
        summary,
        BatchSummary {
            lines: 300,
            errors: 0
        }
    );
    for (id, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], id);
    }
}

#[test]
fn a_line_that_never_ends_is_not_kept_in_memory() {
    let endless = io::repeat(b'x').take(10_000_000);
    let tail = format!("\n{}", request("after"));
    let input = BufReader::new(endless.chain(tail.as_bytes()));
    let mut output = Vec::new();
    let options = BatchOptions {
        max_line_bytes: 1000,
        ..BatchOptions::default()
    };
    judge_lines(&registry(), input, &mut output, options).unwrap();
    let output = String::from_utf8(output).unwrap();
    let (first, second) = output.split_once('\n').unwrap();
    assert_eq!(first, r#"{"id":null,"error":"line 1 is too long"}"#);
    assert!(second.starts_with(r#"{"id":"after","result":{"judgeName""#));
}

#[test]
fn a_reader_that_fails_fails_the_batch() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let error = judge_lines(
        &registry(),
        BufReader::new(Broken),
        Vec::new(),
        BatchOptions::default(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "gone");
}

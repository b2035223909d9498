//! Judges the requests of a file, one JSON document a line, and prints a result a line:
//!
//! ```sh
//! cargo run -p kayenta-judge --example judge_a_file -- requests.jsonl
//! ```
//!
//! Without a file it judges one request of its own.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader},
    sync::Arc,
};

use kayenta_judge::{
    Judge, JudgeRegistry, NetflixAcaJudge, PairedCanaryJudge, StaticLimitJudge,
    batch::{BatchOptions, judge_lines},
};

/// Latencies of a canary that is three times as slow.
const REQUEST: &str = r#"{"id": "slow", "thresholds": {"pass": 95, "marginal": 75}, "canaryConfig": {"judge": {"name": "NetflixACAJudge-v1.0"}, "metrics": [{"name": "latency", "groups": ["app"], "analysisConfigurations": {"canary": {"direction": "increase"}}}], "classifier": {"groupWeights": {"app": 100}}}, "metricSetPairList": [{"id": "1", "name": "latency", "values": {"control": [10, 11, 9, 10, 12, 11, 10], "experiment": [30, 33, 29, 31, 30, 35, 32]}}]}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let input: Box<dyn BufRead> = match env::args_os().nth(1) {
        Some(file) => Box::new(BufReader::new(File::open(file)?)),
        None => Box::new(REQUEST.as_bytes()),
    };
    let judges = JudgeRegistry::new(vec![
        Judge::Local(Arc::new(NetflixAcaJudge::default())),
        Judge::Local(Arc::new(PairedCanaryJudge::default())),
        Judge::Local(Arc::new(StaticLimitJudge)),
    ]);
    let judged = judge_lines(&judges, input, io::stdout().lock(), BatchOptions::default())?;
    match judged.errors {
        0 => Ok(()),
        errors => Err(format!("{errors} of {} lines could not be judged", judged.lines).into()),
    }
}

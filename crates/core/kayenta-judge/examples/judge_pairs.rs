//! Judges one pair of series again and again: `judge_pairs <points a side> <times>`.
//!
//! `benches/instructions` counts what it executes; seeds are fixed, so the count is the same on every run.

use std::{env, error::Error, hint::black_box, num::NonZeroUsize, sync::Arc};

use indexmap::IndexMap;
use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge, ScoreThresholds};
use kayenta_model::MetricSetPair;
use kayenta_stats::GaussianSource;

const CONFIG: &str = r#"{"metrics": [{"name": "latency", "groups": ["g"],
    "analysisConfigurations": {"canary": {"direction": "increase"}}}], "classifier": {}}"#;

/// Latencies, hardly two of them equal.
fn series(points: usize, seed: i64, shift: f64) -> Vec<f64> {
    let mut source = GaussianSource::new(seed);
    (0..points)
        .map(|_| 100.0 + 15.0 * (source.normal() + shift))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse());
    let (Some(points), Some(times)) = (arguments.next(), arguments.next()) else {
        return Err("usage: judge_pairs <points a side> <times>".into());
    };
    let (points, times): (usize, usize) = (points?, times?);
    let request = JudgeRequest {
        canary_config: Arc::new(serde_json::from_str(CONFIG)?),
        thresholds: ScoreThresholds {
            pass: 75.0,
            marginal: 50.0,
        },
        metric_set_pairs: Arc::new(vec![MetricSetPair {
            name: Some("latency".to_owned()),
            id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
            values: Some(IndexMap::from([
                ("control".to_owned(), series(points, 1, 0.0)),
                ("experiment".to_owned(), series(points, 2, 0.1)),
            ])),
            ..MetricSetPair::default()
        }]),
        ..JudgeRequest::default()
    };
    let judge = NetflixAcaJudge::default().with_threads(NonZeroUsize::MIN);
    for _ in 0..times {
        black_box(judge.judge(black_box(&request))?);
    }
    Ok(())
}

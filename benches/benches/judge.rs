//! What a judgement costs: one pair of each shape and size, and a canary of two hundred metrics.

use std::{hint::black_box, num::NonZeroUsize, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use indexmap::IndexMap;
use kayenta_benches::series::{Shape, series};
use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge, ScoreThresholds};
use kayenta_model::{CanaryConfig, MetricSetPair};

/// Points a side: an hour, four hours, a day and a week of minutes, and more than anybody has.
const SIZES: [usize; 5] = [60, 240, 1440, 10_080, 100_000];

/// Shape of the series, shift of the experiment in standard deviations, name of the bench. The small
/// shift mostly passes, the large one is High.
const CASES: [(Shape, f64, &str); 5] = [
    (Shape::Continuous, 0.1, "continuous"),
    (Shape::Continuous, 1.5, "shifted"),
    (Shape::HeavyTies, 0.1, "ties"),
    (Shape::ZeroInflated, 0.1, "zeros"),
    (Shape::Constant, 0.5, "constant"),
];

fn config(canary: &str) -> CanaryConfig {
    serde_json::from_str(&format!(
        r#"{{"metrics": [{{"name": "m", "groups": ["g"],
            "analysisConfigurations": {{"canary": {canary}}}}}], "classifier": {{}}}}"#
    ))
    .expect("the config is well-formed")
}

fn pair(shape: Shape, shift: f64, size: usize, seed: i64) -> MetricSetPair {
    let experiment = series(shape, size, 2 * seed, shift);
    let control = series(shape, size, 2 * seed + 1, 0.0);
    MetricSetPair {
        name: Some("m".to_owned()),
        id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
        values: Some(IndexMap::from([
            ("control".to_owned(), control),
            ("experiment".to_owned(), experiment),
        ])),
        ..MetricSetPair::default()
    }
}

fn request(canary: &str, pairs: Vec<MetricSetPair>) -> JudgeRequest {
    JudgeRequest {
        canary_config: Arc::new(config(canary)),
        thresholds: ScoreThresholds {
            pass: 75.0,
            marginal: 50.0,
        },
        metric_set_pairs: Arc::new(pairs),
        ..JudgeRequest::default()
    }
}

/// One pair at default settings: what is compared with the reference's time per pair.
fn one_pair(c: &mut Criterion) {
    let judge = NetflixAcaJudge::default();
    let mut group = c.benchmark_group("judge");
    for (shape, shift, name) in CASES {
        for size in SIZES {
            let request = request("{}", vec![pair(shape, shift, size, 1)]);
            group.throughput(Throughput::Elements(2 * size as u64));
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| {
                    judge
                        .judge(black_box(&request))
                        .expect("the request is valid")
                });
            });
        }
    }
    group.finish();
}

/// One pair with everything switched on.
fn all_settings(c: &mut Criterion) {
    let judge = NetflixAcaJudge::default();
    let mut group = c.benchmark_group("judge_all_settings");
    let canary = r#"{"direction": "either", "outliers": {"strategy": "remove"}, "critical": true,
        "effectSize": {"measure": "cles", "allowedIncrease": 0.4, "allowedDecrease": 0.6}}"#;
    for size in SIZES {
        let request = request(canary, vec![pair(Shape::Continuous, 0.1, size, 1)]);
        group.throughput(Throughput::Elements(2 * size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                judge
                    .judge(black_box(&request))
                    .expect("the request is valid")
            });
        });
    }
    group.finish();
}

/// Two hundred metrics over a day of minutes, on one and on all threads.
fn canary(c: &mut Criterion) {
    let pairs = (0..200)
        .map(|seed| {
            let (shape, shift, _) = CASES[seed as usize % CASES.len()];
            pair(shape, shift, 1440, seed)
        })
        .collect();
    let request = request("{}", pairs);
    let all = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut group = c.benchmark_group("canary_200x1440");
    group.throughput(Throughput::Elements(200));
    for (name, threads) in [("one_thread", NonZeroUsize::MIN), ("all_threads", all)] {
        let judge = NetflixAcaJudge::default().with_threads(threads);
        group.bench_function(name, |b| {
            b.iter(|| {
                judge
                    .judge(black_box(&request))
                    .expect("the request is valid")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, one_pair, all_settings, canary);
criterion_main!(benches);

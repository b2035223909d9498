//! What the paired judge and an explanation cost, metric by metric.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use indexmap::IndexMap;
use kayenta_benches::series::{Shape, series};
use kayenta_judge::{
    JudgeRequest, LocalJudge, NetflixAcaJudge, PairedCanaryJudge, explanation::explain,
};
use kayenta_model::MetricSetPair;

/// Points a side: an hour, four hours, a day and a week of minutes.
const SIZES: [usize; 4] = [60, 240, 1440, 10_080];

const SHAPES: [Shape; 3] = [Shape::Continuous, Shape::HeavyTies, Shape::ZeroInflated];

fn request(shape: Shape, size: usize, direction: &str) -> JudgeRequest {
    let config = format!(
        r#"{{"metrics": [{{"name": "m", "groups": ["g"],
            "analysisConfigurations": {{"canary": {{"direction": "{direction}"}}}}}}], "classifier": {{}}}}"#
    );
    JudgeRequest {
        canary_config: Arc::new(serde_json::from_str(&config).expect("the config is well-formed")),
        metric_set_pairs: Arc::new(vec![MetricSetPair {
            name: Some("m".to_owned()),
            id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
            values: Some(IndexMap::from([
                ("control".to_owned(), series(shape, size, 1, 0.0)),
                ("experiment".to_owned(), series(shape, size, 2, 0.1)),
            ])),
            ..MetricSetPair::default()
        }]),
        ..JudgeRequest::default()
    }
}

/// One metric; `either` needs one difference more than `increase`.
fn paired(c: &mut Criterion) {
    let judge = PairedCanaryJudge::default();
    let mut group = c.benchmark_group("paired");
    for direction in ["increase", "either"] {
        for shape in SHAPES {
            for size in SIZES {
                let request = request(shape, size, direction);
                let name = format!("{}_{direction}", shape.name());
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
    }
    group.finish();
}

/// Explanation and findings of one metric that the built-in judge has judged.
fn explanation(c: &mut Criterion) {
    let judge = NetflixAcaJudge::default();
    let mut group = c.benchmark_group("explanation");
    for shape in SHAPES {
        for size in SIZES {
            let request = request(shape, size, "increase");
            let result = judge.judge(&request).expect("the request is valid");
            group.throughput(Throughput::Elements(2 * size as u64));
            group.bench_function(BenchmarkId::new(shape.name(), size), |b| {
                b.iter(|| explain(black_box(&request), &result).expect("it was judged before"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, paired, explanation);
criterion_main!(benches);

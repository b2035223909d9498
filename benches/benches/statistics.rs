//! What the parts of the statistics core cost: sorting, one evaluation, a whole interval, quantiles.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kayenta_benches::series::{Shape, series};
use kayenta_stats::{MannWhitney, SortedSample, Summary, critical_value, normal_quantile};

/// Points a side: an hour, four hours, a day and a week of minutes, and more than anybody has.
const SIZES: [usize; 5] = [60, 240, 1440, 10_080, 100_000];

const SHAPES: [Shape; 4] = [
    Shape::Continuous,
    Shape::HeavyTies,
    Shape::ZeroInflated,
    Shape::Constant,
];

fn pair(shape: Shape, size: usize) -> (SortedSample, SortedSample) {
    (
        sorted(&series(shape, size, 1, 0.1)),
        sorted(&series(shape, size, 2, 0.0)),
    )
}

fn sorted(values: &[f64]) -> SortedSample {
    SortedSample::new(values.iter().copied())
}

/// Elements are the points of both sides.
fn throughput(size: usize) -> Throughput {
    Throughput::Elements(2 * size as u64)
}

fn rank_sum(c: &mut Criterion) {
    let mut group = c.benchmark_group("rank_sum");
    for shape in SHAPES {
        for size in SIZES {
            let (x, y) = pair(shape, size);
            let test = MannWhitney::new(&x, &y);
            group.throughput(throughput(size));
            let name = format!("plain_{}", shape.name());
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| black_box(test.statistic(black_box(0.25))));
            });
            // All tied where both sides are constant: nothing to search.
            if let Ok(mut search) = test.search(critical_value(0.98)) {
                group.bench_function(BenchmarkId::new(shape.name(), size), |b| {
                    b.iter(|| black_box(search.statistic(black_box(0.25))));
                });
            }
        }
    }
    group.finish();
}

fn interval(c: &mut Criterion) {
    let critical = critical_value(0.98);
    let mut group = c.benchmark_group("interval");
    for shape in SHAPES {
        if shape == Shape::Constant {
            // All tied: there is no interval.
            continue;
        }
        for size in SIZES {
            let (x, y) = pair(shape, size);
            group.throughput(throughput(size));
            group.bench_function(BenchmarkId::new(shape.name(), size), |b| {
                b.iter(|| black_box(MannWhitney::new(&x, &y).interval(black_box(critical))));
            });
        }
    }
    group.finish();
}

fn quantile(c: &mut Criterion) {
    let mut group = c.benchmark_group("quantile");
    for (name, p) in [("center", 0.3), ("judge", 0.01), ("tail", 1e-12)] {
        group.bench_function(name, |b| b.iter(|| normal_quantile(black_box(p))));
    }
    group.finish();
}

fn percentiles(c: &mut Criterion) {
    let mut group = c.benchmark_group("percentiles");
    for size in SIZES {
        let x = series(Shape::Continuous, size, 1, 0.0);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("sort", size), |b| {
            b.iter(|| sorted(black_box(&x)));
        });
        let sample = sorted(&x);
        group.bench_function(BenchmarkId::new("fences", size), |b| {
            b.iter(|| black_box(&sample).outlier_fences(black_box(3.0)));
        });
        group.bench_function(BenchmarkId::new("summary", size), |b| {
            b.iter(|| Summary::of(black_box(&x)));
        });
    }
    group.finish();
}

criterion_group!(benches, rank_sum, interval, quantile, percentiles);
criterion_main!(benches);

//! What a file of judgements costs: the four hundred recorded ones, JSON in and JSON out.

use std::{fs::File, hint::black_box, io::Read, num::NonZeroUsize, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use kayenta_judge::{
    Judge, JudgeRegistry, NetflixAcaJudge,
    batch::{BatchOptions, judge_lines},
};

fn recorded() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/judge/judge.jsonl.gz"
    );
    let mut lines = Vec::new();
    let file = File::open(path).expect("the recorded judgements are in the repository");
    GzDecoder::new(file)
        .read_to_end(&mut lines)
        .expect("they are a gzip file");
    lines
}

fn batch(c: &mut Criterion) {
    let lines = recorded();
    let judges = JudgeRegistry::new(vec![Judge::Local(Arc::new(NetflixAcaJudge::default()))]);
    let all = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut group = c.benchmark_group("batch_400");
    group.throughput(Throughput::Elements(400));
    for (name, threads) in [("one_thread", NonZeroUsize::MIN), ("all_threads", all)] {
        let options = BatchOptions {
            threads,
            ..BatchOptions::default()
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut output = Vec::with_capacity(lines.len());
                judge_lines(&judges, black_box(&lines[..]), &mut output, options)
                    .expect("nothing can fail in memory");
                output
            });
        });
    }
    group.finish();
}

criterion_group!(benches, batch);
criterion_main!(benches);

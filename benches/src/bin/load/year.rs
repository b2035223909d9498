//! What a year costs, measured from some runs and scaled.

use std::{path::Path, sync::Arc, time::Duration};

use clap::Args;
use tokio::task::JoinSet;

use crate::{
    client::{canary, finish_canary},
    footprint::{files, objects, redis_bytes},
    rows::{Outcome, heading, row},
    stack::{Stack, Stores},
};

/// How many runs are measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stores that the service uses, one after the other
    #[arg(long, value_enum, default_values = ["embedded", "redis-s3"])]
    stores: Vec<Stores>,
    /// Canaries that are run
    #[arg(long, default_value_t = 400)]
    runs: u32,
    /// Metrics of each
    #[arg(long, default_value_t = 20)]
    metrics: usize,
    /// Points of each metric and side
    #[arg(long, default_value_t = 60)]
    points: i64,
    /// Canaries a day that the figures are scaled to
    #[arg(long, default_value_t = 200)]
    per_day: u32,
}

/// Records of finished executions are kept for so many days by default.
const RECORD_DAYS: f64 = 30.0;
/// Canaries in flight.
const AT_ONCE: usize = 4;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// The kinds of objects of a run: folder, and name.
const KINDS: [(&str, &str); 3] = [
    ("kayenta/metrics/", "metric sets"),
    ("kayenta/metric_pairs/", "pair lists"),
    ("kayenta/canary_archive/", "archives"),
];

pub(crate) async fn measure(binary: &Path, options: &Options) -> Outcome {
    for stores in &options.stores {
        heading(&format!("A year: {}", stores.title()));
        let stack = Stack::start(binary, *stores).await?;
        let redis = stack.surroundings.redis.as_ref();
        let before = match redis {
            Some(redis) => redis_bytes(redis).await?,
            None => 0.0,
        };
        let data = stack.service.data_dir().to_owned();
        // The work file and the objects are counted apart.
        let parts = || (files(&data), files(&data.join("objects")));
        let (all_before, objects_before) = parts();
        run_all(&stack, options).await?;
        let runs = f64::from(options.runs);
        let (a_year, a_month) = (
            f64::from(options.per_day) * 365.0,
            f64::from(options.per_day) * RECORD_DAYS,
        );
        row(
            "measured",
            &format!(
                "{runs} canaries of {} metrics, {} points on each side; scaled to {} a day",
                options.metrics, options.points, options.per_day
            ),
        );
        if let Some(server) = &stack.surroundings.objects {
            for (prefix, name) in KINDS {
                let Some(found) = objects(server, prefix).await? else {
                    continue;
                };
                let (count, bytes) = (found.count as f64 / runs, found.bytes as f64 / runs);
                row(
                    &format!("{name}: a canary, a year"),
                    &format!(
                        "{count:.1} objects and {:.1} kB; {:.0} objects and {:.1} GiB",
                        bytes / 1000.0,
                        count * a_year,
                        bytes * a_year / GIB
                    ),
                );
            }
        }
        if let Some(redis) = redis {
            let each = (redis_bytes(redis).await? - before) / runs;
            row(
                "Redis: a canary, 30 days of records",
                &format!("{:.1} kB; {:.0} MiB", each / 1000.0, each * a_month / MIB),
            );
        } else {
            let (all, stored) = parts();
            let inodes = (stored.inodes - objects_before.inodes) as f64 / runs;
            let on_disk = (stored.on_disk - objects_before.on_disk) as f64 / runs;
            row(
                "objects: a canary, a year",
                &format!(
                    "{inodes:.2} inodes and {:.1} kB on the disk; {:.0} inodes and {:.1} GiB",
                    on_disk / 1000.0,
                    inodes * a_year,
                    on_disk * a_year / GIB
                ),
            );
            let rest = (all.on_disk - stored.on_disk) as f64;
            let rest_before = (all_before.on_disk - objects_before.on_disk) as f64;
            let each = (rest - rest_before) / runs;
            row(
                "work file: a canary, 30 days of records",
                &format!("{:.1} kB; {:.0} MiB", each / 1000.0, each * a_month / MIB),
            );
        }
    }
    Ok(())
}

/// Runs the canaries, several at a time.
async fn run_all(stack: &Stack, options: &Options) -> Outcome {
    let (http, base) = (reqwest::Client::new(), stack.service.base_url());
    let body = Arc::new(canary(options.metrics, options.points));
    let mut running = JoinSet::new();
    for _ in 0..options.runs {
        if running.len() == AT_ONCE {
            running.join_next().await.transpose()?.transpose()?;
        }
        let (http, base, body) = (http.clone(), base.clone(), Arc::clone(&body));
        running.spawn(async move {
            let pause = Duration::from_millis(5);
            let ended = finish_canary(&http, &base, &body, pause).await;
            ended.map_err(|error| error.to_string())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

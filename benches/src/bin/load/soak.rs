//! Steady mixed load for long: canaries, analyses, cancellations, configs and pages, with retention on.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    client::{Failure, analysis, answer, canary, content},
    footprint::figures,
    rows::{Outcome, heading, row},
    stack::{Stack, Stores},
    tally::Tally,
    trend::Trends,
};

/// Ages so short that an hour removes what a day leaves, many times over.
const SETTINGS: &str = "\
kayenta.retention: {metricSets: 20s, metricSetPairs: 40s, canaryArchives: 60s, standaloneCanaryArchives: 60s, interval: 10s, removalsPerSecond: 10000}
kayenta.engine: {execution-retention: 60s, sweep-interval: 5s}
";

/// How steady load is put on the service.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stores that the service uses, one after the other
    #[arg(long, value_enum, default_values = ["embedded", "redis-s3"])]
    stores: Vec<Stores>,
    /// Seconds of load on each of them
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
    /// Seconds before slopes are measured; by default a quarter of all
    #[arg(long)]
    warm_up: Option<u64>,
    /// Canaries of three metrics a second
    #[arg(long, default_value_t = 5)]
    rate: u64,
}

pub(crate) async fn prove(binary: &Path, options: &Options) -> Outcome {
    let mut failures = Vec::new();
    for stores in &options.stores {
        heading(&format!("Soak: {}", stores.title()));
        if let Err(error) = soak(binary, *stores, options).await {
            row("FAILED", &error.to_string());
            failures.push(format!("{}: {error}", stores.title()));
        }
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n").into()),
    }
}

async fn soak(binary: &Path, stores: Stores, options: &Options) -> Outcome {
    let stack = Stack::start_with(binary, stores, SETTINGS).await?;
    let load = Load {
        http: reqwest::Client::new(),
        base: stack.service.base_url(),
        tally: Arc::default(),
        finished: Arc::default(),
        configs: Arc::default(),
        over: Arc::default(),
    };
    let second = Duration::from_secs(1);
    load.every(second / options.rate.max(1) as u32, Load::canary);
    load.every(2 * second, Load::analysis);
    load.every(5 * second, Load::cancelled);
    load.every(2 * second, Load::config);
    load.every(second, Load::pages);

    let total = Duration::from_secs(options.seconds);
    let warm_up = Duration::from_secs(options.warm_up.unwrap_or(options.seconds / 4));
    let (begun, mut trends) = (Instant::now(), Trends::default());
    while begun.elapsed() < total {
        tokio::time::sleep(5 * second).await;
        trends.add(begun.elapsed(), figures(&stack).await?);
    }
    load.over.store(true, Ordering::Relaxed);
    // The longest analysis lasts two minutes; each follower gives up by itself.
    while load.tally.under_way() > 0 {
        tokio::time::sleep(second).await;
    }
    let (summary, wrong) = load.tally.summary();
    if wrong.is_some() {
        row("its last warnings", &complaints(&stack.service.log()));
    }
    row(&format!("executions in {} s", options.seconds), &summary);
    let left = rounds(&stack.service.log());
    row(
        "rounds of retention, objects they removed",
        &format!("{}, {}", left.0, left.1),
    );
    let flat = trends.judge(warm_up);
    match wrong {
        Some(wrong) => Err(wrong.into()),
        None if left.1 == 0 => Err("retention removed nothing".into()),
        None => flat,
    }
}

/// Rounds of retention in a log, and how many objects they removed.
fn rounds(log: &str) -> (usize, u64) {
    let rounds: Vec<_> = log
        .lines()
        .filter(|line| line.contains("a round of retention is over"))
        .collect();
    let removed = rounds.iter().filter_map(|line| {
        let digits = line.split("removed=").nth(1)?.split(' ').next()?;
        digits.parse::<u64>().ok()
    });
    (rounds.len(), removed.sum())
}

/// The last warnings and errors of a log, in a row of a table.
fn complaints(log: &str) -> String {
    let lines = log.lines().rev();
    let of_note = lines.filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
    let mut last: Vec<_> = of_note.take(20).collect();
    last.reverse();
    last.join("<br>")
}

#[derive(Clone)]
struct Load {
    http: reqwest::Client,
    base: String,
    tally: Arc<Tally>,
    /// The canary that finished last.
    finished: Arc<Mutex<Option<String>>>,
    /// Configs so far, each of which has a name of its own.
    configs: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Load {
    /// Starts something at an even pace, however long each of them takes.
    fn every<F>(&self, pause: Duration, what: impl Fn(Load) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let load = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(pause);
            while !load.over.load(Ordering::Relaxed) {
                ticks.tick().await;
                load.tally.begin();
                let one = what(load.clone());
                let tally = Arc::clone(&load.tally);
                tokio::spawn(async move {
                    one.await;
                    tally.finish();
                });
            }
        });
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn canary(self) {
        let url = self.url("/canary");
        let Some(id) = self.tally.post(&self.http, &url, &canary(3, 60)).await else {
            return;
        };
        let (pause, patience) = (Duration::from_millis(250), Duration::from_secs(60));
        let url = format!("{url}/{id}");
        if !self
            .tally
            .follow(&self.http, &url, "succeeded", pause, patience)
            .await
        {
            return;
        }
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }

    /// An analysis that waits a minute.
    async fn analysis(self) {
        let url = self.url("/standalone_canary_analysis");
        let Some(id) = self.tally.post(&self.http, &url, &analysis(1)).await else {
            return;
        };
        let (pause, patience) = (Duration::from_secs(2), Duration::from_secs(180));
        self.tally
            .follow(
                &self.http,
                &format!("{url}/{id}"),
                "succeeded",
                pause,
                patience,
            )
            .await;
    }

    /// An analysis that is cancelled while it waits.
    async fn cancelled(self) {
        let url = self.url("/standalone_canary_analysis");
        let Some(id) = self.tally.post(&self.http, &url, &analysis(60)).await else {
            return;
        };
        tokio::time::sleep(Duration::from_secs(3)).await;
        let cancel = self.url(&format!("/pipelines/{id}/cancel"));
        if let Err(error) = content(self.http.put(cancel)).await {
            self.tally.wrong("failed cancellations", error.to_string());
        }
        let (pause, patience) = (Duration::from_secs(1), Duration::from_secs(30));
        self.tally
            .follow(
                &self.http,
                &format!("{url}/{id}"),
                "canceled",
                pause,
                patience,
            )
            .await;
    }

    /// A config that is written, read and removed again.
    async fn config(self) {
        let url = self.url("/canaryConfig");
        let done = async {
            let mut body = canary(3, 60)["canaryConfig"].clone();
            let number = self.configs.fetch_add(1, Ordering::Relaxed);
            body["name"] = format!("soak-{number}").into();
            let created = answer(self.http.post(&url).json(&body)).await?;
            let id = created["canaryConfigId"].as_str().unwrap_or_default();
            let one = format!("{url}/{id}");
            content(self.http.get(&one)).await?;
            content(self.http.delete(&one)).await?;
            Ok::<_, Failure>(())
        };
        if let Err(error) = done.await {
            self.tally.wrong("failed configs", error.to_string());
        }
    }

    /// What a person looks at: the list, a run, its explanation; and what a scraper reads.
    async fn pages(self) {
        let finished = self
            .finished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut paths = vec![
            "/ui".to_owned(),
            "/executions".to_owned(),
            "/prometheus".to_owned(),
        ];
        if let Some(id) = finished {
            paths.extend([
                format!("/ui/runs/{id}"),
                format!("/canary/{id}/explanation"),
            ]);
        }
        for path in paths {
            if let Err(error) = content(self.http.get(self.url(&path))).await {
                self.tally.wrong("failed pages", error.to_string());
            }
        }
    }
}

//! Many analyses that wait: what they take, what waking them costs, and how late they are while replicas die.

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use kayenta_testkit::service::Service;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    client::{Failure, analysis, answer},
    footprint::{files, redis_bytes, redis_keys},
    process::{cpu_time, memory_mib},
    rows::{Outcome, heading, percentiles, row},
    stack::{Stores, Surroundings},
};

/// How many analyses wait, and who wakes them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stores that the service uses, one after the other
    #[arg(long, value_enum, default_values = ["redis-s3"])]
    stores: Vec<Stores>,
    /// Analyses that wait at once
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// Analyses posted, and later due, a second
    #[arg(long, default_value_t = 300)]
    rate: usize,
    /// Replicas that share them; the embedded default has one
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// Seconds in each of which one replica is killed, from when the first analysis is due
    #[arg(long, default_value_t = 60)]
    kills: usize,
    /// Seconds that a run may begin late
    #[arg(long, default_value_t = 30)]
    late: u64,
}

pub(crate) async fn prove(binary: &Path, options: &Options) -> Outcome {
    for stores in &options.stores {
        heading(&format!("Scale: {}", stores.title()));
        scale(binary, *stores, options).await?;
    }
    Ok(())
}

/// A replica over all its lives.
struct Replica {
    service: Service,
    /// CPU time of the lives that ended.
    spent: Duration,
}

impl Replica {
    fn id(&self) -> Result<u32, Box<dyn Error>> {
        self.service
            .id()
            .ok_or_else(|| "a replica has ended".into())
    }

    fn cpu(&self) -> Result<Duration, Box<dyn Error>> {
        Ok(self.spent + cpu_time(self.id()?)?)
    }

    fn memory(&self) -> Result<f64, Box<dyn Error>> {
        memory_mib(self.id()?, "VmRSS")
    }
}

fn cpu(replicas: &[Replica]) -> Result<f64, Box<dyn Error>> {
    let mut sum = 0.0;
    for replica in replicas {
        sum += replica.cpu()?.as_secs_f64();
    }
    Ok(sum)
}

fn memory(replicas: &[Replica]) -> Result<f64, Box<dyn Error>> {
    replicas.iter().map(Replica::memory).sum()
}

async fn scale(binary: &Path, stores: Stores, options: &Options) -> Outcome {
    let surroundings = Surroundings::start(stores).await?;
    let redis = surroundings.redis.as_ref();
    // One process owns the data directory of the embedded default.
    let (count, kills) = match redis {
        Some(_) => (options.replicas, options.kills),
        None => (1, 0),
    };
    let mut replicas = Vec::new();
    for _ in 0..count {
        replicas.push(Replica {
            service: surroundings.builder(binary).start().await?,
            spent: Duration::ZERO,
        });
    }
    let redis_before = match redis {
        Some(redis) => redis_bytes(redis).await?,
        None => 0.0,
    };
    let disk_before = files(replicas[0].service.data_dir()).on_disk;
    let memory_before = memory(&replicas)?;

    // They all have to be there before the first is due.
    let posting = options.count as f64 / options.rate as f64;
    let minutes = (posting / 60.0).ceil() as i64 + 1;
    let wait = Duration::from_secs(60 * minutes as u64);
    let begun = Instant::now();
    let bases: Vec<String> = replicas
        .iter()
        .map(|replica| replica.service.base_url())
        .collect();
    let ids = post_all(&bases, minutes, options).await?;
    let posted = begun.elapsed();
    row(
        &format!("{} analyses posted to {count} replicas", ids.len()),
        &format!(
            "at {:.0}/s, each waits {minutes} min",
            ids.len() as f64 / posted.as_secs_f64()
        ),
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    if begun.elapsed() + Duration::from_secs(12) > wait {
        return Err("posting took so long that the first are due; lower --rate".into());
    }
    let idle = cpu(&replicas)?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = (cpu(&replicas)? - idle) / 10.0 * 100.0;
    let each = |bytes: f64| bytes / ids.len() as f64 / 1024.0;
    let held = memory(&replicas)? - memory_before;
    let kept = match redis {
        Some(redis) => format!(
            "{:.2} KiB of Redis each ({:.0} MiB, {:.0} keys)",
            each(redis_bytes(redis).await? - redis_before),
            redis_bytes(redis).await? / 1048576.0,
            redis_keys(redis).await?
        ),
        None => {
            let on_disk = files(replicas[0].service.data_dir()).on_disk - disk_before;
            format!("{:.2} KiB on the disk each", each(on_disk as f64))
        }
    };
    row(
        &format!("{} analyses waiting", ids.len()),
        &format!(
            "{:.2} KiB of memory each (all replicas {:.0} MiB), {kept}, {idle:.1} % of a core",
            each(held * 1048576.0),
            memory(&replicas)?
        ),
    );

    tokio::time::sleep(wait.saturating_sub(begun.elapsed())).await;
    let woken = cpu(&replicas)?;
    for second in 0..kills {
        let tick = Instant::now();
        let chosen = second % replicas.len();
        let replica = &mut replicas[chosen];
        replica.spent = replica.cpu()?;
        replica.service.kill().await?;
        replica.service.run()?;
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(tick.elapsed())).await;
    }
    for replica in &mut replicas {
        replica.service.wait_until_healthy().await?;
    }
    // Reading begins when the last one is due, so that it does not take the machine from the runs.
    tokio::time::sleep((wait + posted).saturating_sub(begun.elapsed())).await;
    let outcome = read_all(&bases, ids, wait).await?;
    let each = (cpu(&replicas)? - woken) * 1e3 / outcome.late.len().max(1) as f64;
    let mut late = outcome.late;
    let mut ended = outcome.ended;
    let (latest, last) = (late.iter().max().copied(), ended.iter().max().copied());
    let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
    row(
        &format!("woken at {}/s, {kills} kills", options.rate),
        &format!(
            "runs began late by {}, at most {:.1} s (bound {} s); analyses ended {}, at most {:.1} s after they were due; {each:.2} ms \
             CPU each, reads included",
            percentiles(&mut late),
            seconds(latest),
            options.late,
            percentiles(&mut ended),
            seconds(last)
        ),
    );
    row(
        "succeeded, otherwise",
        &format!("{}, {}", outcome.succeeded, outcome.wrong.len()),
    );
    if let Some(text) = outcome.wrong.first() {
        return Err(format!(
            "{} analyses did not succeed, such as {text}",
            outcome.wrong.len()
        )
        .into());
    }
    if seconds(latest) > options.late as f64 {
        return Err("runs began later than the bound".into());
    }
    Ok(())
}

/// Posts at an even pace; the ids with an index of the replica that is asked for each.
async fn post_all(
    bases: &[String],
    minutes: i64,
    options: &Options,
) -> Result<Vec<String>, Box<dyn Error>> {
    let (http, body) = (reqwest::Client::new(), Arc::new(analysis(minutes)));
    let mut ids = Vec::with_capacity(options.count);
    let mut posts: JoinSet<Result<Value, Failure>> = JoinSet::new();
    let begun = Instant::now();
    for index in 0..options.count {
        // So that a slow service is not given more and more at once.
        while posts.len() >= 200 {
            take(&mut posts, &mut ids).await?;
        }
        let due = Duration::from_secs_f64(index as f64 / options.rate as f64);
        if let Some(pause) = due.checked_sub(begun.elapsed()) {
            tokio::time::sleep(pause).await;
        }
        let url = format!("{}/standalone_canary_analysis", bases[index % bases.len()]);
        let (http, body) = (http.clone(), Arc::clone(&body));
        posts.spawn(async move { answer(http.post(url).json(&*body)).await });
    }
    while !posts.is_empty() {
        take(&mut posts, &mut ids).await?;
    }
    Ok(ids)
}

async fn take(
    posts: &mut JoinSet<Result<Value, Failure>>,
    ids: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    if let Some(answer) = posts.join_next().await {
        let answer = answer?.map_err(|error| error as Box<dyn Error>)?;
        let id = answer["canaryAnalysisExecutionId"].as_str();
        ids.push(id.ok_or("an answer without an id")?.to_owned());
    }
    Ok(())
}

#[derive(Default)]
struct Woken {
    succeeded: usize,
    wrong: Vec<String>,
    /// How late each run began.
    late: Vec<Duration>,
    /// How long after it was due each analysis ended.
    ended: Vec<Duration>,
}

/// Reads every analysis once it is complete.
async fn read_all(
    bases: &[String],
    ids: Vec<String>,
    wait: Duration,
) -> Result<Woken, Box<dyn Error>> {
    let http = reqwest::Client::new();
    let slots = Arc::new(Semaphore::new(16));
    let mut reads = JoinSet::new();
    for (index, id) in ids.into_iter().enumerate() {
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let url = format!(
            "{}/standalone_canary_analysis/{id}",
            bases[index % bases.len()]
        );
        let http = http.clone();
        reads.spawn(async move {
            let _slot = slot;
            complete(&http, &url).await
        });
    }
    let mut woken = Woken::default();
    while let Some(read) = reads.join_next().await {
        let answer = match read? {
            Ok(answer) => answer,
            Err(text) => {
                woken.wrong.push(text);
                continue;
            }
        };
        if answer["status"] != "succeeded" {
            woken.wrong.push(answer.to_string());
            continue;
        }
        woken.succeeded += 1;
        let millis = |value: &Value| value.as_u64().map(Duration::from_millis);
        let run = &answer["canaryAnalysisExecutionResult"]["canaryExecutionResults"][0];
        let (Some(accepted), Some(began), Some(ended)) = (
            millis(&answer["buildTimeMillis"]),
            millis(&run["startTimeMillis"]),
            millis(&answer["endTimeMillis"]),
        ) else {
            return Err(format!("an analysis without times: {answer}").into());
        };
        let due = accepted + wait;
        woken.late.push(began.saturating_sub(due));
        woken.ended.push(ended.saturating_sub(due));
    }
    Ok(woken)
}

/// The analysis once it is complete, or what is wrong with it.
async fn complete(http: &reqwest::Client, url: &str) -> Result<Value, String> {
    let begun = Instant::now();
    loop {
        match answer(http.get(url)).await {
            Ok(answer) if answer["complete"] == true => return Ok(answer),
            Ok(answer) if begun.elapsed() > Duration::from_secs(900) => {
                return Err(format!("{url} is stuck: {}", answer["status"]));
            }
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

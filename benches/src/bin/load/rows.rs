//! One function a row of the table.

use std::{
    error::Error,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{analysis, canary, finish_analysis, past_analysis, run_canary},
    process::{cpu_time, forget_peak, memory_mib},
    stack::{Stack, Stores, Surroundings},
};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub(crate) fn heading(text: &str) {
    println!("\n### {text}\n\n| row | figure |\n|---|---|");
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub(crate) fn row(name: &str, figure: &str) {
    println!("| {name} | {figure} |");
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn percentiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |p: usize| millis(times[(times.len() - 1) * p / 100]);
    format!("p50 {}, p95 {}, p99 {}", at(50), at(95), at(99))
}

fn service_id(stack: &Stack) -> Result<u32, Box<dyn Error>> {
    stack
        .service
        .id()
        .ok_or_else(|| "the service has ended".into())
}

/// From starting the process to the first 200 of `/health`, the stores being up.
pub(crate) async fn start_up(binary: &Path, stores: Stores) -> Outcome {
    let surroundings = Surroundings::start(stores).await?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let service = surroundings.builder(binary).spawn()?;
        let url = format!("{}/health", service.base_url());
        let http = reqwest::Client::new();
        loop {
            if http
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                break;
            }
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(format!("no /health within 10 s: {}", service.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(begun.elapsed());
    }
    row(
        "start to first `/health` 200, ten starts",
        &percentiles(&mut times),
    );
    Ok(())
}

pub(crate) fn idle_memory(stack: &Stack) -> Outcome {
    row(
        "resident memory, idle",
        &format!("{:.1} MiB", memory_mib(service_id(stack)?, "VmRSS")?),
    );
    Ok(())
}

/// Canaries one after another, polled every millisecond.
pub(crate) async fn single(stack: &Stack, metrics: usize, runs: usize) -> Outcome {
    let (http, base, body) = (
        reqwest::Client::new(),
        stack.service.base_url(),
        canary(metrics, 60),
    );
    let mut times = Vec::new();
    for _ in 0..runs {
        let time = run_canary(&http, &base, &body, Duration::from_millis(1)).await;
        times.push(time.map_err(|error| error.to_string())?);
    }
    let name = format!(
        "canary of {metrics} metric{}, POST to complete, one at a time",
        if metrics == 1 { "" } else { "s" }
    );
    row(&name, &percentiles(&mut times));
    Ok(())
}

/// Canaries of three metrics with 60 points, so many in flight.
pub(crate) async fn sustained(stack: &Stack, in_flight: usize, seconds: u64) -> Outcome {
    let id = service_id(stack)?;
    forget_peak(id);
    let (cpu, begun) = (cpu_time(id)?, Instant::now());
    let over = Arc::new(AtomicBool::new(false));
    let body = Arc::new(canary(3, 60));
    let http = reqwest::Client::new();
    let clients: Vec<_> = (0..in_flight)
        .map(|_| {
            let (http, base, body, over) = (
                http.clone(),
                stack.service.base_url(),
                body.clone(),
                over.clone(),
            );
            tokio::spawn(async move {
                let mut times = Vec::new();
                // Polling costs both sides; a client with many canaries polls each less often.
                let pause = Duration::from_millis((in_flight as u64).clamp(2, 500));
                while !over.load(Ordering::Relaxed) {
                    times.push(run_canary(&http, &base, &body, pause).await?);
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(times)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    over.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await?.map_err(|error| error.to_string())?);
    }
    let elapsed = begun.elapsed();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    let cpu = cpu_time(id)?.saturating_sub(cpu).as_secs_f64() / times.len() as f64 * 1e3;
    let peak = memory_mib(id, "VmHWM")?;
    row(
        &format!("canaries of 3 metrics, 60 points, {in_flight} in flight"),
        &format!(
            "{rate:.0}/s, {}, {cpu:.2} ms CPU each, peak {peak:.0} MiB",
            percentiles(&mut times)
        ),
    );
    Ok(())
}

/// Plain reads at 64 connections, by `wrk`.
pub(crate) async fn reads(stack: &Stack, seconds: u64) -> Outcome {
    let base = stack.service.base_url();
    let http = reqwest::Client::new();
    let config = canary(3, 60)["canaryConfig"].clone();
    let created: Value = http
        .post(format!("{base}/canaryConfig"))
        .json(&config)
        .send()
        .await?
        .json()
        .await?;
    let id = created["canaryConfigId"]
        .as_str()
        .ok_or("the config was not created")?
        .to_owned();
    for path in [
        "/judges".to_owned(),
        format!("/canaryConfig/{id}"),
        "/health".to_owned(),
    ] {
        let (url, duration) = (format!("{base}{path}"), format!("{seconds}s"));
        let output = tokio::task::spawn_blocking(move || {
            Command::new("wrk")
                .args(["-t1", "-c64", "-d", &duration, "--latency", &url])
                .output()
        })
        .await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |name: &str| {
            text.lines()
                .find(|l| l.trim_start().starts_with(name))
                .map(|l| l.trim().to_owned())
                .unwrap_or_default()
        };
        let shown = if path.starts_with("/canaryConfig") {
            "/canaryConfig/{id}"
        } else {
            &path
        };
        row(
            &format!("`GET {shown}`, 64 connections"),
            &format!(
                "{}; {} {}",
                line("Requests/sec"),
                line("99%"),
                line("Non-2xx")
            ),
        );
    }
    Ok(())
}

/// Analyses of the past, with so many runs of one metric and 10 points: CPU time of each, and how long a GET of its status
/// takes when it is over.
pub(crate) async fn long_analyses(stack: &Stack, runs: &[i64]) -> Outcome {
    let id = service_id(stack)?;
    let (http, base) = (reqwest::Client::new(), stack.service.base_url());
    for runs in runs {
        let before = cpu_time(id)?;
        let analysis = finish_analysis(&http, &base, &past_analysis(*runs))
            .await
            .map_err(|error| error.to_string())?;
        let spent = cpu_time(id)?.saturating_sub(before);
        let url = format!("{base}/standalone_canary_analysis/{analysis}");
        let mut reads = Vec::new();
        for _ in 0..11 {
            let begun = Instant::now();
            http.get(&url).send().await?.bytes().await?;
            reads.push(begun.elapsed());
        }
        reads.sort_unstable();
        row(
            &format!("analysis of {runs} runs: CPU time; a run; median GET"),
            &format!(
                "{:.2} s; {:.2} ms; {}",
                spent.as_secs_f64(),
                spent.as_secs_f64() * 1e3 / *runs as f64,
                millis(reads[reads.len() / 2]),
            ),
        );
    }
    Ok(())
}

/// A run of 500 metrics with 10,080 points per side.
pub(crate) async fn large(stack: &Stack, metrics: usize, points: i64) -> Outcome {
    let id = service_id(stack)?;
    let (http, base, body) = (
        reqwest::Client::new(),
        stack.service.base_url(),
        canary(metrics, points),
    );
    // Once for the metric store to have its answers ready.
    let run = || run_canary(&http, &base, &body, Duration::from_millis(20));
    run().await.map_err(|error| error.to_string())?;
    forget_peak(id);
    let time = run().await.map_err(|error| error.to_string())?;
    row(
        &format!("canary of {metrics} metrics, {points} points per side"),
        &format!(
            "{:.2} s, peak {:.0} MiB",
            time.as_secs_f64(),
            memory_mib(id, "VmHWM")?
        ),
    );
    Ok(())
}

/// Standalone analyses that wait at once: memory of each, and the cost of waking all at the same time.
pub(crate) async fn waiting(binary: &Path, stores: Stores, count: usize) -> Outcome {
    let stack = Stack::start(binary, stores).await?;
    let (id, base, http) = (
        service_id(&stack)?,
        stack.service.base_url(),
        reqwest::Client::new(),
    );
    let before = memory_mib(id, "VmRSS")?;
    let body = Arc::new(analysis(1));
    let begun = Instant::now();
    let mut last = String::new();
    for _ in 0..count.div_ceil(50) {
        let posts: Vec<_> = (0..50)
            .map(|_| {
                let (http, base, body) = (http.clone(), base.clone(), body.clone());
                tokio::spawn(async move {
                    let answer = http
                        .post(format!("{base}/standalone_canary_analysis"))
                        .json(&*body)
                        .send()
                        .await?;
                    answer.error_for_status()?.json::<Value>().await
                })
            })
            .collect();
        for post in posts {
            let answer = post.await??;
            last = answer["canaryAnalysisExecutionId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
        }
    }
    let accepted = begun.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cpu = cpu_time(id)?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle_cpu = cpu_time(id)?.saturating_sub(cpu).as_secs_f64() / 5.0 * 100.0;
    let held = (memory_mib(id, "VmRSS")? - before) * 1024.0 / count as f64;
    row(
        &format!("{count} standalone analyses waiting"),
        &format!(
            "accepted at {:.0}/s, {held:.2} KiB each, {idle_cpu:.1} % of a core while all wait",
            count as f64 / accepted.as_secs_f64()
        ),
    );
    let cpu = cpu_time(id)?;
    loop {
        let status: Value = http
            .get(format!("{base}/standalone_canary_analysis/{last}"))
            .send()
            .await?
            .json()
            .await?;
        if status["complete"] == true {
            break;
        }
        if begun.elapsed() > Duration::from_secs(600) {
            return Err("the last analysis did not end within ten minutes".into());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let woken = begun.elapsed().saturating_sub(Duration::from_secs(60));
    let each = cpu_time(id)?.saturating_sub(cpu).as_secs_f64() * 1e3 / count as f64;
    row(
        &format!("waking {count} analyses, each with one canary"),
        &format!(
            "last ended {:.1} s after the first was due, {each:.2} ms CPU each",
            woken.as_secs_f64()
        ),
    );
    Ok(())
}

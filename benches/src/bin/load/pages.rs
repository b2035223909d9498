//! The pages: how long a browser waits for the page of a large run and for the list of many executions.

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{analysis, canary, finish_canary},
    rows::{Outcome, millis, percentiles, row},
    stack::{Stack, Stores},
};

/// How often a page is asked for once it has been shown.
const LOOKS: usize = 100;
/// Runs whose page is asked for a first time.
const RUNS: usize = 5;

/// How long a page takes, and how long it is.
async fn look(http: &reqwest::Client, url: &str) -> Result<(Duration, usize), Box<dyn Error>> {
    let begun = Instant::now();
    let accept = "text/html, application/json;q=0.5";
    let answer = http.get(url).header("accept", accept).send().await?;
    let body = answer.error_for_status()?.bytes().await?;
    Ok((begun.elapsed(), body.len()))
}

async fn looks(http: &reqwest::Client, url: &str) -> Result<(String, usize), Box<dyn Error>> {
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..LOOKS {
        let (time, bytes) = look(http, url).await?;
        times.push(time);
        length = bytes;
    }
    Ok((percentiles(&mut times), length))
}

/// The pages of runs of 300 metrics with 1,440 points per side.
pub(crate) async fn large_run(stack: &Stack) -> Outcome {
    let (http, base) = (reqwest::Client::new(), stack.service.base_url());
    let body = canary(300, 1_440);
    let mut first = Vec::new();
    let mut last = String::new();
    for _ in 0..RUNS {
        last = finish_canary(&http, &base, &body, Duration::from_millis(20))
            .await
            .map_err(|error| error.to_string())?;
        first.push(look(&http, &format!("{base}/ui/runs/{last}")).await?.0);
    }
    first.sort();
    let (times, length) = looks(&http, &format!("{base}/ui/runs/{last}")).await?;
    row(
        "page of a run of 300 metrics, 1,440 points per side",
        &format!(
            "{times}, {} KB; at the first look, which reads and explains, {} to {}",
            length / 1000,
            millis(first[0]),
            millis(first[RUNS - 1]),
        ),
    );
    let (times, length) = looks(&http, &format!("{base}/ui/runs/{last}?metric=0")).await?;
    row(
        "page of one of its metrics",
        &format!("{times}, {} KB", length / 1000),
    );
    let (times, length) = looks(&http, &format!("{base}/ui/runs/{last}/what-if?pass=90")).await?;
    row(
        "what-if page of the run",
        &format!("{times}, {} KB", length / 1000),
    );
    Ok(())
}

/// The list with so many executions, all of which wait.
pub(crate) async fn list(binary: &Path, stores: Stores, count: usize) -> Outcome {
    let stack = Stack::start(binary, stores).await?;
    let (http, base) = (reqwest::Client::new(), stack.service.base_url());
    let body = Arc::new(analysis(24 * 60));
    for _ in 0..count.div_ceil(50) {
        let posts: Vec<_> = (0..50)
            .map(|_| {
                let url = format!("{base}/standalone_canary_analysis?application=load");
                let (http, body) = (http.clone(), body.clone());
                tokio::spawn(async move {
                    let answer = http.post(url).json(&*body).send().await?;
                    answer.error_for_status()?.json::<Value>().await
                })
            })
            .collect();
        for post in posts {
            post.await??;
        }
    }
    for (name, path) in [
        ("list", "/ui"),
        (
            "list filtered by application and status",
            "/ui?application=load&status=running",
        ),
        (
            "list searched for what does not occur",
            "/ui?search=nothing-like-it",
        ),
        ("`GET /executions`", "/executions"),
    ] {
        let (times, length) = looks(&http, &format!("{base}{path}")).await?;
        row(
            &format!("{name}, {count} executions"),
            &format!("{times}, {} KB", length / 1000),
        );
    }
    Ok(())
}

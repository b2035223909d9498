//! `kayenta demo`: from request to verdict on built-in samples, then a service to try out.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use chrono::{SecondsFormat, TimeDelta, Timelike, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use kayenta_config::Environment;
use kayenta_model::{AnalysisStatusResponse, ExecutionStatus};
use serde_json::{Value, json};

use crate::{
    demo::{sample_prometheus::SamplePrometheus, verdict_table},
    service::Service,
};

/// Metrics account of the samples.
const METRICS: &str = "demo-prometheus";
/// Application of the samples.
const APPLICATION: &str = "shop";
/// Name of the sample config.
const CONFIG: &str = "shop-demo";
/// Polling interval of the analysis.
const LOOK: Duration = Duration::from_millis(25);
/// The demo is over in a second; a minute means that something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Exit after the verdict instead of keeping the service running.
    #[arg(long)]
    exit: bool,
    /// Port to listen on.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Directory of the embedded work queue and disk store; a temporary one by default.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Exit code 0 once the analysis has its verdict, whatever it is.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let samples = SamplePrometheus::start().await?;
    // Deleted when it is dropped, after the service has ended.
    let temporary = tempfile::Builder::new()
        .prefix("kayenta-demo-")
        .tempdir()
        .context("cannot create a temporary directory; name one with --data-dir")?;
    let data_dir = args.data_dir.as_deref().unwrap_or(temporary.path());
    let service = start_service(&args, data_dir, &samples).await?;
    let base_url = format!("http://localhost:{}", service.address()?.port());
    let shutdown = service.shutdown();
    let serving = tokio::spawn(service.run());
    say(format_args!(
        "Kayenta is running on {base_url}. Two deployments of the app \"shop\" have run for an hour:\n\
         version 1.0 is the baseline, version 1.1 the canary. Their series come from a\n\
         Prometheus-compatible endpoint at {}.\n",
        samples.base_url()
    ))?;
    let (config_id, status) = analyse(&base_url).await?;
    say(format_args!("{}", verdict_table::render(&status)))?;
    if args.exit {
        shutdown.cancel();
    } else {
        say(format_args!(
            "{}",
            next_steps(&base_url, &config_id, &status)
        ))?;
    }
    serving.await.context("the service ended abnormally")?
}

async fn start_service(
    args: &DemoArgs,
    data_dir: &Path,
    samples: &SamplePrometheus,
) -> anyhow::Result<Service> {
    let environment = Environment::from_process()
        // The demo shows itself, not whatever configuration lies around.
        .property(
            "spring.config.location",
            "optional:file:/nonexistent/kayenta-demo/",
        )
        .property("server.port", args.port)
        .property("kayenta.embedded.dataDir", data_dir.display())
        .property("kayenta.prometheus.enabled", true)
        .property("kayenta.prometheus.accounts[0].name", METRICS)
        .property(
            "kayenta.prometheus.accounts[0].endpoint.baseUrl",
            samples.base_url(),
        )
        // The verdict is what the terminal is for.
        .property("logging.level.root", "WARN");
    Service::start(environment).await
}

/// Posts config and analysis like any client and waits for the verdict, showing progress.
async fn analyse(base_url: &str) -> anyhow::Result<(String, AnalysisStatusResponse)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let config_id = store_config(&http, base_url).await?;
    let started = http
        .post(format!("{base_url}/standalone_canary_analysis/{config_id}"))
        .query(&[
            ("application", APPLICATION),
            ("user", "demo"),
            ("metricsAccountName", METRICS),
        ])
        .json(&sample_request());
    let id = text_of(started, "canaryAnalysisExecutionId").await?;
    let bar = ProgressBar::new(3).with_style(
        ProgressStyle::with_template("{spinner} [{bar:30}] {msg}")
            .context("the progress bar's template")?
            .progress_chars("=> "),
    );
    let waiting = async {
        loop {
            let looked = http.get(format!("{base_url}/standalone_canary_analysis/{id}"));
            let status: AnalysisStatusResponse =
                looked.send().await?.error_for_status()?.json().await?;
            show_progress(&bar, &status);
            if status.complete {
                return anyhow::Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let status = tokio::time::timeout(PATIENCE, waiting)
        .await
        .with_context(|| format!("the analysis {id} has no verdict after {PATIENCE:?}"))??;
    bar.finish_and_clear();
    Ok((config_id, status))
}

/// Stores the sample config; a data directory that has been used before has it already.
async fn store_config(http: &reqwest::Client, base_url: &str) -> anyhow::Result<String> {
    let configs = format!("{base_url}/canaryConfig");
    let stored: Vec<CanaryConfigSummary> = http
        .get(&configs)
        .query(&[("application", APPLICATION)])
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let known = stored.into_iter().find(|config| config.name == CONFIG);
    let request = match known {
        Some(CanaryConfigSummary { id, .. }) => http.put(format!("{configs}/{id}")),
        None => http.post(configs),
    };
    text_of(request.json(&sample_config()), "canaryConfigId").await
}

/// One line of the list of configs.
#[derive(serde::Deserialize)]
struct CanaryConfigSummary {
    id: String,
    name: String,
}

/// Sends a request and takes one text out of the answer.
async fn text_of(request: reqwest::RequestBuilder, field: &str) -> anyhow::Result<String> {
    let answer = request
        .send()
        .await
        .context("the service does not answer")?;
    let status = answer.status();
    let body: Value = answer
        .json()
        .await
        .context("the service's answer is not JSON")?;
    match body.get(field).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => bail!("the service refuses the demo's request: {status} {body}"),
    }
}

fn show_progress(bar: &ProgressBar, status: &AnalysisStatusResponse) {
    let runs: Vec<_> = status
        .stage_status
        .iter()
        .flatten()
        .filter(|stage| stage.kind == "runCanary")
        .collect();
    let done = runs
        .iter()
        .filter(|stage| stage.status == ExecutionStatus::Succeeded)
        .count();
    bar.set_length(runs.len().max(1) as u64);
    bar.set_position(done as u64);
    let now = runs
        .iter()
        .find(|stage| stage.status == ExecutionStatus::Running);
    bar.set_message(now.map_or_else(|| "planning".to_owned(), |stage| stage.name.clone()));
    bar.tick();
}

fn metric(name: &str, group: &str, promql: &str, direction: &str) -> Value {
    json!({
        "name": name,
        "query": {
            "type": "prometheus",
            "customInlineTemplate": format!("PromQL:{promql}{{app=\"shop\",version=\"${{scope}}\"}}"),
        },
        "groups": [group],
        "analysisConfigurations": {"canary": {"direction": direction, "nanStrategy": "replace"}},
        "scopeName": "default",
    })
}

fn sample_config() -> Value {
    json!({
        "name": CONFIG,
        "description": "Errors, latency and saturation of the app shop",
        "applications": [APPLICATION],
        "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [
            metric("error rate", "Errors", "shop_error_rate", "increase"),
            metric("timeouts", "Errors", "shop_timeouts", "increase"),
            metric("latency p50", "Latency", "shop_latency_p50_ms", "increase"),
            metric("latency p99", "Latency", "shop_latency_p99_ms", "increase"),
            metric("cpu", "Saturation", "shop_cpu_cores", "either"),
            metric("memory", "Saturation", "shop_memory_bytes", "increase"),
        ],
        "templates": {},
        "classifier": {"groupWeights": {"Errors": 40, "Latency": 40, "Saturation": 20}},
    })
}

/// The last hour in three windows; the end lies in the past, so nothing is waited for.
#[expect(clippy::disallowed_methods, reason = "the demo runs now")]
fn sample_request() -> Value {
    let end = Utc::now()
        .with_second(0)
        .and_then(|t| t.with_nanosecond(0))
        .unwrap_or_default();
    let start = end - TimeDelta::hours(1);
    let text = |t: chrono::DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "scopes": [{
            "scopeName": "default",
            "controlScope": "1.0",
            "experimentScope": "1.1",
            "startTimeIso": text(start),
            "endTimeIso": text(end),
            "step": 30,
        }],
        "analysisIntervalMins": 20,
        "thresholds": {"pass": 90, "marginal": 40},
    })
}

fn next_steps(base_url: &str, config_id: &str, status: &AnalysisStatusResponse) -> String {
    let id = status.pipeline_id.as_deref().unwrap_or_default();
    format!(
        "\nThe service keeps running on {base_url}; Ctrl-C stops it. Try next:\n\n  \
         curl {base_url}/health\n  \
         curl {base_url}/credentials\n  \
         curl {base_url}/canaryConfig/{config_id}\n  \
         curl {base_url}/standalone_canary_analysis/{id}\n\n\
         Try every route in the browser: {base_url}/swagger-ui/index.html\n\n\
         See the analysis and why it failed: {base_url}/ui/analyses/{id}"
    )
}

fn say(what: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{what}").context("cannot write to the terminal")
}

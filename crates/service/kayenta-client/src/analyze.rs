//! `kayenta analyze`: the gate of a pipeline.

use std::{
    collections::HashMap,
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kayenta_json::JsonError;
use kayenta_model::{
    AnalysisRequest, AnalysisScope, AnalysisStatusResponse, CanaryConfig, ExecutionStatus,
    MetricSetPair, Thresholds,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    html::{failure_page, outcome_page},
    http::{Client, ClientError, Credentials, StartParameters},
    minutes::parse_minutes,
    outcome::{Outcome, in_own_words, last_judged, stage_in_own_words},
    preflight::{Offer, preflight},
    report::{render, render_failure},
    verdict::Verdict,
};

/// Format of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for a terminal.
    #[default]
    Text,
    /// The response of the service.
    Json,
    /// A JUnit report with one test per metric.
    Junit,
    /// Markdown for a summary page.
    Markdown,
}

/// Runs a standalone canary analysis as a gate.
///
/// Exit code: 0 pass, 1 fail, 2 marginal, 3 no verdict.
#[derive(Args, Clone, Debug)]
pub struct AnalyzeArgs {
    /// Base URL of the service
    #[arg(long, env = "KAYENTA_URL", default_value = "http://localhost:8090")]
    url: String,
    /// Bearer token
    #[arg(long, env = "KAYENTA_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// Credentials for HTTP basic, as NAME:PASSWORD
    #[arg(
        long,
        env = "KAYENTA_BASIC",
        hide_env_values = true,
        conflicts_with = "token"
    )]
    basic: Option<SecretString>,
    /// File with the canary config as JSON, alone or as {"canaryConfig": …}
    #[arg(long, required_unless_present_any = ["config_id", "watch"], conflicts_with = "config_id")]
    config: Option<PathBuf>,
    /// Id of a stored canary config
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// File with the execution request as JSON; the options below override its fields
    #[arg(long)]
    request: Option<PathBuf>,
    /// Wait for an analysis that is already running instead of starting one
    #[arg(long, value_name = "ID", conflicts_with_all = ["config", "config_id", "request"])]
    watch: Option<String>,
    /// Name of the scope that metrics refer to [default: default]
    #[arg(long, value_name = "NAME")]
    scope_name: Option<String>,
    /// Scope of the baseline, for example its version
    #[arg(long, visible_alias = "baseline", value_name = "SCOPE")]
    control_scope: Option<String>,
    /// Location of the baseline
    #[arg(long, value_name = "LOCATION")]
    control_location: Option<String>,
    /// Start the baseline window this much earlier: minutes, or for example 1h [default: 0]
    #[arg(long, value_name = "DURATION", value_parser = parse_minutes)]
    control_offset: Option<i64>,
    /// Scope of the canary, for example its version
    #[arg(long, visible_alias = "canary", value_name = "SCOPE")]
    experiment_scope: Option<String>,
    /// Location of the canary
    #[arg(long, value_name = "LOCATION")]
    experiment_location: Option<String>,
    /// Start of the window in ISO-8601 [default: now]
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// End of the window in ISO-8601; judges the past instead of waiting
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Step between data points, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS")]
    step: Option<i64>,
    /// Additional template variable; can be repeated
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Length of the analysis: minutes, or for example 1h30m; required without --end
    #[arg(long, value_name = "DURATION", value_parser = parse_minutes)]
    lifetime: Option<i64>,
    /// Time between runs: minutes, or for example 1h [default: one run at the end]
    #[arg(long, value_name = "DURATION", value_parser = parse_minutes)]
    interval: Option<i64>,
    /// Warm-up before the first window: minutes, or for example 1h [default: 0]
    #[arg(long, value_name = "DURATION", value_parser = parse_minutes)]
    begin_after: Option<i64>,
    /// Length of a sliding window: minutes, or for example 1h [default: 0, the window grows]
    #[arg(long, value_name = "DURATION", value_parser = parse_minutes)]
    lookback: Option<i64>,
    /// A score of at least this value passes [default: 95]
    #[arg(long, value_name = "SCORE")]
    pass: Option<f64>,
    /// A score of at most this value fails and ends the analysis [default: 75]
    #[arg(long, value_name = "SCORE")]
    marginal: Option<f64>,
    /// Application that the analysis belongs to [default: ad-hoc]
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// User to record with the analysis [default: anonymous]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Metrics account [default: the service's]
    #[arg(long, value_name = "ACCOUNT")]
    metrics_account: Option<String>,
    /// Storage account [default: the service's]
    #[arg(long, value_name = "ACCOUNT")]
    storage_account: Option<String>,
    /// Configuration account [default: the service's]
    #[arg(long, value_name = "ACCOUNT")]
    configuration_account: Option<String>,
    /// Print the id of the analysis and exit with 0 without waiting for its verdict
    #[arg(long, conflicts_with = "watch")]
    detach: bool,
    /// Wait for the verdict. This is the default
    #[arg(long, hide = true, conflicts_with = "detach")]
    wait: bool,
    /// Accept a verdict even if no metric compared real data
    #[arg(long)]
    allow_empty: bool,
    /// Format of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
    /// Write an HTML file with the verdict, why it came about, and charts of all series
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Polling interval in seconds
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    poll: f64,
    /// Seconds to keep trying while the service does not respond, for example during a rollout
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    patience: u64,
    /// Keep the analysis running if this command is interrupted, instead of canceling it
    #[arg(long)]
    keep_on_interrupt: bool,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
enum GateError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot read {path}: {reason}")]
    File { path: String, reason: String },
    #[error("--param {0}: expected NAME=VALUE")]
    Parameter(String),
    #[error("--basic: expected NAME:PASSWORD")]
    Basic,
    #[error("cannot write {path}: {reason}")]
    Report { path: String, reason: String },
    #[error("cannot write the report: {0}")]
    Output(#[from] std::io::Error),
    #[error("interrupted; the analysis {id} was {left}")]
    Interrupted { id: String, left: &'static str },
    #[error("the analysis was not started:{}", .0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
    Preflight(Vec<String>),
}

/// Runs the gate: the report goes to standard output, progress and errors to standard error.
pub async fn run_analyze(args: AnalyzeArgs) -> ExitCode {
    match gate(&args).await {
        Ok(code) => code,
        Err(error) => {
            let reason = in_own_words(&error.to_string());
            let _ = writeln!(std::io::stderr(), "kayenta analyze: {reason}");
            if let Ok(Some(report)) = render_failure(&reason, args.output) {
                let _ = writeln!(std::io::stdout(), "{report}");
            }
            // The report that could not be written a moment ago is not tried again.
            if let Some(path) = args.report.as_ref().filter(|path| !path.exists()) {
                let _ = std::fs::write(path, failure_page(&reason));
            }
            Verdict::Error.exit_code()
        }
    }
}

async fn gate(args: &AnalyzeArgs) -> Result<ExitCode, GateError> {
    let client = Client::new(
        &args.url,
        credentials(args)?,
        Duration::from_secs(args.patience),
    )?;
    if let Some(path) = &args.report {
        // Found out before an hour is waited for; and no report of an earlier build is taken for this one.
        let created = std::fs::File::create(path).and_then(|_| std::fs::remove_file(path));
        created.map_err(|error| GateError::Report {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
    }
    let id = match &args.watch {
        Some(id) => id.clone(),
        None => start(&client, args).await?,
    };
    if args.detach {
        writeln!(std::io::stdout(), "{id}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let _ = writeln!(std::io::stderr(), "analysis {id}");
    let status = tokio::select! {
        status = wait(&client, &id, args) => status?,
        () = interrupted() => {
            let canceled = !args.keep_on_interrupt && client.cancel(&id).await.is_ok();
            let left = if canceled { "canceled" } else { "left running" };
            return Err(GateError::Interrupted { id, left });
        }
    };
    let pairs = pairs(&client, &status, args).await;
    let account = status
        .storage_account_name
        .clone()
        .or_else(|| args.storage_account.clone());
    let mut outcome = Outcome::new(status, pairs.as_deref(), args.allow_empty);
    // The verdict stands without it: an older service has no explanations, and a run that was not judged
    // has none.
    if outcome.evidence.is_some()
        && let Ok(explanation) = client.explanation(&id, account.as_deref()).await
    {
        outcome = outcome.explained(explanation);
    }
    if args.output == OutputFormat::Markdown {
        outcome.page = client.page(&id).await;
    }
    if let Some(path) = &args.report {
        let page = outcome_page(&outcome, pairs.unwrap_or_default());
        std::fs::write(path, page).map_err(|error| GateError::Report {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
    }
    let report = render(&outcome, args.output)?;
    let coloured = args.output == OutputFormat::Text
        && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    match report.strip_prefix(outcome.verdict.word()) {
        Some(rest) if coloured => {
            writeln!(std::io::stdout(), "{}{rest}", outcome.verdict.coloured())?;
        }
        _ => writeln!(std::io::stdout(), "{report}")?,
    }
    if args.output != OutputFormat::Text {
        // The other forms may go to a file; the log of the pipeline shows the verdict as well.
        let word = outcome.verdict.word();
        let _ = writeln!(std::io::stderr(), "{word}  {}", outcome.message);
        for warning in outcome.warnings() {
            let _ = writeln!(std::io::stderr(), "warning: {warning}");
        }
    }
    Ok(outcome.verdict.exit_code())
}

/// The series the last judged run compared, if they can be had.
async fn pairs(
    client: &Client,
    status: &AnalysisStatusResponse,
    args: &AnalyzeArgs,
) -> Option<Vec<MetricSetPair>> {
    let run = last_judged(status)?;
    let id = run.metric_set_pair_list_id.as_deref()?;
    let account = run
        .storage_account_name
        .as_deref()
        .or(status.storage_account_name.as_deref())
        .or(args.storage_account.as_deref());
    match client.pairs(id, account).await {
        Ok(pairs) => Some(pairs),
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "warning: the series that were compared cannot be read, so points are counted after \
                 nanStrategy filled gaps: {error}"
            );
            None
        }
    }
}

async fn start(client: &Client, args: &AnalyzeArgs) -> Result<String, GateError> {
    let parameters = StartParameters {
        application: args.application.clone(),
        user: args.user.clone(),
        metrics_account: args.metrics_account.clone(),
        storage_account: args.storage_account.clone(),
        configuration_account: args.configuration_account.clone(),
        parent_execution: None,
    };
    let request = execution_request(args)?;
    let warnings;
    let started = match (&args.config, &args.config_id) {
        (Some(path), _) => {
            let (written, config) = canary_config(path)?;
            warnings = check(client, &written, &config, &request, &parameters).await?;
            client.start_adhoc(&config, &request, &parameters).await?
        }
        (None, Some(id)) => {
            let account = args.configuration_account.as_deref();
            let config = client.config(id, account).await?;
            let written = serde_json::to_value(&config).unwrap_or_default();
            warnings = check(client, &written, &config, &request, &parameters).await?;
            client.start_by_id(id, &request, &parameters).await?
        }
        (None, None) => {
            return Err(GateError::File {
                path: "--config".to_owned(),
                reason: "name a config file or --config-id".to_owned(),
            });
        }
    };
    // The service checks the config, too, unless it is the Java service.
    let further = started.warnings.iter().filter(|warning| {
        // What is said of thresholds was found here, too, and names the options.
        !warnings.contains(warning) && !warning.starts_with("thresholds.")
    });
    for warning in warnings.iter().chain(further) {
        let _ = writeln!(std::io::stderr(), "warning: {warning}");
    }
    Ok(started.id)
}

/// Refuses what is known to fail, before an interval is waited for it; what is probably not meant otherwise.
async fn check(
    client: &Client,
    written: &Value,
    config: &CanaryConfig,
    request: &AnalysisRequest,
    parameters: &StartParameters,
) -> Result<Vec<String>, GateError> {
    // A service that does not list them to this caller decides for itself.
    let offer = match client.judges().await {
        Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
        judges => Offer {
            judges: judges.ok(),
            accounts: client.accounts().await.ok(),
        },
    };
    let found = preflight(written, config, request, parameters, &offer);
    if found.errors.is_empty() {
        Ok(found.warnings)
    } else {
        Err(GateError::Preflight(found.errors))
    }
}

fn read_json(path: &PathBuf) -> Result<Value, GateError> {
    let failed = |reason: String| GateError::File {
        path: path.display().to_string(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(JsonError::from(error).to_string()))
}

/// A config as it was written and as it was read.
fn canary_config(path: &PathBuf) -> Result<(Value, CanaryConfig), GateError> {
    let mut json = read_json(path)?;
    if let Some(inner) = json.get_mut("canaryConfig") {
        json = inner.take();
    }
    let config = CanaryConfig::deserialize(&json).map_err(|error| GateError::File {
        path: path.display().to_string(),
        reason: JsonError::from(error).to_string(),
    })?;
    Ok((json, config))
}

/// The request of the file, if any, with the flags laid over it.
fn execution_request(args: &AnalyzeArgs) -> Result<AnalysisRequest, GateError> {
    let mut request = match &args.request {
        Some(path) => {
            let mut json = read_json(path)?;
            if let Some(inner) = json.get_mut("executionRequest") {
                json = inner.take();
            }
            serde_json::from_value(json).map_err(|error| GateError::File {
                path: path.display().to_string(),
                reason: JsonError::from(error).to_string(),
            })?
        }
        None => AnalysisRequest::default(),
    };
    let scopes = request.scopes.get_or_insert_default();
    if scopes.is_empty() {
        scopes.push(Some(AnalysisScope::default()));
    }
    let scope = scopes[0].get_or_insert_default();
    let overlay = |field: &mut Option<String>, flag: &Option<String>| {
        if flag.is_some() {
            field.clone_from(flag);
        }
    };
    overlay(&mut scope.control_scope, &args.control_scope);
    overlay(&mut scope.control_location, &args.control_location);
    overlay(&mut scope.experiment_scope, &args.experiment_scope);
    overlay(&mut scope.experiment_location, &args.experiment_location);
    overlay(&mut scope.start_time_iso, &args.start);
    overlay(&mut scope.end_time_iso, &args.end);
    if let Some(name) = &args.scope_name {
        scope.scope_name.clone_from(name);
    }
    scope.step = args.step.unwrap_or(scope.step);
    scope.control_offset_in_minutes = args
        .control_offset
        .unwrap_or(scope.control_offset_in_minutes);
    for param in &args.params {
        let (name, value) = param
            .split_once('=')
            .ok_or_else(|| GateError::Parameter(param.clone()))?;
        scope
            .extended_scope_params
            .insert(name.to_owned(), value.to_owned());
    }
    request.lifetime_duration_mins = args.lifetime.or(request.lifetime_duration_mins);
    request.analysis_interval_mins = args.interval.or(request.analysis_interval_mins);
    request.begin_after_mins = args.begin_after.unwrap_or(request.begin_after_mins);
    request.lookback_mins = args.lookback.unwrap_or(request.lookback_mins);
    let given = request.thresholds.unwrap_or_default();
    request.thresholds = Some(Thresholds {
        pass: args.pass.or(given.pass).or(Some(95.0)),
        marginal: args.marginal.or(given.marginal).or(Some(75.0)),
    });
    Ok(request)
}

fn credentials(args: &AnalyzeArgs) -> Result<Credentials, GateError> {
    // A variable of a pipeline that is not set comes as an empty one.
    let given = |secret: &Option<SecretString>| {
        secret
            .clone()
            .filter(|secret| !secret.expose_secret().is_empty())
    };
    Ok(match (given(&args.token), given(&args.basic)) {
        (Some(token), _) => Credentials::Bearer(token),
        (None, Some(pair)) => {
            let (user, password) = pair
                .expose_secret()
                .split_once(':')
                .ok_or(GateError::Basic)?;
            Credentials::Basic {
                user: user.to_owned(),
                password: SecretString::from(password.to_owned()),
            }
        }
        (None, None) => Credentials::None,
    })
}

/// Polls the analysis until it is complete, showing which stage runs.
async fn wait(
    client: &Client,
    id: &str,
    args: &AnalyzeArgs,
) -> Result<AnalysisStatusResponse, GateError> {
    let terminal = std::io::stderr().is_terminal();
    let target = if terminal {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(1), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} stages  {elapsed}  {msg}")
    {
        bar.set_style(style);
    }
    let mut seen: HashMap<String, ExecutionStatus> = HashMap::new();
    loop {
        let status = client.analysis(id, args.storage_account.as_deref()).await?;
        let stages = status.stage_status.as_deref().unwrap_or_default();
        bar.set_length(stages.len() as u64);
        bar.set_position(stages.iter().filter(|s| s.status.is_complete()).count() as u64);
        if let Some(running) = stages.iter().find(|s| s.status == ExecutionStatus::Running) {
            bar.set_message(stage_in_own_words(&running.name).to_owned());
        }
        if !terminal {
            // A log of a pipeline: a line whenever a stage changes.
            for stage in stages {
                if seen.insert(stage.name.clone(), stage.status) != Some(stage.status)
                    && stage.status != ExecutionStatus::NotStarted
                {
                    let _ = writeln!(
                        std::io::stderr(),
                        "{}: {}",
                        stage_in_own_words(&stage.name),
                        stage.status.lower()
                    );
                }
            }
        }
        if status.complete {
            bar.finish_and_clear();
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_secs_f64(args.poll.clamp(0.05, 3600.0))).await;
    }
}

/// Completes on SIGINT or SIGTERM; a stopped pipeline must not leave an analysis running.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

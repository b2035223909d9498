//! `kayenta health`: the probe of an image without a shell.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};

/// Options of `health`.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// URL of the health endpoint.
    #[arg(
        long,
        env = "KAYENTA_HEALTH_URL",
        default_value = "http://localhost:8090/health"
    )]
    url: String,
    /// Seconds to wait for a response.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    timeout: f64,
    /// Accept any certificate, for a service that uses HTTPS with the certificate of another name.
    #[arg(long)]
    insecure: bool,
}

/// Exit code 0 when the answer is 200, 1 otherwise. The answer's body goes to standard output.
pub(crate) async fn run(args: HealthArgs) -> anyhow::Result<ExitCode> {
    let timeout = Duration::try_from_secs_f64(args.timeout).context("--timeout")?;
    let answer = reqwest::Client::builder()
        .no_proxy()
        .timeout(timeout)
        .tls_danger_accept_invalid_certs(args.insecure)
        .build()?
        .get(&args.url)
        .send()
        .await
        .with_context(|| format!("{} does not answer", args.url))?;
    let status = answer.status();
    let body = answer.text().await.context("the answer was cut")?;
    writeln!(io::stdout(), "{body}")?;
    if !status.is_success() {
        bail!("{} answers {status}", args.url);
    }
    Ok(ExitCode::SUCCESS)
}

//! `kayenta init`: a first configuration file.

use std::{
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use kayenta_config::{Environment, check_config};
use kayenta_secrets::BaseUrl;

use crate::wiring::kinds::KINDS;

/// The file, with `{{prometheus}}` for the URL.
const TEMPLATE: &str = include_str!("init.yml");

/// The default address of Prometheus.
const USUAL_PROMETHEUS: &str = "http://localhost:9090";

/// Options of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// File to write; an existing one is not overwritten
    #[arg(default_value = "kayenta.yml")]
    file: PathBuf,
    /// URL of Prometheus; asked for on a terminal if absent
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
}

/// Writes the file, checks it, and says what to do next.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let url = match &args.prometheus {
        Some(url) => url.clone(),
        None if io::stdin().is_terminal() => asked()?,
        None => bail!("say where Prometheus is: kayenta init --prometheus {USUAL_PROMETHEUS}"),
    };
    let base: BaseUrl = url.parse().with_context(|| {
        let with_scheme = format!("http://{url}");
        let meant = with_scheme.parse::<BaseUrl>().is_ok() && !url.contains("//");
        let hint = if meant && !url.is_empty() {
            format!("; write --prometheus {with_scheme}")
        } else {
            String::new()
        };
        format!("'{url}' is not the URL of Prometheus{hint}")
    })?;
    let text = TEMPLATE.replace("{{prometheus}}", base.expose());
    let file = args.file.display();
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.file)
        .and_then(|mut created| created.write_all(text.as_bytes()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => anyhow!(
                "{file} exists and is not overwritten; name another file: kayenta init FILE"
            ),
            _ => anyhow::Error::new(error).context(format!("cannot write {file}")),
        })?;
    let report = check_config(&Environment::from_process().only_file(&args.file), KINDS);
    if !report.is_ok() {
        bail!("{file} was written, but has mistakes:\n{report}");
    }
    writeln!(
        io::stdout(),
        "Wrote {file}. Next:\n\n  \
         kayenta check-config {file}        # what is in effect\n  \
         kayenta serve --config {file}      # starts on http://localhost:8090\n\n\
         README.md has a first canary, docs/canary-config.md recipes."
    )?;
    Ok(ExitCode::SUCCESS)
}

fn asked() -> anyhow::Result<String> {
    write!(io::stdout(), "URL of Prometheus [{USUAL_PROMETHEUS}]: ")?;
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let line = line.trim();
    Ok(if line.is_empty() {
        USUAL_PROMETHEUS.to_owned()
    } else {
        line.to_owned()
    })
}

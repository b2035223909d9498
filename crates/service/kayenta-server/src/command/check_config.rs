//! `kayenta check-config`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use kayenta_config::{Environment, check_config};

use crate::wiring::kinds::KINDS;

/// Options of `check-config`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfigArgs {
    /// Files to check instead of those that `serve` would read; later files take precedence.
    files: Vec<PathBuf>,
    /// Print mistakes only, not the effective settings.
    #[arg(long)]
    quiet: bool,
}

/// Mistakes go to standard error with file, line and column, the effective settings to standard
/// output. Exit code 0 when the service would start, 1 otherwise.
pub(crate) fn run(args: &CheckConfigArgs) -> anyhow::Result<ExitCode> {
    let environment = args
        .files
        .iter()
        .fold(Environment::from_process(), |environment, file| {
            environment.only_file(file)
        });
    let report = check_config(&environment, KINDS);
    writeln!(io::stderr(), "{report}")?;
    if !args.quiet {
        write!(io::stdout(), "{}", report.effective_text())?;
    }
    Ok(if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

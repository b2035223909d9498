//! `kayenta check-config`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use kayenta_config::{Environment, check_config, load};
use kayenta_storage::Remark;

use crate::wiring::kinds::{KINDS, Loaded};

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
pub(crate) async fn run(args: CheckConfigArgs) -> anyhow::Result<ExitCode> {
    let environment = args
        .files
        .iter()
        .fold(Environment::from_process(), |environment, file| {
            environment.only_file(file)
        });
    let report = check_config(&environment, KINDS);
    write!(io::stderr(), "{}{report}", remarks(&environment).await)?;
    writeln!(io::stderr())?;
    if !args.quiet {
        write!(io::stdout(), "{}", report.effective_text())?;
    }
    Ok(if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the object stores will work with, one line each. Nothing is asked of the network.
async fn remarks(environment: &Environment) -> String {
    let Ok(Loaded { accounts, .. }) = load(environment, KINDS) else {
        return String::new();
    };
    let mut text = String::new();
    for (kind, account) in &accounts.registered {
        let types = &account.supported_types;
        let Some(objects) = account.store.objects(&accounts, kind, types) else {
            continue;
        };
        for remark in objects.remarks().await {
            let (severity, said) = match &remark {
                Remark::Note(said) => ("note", said),
                Remark::Warning(said) => ("warning", said),
            };
            text += &format!(
                "{severity}: {} account {}: {said}\n",
                kind.label, account.name
            );
        }
    }
    text
}

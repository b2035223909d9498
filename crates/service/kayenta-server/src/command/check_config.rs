//! `kayenta check-config`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use kayenta_config::{Diagnostic, Environment, check_config, load};
use kayenta_errors::with_causes;
use kayenta_model::Clock;
use kayenta_queue::SystemClock;
use kayenta_storage::Remark;

use crate::{
    preparation::prepare,
    startup_failure::StartupFailure,
    wiring::kinds::{KINDS, Loaded},
};

/// Options of `check-config`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfigArgs {
    /// Files to check instead of those that `serve` would read; later files take precedence.
    files: Vec<PathBuf>,
    /// The same as FILES, as the other commands spell it.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    config: Vec<PathBuf>,
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
        .chain(&args.config)
        .fold(Environment::from_process(), |environment, file| {
            environment.only_file(file)
        });
    let mut report = check_config(&environment, KINDS);
    if let Ok(loaded) = load(&environment, KINDS) {
        report.errors.extend(unopened(&loaded));
    }
    let own = std::mem::replace(&mut report.warnings, remarks(&environment).await);
    report.warnings.extend(own);
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

/// What the object stores will work with. Nothing is asked of the network.
async fn remarks(environment: &Environment) -> Vec<Diagnostic> {
    let Ok(Loaded { accounts, .. }) = load(environment, KINDS) else {
        return Vec::new();
    };
    let mut remarks = Vec::new();
    for (kind, account) in &accounts.registered {
        let types = &account.supported_types;
        let Some(objects) = account.store.objects(&accounts, kind, types) else {
            continue;
        };
        let of_account = |text| format!("{} account {}: {text}", kind.label, account.name);
        remarks.extend(
            objects
                .remarks()
                .await
                .into_iter()
                .map(|remark| match remark {
                    Remark::Note(text) => Diagnostic::note(of_account(text)),
                    Remark::Warning(text) => Diagnostic::warning(of_account(text)),
                }),
        );
    }
    remarks
}

/// What a start with these settings could not open.
fn unopened(loaded: &Loaded) -> Option<Diagnostic> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let error = prepare(&loaded.settings, &loaded.accounts, &clock).err()?;
    Some(match error.downcast::<StartupFailure>() {
        Ok(failure) => Diagnostic::error(failure.description).remedy(failure.action),
        Err(error) => Diagnostic::error(with_causes(error.to_string(), &*error)),
    })
}

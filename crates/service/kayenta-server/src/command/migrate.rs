//! `kayenta migrate`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use kayenta_config::Environment;

use super::serve::ServeArgs;
use crate::migrate::{Verdict, check};

/// Options of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// Check configuration, stored objects and Redis keys: report what would change, what cannot be
    /// read and what is left over. Writes nothing.
    ///
    /// The exit code is 0 if nothing prevents the migration, 1 if something needs a decision first, and
    /// 3 if something could not be checked or the service would not start.
    Check(CheckArgs),
}

/// Options of `migrate check`.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Configuration file or folder to read instead of the default locations.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Format of the report.
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum OutputFormat {
    /// Plain text.
    #[default]
    Text,
    /// JSON, with all unfinished runs.
    Json,
}

/// Prints the report to standard output and returns the exit code.
pub(crate) async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let MigrateCommand::Check(args) = args.command;
    let serve = ServeArgs {
        config: args.config,
        ..ServeArgs::default()
    };
    let report = check(&serve.apply(Environment::from_process())).await;
    let text = match args.output {
        OutputFormat::Text => report.to_string(),
        OutputFormat::Json => serde_json::to_string_pretty(&report)?,
    };
    writeln!(io::stdout(), "{text}")?;
    Ok(ExitCode::from(match report.verdict {
        Verdict::Ready => 0,
        Verdict::Attention => 1,
        Verdict::Incomplete => 3,
    }))
}

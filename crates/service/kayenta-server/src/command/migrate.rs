//! `kayenta migrate`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use indicatif::{ProgressBar, ProgressStyle};
use kayenta_config::{Environment, load};
use kayenta_errors::with_causes;
use kayenta_storage::ObjectKind;

use super::serve::ServeArgs;
use crate::{
    migrate::{
        Verdict, check,
        copy::{CopyReport, End, Progress, Selection, copy},
    },
    wiring::{
        kinds::KINDS,
        reading::{Access, open_store},
    },
};

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
    /// Copy stored objects from one account to another, whatever their stores. Deletes nothing, and
    /// replaces only what was written to the source after it was written to the target, so that it can
    /// be repeated while the service runs, and continued after an interruption.
    ///
    /// Every copied object is read back and compared. The exit code is 0 if the target has everything,
    /// 1 if some objects could not be copied or differ, and 3 if an account could not be opened or
    /// listed.
    Copy(CopyArgs),
}

/// Options of `migrate copy`.
#[derive(Debug, Args)]
struct CopyArgs {
    /// Account to copy from.
    #[arg(long, value_name = "ACCOUNT")]
    from: String,
    /// Account to copy to; its container, bucket or folder is created if it is missing.
    #[arg(long, value_name = "ACCOUNT")]
    to: String,
    /// Kinds of objects to copy, separated by commas; all by default.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind_names())]
    kinds: Vec<String>,
    /// Copy only what was written at this time or later: `2026-01-31` or `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    since: Option<DateTime<Utc>>,
    /// Report what would be copied and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Compare the content of objects that are in both accounts already, too.
    #[arg(long)]
    verify: bool,
    /// Configuration file or folder to read instead of the default locations.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Format of the report.
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

/// The kinds, by the names of their folders.
fn kind_names() -> PossibleValuesParser {
    PossibleValuesParser::new(ObjectKind::ALL.map(ObjectKind::group))
}

fn point_in_time(text: &str) -> Result<DateTime<Utc>, String> {
    let midnight = format!("{text}T00:00:00Z");
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc3339(&midnight))
        .map(|time| time.to_utc())
        .map_err(|_| "expected a time such as 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
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
    match args.command {
        MigrateCommand::Check(args) => run_check(args).await,
        MigrateCommand::Copy(args) => run_copy(args).await,
    }
}

async fn run_check(args: CheckArgs) -> anyhow::Result<ExitCode> {
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

/// The exit code of a copy that did not come about.
const NOT_COPIED: u8 = 3;

async fn run_copy(args: CopyArgs) -> anyhow::Result<ExitCode> {
    match copied(&args).await {
        Ok(report) => {
            let text = match args.output {
                OutputFormat::Text => report.to_string(),
                OutputFormat::Json => serde_json::to_string_pretty(&report)?,
            };
            writeln!(io::stdout(), "{text}")?;
            Ok(ExitCode::from(u8::from(!report.is_complete())))
        }
        Err(error) => {
            writeln!(io::stderr(), "kayenta migrate copy: {error:#}")?;
            Ok(ExitCode::from(NOT_COPIED))
        }
    }
}

async fn copied(args: &CopyArgs) -> anyhow::Result<CopyReport> {
    let serve = ServeArgs {
        config: args.config.clone(),
        ..ServeArgs::default()
    };
    let loaded = load(&serve.apply(Environment::from_process()), KINDS)?;
    anyhow::ensure!(
        args.from != args.to,
        "--from and --to name the same account"
    );
    let from = open_store(&loaded, &args.from, Access::Read).await?;
    let access = match args.dry_run {
        true => Access::Read,
        false => Access::Write,
    };
    let to = open_store(&loaded, &args.to, access).await?;
    let selection = Selection {
        kinds: ObjectKind::ALL
            .into_iter()
            .filter(|kind| {
                let named = args.kinds.iter().any(|name| name == kind.group());
                named || args.kinds.is_empty()
            })
            .collect(),
        since: args.since,
        dry_run: args.dry_run,
        verify: args.verify,
    };
    let ends = (
        End {
            account: &args.from,
            store: from.as_ref(),
        },
        End {
            account: &args.to,
            store: to.as_ref(),
        },
    );
    let bar = Bar::new();
    let report = copy(ends.0, ends.1, &selection, &bar).await;
    bar.0.finish_and_clear();
    report.map_err(|error| anyhow::anyhow!(with_causes(error.message.clone(), &error)))
}

/// A bar on a terminal, nothing elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        // indicatif draws on standard error, and hides where that is no terminal.
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:24} {pos}/{len} objects  {per_sec}  {eta}  {msg}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn found(&self, group: &'static str, objects: usize) {
        self.0.inc_length(objects as u64);
        self.0.set_message(group);
    }

    fn done(&self) {
        self.0.inc(1);
    }
}

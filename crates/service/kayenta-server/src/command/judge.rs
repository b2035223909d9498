//! `kayenta judge`: judging without a service.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use kayenta_judge::batch::{BatchOptions, judge_lines};

use crate::wiring::batch_judges;

/// Options of `judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// File with one JSON object per line: {"id", "canaryConfig", "thresholds",
    /// "metricSetPairList"} and, for a judgement of an analysis, "look": {"index", "total"}.
    /// Without it, or with `-`, standard input is read.
    file: Option<PathBuf>,
    /// Number of threads; one per core by default.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Explain every result in its resultMetadata and add "findings" beside "result".
    #[arg(long)]
    explain: bool,
}

/// Writes {"id", "result"} or {"id", "error"} per line, in order. Exit code 0 when every line had a
/// result, 1 otherwise.
pub(crate) fn run(args: JudgeArgs) -> anyhow::Result<ExitCode> {
    let input: Box<dyn BufRead> = match args.file {
        Some(path) if path.as_os_str() != "-" => {
            let file =
                File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::with_capacity(1 << 20, file))
        }
        _ => Box::new(io::stdin().lock()),
    };
    let threads = args
        .threads
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let options = BatchOptions {
        threads,
        explain: args.explain,
        ..BatchOptions::default()
    };
    let output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let judged = judge_lines(&batch_judges(), input, output, options);
    let summary = match judged {
        // Whoever reads the output has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        judged => judged.context("cannot judge")?,
    };
    if summary.errors > 0 {
        writeln!(
            io::stderr(),
            "kayenta judge: {} of {} lines could not be judged; their lines carry the error",
            summary.errors,
            summary.lines,
        )?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

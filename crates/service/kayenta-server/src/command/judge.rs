//! `kayenta judge`: judging without a service.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use kayenta_judge::batch::{BatchLine, BatchOptions, judge_and_view_lines, judge_lines};
use kayenta_report::{
    IndexLine, JudgedRun, report_failure, report_foot, report_head, report_index, report_section,
};
use serde_json::Value;
use tempfile::NamedTempFile;

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
    /// Write an HTML file with the verdicts, why they came about, and charts of all series.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Explain every result in its resultMetadata and add "findings" beside "result".
    #[arg(long)]
    explain: bool,
}

/// The section of a line in the report.
fn section(line: &BatchLine<'_>) -> (IndexLine, String) {
    let number = usize::try_from(line.number).unwrap_or(usize::MAX);
    let id = match line.id {
        Value::Null => format!("line {number}"),
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    match &line.outcome {
        Ok(verdict) => report_section(
            number,
            &JudgedRun {
                id: &id,
                application: None,
                config: &verdict.request.canary_config,
                thresholds: verdict.request.thresholds.into(),
                scopes: None,
                pairs: &verdict.request.metric_set_pairs,
                result: verdict.result,
                explanation: Some(verdict.explanation),
                unread: None,
            },
        ),
        Err(error) => report_failure(number, &id, error),
    }
}

/// A report under construction: sections go to a file at once, so that memory holds their index alone. The report
/// appears under its name when it is complete.
#[derive(Debug)]
struct ReportFile {
    path: PathBuf,
    sections: BufWriter<NamedTempFile>,
    index: Vec<IndexLine>,
}

impl ReportFile {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            sections: BufWriter::new(new_beside(&path)?),
            path,
            index: Vec::new(),
        })
    }

    fn add(&mut self, (line, section): (IndexLine, String)) -> io::Result<()> {
        self.index.push(line);
        self.sections.write_all(section.as_bytes())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let path = &self.path;
        let mut write = || -> anyhow::Result<NamedTempFile> {
            self.sections.flush()?;
            let mut report = BufWriter::new(new_beside(path)?);
            report.write_all(report_head("Canary report").as_bytes())?;
            report.write_all(report_index(&self.index).as_bytes())?;
            io::copy(&mut self.sections.get_ref().reopen()?, &mut report)?;
            report.write_all(report_foot().as_bytes())?;
            Ok(report.into_inner()?)
        };
        write()
            .and_then(|report| Ok(report.persist(path)?))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}

/// A file in the folder of `path`, gone unless it is kept.
fn new_beside(path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Others may read a report as they may read any file that a command writes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder
        .tempfile_in(folder)
        .with_context(|| format!("cannot write {}", path.display()))
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
    let judges = batch_judges();
    let judged = match args.report {
        None => judge_lines(&judges, input, output, options),
        Some(path) => {
            let mut report = ReportFile::create(path)?;
            let judged =
                judge_and_view_lines(&judges, input, output, options, &section, |section| {
                    report.add(section)
                });
            if judged.is_ok() {
                report.finish()?;
            }
            judged
        }
    };
    let summary = match judged {
        // The reader of the output has seen enough (`| head`).
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

//! `kayenta lint`.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use kayenta_json::JsonError;
use kayenta_lint::{Problem, ServiceOffer, config_problems, request_problems};
use kayenta_model::{AnalysisRequest, CanaryConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Options of `lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct LintArgs {
    /// Canary configs, or bodies with canaryConfig and executionRequest; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One line per problem, or a JSON list with one object per file.
    #[arg(long, value_enum, default_value_t = LintOutput::Text)]
    output: LintOutput,
    /// Exit with 1 for warnings, too.
    #[arg(long)]
    deny_warnings: bool,
    /// Check also what a config needs to be stored: a name and applications.
    #[arg(long)]
    to_store: bool,
}

/// How problems are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LintOutput {
    /// `FILE: FIELD: level: sentence [rule]`.
    Text,
    /// `[{"file", "problems": [{"pointer", "level", "rule", "message", "nearest"}]}]`.
    Json,
}

/// The problems of one file.
#[derive(Debug, Serialize)]
struct CheckedFile {
    file: String,
    /// Why the file is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    problems: Vec<Problem>,
}

/// Problems go to standard output.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let files: Vec<CheckedFile> = args
        .files
        .iter()
        .map(|path| checked(path, args.to_store))
        .collect();
    let mut out = io::stdout().lock();
    match args.output {
        LintOutput::Json => writeln!(out, "{}", serde_json::to_string_pretty(&files)?)?,
        LintOutput::Text => {
            for file in &files {
                print(&mut out, file)?;
            }
        }
    }
    let bad = |problem: &Problem| problem.is_error() || args.deny_warnings;
    Ok(if files.iter().any(|file| file.unreadable.is_some()) {
        ExitCode::from(2)
    } else if files.iter().any(|file| file.problems.iter().any(bad)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print(out: &mut impl Write, file: &CheckedFile) -> io::Result<()> {
    if let Some(reason) = &file.unreadable {
        return writeln!(out, "{}: error: {reason}", file.file);
    }
    for problem in &file.problems {
        let field = kayenta_lint::field_path(&problem.pointer);
        let field = if field.is_empty() {
            String::new()
        } else {
            format!(" {field}:")
        };
        writeln!(
            out,
            "{}:{field} {}: {} [{}]",
            file.file,
            problem.level.word(),
            problem.sentence(),
            problem.rule
        )?;
    }
    let errors = file.problems.iter().filter(|p| p.is_error()).count();
    let warnings = file.problems.len() - errors;
    writeln!(out, "{}: errors: {errors}, warnings: {warnings}", file.file)
}

fn checked(path: &Path, to_store: bool) -> CheckedFile {
    let (unreadable, problems) = match read(path) {
        Ok(document) => (None, problems(&document, to_store)),
        Err(reason) => (Some(reason), Vec::new()),
    };
    CheckedFile {
        file: path.display().to_string(),
        unreadable,
        problems,
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
    } else {
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yml" || extension == "yaml");
        if is_yaml {
            return Err(format!(
                "canary configs are JSON; a configuration of the service is checked by 'kayenta check-config {}'",
                path.display()
            ));
        }
        text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    }
    serde_json::from_str(&text).map_err(|error| JsonError::from(error).to_string())
}

/// The problems of a config, or of a body that has one with a request.
fn problems(document: &Value, to_store: bool) -> Vec<Problem> {
    let offer = ServiceOffer {
        to_store,
        ..ServiceOffer::default()
    };
    let Some(config) = document.get("canaryConfig") else {
        return config_problems(document, &offer);
    };
    let below = |place: &str, problem: Problem| Problem {
        pointer: format!("{place}{}", problem.pointer),
        ..problem
    };
    let mut problems: Vec<Problem> = config_problems(config, &offer)
        .into_iter()
        .map(|problem| below("/canaryConfig", problem))
        .collect();
    // The scopes of a single run are an object; an analysis has a list of them.
    let request = document
        .get("executionRequest")
        .filter(|request| request["scopes"].is_array());
    if let Some(request) = request
        && let Ok(config) = CanaryConfig::deserialize(config)
        && let Ok(request) = AnalysisRequest::deserialize(request)
    {
        problems.extend(
            request_problems(&config, &request)
                .into_iter()
                .map(|problem| below("/executionRequest", problem)),
        );
    }
    problems
}

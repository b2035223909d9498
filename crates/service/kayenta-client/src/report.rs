//! The verdict as text for people, Markdown for a summary page, JUnit XML for a test report.

use std::fmt::Write;

use kayenta_model::{AnalysisResult, AnalysisStatusResponse, CanaryExecutionResult, Double};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;

use crate::{analyze::OutputFormat, verdict::Verdict};

/// The report of a finished analysis in the wanted form.
///
/// # Errors
/// When the XML or JSON cannot be written, which only memory could cause.
pub fn render(
    status: &AnalysisStatusResponse,
    format: OutputFormat,
) -> Result<String, std::io::Error> {
    match format {
        OutputFormat::Text => Ok(text(status)),
        OutputFormat::Markdown => Ok(markdown(status)),
        OutputFormat::Json => serde_json::to_string_pretty(status).map_err(Into::into),
        OutputFormat::Junit => junit(status),
    }
}

fn runs(status: &AnalysisStatusResponse) -> &[CanaryExecutionResult] {
    status
        .canary_analysis_execution_result
        .as_ref()
        .map(|result| result.canary_execution_results.as_slice())
        .unwrap_or_default()
}

fn message(status: &AnalysisStatusResponse) -> String {
    let from_result = status
        .canary_analysis_execution_result
        .as_ref()
        .and_then(|result| result.canary_score_message.clone());
    let from_exception = errors(status.exception.as_ref()).join("; ");
    match (from_result, from_exception.is_empty()) {
        (Some(message), true) => message,
        (Some(message), false) => format!("{message} ({from_exception})"),
        (None, false) => from_exception,
        (None, true) => format!(
            "the analysis ended as {}",
            status
                .execution_status
                .map(|s| s.lower())
                .unwrap_or_default()
        ),
    }
}

/// What an exception object says, from `details.errors`, else from `details.error`.
fn errors(exception: Option<&Value>) -> Vec<String> {
    let Some(details) = exception.and_then(|e| e.get("details")) else {
        return Vec::new();
    };
    let listed: Vec<String> = details
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    if listed.is_empty() {
        details
            .get("error")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .into_iter()
            .collect()
    } else {
        listed
    }
}

fn score(run: &CanaryExecutionResult) -> Option<f64> {
    run.result.as_ref()?.judge_result.as_ref()?.total()
}

fn metrics(run: &CanaryExecutionResult) -> &[AnalysisResult] {
    run.result
        .as_ref()
        .and_then(|result| result.judge_result.as_ref())
        .and_then(|judged| judged.results.as_deref())
        .unwrap_or_default()
}

fn metric_name(metric: &AnalysisResult) -> String {
    let name = metric.name.clone().unwrap_or_default();
    match metric.tags.as_ref().filter(|tags| !tags.is_empty()) {
        Some(tags) => {
            let tags: Vec<String> = tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("{name} {{{}}}", tags.join(", "))
        }
        None => name,
    }
}

fn ratio(metric: &AnalysisResult) -> String {
    match metric
        .result_metadata
        .as_ref()
        .and_then(|data| data.get("ratio"))
    {
        Some(Value::Number(number)) => number
            .as_f64()
            .map(|r| format!("{r:.3}"))
            .unwrap_or_default(),
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn mean(side: Option<&kayenta_model::SideMetadata>) -> String {
    side.and_then(|side| side.full_stats())
        .map(|stats| format!("{:.4}", f64::from(stats.mean)))
        .unwrap_or_default()
}

fn text(status: &AnalysisStatusResponse) -> String {
    let verdict = Verdict::of(status);
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}", verdict.word(), message(status));
    for (index, run) in runs(status).iter().enumerate() {
        let total = score(run).map_or_else(|| "no score".to_owned(), |s| Double(s).to_string());
        let _ = writeln!(
            out,
            "\nrun {}  score {total}  {} to {}",
            index + 1,
            run.judgement_start_time_iso.as_deref().unwrap_or("?"),
            run.judgement_end_time_iso.as_deref().unwrap_or("?"),
        );
        for error in errors(run.exception.as_ref()) {
            let _ = writeln!(out, "  error: {error}");
        }
        for warning in &run.warnings {
            let _ = writeln!(out, "  warning: {warning}");
        }
        let groups = run
            .result
            .as_ref()
            .and_then(|result| result.judge_result.as_ref())
            .and_then(|judged| judged.group_scores.as_deref())
            .unwrap_or_default();
        for group in groups {
            let _ = writeln!(
                out,
                "  group {:<24} {}",
                group.name.as_deref().unwrap_or_default(),
                group.score.map(|s| s.to_string()).unwrap_or_default()
            );
        }
        for metric in metrics(run) {
            let _ = writeln!(
                out,
                "  {:<16} {:<32} baseline {}  canary {}  {}",
                metric.classification.as_deref().unwrap_or_default(),
                metric_name(metric),
                mean(metric.control_metadata.as_ref()),
                mean(metric.experiment_metadata.as_ref()),
                metric.classification_reason.as_deref().unwrap_or_default(),
            );
        }
    }
    out
}

fn markdown(status: &AnalysisStatusResponse) -> String {
    let verdict = Verdict::of(status);
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut out = String::new();
    let _ = writeln!(
        out,
        "## Canary: {}\n\n{}\n",
        verdict.word(),
        message(status)
    );
    for (index, run) in runs(status).iter().enumerate() {
        let total = score(run).map_or_else(|| "no score".to_owned(), |s| Double(s).to_string());
        let _ = writeln!(out, "### Run {}: {total}\n", index + 1);
        for error in errors(run.exception.as_ref()) {
            let _ = writeln!(out, "**Error:** {}\n", cell(&error));
        }
        for warning in &run.warnings {
            let _ = writeln!(out, "> {}\n", cell(warning));
        }
        if !metrics(run).is_empty() {
            let _ = writeln!(
                out,
                "| metric | classification | baseline | canary | ratio | reason |"
            );
            let _ = writeln!(out, "|---|---|---:|---:|---:|---|");
            for metric in metrics(run) {
                let _ = writeln!(
                    out,
                    "| {} | {} | {} | {} | {} | {} |",
                    cell(&metric_name(metric)),
                    metric.classification.as_deref().unwrap_or_default(),
                    mean(metric.control_metadata.as_ref()),
                    mean(metric.experiment_metadata.as_ref()),
                    ratio(metric),
                    cell(metric.classification_reason.as_deref().unwrap_or_default()),
                );
            }
            out.push('\n');
        }
    }
    out
}

/// One test suite a run, one test a metric, and one suite for the verdict itself.
fn junit(status: &AnalysisStatusResponse) -> Result<String, std::io::Error> {
    let mut report = Report::new("canary");
    let mut verdict_suite = TestSuite::new("canary");
    let verdict_status = match Verdict::of(status) {
        Verdict::Pass => TestCaseStatus::success(),
        other => {
            let kind = if other == Verdict::Error {
                NonSuccessKind::Error
            } else {
                NonSuccessKind::Failure
            };
            let mut failed = TestCaseStatus::non_success(kind);
            failed.set_message(message(status)).set_type(other.word());
            failed
        }
    };
    verdict_suite.add_test_case(TestCase::new("verdict", verdict_status));
    report.add_test_suite(verdict_suite);
    for (index, run) in runs(status).iter().enumerate() {
        let mut suite = TestSuite::new(format!("run {}", index + 1));
        for error in errors(run.exception.as_ref()) {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Error);
            failed.set_message(error);
            suite.add_test_case(TestCase::new("run", failed));
        }
        for metric in metrics(run) {
            let classification = metric.classification.as_deref().unwrap_or_default();
            let outcome = match classification {
                _ if metric.muted => TestCaseStatus::skipped(),
                "Pass" => TestCaseStatus::success(),
                "Nodata" if !metric.critical => TestCaseStatus::skipped(),
                _ => {
                    let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    failed
                        .set_message(metric.classification_reason.clone().unwrap_or_default())
                        .set_type(classification);
                    failed
                }
            };
            suite.add_test_case(TestCase::new(metric_name(metric), outcome));
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(std::io::Error::other)
}

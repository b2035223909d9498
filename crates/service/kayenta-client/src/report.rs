//! The verdict as text for people, Markdown for a summary page, JUnit XML for a test report.

use std::fmt::Write;

use kayenta_model::{
    AnalysisResult, CanaryExecutionResult, Double, explanation::MetricExplanation,
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;

use crate::{
    analyze::OutputFormat,
    evidence::{MetricEvidence, results},
    outcome::{Outcome, errors, last_judged, runs},
    verdict::Verdict,
};

/// The report of a finished analysis in the wanted form.
///
/// # Errors
/// When the XML or JSON cannot be written, which only memory could cause.
pub fn render(outcome: &Outcome, format: OutputFormat) -> Result<String, std::io::Error> {
    match format {
        OutputFormat::Text => Ok(text(outcome)),
        OutputFormat::Markdown => Ok(markdown(outcome)),
        OutputFormat::Json => serde_json::to_string_pretty(&outcome.status).map_err(Into::into),
        OutputFormat::Junit => junit(outcome),
    }
}

/// The report of an analysis that has no outcome, because the service refused it, could not be reached
/// or was not asked at all; `None` for the forms that leave it to standard error.
///
/// # Errors
/// When the XML cannot be written, which only memory could cause.
pub(crate) fn render_failure(
    reason: &str,
    format: OutputFormat,
) -> Result<Option<String>, std::io::Error> {
    match format {
        OutputFormat::Text | OutputFormat::Json => Ok(None),
        OutputFormat::Markdown => Ok(Some(format!(
            "## Canary: {}\n\n{reason}\n",
            Verdict::Error.word()
        ))),
        OutputFormat::Junit => {
            let mut report = Report::new("canary");
            report.add_test_suite(verdict_suite(Verdict::Error, reason, None));
            report.to_string().map(Some).map_err(std::io::Error::other)
        }
    }
}

fn score(run: &CanaryExecutionResult) -> Option<f64> {
    run.result.as_ref()?.judge_result.as_ref()?.total()
}

fn is_last_judged(outcome: &Outcome, run: &CanaryExecutionResult) -> bool {
    last_judged(&outcome.status).is_some_and(|last| std::ptr::eq(last, run))
}

/// The evidence of each metric, for the run it belongs to.
fn evidence_of<'o>(outcome: &'o Outcome, run: &CanaryExecutionResult) -> &'o [MetricEvidence] {
    match &outcome.evidence {
        Some(evidence) if is_last_judged(outcome, run) => &evidence.metrics,
        _ => &[],
    }
}

/// Why each metric has its label, for the run that is explained.
fn explanations_of<'o>(
    outcome: &'o Outcome,
    run: &CanaryExecutionResult,
) -> &'o [MetricExplanation] {
    match &outcome.explanation {
        Some(explanation) if is_last_judged(outcome, run) => &explanation.results,
        _ => &[],
    }
}

/// Why one metric has its label, in sentences.
fn sentences(explanation: Option<&MetricExplanation>) -> &[String] {
    explanation.map_or(&[], |explained| &explained.explanation.sentences)
}

fn points(evidence: Option<&MetricEvidence>) -> String {
    let side = |points: Option<usize>| points.map_or_else(|| "?".to_owned(), |p| p.to_string());
    evidence.map_or_else(String::new, |evidence| {
        format!(
            "{}/{}",
            side(evidence.control_points),
            side(evidence.experiment_points)
        )
    })
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
        .filter(|stats| stats.count > 0)
        .map_or_else(
            || "\u{2014}".to_owned(),
            |stats| format!("{:.4}", f64::from(stats.mean)),
        )
}

fn total(run: &CanaryExecutionResult) -> String {
    score(run).map_or_else(|| "no score".to_owned(), |score| Double(score).to_string())
}

fn label(metric: &AnalysisResult) -> &str {
    metric.classification.as_deref().unwrap_or_default()
}

fn reason(metric: &AnalysisResult) -> &str {
    metric.classification_reason.as_deref().unwrap_or_default()
}

fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}", outcome.verdict.word(), outcome.message);
    for warning in outcome.warnings() {
        let _ = writeln!(out, "warning: {warning}");
    }
    for (index, run) in runs(&outcome.status).iter().enumerate() {
        let _ = writeln!(
            out,
            "\nrun {}  score {}  {} to {}",
            index + 1,
            total(run),
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
        let evidence = evidence_of(outcome, run);
        let explanations = explanations_of(outcome, run);
        for (index, metric) in results(run).iter().enumerate() {
            let points = points(evidence.get(index));
            let points = if points.is_empty() {
                points
            } else {
                format!("  points {points}")
            };
            let _ = writeln!(
                out,
                "  {:<16} {:<32} baseline {}  canary {}{points}  {}",
                label(metric),
                metric_name(metric),
                mean(metric.control_metadata.as_ref()),
                mean(metric.experiment_metadata.as_ref()),
                reason(metric),
            );
            for sentence in sentences(explanations.get(index)) {
                let _ = writeln!(out, "    {sentence}");
            }
        }
    }
    out
}

fn markdown(outcome: &Outcome) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut out = String::new();
    let _ = writeln!(
        out,
        "## Canary: {}\n\n{}\n",
        outcome.verdict.word(),
        outcome.message
    );
    if let Some(page) = &outcome.page {
        let _ = writeln!(out, "[See why]({page})\n");
    }
    for warning in outcome.warnings() {
        let _ = writeln!(out, "> **Warning:** {}\n", cell(&warning));
    }
    for (index, run) in runs(&outcome.status).iter().enumerate() {
        let _ = writeln!(out, "### Run {}: {}\n", index + 1, total(run));
        for error in errors(run.exception.as_ref()) {
            let _ = writeln!(out, "**Error:** {}\n", cell(&error));
        }
        for warning in &run.warnings {
            let _ = writeln!(out, "> {}\n", cell(warning));
        }
        let metrics = results(run);
        if metrics.is_empty() {
            continue;
        }
        let evidence = evidence_of(outcome, run);
        let _ = writeln!(
            out,
            "| metric | classification | baseline | canary | ratio | points | reason |"
        );
        let _ = writeln!(out, "|---|---|---:|---:|---:|---:|---|");
        for (index, metric) in metrics.iter().enumerate() {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                cell(&metric_name(metric)),
                label(metric),
                mean(metric.control_metadata.as_ref()),
                mean(metric.experiment_metadata.as_ref()),
                ratio(metric),
                points(evidence.get(index)),
                cell(reason(metric)),
            );
        }
        out.push('\n');
        let explanations = explanations_of(outcome, run);
        for explained in explanations {
            let sentences = &explained.explanation.sentences;
            if !sentences.is_empty() {
                let _ = writeln!(out, "* {}", cell(&sentences.join(" ")));
            }
        }
        if !explanations.is_empty() {
            out.push('\n');
        }
    }
    out
}

/// One test suite a run, one test a metric, and one suite for the verdict itself. A metric that failed
/// without deciding the verdict is no failed test: a report that is red although the gate is green
/// would stop the pipeline that reads it.
fn junit(outcome: &Outcome) -> Result<String, std::io::Error> {
    let mut report = Report::new("canary");
    let warnings = outcome.warnings();
    let notes = (!warnings.is_empty()).then(|| warnings.join("\n"));
    report.add_test_suite(verdict_suite(outcome.verdict, &outcome.message, notes));
    for (index, run) in runs(&outcome.status).iter().enumerate() {
        let mut suite = TestSuite::new(format!("run {}", index + 1));
        for error in errors(run.exception.as_ref()) {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Error);
            failed.set_message(error);
            suite.add_test_case(TestCase::new("run", failed));
        }
        let evidence = evidence_of(outcome, run);
        let explanations = explanations_of(outcome, run);
        for (index, metric) in results(run).iter().enumerate() {
            suite.add_test_case(metric_case(
                outcome.verdict,
                metric,
                evidence.get(index),
                sentences(explanations.get(index)),
            ));
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(std::io::Error::other)
}

fn metric_case(
    verdict: Verdict,
    metric: &AnalysisResult,
    evidence: Option<&MetricEvidence>,
    sentences: &[String],
) -> TestCase {
    let mut values = format!(
        "{}: {}; baseline {}, canary {}, ratio {}, points {}",
        label(metric),
        reason(metric),
        mean(metric.control_metadata.as_ref()),
        mean(metric.experiment_metadata.as_ref()),
        ratio(metric),
        points(evidence),
    );
    for sentence in sentences {
        values.push('\n');
        values.push_str(sentence);
    }
    let decides = verdict != Verdict::Pass;
    let status = match label(metric) {
        _ if metric.muted => TestCaseStatus::skipped(),
        "Pass" => TestCaseStatus::success(),
        "Nodata" if !metric.critical => TestCaseStatus::skipped(),
        _ if !decides => TestCaseStatus::success(),
        label => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failed.set_message(values.clone()).set_type(label);
            failed
        }
    };
    let mut case = TestCase::new(metric_name(metric), status);
    case.set_system_out(values);
    case
}

fn verdict_suite(verdict: Verdict, message: &str, notes: Option<String>) -> TestSuite {
    let status = match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        other => {
            let kind = if other == Verdict::Error {
                NonSuccessKind::Error
            } else {
                NonSuccessKind::Failure
            };
            let mut failed = TestCaseStatus::non_success(kind);
            failed.set_message(message).set_type(other.word());
            failed
        }
    };
    let mut case = TestCase::new("verdict", status);
    let said: Vec<String> = [Some(message.to_owned()), notes]
        .into_iter()
        .flatten()
        .collect();
    case.set_system_out(said.join("\n"));
    let mut suite = TestSuite::new("canary");
    suite.add_test_case(case);
    suite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_analysis_that_never_ran_is_an_error_in_the_test_report() {
        let report = render_failure("no answer from <there>", OutputFormat::Junit)
            .unwrap()
            .unwrap();
        assert!(
            report.contains("errors=\"1\"") && report.contains("no answer from &lt;there&gt;"),
            "{report}"
        );
        let markdown = render_failure("refused", OutputFormat::Markdown).unwrap();
        assert_eq!(markdown.as_deref(), Some("## Canary: ERROR\n\nrefused\n"));
        for form in [OutputFormat::Text, OutputFormat::Json] {
            assert_eq!(render_failure("refused", form).unwrap(), None);
        }
    }
}

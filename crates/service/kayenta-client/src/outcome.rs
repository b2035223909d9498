//! A finished analysis as the gate reports it: the service's answer, what its last run had to compare,
//! and the verdict that follows from both.

use kayenta_model::{
    AnalysisStatusResponse, CanaryExecutionResult, ExecutionStatus, MetricSetPair,
    explanation::{AnalysisExplanation, CanaryExplanation, FindingId},
};
use serde_json::Value;

use crate::{evidence::Evidence, verdict::Verdict};

/// A finished analysis and what it is worth.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The service's answer.
    pub status: AnalysisStatusResponse,
    /// What the last judged run had to compare; `None` when no run was judged.
    pub evidence: Option<Evidence>,
    /// Why the last judged run has its labels; `None` when it is not known.
    pub explanation: Option<CanaryExplanation>,
    /// The page of the analysis for browsers, if the service knows its own address.
    pub page: Option<String>,
    /// What the analysis comes to.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub message: String,
}

impl Outcome {
    /// Weighs a finished analysis. `pairs` is the pair list of its last judged run. An analysis that
    /// compared nothing has no verdict, whatever its score, unless `allow_empty`.
    #[must_use]
    pub fn new(
        status: AnalysisStatusResponse,
        pairs: Option<&[MetricSetPair]>,
        allow_empty: bool,
    ) -> Self {
        let evidence =
            last_judged(&status).map(|run| Evidence::of(run, pairs, status.canary_config.as_ref()));
        let mut verdict = Verdict::of(&status);
        let mut message = message(&status);
        let empty = evidence.as_ref().is_some_and(|e| !e.compared_anything());
        if empty && !allow_empty && verdict != Verdict::Error {
            message = format!(
                "Nothing was compared: no metric that counts has data on both sides from two queries. \
                 The analysis itself says: {message}"
            );
            verdict = Verdict::Error;
        }
        Self {
            status,
            evidence,
            explanation: None,
            page: None,
            verdict,
            message,
        }
    }

    /// The same with the explanation of its newest verdict, if that is the one of the last judged run.
    #[must_use]
    pub fn explained(mut self, explanation: AnalysisExplanation) -> Self {
        let last = last_judged(&self.status).and_then(|run| run.execution_id.as_deref());
        if last.is_some() && last == explanation.execution_id.as_deref() {
            self.explanation = Some(explanation.explanation);
        }
        self
    }

    /// What a reader of the verdict should know: how much there was to compare, then the findings that say
    /// more than that.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let evidence = self.evidence.iter().flat_map(|e| e.warnings.clone());
        let findings = self.explanation.iter().flat_map(|e| &e.findings);
        let findings = findings
            .filter(|found| {
                !matches!(
                    found.finding.id,
                    FindingId::SameQuery | FindingId::ErrorNotCounted | FindingId::FewPoints
                )
            })
            .map(|found| match &found.metric {
                Some(metric) if !found.finding.sentence.starts_with(metric.as_str()) => {
                    format!("{metric}: {}", found.finding.sentence)
                }
                _ => found.finding.sentence.clone(),
            });
        evidence.chain(findings).collect()
    }
}

/// The runs of an analysis.
pub(crate) fn runs(status: &AnalysisStatusResponse) -> &[CanaryExecutionResult] {
    status
        .canary_analysis_execution_result
        .as_ref()
        .map(|result| result.canary_execution_results.as_slice())
        .unwrap_or_default()
}

/// The last run that a judge saw.
pub(crate) fn last_judged(status: &AnalysisStatusResponse) -> Option<&CanaryExecutionResult> {
    runs(status).iter().rev().find(|run| {
        run.result
            .as_ref()
            .is_some_and(|result| result.judge_result.is_some())
    })
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
                .map(ExecutionStatus::lower)
                .unwrap_or_default()
        ),
    }
}

/// What an exception object says, from `details.errors`, else from `details.error`, in the words of
/// this command.
pub(crate) fn errors(exception: Option<&Value>) -> Vec<String> {
    let Some(details) = exception.and_then(|e| e.get("details")) else {
        return Vec::new();
    };
    let listed: Vec<String> = details
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(in_own_words)
        .collect();
    if listed.is_empty() {
        details
            .get("error")
            .and_then(Value::as_str)
            .map(in_own_words)
            .into_iter()
            .collect()
    } else {
        listed
    }
}

/// Texts of the service that name its inner workings, in the words and flags of this command.
pub(crate) fn in_own_words(text: &str) -> String {
    const TEXTS: [(&str, &str); 4] = [
        (
            "Canary StageExecution configuration must include either `endTime` or `lifetimeDuration`.",
            "The length of the analysis is not set: give --lifetime, or --start and --end for a window \
             in the past.",
        ),
        (
            "Canary StageExecution configuration must contain at least one scope.",
            "The request has no scope: give --baseline and --canary.",
        ),
        (
            "Canary StageExecution configuration",
            "The request of the analysis",
        ),
        ("No pipeline found for", "there is no analysis with the id"),
    ];
    // The fields of a request, with the option that sets each.
    const FIELDS: [(&str, &str); 9] = [
        ("scopes[0].startTimeIso", "--start"),
        ("scopes[0].endTimeIso", "--end"),
        ("scopes[0].step", "--step"),
        ("scopes[0].controlOffsetInMinutes", "--control-offset"),
        ("lifetimeDurationMins", "--lifetime"),
        ("analysisIntervalMins", "--interval"),
        ("beginAfterMins", "--begin-after"),
        ("lookbackMins", "--lookback"),
        ("thresholds.pass", "--pass"),
    ];
    let theirs = TEXTS.iter().find(|(theirs, _)| text.contains(theirs));
    let mut text = theirs.map_or_else(
        || text.to_owned(),
        |(theirs, own)| text.replace(theirs, own),
    );
    for (field, option) in FIELDS {
        if !text.contains(option) {
            text = text.replacen(&format!("{field}:"), &format!("{field} ({option}):"), 1);
        }
    }
    in_words_of_time(&text)
}

/// `Text 'x' could not be parsed at index 3`, as Java says it, names neither what is wrong nor what would be right.
fn in_words_of_time(text: &str) -> String {
    let own = || {
        let (before, rest) = text.split_once("Text '")?;
        let (written, rest) = rest.split_once("' could not be parsed")?;
        let after = rest.trim_start_matches(|c: char| c != ';' && c != '\n');
        Some(format!(
            "{before}'{written}' is not a time; write it as 2026-01-31T12:00:00Z{after}"
        ))
    };
    own().unwrap_or_else(|| text.to_owned())
}

/// The name of a stage as this command calls it: the service names two by what their code does.
pub(crate) fn stage_in_own_words(name: &str) -> &str {
    if name.starts_with("Sets up and executes the wait") {
        "Analysis"
    } else if name.starts_with("Aggregates and evaluates the canary executions") {
        "Verdict"
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{in_own_words, stage_in_own_words};

    #[test]
    fn errors_of_the_service_are_in_the_words_and_options_of_the_command() {
        for (theirs, own) in [
            (
                "scopes[0].startTimeIso: Text '2026-01-01' could not be parsed at index 10",
                "scopes[0].startTimeIso (--start): '2026-01-01' is not a time; write it as 2026-01-31T12:00:00Z",
            ),
            (
                "lifetimeDurationMins: an analysis must last at least one minute.",
                "lifetimeDurationMins (--lifetime): an analysis must last at least one minute.",
            ),
            (
                "the server refused the request (404): No pipeline found for nope",
                "the server refused the request (404): there is no analysis with the id nope",
            ),
            ("cpu: no data", "cpu: no data"),
        ] {
            assert_eq!(in_own_words(theirs), own);
        }
        assert_eq!(stage_in_own_words("Run Canary #1"), "Run Canary #1");
    }
}

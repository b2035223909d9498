//! What is said of an event, before it takes the form of a receiver.

use kayenta_model::{
    CanaryJudgeResult, Double, ExecutionKind,
    explanation::{CanaryExplanation, MetricExplanation},
    time::iso_millis,
};
use kayenta_settings::{NotificationEvent, NotificationVerdict};
use serde::Serialize;

use crate::event::Event;

/// Metrics that are named; the rest is counted.
const MOST_METRICS: usize = 5;
/// Sentences about each.
const MOST_SENTENCES: usize = 2;
/// Characters of a sentence or a name.
const LONGEST: usize = 300;

/// A metric that speaks against the canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FailingMetric {
    pub(crate) name: String,
    /// Its label: `High`, `Low` and the like.
    #[serde(rename = "classification")]
    pub(crate) label: String,
    /// Why it has its label.
    pub(crate) sentences: Vec<String>,
}

/// The failing metrics of a run, at most so many as are shown, with how many there are.
pub(crate) fn failing_metrics(
    result: &CanaryJudgeResult,
    explanation: Option<&CanaryExplanation>,
) -> (Vec<FailingMetric>, usize) {
    let explained = |id: Option<&str>, name: &str| {
        let results = explanation.map_or(&[][..], |explanation| &explanation.results);
        let matches = |of: &&MetricExplanation| match (id, of.id.as_deref()) {
            (Some(id), Some(of)) => id == of,
            _ => of.name == name,
        };
        let found = results.iter().find(matches);
        found.map_or(&[][..], |found| &found.explanation.sentences)
    };
    let failing: Vec<FailingMetric> = result
        .results
        .iter()
        .flatten()
        .filter(|result| !result.muted)
        .filter_map(|result| {
            let label = result.classification.as_deref()?;
            if matches!(label, "Pass" | "Nodata") {
                return None;
            }
            let name = result.name.as_deref().unwrap_or("a metric");
            let sentences = explained(result.id.as_deref(), name).iter();
            Some(FailingMetric {
                name: shortened(name),
                label: label.to_owned(),
                sentences: sentences
                    .take(MOST_SENTENCES)
                    .map(|sentence| shortened(sentence))
                    .collect(),
            })
        })
        .collect();
    let all = failing.len();
    (failing.into_iter().take(MOST_METRICS).collect(), all)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// All that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// One line.
    pub(crate) title: String,
    pub(crate) verdict: Option<NotificationVerdict>,
    /// Names and values, the most telling first.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) failing: Vec<FailingMetric>,
    /// How many metrics failed beside those.
    pub(crate) more_failing: usize,
    /// The page of the execution.
    pub(crate) link: Option<String>,
    /// When it came to be.
    pub(crate) at: String,
}

impl Said {
    pub(crate) fn of(
        event: &Event<'_>,
        (failing, all_failing): (Vec<FailingMetric>, usize),
        public_url: Option<&str>,
    ) -> Self {
        Self {
            title: title(event),
            verdict: event.verdict(),
            facts: facts(event),
            more_failing: all_failing - failing.len(),
            failing,
            link: public_url.map(|base| link(event, base)),
            at: iso_millis(event.at_millis()),
        }
    }

    /// The whole as plain text, one thing to a line.
    pub(crate) fn plain(&self) -> String {
        let mut lines = vec![self.title.clone()];
        lines.extend(self.reasons());
        lines.extend(self.link.clone());
        lines.join("\n")
    }

    /// One line for each failing metric.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .failing
            .iter()
            .map(|metric| {
                let sentences = metric.sentences.join(" ");
                let line = format!("{} ({}): {sentences}", metric.name, metric.label);
                line.trim_end_matches([':', ' ']).to_owned()
            })
            .collect();
        if self.more_failing > 0 {
            lines.push(format!("and {} more", self.more_failing));
        }
        lines
    }
}

/// The word of a verdict in data.
pub(crate) fn word(verdict: NotificationVerdict) -> &'static str {
    match verdict {
        NotificationVerdict::Passed => "passed",
        NotificationVerdict::Marginal => "marginal",
        NotificationVerdict::Failed => "failed",
        NotificationVerdict::Canceled => "canceled",
        NotificationVerdict::Terminal => "terminal",
    }
}

/// Scores have one decimal where they need one.
fn shown(score: Double) -> String {
    if !score.0.is_finite() {
        return score.to_string();
    }
    let text = format!("{:.1}", score.0);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn title(event: &Event<'_>) -> String {
    let summary = &event.history.summary;
    let what = match summary.kind {
        ExecutionKind::Analysis => "Canary analysis",
        _ => "Canary run",
    };
    let application = shortened(&summary.application);
    let outcome = match event.verdict() {
        None => "has started",
        Some(NotificationVerdict::Passed) => "passed",
        Some(NotificationVerdict::Marginal) => "is marginal",
        Some(NotificationVerdict::Failed) => "failed",
        Some(NotificationVerdict::Canceled) => "was canceled",
        Some(NotificationVerdict::Terminal) => "ended without a verdict",
    };
    let score = event.score().map(shown);
    let score = score.map_or_else(String::new, |score| format!(" with score {score}"));
    match (event.kind, event.look) {
        (NotificationEvent::Judged, Some(look)) => {
            let of = summary.runs_planned;
            let of = of.map_or_else(String::new, |planned| format!(" of {planned}"));
            format!(
                "{what} of {application}: judgement {}{of} {outcome}{score}",
                look.number
            )
        }
        _ => format!("{what} of {application} {outcome}{score}"),
    }
}

fn facts(event: &Event<'_>) -> Vec<(&'static str, String)> {
    let summary = &event.history.summary;
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((name, shortened(&value)));
        }
    };
    let thresholds = summary.thresholds.map(|thresholds| {
        let limit = |name, limit: Option<f64>| limit.map(|limit| format!("{name} {limit}"));
        let limits = [
            limit("marginal", thresholds.marginal),
            limit("pass", thresholds.pass),
        ];
        limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    fact("Thresholds", thresholds);
    fact(
        "Config",
        summary
            .config_name
            .clone()
            .or_else(|| summary.config_id.clone()),
    );
    fact("Baseline", summary.baseline.clone());
    fact("Canary", summary.canary.clone());
    fact("Started by", summary.user.clone());
    if event.kind == NotificationEvent::Ended {
        fact("Cause", summary.message.clone());
    }
    facts
}

fn link(event: &Event<'_>, base: &str) -> String {
    let summary = &event.history.summary;
    let pages = match summary.kind {
        ExecutionKind::Analysis => "analyses",
        _ => "runs",
    };
    format!("{}/ui/{pages}/{}", base.trim_end_matches('/'), summary.id)
}

#[cfg(test)]
mod tests {
    use kayenta_model::{
        ExecutionStatus,
        explanation::{Explanation, MetricExplanation},
        judgement::AnalysisResult,
    };

    use super::*;
    use crate::{event::events, sample};

    #[test]
    fn titles_say_what_came_out_with_which_score() {
        let mut history = sample::analysis();
        let titles: Vec<_> = events(&history).iter().map(title).collect();
        assert_eq!(
            titles,
            [
                "Canary analysis of shop has started",
                "Canary analysis of shop: judgement 1 of 2 passed with score 100",
                "Canary analysis of shop: judgement 2 of 2 failed with score 50",
                "Canary analysis of shop failed with score 50",
            ]
        );
        history.summary.kind = ExecutionKind::Run;
        history.summary.status = ExecutionStatus::Canceled;
        history.summary.score = None;
        history.looks.clear();
        let event = *events(&history).last().unwrap();
        assert_eq!(title(&event), "Canary run of shop was canceled");
        assert_eq!(shown(Double(66.666)), "66.7");
    }

    #[test]
    fn failing_metrics_come_with_their_sentences_and_the_rest_is_counted() {
        let metric = |name: String, label: &str| AnalysisResult {
            id: Some(format!("id-{name}")),
            name: Some(name),
            classification: Some(label.to_owned()),
            ..AnalysisResult::default()
        };
        let mut results = vec![
            metric("fine".to_owned(), "Pass"),
            metric("absent".to_owned(), "Nodata"),
        ];
        results.extend((0..7).map(|number| metric(format!("m{number}"), "High")));
        let result = CanaryJudgeResult {
            results: Some(results),
            ..CanaryJudgeResult::default()
        };
        let explanation = CanaryExplanation {
            results: vec![MetricExplanation {
                name: "m0".to_owned(),
                id: Some("id-m0".to_owned()),
                explanation: Explanation {
                    sentences: vec!["One.".to_owned(), "x".repeat(400), "Three.".to_owned()],
                    ..Explanation::default()
                },
                ..MetricExplanation::default()
            }],
            ..CanaryExplanation::default()
        };
        let (failing, all) = failing_metrics(&result, Some(&explanation));
        assert_eq!((failing.len(), all), (5, 7));
        assert_eq!(failing[0].sentences[0], "One.");
        assert_eq!(failing[0].sentences[1].chars().count(), LONGEST + 1);
        assert_eq!(failing[0].sentences.len(), MOST_SENTENCES);
        let history = sample::analysis();
        let event = *events(&history).last().unwrap();
        let said = Said::of(&event, (failing, all), Some("https://k.example.com/"));
        let plain = said.plain();
        assert!(plain.contains("\nm1 (High)\n"), "{plain}");
        assert!(plain.contains("\nand 2 more\n"), "{plain}");
        assert!(
            plain.ends_with("https://k.example.com/ui/analyses/01KE6QW70000000000000TEST0"),
            "{plain}"
        );
    }
}

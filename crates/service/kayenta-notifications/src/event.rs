//! What there is to say of an execution, in order.

use kayenta_engine::{ExecutionHistory, JudgedLook};
use kayenta_model::{Double, ExecutionKind, ExecutionStatus, Thresholds};
use kayenta_settings::{NotificationEvent, NotificationVerdict};

/// One thing to say of an execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'h> {
    pub(crate) history: &'h ExecutionHistory,
    /// Its place among the events of the execution, from 0.
    pub(crate) ordinal: usize,
    pub(crate) kind: NotificationEvent,
    /// The judgement it is about.
    pub(crate) look: Option<&'h JudgedLook>,
}

/// All events of an execution so far: that it was started, each judgement, its end. Runs of analyses and comparisons of judges
/// have none of their own.
pub(crate) fn events(history: &ExecutionHistory) -> Vec<Event<'_>> {
    if !matches!(
        history.summary.kind,
        ExecutionKind::Run | ExecutionKind::Analysis
    ) {
        return Vec::new();
    }
    let event = |ordinal, kind, look| Event {
        history,
        ordinal,
        kind,
        look,
    };
    let mut events = vec![event(0, NotificationEvent::Started, None)];
    for look in &history.looks {
        events.push(event(events.len(), NotificationEvent::Judged, Some(look)));
    }
    if history.has_ended() {
        let last = history.looks.last();
        events.push(event(events.len(), NotificationEvent::Ended, last));
    }
    events
}

impl Event<'_> {
    /// The trace of the request that asked for the execution.
    pub(crate) fn trace_id(&self) -> Option<&str> {
        self.history.trace.as_ref()?.trace_id()
    }

    /// The same for every delivery and every receiver; without dots, as Standard Webhooks wants it.
    pub(crate) fn id(&self) -> String {
        let execution = &self.history.summary.id;
        match (self.kind, self.look) {
            (NotificationEvent::Started, _) => format!("{execution}-started"),
            (NotificationEvent::Judged, Some(look)) => {
                format!("{execution}-judged-{}", look.number)
            }
            (NotificationEvent::Judged, None) => format!("{execution}-judged"),
            (NotificationEvent::Ended, _) => format!("{execution}-ended"),
        }
    }

    /// Its type for receivers that dispatch on it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            NotificationEvent::Started => "kayenta.analysis.started",
            NotificationEvent::Judged => "kayenta.analysis.judged",
            NotificationEvent::Ended => "kayenta.analysis.ended",
        }
    }

    /// When it came to be, in milliseconds since 1970.
    pub(crate) fn at_millis(&self) -> i64 {
        let summary = &self.history.summary;
        match (self.kind, self.look) {
            (NotificationEvent::Started, _) => summary.build_time_millis,
            (NotificationEvent::Judged, Some(look)) => look.at_millis,
            _ => summary.end_time_millis.unwrap_or(summary.build_time_millis),
        }
    }

    /// The score it is about.
    pub(crate) fn score(&self) -> Option<Double> {
        match self.kind {
            NotificationEvent::Started => None,
            NotificationEvent::Judged => self.look.map(|look| look.score),
            NotificationEvent::Ended => self.history.summary.score,
        }
    }

    /// How it came out; `None` before there is anything to judge.
    pub(crate) fn verdict(&self) -> Option<NotificationVerdict> {
        let summary = &self.history.summary;
        match self.kind {
            NotificationEvent::Started => None,
            NotificationEvent::Judged => self
                .look
                .map(|look| of_score(look.score, summary.thresholds)),
            NotificationEvent::Ended => Some(match (summary.status, summary.verdict.as_deref()) {
                (ExecutionStatus::Canceled, _) => NotificationVerdict::Canceled,
                (_, Some("Pass")) => NotificationVerdict::Passed,
                (_, Some("Marginal")) => NotificationVerdict::Marginal,
                (_, Some(_)) => NotificationVerdict::Failed,
                (_, None) => NotificationVerdict::Terminal,
            }),
        }
    }

    /// The canary run whose metrics explain the verdict.
    pub(crate) fn judged_run(&self) -> Option<&str> {
        let summary = &self.history.summary;
        match (self.kind, summary.kind) {
            (NotificationEvent::Started, _) => None,
            (_, ExecutionKind::Run) => Some(&summary.id),
            _ => self.look.map(|look| look.execution_id.as_str()),
        }
    }
}

/// A score against the thresholds of an analysis, as the analysis itself decides.
fn of_score(score: Double, thresholds: Option<Thresholds>) -> NotificationVerdict {
    let Thresholds { pass, marginal } = thresholds.unwrap_or_default();
    if marginal.is_some_and(|marginal| score.0 <= marginal) {
        NotificationVerdict::Failed
    } else if pass.is_some_and(|pass| score.0 < pass) {
        NotificationVerdict::Marginal
    } else {
        NotificationVerdict::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn events_are_the_start_each_judgement_and_the_end_with_ids_that_never_change() {
        let history = sample::analysis();
        let reported: Vec<_> = events(&history)
            .iter()
            .map(|event| (event.ordinal, event.id(), event.verdict()))
            .collect();
        let id = &history.summary.id;
        assert_eq!(
            reported,
            [
                (0, format!("{id}-started"), None),
                (
                    1,
                    format!("{id}-judged-1"),
                    Some(NotificationVerdict::Passed)
                ),
                (
                    2,
                    format!("{id}-judged-2"),
                    Some(NotificationVerdict::Failed)
                ),
                (3, format!("{id}-ended"), Some(NotificationVerdict::Failed)),
            ]
        );
        assert_eq!(history.events(), 4);
    }

    #[test]
    fn runs_inside_an_analysis_have_no_events_of_their_own() {
        let mut history = sample::analysis();
        history.summary.kind = ExecutionKind::AnalysisRun;
        assert!(events(&history).is_empty());
    }

    #[test]
    fn an_end_without_a_verdict_is_canceled_or_terminal() {
        let mut history = sample::analysis();
        history.summary.verdict = None;
        history.summary.status = ExecutionStatus::Canceled;
        let last = |history: &ExecutionHistory| events(history).last().unwrap().verdict();
        assert_eq!(last(&history), Some(NotificationVerdict::Canceled));
        history.summary.status = ExecutionStatus::Terminal;
        assert_eq!(last(&history), Some(NotificationVerdict::Terminal));
    }

    #[test]
    fn a_score_at_the_marginal_threshold_fails_and_one_at_the_pass_threshold_passes() {
        let thresholds = Some(Thresholds {
            pass: Some(95.0),
            marginal: Some(75.0),
        });
        for (score, verdict) in [
            (75.0, NotificationVerdict::Failed),
            (75.5, NotificationVerdict::Marginal),
            (95.0, NotificationVerdict::Passed),
        ] {
            assert_eq!(of_score(Double(score), thresholds), verdict);
        }
    }
}

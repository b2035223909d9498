//! A standalone analysis as a timeline of its runs.

use askama::Template;
use kayenta_model::{
    AnalysisRequest, AnalysisStatusResponse, CanaryJudgeResult, CanaryStatusResponse,
    ExecutionStatus,
};

use crate::{
    Fact, Markup,
    chart::{
        Paint,
        canvas::{Anchor, Canvas, Style},
        scale::Scale,
    },
    label::Badge,
    number::{self, Timestamp},
};

/// Metrics that failed of which a run says the names.
const NAMED_METRICS: usize = 3;

/// An analysis and what is known of its runs.
#[derive(Clone, Copy, Debug)]
pub struct AnalysisView<'a> {
    /// Its status.
    pub status: &'a AnalysisStatusResponse,
    /// Its runs as far as they are known, for results before the analysis has its own.
    pub runs: &'a [CanaryStatusResponse],
    /// What stands before the id of a run in a link; `None` for a file without pages beside it.
    pub runs_at: Option<&'a str>,
    /// When its next run is due, while it waits for it.
    pub next_run: Option<NextRun>,
}

/// When the next run of an analysis is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRun {
    /// When, in milliseconds since 1970.
    pub due_millis: i64,
    /// When somebody looks, in milliseconds since 1970.
    pub now_millis: i64,
}

impl NextRun {
    /// How long it is until then: `in 4 min 30 s`, or `now` when it is due.
    #[must_use]
    pub fn relative(self) -> String {
        let seconds = (self.due_millis.saturating_sub(self.now_millis)).div_euclid(1000);
        match seconds {
            ..=0 => "now".to_owned(),
            _ => format!("in {}", number::duration(seconds.saturating_mul(1000))),
        }
    }

    /// When that is; `None` beyond the calendar.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        Timestamp::of(self.due_millis)
    }
}

/// The run of an analysis that is due next.
struct NextLine {
    number: usize,
    at: Timestamp,
    relative: String,
}

#[derive(Template)]
#[template(path = "analysis.html")]
struct AnalysisTemplate {
    badge: Badge,
    score: String,
    complete: bool,
    pass: String,
    marginal: String,
    sentences: Vec<String>,
    next: Option<NextLine>,
    looks: Vec<LookLine>,
    total: usize,
    timeline: Markup,
    facts: Markup,
}

struct LookLine {
    number: usize,
    href: Option<String>,
    badge: Badge,
    score: String,
    value: Option<f64>,
    window: Option<(Timestamp, Timestamp)>,
    what: String,
    /// The metrics that kept its score down.
    failed: Option<String>,
    /// Whether it has not begun.
    waits: bool,
}

impl AnalysisView<'_> {
    /// What the analysis is called at the top of a page.
    #[must_use]
    pub fn title(&self) -> String {
        let config = self.status.canary_config.as_ref();
        let config = config.and_then(|config| config.name.as_deref());
        let parts: Vec<&str> = [self.status.application.as_deref(), config]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() {
            "Canary analysis".to_owned()
        } else {
            parts.join(" · ")
        }
    }

    /// The analysis as the body of a page or the beginning of a report.
    #[must_use]
    pub fn overview(&self) -> Markup {
        let looks = self.looks();
        let total = looks.len();
        let (pass, marginal) = self.thresholds();
        let last = looks.iter().rev().find_map(|look| look.value);
        let template = AnalysisTemplate {
            badge: self.badge(),
            score: last.map(number::score).unwrap_or_default(),
            complete: self.status.complete,
            pass: number::score(pass),
            marginal: number::score(marginal),
            sentences: self.sentences(&looks),
            next: self.next(&looks),
            timeline: self.timeline(&looks),
            looks,
            total,
            facts: Fact::list(&self.facts()),
        };
        Markup::of(&template)
    }

    /// What the analysis comes to: its verdict, or its status when it has none.
    #[must_use]
    pub fn badge(&self) -> Badge {
        match self.status.verdict() {
            Some(verdict) => Badge::of_label(verdict.word()),
            None => Badge::of_status(self.status.execution_status.unwrap_or_default().as_str()),
        }
    }

    fn request(&self) -> Option<&AnalysisRequest> {
        self.status.canary_analysis_execution_request.as_ref()
    }

    fn thresholds(&self) -> (f64, f64) {
        let thresholds = self
            .request()
            .and_then(|request| request.thresholds)
            .unwrap_or_default();
        (
            thresholds.pass.unwrap_or_default(),
            thresholds.marginal.unwrap_or_default(),
        )
    }

    fn looks(&self) -> Vec<LookLine> {
        let stages = self
            .status
            .stage_status
            .iter()
            .flatten()
            .filter(|stage| stage.kind == "runCanary");
        stages
            .enumerate()
            .map(|(index, stage)| self.look(index + 1, stage.execution_id.as_deref(), stage.status))
            .collect()
    }

    fn look(&self, number: usize, id: Option<&str>, status: ExecutionStatus) -> LookLine {
        let result = self.status.canary_analysis_execution_result.as_ref();
        let ended = result
            .iter()
            .flat_map(|result| &result.canary_execution_results)
            .find(|run| id.is_some() && run.execution_id.as_deref() == id);
        let run = self
            .runs
            .iter()
            .find(|run| id.is_some() && run.pipeline_id.as_deref() == id);
        let judged: Option<&CanaryJudgeResult> = ended
            .and_then(|run| run.result.as_ref())
            .or_else(|| run.and_then(|run| run.result.as_ref()))
            .and_then(|result| result.judge_result.as_ref());
        let value = judged.and_then(CanaryJudgeResult::total);
        let (pass, marginal) = self.thresholds();
        let badge = match value {
            Some(score) if score <= marginal => Badge::of_label("Fail"),
            Some(score) if score >= pass => Badge::of_label("Pass"),
            Some(_) => Badge::of_label("Marginal"),
            None => Badge::of_status(status.as_str()),
        };
        let exception = ended
            .and_then(|run| run.exception.as_ref())
            .or_else(|| run.and_then(|run| run.exception.as_ref()));
        let reason = judged.and_then(|judged| judged.score.as_ref()?.classification_reason.clone());
        let failed = judged.and_then(failed_metrics);
        LookLine {
            number,
            href: id
                .and_then(|id| Some(format!("{}{}", self.runs_at?, crate::overview::encoded(id)))),
            badge,
            score: value.map(number::score).unwrap_or_default(),
            value,
            window: window(
                ended.and_then(|run| {
                    run.judgement_start_time_millis
                        .zip(run.judgement_end_time_millis)
                }),
                run,
            ),
            what: match exception.map(crate::failure::first_error) {
                Some(error) => error,
                None => [reason, failed.clone()]
                    .into_iter()
                    .flatten()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("; "),
            },
            failed,
            waits: status == ExecutionStatus::NotStarted,
        }
    }

    fn next(&self, looks: &[LookLine]) -> Option<NextLine> {
        let next_run = self.next_run?;
        Some(NextLine {
            number: looks.iter().find(|look| look.waits)?.number,
            at: next_run.at()?,
            relative: next_run.relative(),
        })
    }

    fn sentences(&self, looks: &[LookLine]) -> Vec<String> {
        let mut sentences = Vec::new();
        let result = self.status.canary_analysis_execution_result.as_ref();
        let message = result
            .and_then(|result| result.canary_score_message.clone())
            .filter(|message| !message.is_empty());
        sentences.extend(message);
        if let Some(last) = looks.iter().rev().find(|look| look.value.is_some())
            && last.badge.class != "pass"
            && let Some(failed) = &last.failed
        {
            sentences.push(format!("Run {} of {}: {failed}.", last.number, looks.len()));
        }
        if self.status.complete && self.badge().word == "Marginal" {
            sentences
                .push("Marginal is not a pass: a gate such as kayenta analyze fails.".to_owned());
        }
        let ran = looks
            .iter()
            .filter(|look| look.href.is_some() || look.value.is_some())
            .count();
        if self.status.complete && ran < looks.len() && ran > 0 {
            sentences.push(format!("It ended at run {ran} of {}.", looks.len()));
        }
        if let Some(exception) = &self.status.exception {
            let error = crate::failure::first_error(exception);
            if !error.is_empty() && !sentences.contains(&error) {
                sentences.push(error);
            }
        }
        if !self.status.complete {
            let running = self
                .status
                .stage_status
                .iter()
                .flatten()
                .find(|stage| stage.status == ExecutionStatus::Running);
            sentences.extend(match running {
                Some(stage) if stage.kind == "wait" => {
                    // Where it is known when the next run is due, that says as much.
                    let waits = "It waits for the window of the next run to end.".to_owned();
                    self.next_run.is_none().then_some(waits)
                }
                Some(stage) if stage.kind == "runCanary" => {
                    Some(format!("{} is running.", stage.name))
                }
                _ => Some("It is under way.".to_owned()),
            });
        }
        sentences
    }

    /// The scores of the runs against both thresholds.
    fn timeline(&self, looks: &[LookLine]) -> Markup {
        let (pass, marginal) = self.thresholds();
        let described: Vec<String> = looks
            .iter()
            .map(|look| match look.value {
                Some(value) => format!("run {} {}", look.number, number::score(value)),
                None => format!("run {} {}", look.number, look.badge.word),
            })
            .collect();
        let (left, right, top, bottom) = (100.0, 1088.0, 14.0, 120.0);
        let y = Scale::new((0.0, 100.0), (bottom, top));
        let paint = if self.runs_at.is_some() {
            Paint::Classes
        } else {
            Paint::Attributes
        };
        let mut canvas = Canvas::new(
            1100,
            146,
            "chart",
            "Scores of the runs",
            &described.join("; "),
            paint,
        );
        for (score, style, name) in [
            (pass, Style::Limit, "pass"),
            (marginal, Style::CriticalLimit, "marginal"),
        ] {
            canvas.line(style, (left, y.at(score)), (right, y.at(score)));
            canvas.text(
                Style::Label,
                (4.0, y.at(score) + 4.0),
                Anchor::Start,
                &format!("{name} {}", number::score(score)),
            );
        }
        let width = (right - left) / looks.len().max(1) as f64;
        // Numbers of many runs would overlap.
        let every = looks.len().div_ceil(25).max(1);
        for look in looks {
            let x = left + (look.number as f64 - 0.5) * width;
            if let Some(value) = look.value {
                let style = look.badge.style();
                canvas.thick_line(style, (x, bottom), (x, y.at(value)), 4);
                canvas.circle(style, (x, y.at(value)), 4.0);
            }
            if look.number % every == 0 || looks.len() == look.number {
                canvas.text(
                    Style::Label,
                    (x, bottom + 18.0),
                    Anchor::Middle,
                    &look.number.to_string(),
                );
            }
        }
        canvas.finish()
    }

    fn facts(&self) -> Vec<Fact> {
        let status = self.status;
        let mut facts = Vec::new();
        let mut add = |name, text: Option<String>| facts.extend(Fact::text(name, text));
        add("Application", status.application.clone());
        add(
            "Config",
            status
                .canary_config
                .as_ref()
                .and_then(|config| config.name.clone()),
        );
        add("Config id", status.canary_config_id.clone());
        add("Started by", status.user.clone());
        add("Pipeline", status.parent_pipeline_execution_id.clone());
        facts.extend(Fact::time("Accepted", status.build_time_millis));
        facts.extend(Fact::time("Ended", status.end_time_millis));
        let mut add = |name, text: Option<String>| facts.extend(Fact::text(name, text));
        add(
            "Took",
            status
                .start_time_millis
                .zip(status.end_time_millis)
                .map(|(start, end)| number::duration(end - start)),
        );
        add("Metrics account", status.metrics_account_name.clone());
        add("Storage account", status.storage_account_name.clone());
        if let Some(request) = self.request() {
            let minutes = |minutes: i64| number::duration(minutes.saturating_mul(60_000));
            add("Lifetime", request.lifetime_duration_mins.map(minutes));
            add("Interval", request.analysis_interval_mins.map(minutes));
            add(
                "Begins after",
                (request.begin_after_mins > 0).then(|| minutes(request.begin_after_mins)),
            );
            add(
                "Lookback",
                Some(if request.lookback_mins > 0 {
                    minutes(request.lookback_mins)
                } else {
                    "growing window".to_owned()
                }),
            );
            for scope in request.scopes.iter().flatten().flatten() {
                let side = |scope: &Option<String>, location: &Option<String>| {
                    let scope = scope.as_deref().unwrap_or("—");
                    match location.as_deref().filter(|location| !location.is_empty()) {
                        Some(location) => format!("{scope} ({location})"),
                        None => scope.to_owned(),
                    }
                };
                add(
                    "Scope",
                    Some(format!(
                        "{}: baseline {} → canary {}",
                        scope.scope_name,
                        side(&scope.control_scope, &scope.control_location),
                        side(&scope.experiment_scope, &scope.experiment_location)
                    )),
                );
            }
        }
        facts
    }
}

/// The metrics that kept the score down, the first of them by name.
fn failed_metrics(judged: &CanaryJudgeResult) -> Option<String> {
    let results = judged.results.iter().flatten();
    let failed: Vec<(&str, &str)> = results
        .filter_map(|result| Some((result.name.as_deref()?, result.classification.as_deref()?)))
        .filter(|(_, label)| matches!(Badge::of_label(label).class, "fail" | "warn"))
        .collect();
    let mut texts: Vec<String> = failed
        .iter()
        .take(NAMED_METRICS)
        .map(|(name, label)| format!("{name} {label}"))
        .collect();
    let more = failed.len() - texts.len();
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn window(
    judged: Option<(i64, i64)>,
    run: Option<&CanaryStatusResponse>,
) -> Option<(Timestamp, Timestamp)> {
    let of_run = || {
        let scopes = run?.canary_execution_request.as_ref()?.scopes.as_ref()?;
        let scope = scopes
            .values()
            .flatten()
            .find_map(|pair| pair.control_scope.as_ref())?;
        Some((scope.start?.millis(), scope.end?.millis()))
    };
    let (start, end) = judged.or_else(of_run)?;
    Some((Timestamp::of(start)?, Timestamp::of(end)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waiting() -> AnalysisStatusResponse {
        serde_json::from_value(json!({
            "application": "shop", "executionStatus": "RUNNING",
            "canaryAnalysisExecutionRequest": {"thresholds": {"pass": 95, "marginal": 75}},
            "stageStatus": [
                {"type": "wait", "name": "Interval Wait #1", "status": "SUCCEEDED"},
                {"type": "runCanary", "name": "Run Canary #1", "status": "SUCCEEDED", "executionId": "01R"},
                {"type": "wait", "name": "Interval Wait #2", "status": "RUNNING"},
                {"type": "runCanary", "name": "Run Canary #2", "status": "NOT_STARTED"},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn an_analysis_that_waits_says_when_its_next_run_is_due() {
        let status = waiting();
        let page = |next_run| {
            let view = AnalysisView {
                status: &status,
                runs: &[],
                runs_at: None,
                next_run,
            };
            view.overview().into_string()
        };
        let due = page(Some(NextRun {
            due_millis: 1_764_407_100_000,
            now_millis: 1_764_407_100_000 - 270_500,
        }));
        let line = "Run 2 of 2 is due at <time datetime=\"2025-11-29T09:05:00Z\">2025-11-29 09:05 UTC</time>, in 4 min 30 s.";
        assert!(due.contains(line), "{due}");
        assert!(!due.contains("It waits"), "{due}");
        assert!(page(None).contains("It waits for the window of the next run to end."));
        let overdue = NextRun {
            due_millis: 5_000,
            now_millis: 9_000,
        };
        assert_eq!(overdue.relative(), "now");
    }

    #[test]
    fn a_run_names_the_metrics_that_kept_its_score_down() {
        let judged = |labels: &[&str]| -> CanaryJudgeResult {
            let results: Vec<_> = labels
                .iter()
                .enumerate()
                .map(|(at, label)| json!({"name": format!("m{at}"), "classification": label}))
                .collect();
            serde_json::from_value(json!({"results": results})).unwrap()
        };
        assert_eq!(failed_metrics(&judged(&["Pass", "Nodata"])), None);
        let two = failed_metrics(&judged(&["High", "Pass", "NodataFailMetric"]));
        assert_eq!(two.as_deref(), Some("m0 High, m2 NodataFailMetric"));
        let five = failed_metrics(&judged(&["High", "Low", "High", "Low", "Error"]));
        assert_eq!(
            five.as_deref(),
            Some("m0 High, m1 Low, m2 High, and 2 more")
        );
    }
}

//! The list of executions of all applications.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use kayenta_engine::ExecutionQuery;
use kayenta_model::{ExecutionKind, ExecutionStatus, ExecutionSummary};
use kayenta_report::{
    Badge, Markup, NextRun, ScoreBar, encoded,
    number::{Timestamp, duration, score},
};

use crate::{query::PageQuery, state::PageState};

/// Executions of a page.
const LIMIT: usize = 50;

/// Spans of time a list can be limited to, in minutes.
const SPANS: [(&str, &str, i64); 4] = [
    ("1h", "last hour", 60),
    ("24h", "last 24 hours", 1_440),
    ("7d", "last 7 days", 10_080),
    ("30d", "last 30 days", 43_200),
];

const STATUSES: [(&str, &str); 5] = [
    ("RUNNING", "running"),
    ("NOT_STARTED", "not started"),
    ("SUCCEEDED", "succeeded"),
    ("TERMINAL", "failed to run, or ended early"),
    ("CANCELED", "canceled"),
];

const KINDS: [(&str, &str); 4] = [
    ("run", "single runs"),
    ("analysis", "analyses"),
    ("analysisRun", "runs of analyses"),
    ("comparison", "comparisons of judges"),
];

#[derive(Template)]
#[template(path = "list.html")]
struct ListTemplate<'a> {
    root: &'a str,
    search: String,
    application: String,
    config: String,
    selects: Vec<Select>,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
    filtered: bool,
}

struct Select {
    name: &'static str,
    label: &'static str,
    all: &'static str,
    choices: Vec<Choice>,
}

struct Choice {
    value: &'static str,
    text: &'static str,
    selected: bool,
}

struct Row {
    href: Option<String>,
    badge: Badge,
    /// The score with its bar.
    score: Option<(String, Markup)>,
    application: String,
    application_href: String,
    config: String,
    config_href: Option<String>,
    baseline: String,
    canary: String,
    /// How long it is, and when it ends.
    window: Option<(String, Timestamp)>,
    what: String,
    next: Option<(Timestamp, String)>,
    message: String,
    when: Option<Timestamp>,
    took: String,
    who: String,
}

pub(crate) async fn show(State(pages): State<Arc<PageState>>, query: PageQuery) -> Response {
    let now = pages.engine.clock().now_millis();
    let wanted = wanted(&query, now);
    let after = query.get("cursor").and_then(|cursor| cursor.parse().ok());
    let is_later = after.is_some();
    let page = match pages.engine.list_executions(&wanted, after, LIMIT).await {
        Ok(page) => page,
        Err(error) => return pages.failed(&error),
    };
    let live = page
        .executions
        .iter()
        .any(|execution| !execution.status.is_complete());
    let without_cursor = query.with("cursor", None);
    let template = ListTemplate {
        root: &pages.root,
        search: query.text("search").unwrap_or_default(),
        application: query.text("application").unwrap_or_default(),
        config: query.text("config").unwrap_or_default(),
        selects: selects(&query),
        rows: page
            .executions
            .iter()
            .map(|execution| row(&pages.root, &query, execution, now))
            .collect(),
        older: page
            .next
            .as_ref()
            .map(|next| query.with("cursor", Some(&next.to_string()))),
        newest: is_later.then(|| format!("{}{without_cursor}", pages.root)),
        filtered: !without_cursor.is_empty(),
    };
    pages.page("Runs", &[], &Markup::of(&template), live)
}

fn wanted(query: &PageQuery, now: i64) -> ExecutionQuery {
    let list = |name: &str| query.text(name).into_iter().collect::<Vec<String>>();
    let span = query.get("span").and_then(|word| {
        let (.., minutes) = SPANS.iter().find(|(known, ..)| *known == word)?;
        Some(now - minutes * 60_000)
    });
    ExecutionQuery {
        applications: list("application"),
        configs: list("config"),
        statuses: query
            .get("status")
            .and_then(|status| status.parse::<ExecutionStatus>().ok())
            .into_iter()
            .collect(),
        verdicts: list("verdict"),
        kinds: match query.get("kind").and_then(ExecutionKind::of) {
            Some(kind) => vec![kind],
            // The runs of an analysis stand on its page.
            None => vec![ExecutionKind::Run, ExecutionKind::Analysis],
        },
        from: span,
        to: None,
        search: query.text("search"),
    }
}

fn selects(query: &PageQuery) -> Vec<Select> {
    let select = |name, label, all, choices: &[(&'static str, &'static str)]| Select {
        name,
        label,
        all,
        choices: choices
            .iter()
            .map(|&(value, text)| Choice {
                value,
                text,
                selected: query.get(name) == Some(value),
            })
            .collect(),
    };
    let verdicts = ["Pass", "Marginal", "Fail"].map(|verdict| (verdict, verdict));
    let spans = SPANS.map(|(word, text, _)| (word, text));
    vec![
        select("verdict", "Verdict", "any", &verdicts),
        select("status", "Status", "any", &STATUSES),
        select("kind", "Kind", "runs and analyses", &KINDS),
        select("span", "Accepted", "any time", &spans),
    ]
}

fn row(root: &str, query: &PageQuery, execution: &ExecutionSummary, now_millis: i64) -> Row {
    let id = encoded(&execution.id);
    let thresholds = execution.thresholds.unwrap_or_default();
    let filter = |name: &str, value: &str| {
        let query = PageQuery::read(Some(query.with("cursor", None).trim_start_matches('?')));
        format!("{root}{}", query.with(name, Some(value)))
    };
    let config = execution
        .config_name
        .clone()
        .or(execution.config_id.clone());
    let start = execution.start_time_millis;
    let badge = match &execution.verdict {
        Some(verdict) => Badge::of_label(verdict),
        None => Badge::of_status(execution.status.as_str()),
    };
    Row {
        href: match execution.kind {
            ExecutionKind::Run | ExecutionKind::AnalysisRun => Some(format!("{root}/runs/{id}")),
            ExecutionKind::Analysis => Some(format!("{root}/analyses/{id}")),
            ExecutionKind::Comparison => None,
        },
        score: execution.score.map(|value| {
            let bar = ScoreBar {
                score: value.into(),
                pass: thresholds.pass.unwrap_or_default(),
                marginal: thresholds.marginal.unwrap_or_default(),
            };
            (score(bar.score), bar.drawn(&badge))
        }),
        badge,
        application_href: filter("application", &execution.application),
        application: execution.application.clone(),
        config_href: config.as_ref().map(|config| filter("config", config)),
        config: config.unwrap_or_default(),
        baseline: execution.baseline.clone().unwrap_or_default(),
        canary: execution.canary.clone().unwrap_or_default(),
        window: execution
            .window_start_millis
            .zip(execution.window_end_millis)
            .and_then(|(start, end)| {
                let length = duration(end.saturating_sub(start));
                Some((length, Timestamp::to_the_minute(end)?))
            }),
        what: what(execution),
        next: execution.next_run_time_millis.and_then(|due_millis| {
            let next = NextRun {
                due_millis,
                now_millis,
            };
            Some((next.at()?, next.relative()))
        }),
        message: execution.message.clone().unwrap_or_default(),
        when: Timestamp::to_the_minute(execution.build_time_millis),
        took: start
            .zip(execution.end_time_millis)
            .map(|(start, end)| duration(end - start))
            .unwrap_or_default(),
        who: execution
            .user
            .clone()
            .or_else(|| execution.parent_pipeline_execution_id.clone())
            .unwrap_or_default(),
    }
}

fn what(execution: &ExecutionSummary) -> String {
    match (execution.kind, execution.runs_ended, execution.runs_planned) {
        (ExecutionKind::Analysis, Some(ended), Some(planned)) => {
            format!("analysis, {ended} of {planned} runs")
        }
        (ExecutionKind::Analysis, ..) => "analysis".to_owned(),
        (ExecutionKind::Run, ..) => "run".to_owned(),
        (ExecutionKind::AnalysisRun, ..) => "run of an analysis".to_owned(),
        (ExecutionKind::Comparison, ..) => "comparison of judges".to_owned(),
    }
}

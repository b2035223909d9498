//! Two runs beside one another.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use kayenta_engine::{CanaryEvidence, EngineError, ExecutionQuery};
use kayenta_model::{ExecutionKind, ExecutionStatus, ExecutionSummary};
use kayenta_report::{
    Badge, ComparisonSide, Markup, RunComparison,
    number::{Timestamp, score},
};

use crate::{actions::Subject, query::PageQuery, run::judged, shell::drawn, state::PageState};

/// Runs that are offered to choose from.
const OFFERED: usize = 20;

#[derive(Template)]
#[template(path = "compare.html")]
struct CompareTemplate<'a> {
    a: &'a str,
    b: &'a str,
    account: Option<&'a str>,
    swap: Option<String>,
    comparison: Option<Markup>,
    /// Which of the two runs is chosen next.
    side: &'static str,
    offers: Vec<Offer>,
}

/// A run that can be chosen.
struct Offer {
    href: String,
    badge: Badge,
    score: String,
    application: String,
    config: String,
    baseline: String,
    canary: String,
    window_end: Option<Timestamp>,
    id: String,
}

pub(crate) async fn show(State(pages): State<Arc<PageState>>, query: PageQuery) -> Response {
    let (a, b) = (query.get("a"), query.get("b"));
    let mut comparison = None;
    if let Some((a, b)) = a.zip(b) {
        let (first, second) = match (
            pages.evidence(a, &query).await,
            pages.evidence(b, &query).await,
        ) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(error), _) | (_, Err(error)) => return pages.failed(&error),
        };
        for (id, evidence) in [(a, &first), (b, &second)] {
            if judged(evidence).is_none() {
                return pages.problem(
                    StatusCode::CONFLICT,
                    "There is nothing to compare",
                    &format!("The run {id} has no verdict."),
                    "Its page says how far it came.",
                );
            }
        }
        let pages_of = [a, b].map(|id| pages.address_of(Subject::Run, id));
        let query = query.clone();
        let drawing = drawn(move || compare(&first, &second, &pages_of, &query));
        comparison = drawing.await.flatten();
        if comparison.is_none() {
            return pages.not_drawn("comparison", "/canary/{id}");
        }
    }
    let side = if a.is_none() { "a" } else { "b" };
    let offers = match comparison {
        Some(_) => Vec::new(),
        None => match offers(&pages, &query, side, a.or(b)).await {
            Ok(offers) => offers,
            Err(error) => return pages.failed(&error),
        },
    };
    let body = Markup::of(&CompareTemplate {
        a: a.unwrap_or_default(),
        b: b.unwrap_or_default(),
        account: query.get("storageAccountName"),
        swap: a.zip(b).map(|(a, b)| {
            let swapped = query.with("a", Some(b));
            PageQuery::read(swapped.strip_prefix('?')).with("b", Some(a))
        }),
        comparison,
        side: if a.is_none() { "A" } else { "B" },
        offers,
    });
    pages.page("Compare two runs", &[pages.to_list()], &body, false)
}

/// The newest judged runs as choices for a side; beside a run that is chosen already, those of its config.
async fn offers(
    pages: &PageState,
    query: &PageQuery,
    side: &str,
    chosen: Option<&str>,
) -> Result<Vec<Offer>, EngineError> {
    let (mut applications, mut configs) = (Vec::new(), Vec::new());
    if let Some(chosen) = chosen {
        let status = &pages.evidence(chosen, query).await?.status;
        let stored = status.canary_config_id.clone().filter(|id| id != "ad-hoc");
        let name = || status.config.as_ref()?.name.clone();
        applications.extend(status.application.clone());
        configs.extend(stored.or_else(name));
    }
    let wanted = ExecutionQuery {
        applications,
        configs,
        statuses: vec![ExecutionStatus::Succeeded],
        kinds: vec![ExecutionKind::Run, ExecutionKind::AnalysisRun],
        ..ExecutionQuery::default()
    };
    let page = pages.engine.list_executions(&wanted, None, OFFERED).await?;
    let runs = page.executions.into_iter();
    let others = runs.filter(|run| Some(run.id.as_str()) != chosen);
    Ok(others.filter_map(|run| offer(query, side, run)).collect())
}

fn offer(query: &PageQuery, side: &str, run: ExecutionSummary) -> Option<Offer> {
    Some(Offer {
        href: query.with(side, Some(&run.id)),
        badge: Badge::of_label(run.verdict.as_deref()?),
        score: run
            .score
            .map(|value| score(value.into()))
            .unwrap_or_default(),
        application: run.application,
        config: run.config_name.or(run.config_id).unwrap_or_default(),
        baseline: run.baseline.unwrap_or_default(),
        canary: run.canary.unwrap_or_default(),
        window_end: Timestamp::to_the_minute(
            run.window_end_millis.unwrap_or(run.build_time_millis),
        ),
        id: run.id,
    })
}

fn compare(
    first: &CanaryEvidence,
    second: &CanaryEvidence,
    pages: &[String; 2],
    query: &PageQuery,
) -> Option<Markup> {
    let (before, after) = (judged(first)?, judged(second)?);
    let changed_only = query.get("only") == Some("changed");
    let toggle = query.with("only", (!changed_only).then_some("changed"));
    let comparison = RunComparison {
        before: ComparisonSide {
            name: "Run A",
            run: &before,
            page: Some(&pages[0]),
        },
        after: ComparisonSide {
            name: "Run B",
            run: &after,
            page: Some(&pages[1]),
        },
        changed_only,
        toggle: &toggle,
        edit: None,
    };
    Some(comparison.overview())
}

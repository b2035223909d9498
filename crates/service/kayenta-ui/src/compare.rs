//! Two runs beside one another.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use kayenta_engine::CanaryEvidence;
use kayenta_report::{ComparisonSide, Markup, RunComparison};

use crate::{actions::Subject, query::PageQuery, run::judged, shell::drawn, state::PageState};

#[derive(Template)]
#[template(path = "compare.html")]
struct CompareTemplate<'a> {
    a: &'a str,
    b: &'a str,
    account: Option<&'a str>,
    swap: Option<String>,
    comparison: Option<Markup>,
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
    let body = Markup::of(&CompareTemplate {
        a: a.unwrap_or_default(),
        b: b.unwrap_or_default(),
        account: query.get("storageAccountName"),
        swap: a.zip(b).map(|(a, b)| {
            let swapped = query.with("a", Some(b));
            PageQuery::read(swapped.strip_prefix('?')).with("b", Some(a))
        }),
        comparison,
    });
    pages.page("Compare two runs", &[pages.to_list()], &body, false)
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

//! The page of a standalone analysis: its verdict, its runs as a timeline, its request.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use kayenta_engine::EngineError;
use kayenta_model::{AnalysisStatusResponse, CanaryStatusResponse};
use kayenta_report::{
    AnalysisView, Markup, NextRun, encoded, report_foot, report_head, report_section,
};

use crate::{
    actions::{Leads, Subject},
    new_analysis::again_analysis,
    query::PageQuery,
    run::judged,
    shell::{download, drawn},
    state::PageState,
    visitor::Visitor,
};

/// Runs whose results are read before the analysis is summed up, the newest first.
const NEWEST_RUNS: usize = 48;

#[derive(askama::Template)]
#[template(path = "analysis_page.html")]
struct AnalysisPageTemplate {
    report: String,
    actions: Markup,
    /// Why its run may not go on.
    trouble: Option<String>,
    overview: Markup,
    exception: Vec<String>,
}

/// An analysis with what its page shows beside its status.
struct Shown {
    status: AnalysisStatusResponse,
    /// Its runs, before the analysis has its own results.
    runs: Vec<CanaryStatusResponse>,
    next_run: Option<NextRun>,
}

impl PageState {
    async fn analysis(&self, id: &str, query: &PageQuery) -> Result<Shown, EngineError> {
        let account = query.get("storageAccountName");
        let (status, due) = self.engine.analysis_progress(id, account).await?;
        let mut runs = Vec::new();
        if status.canary_analysis_execution_result.is_none() {
            for (_, run) in status.runs_newest_first().take(NEWEST_RUNS) {
                // One that cannot be read takes nothing from the others.
                runs.extend(self.engine.canary_status(run, account).await.ok());
            }
        }
        let now_millis = self.engine.clock().now_millis();
        Ok(Shown {
            status,
            runs,
            next_run: due.map(|due_millis| NextRun {
                due_millis,
                now_millis,
            }),
        })
    }
}

pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let Shown {
        status,
        runs,
        next_run,
    } = match pages.analysis(&id, &query).await {
        Ok(found) => found,
        Err(error) => return pages.failed(&error),
    };
    let runs_at = format!("{}/runs/", pages.root);
    let view = AnalysisView {
        status: &status,
        runs: &runs,
        runs_at: Some(&runs_at),
        next_run,
    };
    let rest = query.rest(&[]).replacen('&', "?", 1);
    let trouble = match status.complete {
        true => None,
        false => pages.trouble(status.metrics_account_name.as_deref()).await,
    };
    let body = Markup::of(&AnalysisPageTemplate {
        trouble,
        report: format!("{}/analyses/{}/report.html{rest}", pages.root, encoded(&id)),
        actions: pages.actions(
            &visitor,
            Subject::Analysis,
            &id,
            &query,
            status.complete,
            Leads {
                again: again_analysis(&id, &status),
                config: pages.config_address(status.canary_config_id.as_deref(), None),
            },
        ),
        overview: view.overview(),
        exception: status
            .exception
            .iter()
            .filter_map(|exception| serde_json::to_string_pretty(exception).ok())
            .collect(),
    });
    pages.page(&view.title(), &[pages.to_list()], &body, !status.complete)
}

/// The report of the analysis as a file: its timeline, then its last judged run.
pub(crate) async fn report(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
) -> Response {
    let Shown {
        status,
        runs,
        next_run,
    } = match pages.analysis(&id, &query).await {
        Ok(found) => found,
        Err(error) => return pages.failed(&error),
    };
    let mut last = None;
    // The newest run may be under way.
    for (_, run) in status.runs_newest_first().take(2) {
        let account = query.get("storageAccountName");
        if let Ok(evidence) = pages.engine.canary_evidence(run, account).await
            && judged(&evidence).is_some()
        {
            last = Some(evidence);
            break;
        }
    }
    let html = drawn(move || {
        let view = AnalysisView {
            status: &status,
            runs: &runs,
            runs_at: None,
            next_run,
        };
        let section = last
            .as_ref()
            .and_then(judged)
            .map(|run| report_section(1, &run).1);
        format!(
            "{}{}{}{}",
            report_head(&view.title()),
            view.overview(),
            section.unwrap_or_default(),
            report_foot()
        )
    });
    match html.await {
        Some(html) => download("analysis", &id, html),
        None => pages.not_drawn("analysis", "/standalone_canary_analysis/{id}"),
    }
}

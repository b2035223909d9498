//! The page of a standalone analysis: its verdict, its runs as a timeline, its request.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use kayenta_engine::EngineError;
use kayenta_model::{AnalysisStatusResponse, CanaryStatusResponse};
use kayenta_report::{AnalysisView, Markup, encoded, report_foot, report_head, report_section};

use crate::{query::PageQuery, run::judged, shell::download, state::Pages};

/// Runs whose results are read before the analysis is summed up, the newest first.
const NEWEST_RUNS: usize = 48;

#[derive(askama::Template)]
#[template(path = "analysis_page.html")]
struct AnalysisPageTemplate {
    report: String,
    overview: Markup,
    exception: Vec<String>,
}

impl Pages {
    async fn analysis(
        &self,
        id: &str,
        query: &PageQuery,
    ) -> Result<(AnalysisStatusResponse, Vec<CanaryStatusResponse>), EngineError> {
        let account = query.get("storageAccountName");
        let status = self.engine.analysis_status(id, account).await?;
        let mut runs = Vec::new();
        if status.canary_analysis_execution_result.is_none() {
            let stages = status.stage_status.iter().flatten().rev();
            let started = stages.filter_map(|stage| stage.execution_id.as_deref());
            for run in started.take(NEWEST_RUNS) {
                // One that cannot be read takes nothing from the others.
                runs.extend(self.engine.canary_status(run, account).await.ok());
            }
        }
        Ok((status, runs))
    }
}

fn title(status: &AnalysisStatusResponse) -> String {
    let config = status
        .canary_config
        .as_ref()
        .and_then(|config| config.name.as_deref());
    let parts = [status.application.as_deref(), config];
    let parts: Vec<&str> = parts
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

pub(crate) async fn show(
    State(pages): State<Arc<Pages>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = PageQuery::read(query.as_deref());
    let (status, runs) = match pages.analysis(&id, &query).await {
        Ok(found) => found,
        Err(error) => return pages.failed(&error),
    };
    let runs_at = format!("{}/runs/", pages.root);
    let view = AnalysisView {
        status: &status,
        runs: &runs,
        runs_at: Some(&runs_at),
    };
    let rest = query.rest(&[]).replacen('&', "?", 1);
    let body = Markup::of(&AnalysisPageTemplate {
        report: format!("{}/analyses/{}/report.html{rest}", pages.root, encoded(&id)),
        overview: view.overview(),
        exception: status
            .exception
            .iter()
            .filter_map(|exception| serde_json::to_string_pretty(exception).ok())
            .collect(),
    });
    pages.page(&title(&status), &[pages.to_list()], &body, !status.complete)
}

/// The report of the analysis as a file: its timeline, then its last judged run.
pub(crate) async fn report(
    State(pages): State<Arc<Pages>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = PageQuery::read(query.as_deref());
    let (status, runs) = match pages.analysis(&id, &query).await {
        Ok(found) => found,
        Err(error) => return pages.failed(&error),
    };
    let stages = status.stage_status.iter().flatten().rev();
    let mut last = None;
    for run in stages
        .filter_map(|stage| stage.execution_id.as_deref())
        .take(2)
    {
        let account = query.get("storageAccountName");
        if let Ok(evidence) = pages.engine.canary_evidence(run, account).await
            && judged(&evidence).is_some()
        {
            last = Some(evidence);
            break;
        }
    }
    let name = title(&status);
    let html = tokio::task::spawn_blocking(move || {
        let view = AnalysisView {
            status: &status,
            runs: &runs,
            runs_at: None,
        };
        let section = last
            .as_ref()
            .and_then(judged)
            .map(|run| report_section(1, &run).1);
        format!(
            "{}{}{}{}",
            report_head(&name),
            view.overview(),
            section.unwrap_or_default(),
            report_foot()
        )
    });
    match html.await {
        Ok(html) => download("analysis", &id, html),
        Err(error) => {
            tracing::error!(%error, "drawing an analysis panicked");
            pages.problem(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "This analysis cannot be drawn",
                "Drawing it failed.",
                "The log says more. GET /standalone_canary_analysis/{id} has the data.",
            )
        }
    }
}

//! The report of an analysis as one HTML file.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, explanation::explain};
use kayenta_model::{AnalysisStatusResponse, Look, MetricSetPair};
use kayenta_report::{
    AnalysisView, JudgedRun, report_failure, report_foot, report_head, report_section,
};

use crate::outcome::{Outcome, last_judged, runs};

/// The whole analysis, then its last judged run with all metrics.
pub(crate) fn outcome_page(outcome: &Outcome, pairs: Vec<MetricSetPair>) -> String {
    let status = &outcome.status;
    let view = AnalysisView {
        status,
        runs: &[],
        runs_at: None,
        next_run: None,
    };
    let mut page = report_head(&view.title());
    page.push_str(view.overview().as_str());
    if outcome.verdict == crate::Verdict::Error {
        page.push_str(&report_failure(1, "This analysis", &outcome.message).1);
    }
    if let Some(run) = run_section(status, pairs) {
        page.push_str(&run);
    }
    page.push_str(report_foot());
    page
}

/// What is left to say when there is no analysis.
pub(crate) fn failure_page(reason: &str) -> String {
    let mut page = report_head("Canary analysis");
    page.push_str(&report_failure(1, "This analysis", reason).1);
    page.push_str(report_foot());
    page
}

fn run_section(status: &AnalysisStatusResponse, pairs: Vec<MetricSetPair>) -> Option<String> {
    let run = last_judged(status)?;
    let result = run.result.as_ref()?.judge_result.as_ref()?;
    let config = status.canary_config.as_ref()?;
    let request = status.canary_analysis_execution_request.as_ref();
    let thresholds = request
        .and_then(|request| request.thresholds)
        .unwrap_or_default();
    let all = runs(status);
    let position = all
        .iter()
        .position(|other| std::ptr::eq(other, run))
        .unwrap_or_default();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let pairs = Arc::new(pairs);
    let asked = JudgeRequest {
        canary_config: Arc::new(config.clone()),
        thresholds: thresholds.into(),
        metric_set_pairs: Arc::clone(&pairs),
        look: Look {
            index: count(position + 1),
            total: count(all.len()),
        },
    };
    // Without the series, or with settings that only another judge reads, there is nothing to explain with.
    let explanation = if pairs.is_empty() {
        None
    } else {
        explain(&asked, result).ok()
    };
    let judged = JudgedRun {
        id: run.execution_id.as_deref().unwrap_or_default(),
        application: status.application.as_deref(),
        config,
        thresholds,
        scopes: None,
        pairs: &pairs,
        result,
        explanation: explanation.as_ref(),
        unread: None,
    };
    Some(report_section(1, &judged).1)
}

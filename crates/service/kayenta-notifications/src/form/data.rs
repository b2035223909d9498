//! What programs read of an event.

use kayenta_model::{Double, ExecutionKind, ExecutionStatus, Thresholds, time::iso_millis};
use serde::Serialize;
use serde_json::Value;

use crate::{
    event::Event,
    text::{FailingMetric, Said, word},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'e> {
    execution_id: &'e str,
    kind: ExecutionKind,
    application: &'e str,
    status: ExecutionStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Double>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Thresholds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    look: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    looks_planned: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_name: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_pipeline_execution_id: Option<&'e str>,
    build_time_iso: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_iso: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'e str>,
    text: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failing_metrics: &'e [FailingMetric],
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'e str>,
}

/// The data of an event as JSON.
pub(super) fn data(event: &Event<'_>, said: &Said) -> Value {
    let summary = &event.history.summary;
    let data = Data {
        execution_id: &summary.id,
        kind: summary.kind,
        application: &summary.application,
        status: summary.status,
        verdict: event.verdict().map(word),
        score: event.score(),
        thresholds: summary.thresholds,
        look: event.look.map(|look| look.number),
        looks_planned: summary.runs_planned,
        run_id: event.look.map(|look| look.execution_id.as_str()),
        config_name: summary.config_name.as_deref(),
        config_id: summary.config_id.as_deref(),
        baseline: summary.baseline.as_deref(),
        canary: summary.canary.as_deref(),
        user: summary.user.as_deref(),
        parent_pipeline_execution_id: summary.parent_pipeline_execution_id.as_deref(),
        build_time_iso: iso_millis(summary.build_time_millis),
        end_time_iso: summary.end_time_millis.map(iso_millis),
        message: summary.message.as_deref(),
        text: said.plain(),
        failing_metrics: &said.failing,
        url: said.link.as_deref(),
    };
    // Texts and numbers alone: there is nothing JSON could not hold.
    serde_json::to_value(data).unwrap_or_default()
}

//! A made-up analysis, of which `kayenta notify test` notifies.

use kayenta_engine::{ExecutionHistory, JudgedLook};
use kayenta_model::{Double, ExecutionKind, ExecutionStatus, ExecutionSummary, Thresholds};

use crate::text::FailingMetric;

/// 2026-01-05T10:00:00Z.
const START: i64 = 1_767_607_200_000;
const HOUR: i64 = 3_600_000;

/// An analysis of two judgements, the second of which failed.
pub(crate) fn analysis() -> ExecutionHistory {
    let look = |number: i64, score: f64| JudgedLook {
        number,
        execution_id: format!("01KE6QW7000000000000000RN{number}"),
        score: Double(score),
        at_millis: START + number * HOUR,
    };
    ExecutionHistory {
        summary: ExecutionSummary {
            id: "01KE6QW70000000000000TEST0".to_owned(),
            kind: ExecutionKind::Analysis,
            application: "shop".to_owned(),
            status: ExecutionStatus::Terminal,
            config_name: Some("latency".to_owned()),
            baseline: Some("shop-baseline".to_owned()),
            canary: Some("shop-canary".to_owned()),
            user: Some("kayenta notify test".to_owned()),
            thresholds: Some(Thresholds {
                pass: Some(95.0),
                marginal: Some(75.0),
            }),
            score: Some(Double(50.0)),
            verdict: Some("Fail".to_owned()),
            runs_planned: Some(2),
            runs_ended: Some(2),
            build_time_millis: START,
            start_time_millis: Some(START),
            end_time_millis: Some(START + 2 * HOUR),
            ..ExecutionSummary::default()
        },
        looks: vec![look(1, 100.0), look(2, 50.0)],
        trace: None,
    }
}

/// The metric that failed it.
pub(crate) fn failing_metrics() -> Vec<FailingMetric> {
    vec![FailingMetric {
        name: "request latency".to_owned(),
        label: "High".to_owned(),
        sentences: vec![
            "This is a test: no canary was analysed.".to_owned(),
            "Here the reasons of a verdict stand.".to_owned(),
        ],
    }]
}

#[cfg(test)]
pub(crate) fn settings() -> kayenta_settings::NotificationSettings {
    kayenta_settings::NotificationSettings {
        name: "ops".to_owned(),
        form: kayenta_settings::NotificationForm::Webhook,
        url: "https://example.com/hook".into(),
        secrets: Vec::new(),
        events: vec![kayenta_settings::NotificationEvent::Ended],
        verdicts: Vec::new(),
        applications: Vec::new(),
        configs: Vec::new(),
    }
}

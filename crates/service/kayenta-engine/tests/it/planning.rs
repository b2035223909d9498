//! Analyses that cannot be planned: accepted, then ended with the reference's words.

use kayenta_engine::EngineErrorKind;
use kayenta_model::ExecutionStatus;
use serde_json::json;

use crate::world::{World, analysis, errors};

const SETUP: &str = "Sets up and executes the wait, run and monitor canary task chain.";

/// C-SCAPE-01.
#[tokio::test]
async fn every_planning_failure_is_reported_with_an_empty_result() {
    let scope = |extra: serde_json::Value| {
        let mut scope = json!({"controlScope": "a", "experimentScope": "b"});
        scope
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!([scope])
    };
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    for (request, class, text) in [
        (
            json!({"scopes": null, "lifetimeDurationMins": 5}),
            "NullPointerException",
            "must contain scopes",
        ),
        (
            json!({"scopes": [null], "lifetimeDurationMins": 5}),
            "NullPointerException",
            "Scope 0",
        ),
        (
            json!({"scopes": [], "lifetimeDurationMins": 5}),
            "IllegalArgumentException",
            "Canary StageExecution configuration must contain at least one scope.",
        ),
        (
            json!({"scopes": scope(json!({"startTimeIso": "2020-11-20T23:01:09.3NZ"})), "lifetimeDurationMins": 5}),
            "DateTimeParseException",
            "Text '2020-11-20T23:01:09.3NZ' could not be parsed at index 21",
        ),
        (
            json!({"scopes": scope(json!({"endTimeIso": "soon"}))}),
            "DateTimeParseException",
            "Text 'soon' could not be parsed at index 0",
        ),
        (
            json!({}),
            "IllegalArgumentException",
            "Canary StageExecution configuration must include either `endTime` or `lifetimeDuration`.",
        ),
        (
            json!({"lifetimeDurationMins": 0}),
            "ArithmeticException",
            "/ by zero",
        ),
        (
            json!({"scopes": scope(json!({"startTimeIso": "2020-11-20T23:00:00Z", "endTimeIso": "2020-11-20T23:00:59Z"}))}),
            "ArithmeticException",
            "/ by zero",
        ),
        (
            json!({"thresholds": null, "lifetimeDurationMins": 5}),
            "IllegalArgumentException",
            "scoreThresholds is marked non-null but is null",
        ),
        (
            json!({"lifetimeDurationMins": 3_000_000_000_i64, "analysisIntervalMins": 1}),
            "ArithmeticException",
            "integer overflow",
        ),
        (
            json!({"lifetimeDurationMins": 10_001, "analysisIntervalMins": 1}),
            "IllegalArgumentException",
            "more than the 10000",
        ),
        (
            json!({"lifetimeDurationMins": i64::MAX}),
            "DateTimeException",
            "Instant exceeds",
        ),
    ] {
        let shown = request.to_string();
        let id = engine.start_analysis(analysis(request)).await.unwrap();
        let status = world.analysis_end(engine, &id).await;
        let reported = errors(&status.exception);
        assert!(
            reported.len() == 1 && reported[0].contains(text),
            "{shown}: {reported:?}"
        );
        let exception = status.exception.unwrap();
        assert_eq!(exception["exceptionType"], class, "{shown}");
        assert_eq!(exception["operation"], SETUP);
        assert_eq!(status.execution_status, Some(ExecutionStatus::Terminal));
        let stages: Vec<_> = status
            .stage_status
            .unwrap()
            .into_iter()
            .map(|stage| (stage.kind, stage.status))
            .collect();
        assert_eq!(
            stages,
            [
                (
                    "setupAndExecuteCanariesStage".to_owned(),
                    ExecutionStatus::Terminal
                ),
                (
                    "generateCanaryAnalysisResultStage".to_owned(),
                    ExecutionStatus::Terminal
                ),
            ]
        );
        assert_eq!(
            json!(status.canary_analysis_execution_result),
            json!({
                "didPassThresholds": false,
                "hasWarnings": false,
                "canaryScoreMessage": "There were no successful canary judgements to aggregate",
                "canaryScores": [],
                "canaryExecutionResults": [],
            })
        );
    }
    assert!(world.metrics.calls().is_empty());
    process.stop().await;
}

#[tokio::test]
async fn a_negative_interval_succeeds_without_runs() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 60, "analysisIntervalMins": -5}),
        ))
        .await
        .unwrap();
    let status = world.analysis_end(engine, &id).await;
    assert_eq!(status.execution_status, Some(ExecutionStatus::Succeeded));
    let result = status.canary_analysis_execution_result.unwrap();
    assert!(!result.did_pass_thresholds);
    assert_eq!(
        result.canary_score_message.as_deref(),
        Some("There were no successful canary judgements to aggregate")
    );
    process.stop().await;
}

#[tokio::test]
async fn c_scape_07_an_analysis_that_can_never_make_a_run_is_refused_with_its_field() {
    let mut world = World::new();
    world.options.refuse_impossible_requests = true;
    let process = world.process();
    let engine = &process.engine;
    let scope = |start: &str, end: &str| json!([{"startTimeIso": start, "endTimeIso": end}]);
    let (early, late) = ("2020-11-20T23:00:00Z", "2020-11-21T00:00:00Z");
    for (request, text) in [
        (
            json!({"scopes": null}),
            "The analysis request must contain scopes.",
        ),
        (
            json!({"scopes": [null]}),
            "Scope 0 of the analysis request is null.",
        ),
        (
            json!({}),
            "Canary StageExecution configuration must include either `endTime` or `lifetimeDuration`.",
        ),
        (
            json!({"scopes": scope("soon", late)}),
            "scopes[0].startTimeIso: Text 'soon' could not be parsed at index 0",
        ),
        (
            json!({"scopes": scope(early, "2020-11-20T23:01:09.3NZ")}),
            "scopes[0].endTimeIso: Text '2020-11-20T23:01:09.3NZ' could not be parsed at index 21",
        ),
        (
            json!({"scopes": scope(late, early)}),
            "scopes[0].endTimeIso: the analysis would end (2020-11-20T23:00:00Z) before it starts (2020-11-21T00:00:00Z).",
        ),
        (
            json!({"scopes": scope(early, "2020-11-20T23:00:59Z")}),
            "scopes[0].endTimeIso: an analysis must last at least one minute.",
        ),
        (
            json!({"lifetimeDurationMins": 0}),
            "lifetimeDurationMins: an analysis must last at least one minute.",
        ),
        (
            json!({"lifetimeDurationMins": -5}),
            "lifetimeDurationMins: an analysis must last at least one minute.",
        ),
        (
            json!({"lifetimeDurationMins": 5, "analysisIntervalMins": -1}),
            "analysisIntervalMins: an interval of -1 minutes makes no run; leave it out for one run over the whole lifetime.",
        ),
        (
            json!({"scopes": scope(early, late), "analysisIntervalMins": i64::MIN}),
            "analysisIntervalMins: an interval of -9223372036854775808 minutes makes no run; leave it out for one run over the whole lifetime.",
        ),
        (
            json!({"lifetimeDurationMins": 5, "scopes": [{"step": -60}]}),
            "scopes[0].step: a step of -60 seconds makes no data point.",
        ),
        (
            json!({"lifetimeDurationMins": 5, "thresholds": {}}),
            "thresholds.marginal: an analysis needs the score at or below which it fails, such as {\"marginal\": 75, \"pass\": 95}.",
        ),
        (
            json!({"lifetimeDurationMins": 5, "thresholds": {"pass": 95}}),
            "thresholds.marginal: an analysis needs the score at or below which it fails, such as {\"marginal\": 75, \"pass\": 95}.",
        ),
        (
            json!({"lifetimeDurationMins": 5, "thresholds": null}),
            "scoreThresholds is marked non-null but is null",
        ),
        (
            json!({"lifetimeDurationMins": 5, "scopes": [{"scopeName": "other"}]}),
            "Canary metrics require scopes which were not provided in the execution request: [default]",
        ),
    ] {
        let refused = engine
            .start_analysis(analysis(request.clone()))
            .await
            .unwrap_err();
        assert_eq!(refused.kind, EngineErrorKind::InvalidRequest, "{request}");
        assert_eq!(refused.message, text, "{request}");
    }
    // What can run is accepted, however odd.
    for request in [
        json!({"lifetimeDurationMins": 5}),
        json!({"lifetimeDurationMins": 5, "analysisIntervalMins": 60, "lookbackMins": 600}),
        json!({"scopes": scope(early, late), "analysisIntervalMins": 0}),
    ] {
        engine.start_analysis(analysis(request)).await.unwrap();
    }
    process.stop().await;
}

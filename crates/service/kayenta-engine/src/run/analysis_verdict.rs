//! What the runs of an analysis amount to.

use kayenta_model::{
    AnalysisExecutionResult, CanaryExecutionResult, CanaryJudgeResult, CanaryStatusResponse,
    Double, ExecutionException, Thresholds,
};

use crate::{plan::windows::Window, record::RunStage};

/// Message of a run whose score ends the analysis.
pub(crate) const LOW_SCORE: &str = "Canary score is not above the marginal score threshold.";

const FEW_POINTS: i64 = 50;
const FEW_POINTS_WARNING: &str = "One of the metrics returned fewer than 50 data points, which can reduce confidence in the final canary score.";

/// The verdict over all runs that are still listed. The last score decides.
pub(crate) fn aggregate(
    thresholds: Option<Thresholds>,
    runs: Vec<CanaryExecutionResult>,
    scores: &[Double],
) -> AnalysisExecutionResult {
    let Thresholds { pass, marginal } = thresholds.unwrap_or_default();
    let (passed, message) = match (scores.last(), pass, marginal) {
        (None, _, _) => (
            false,
            "There were no successful canary judgements to aggregate".to_owned(),
        ),
        (Some(_), None, None) => (false, "No score thresholds were specified.".to_owned()),
        (Some(score), _, Some(marginal)) if score.0 <= marginal => (
            false,
            format!("Final canary score {score} is not above the marginal score threshold."),
        ),
        (Some(_), None, _) => (true, "No pass score threshold was specified.".to_owned()),
        (Some(score), Some(pass), _) if score.0 < pass => (
            false,
            format!("Final canary score {score} is below the pass score threshold."),
        ),
        (Some(score), Some(_), _) => (
            true,
            format!("Final canary score {score} met or exceeded the pass score threshold."),
        ),
    };
    AnalysisExecutionResult {
        // C-SCAPE-06: without `marginal` the analysis ends TERMINAL, whatever its last score is.
        did_pass_thresholds: passed && marginal.is_some(),
        has_warnings: runs.iter().any(|run| !run.warnings.is_empty()),
        canary_score_message: Some(message),
        canary_scores: scores.to_vec(),
        canary_execution_results: runs,
    }
}

/// What a person should know about a judgement.
pub(crate) fn warnings(verdict: &CanaryJudgeResult) -> Vec<String> {
    let few = verdict
        .results
        .iter()
        .flatten()
        .filter_map(|result| result.control_metadata.as_ref()?.count())
        .any(|count| count < FEW_POINTS);
    if few {
        vec![FEW_POINTS_WARNING.to_owned()]
    } else {
        Vec::new()
    }
}

/// The result of one run.
pub(crate) fn run_result(
    id: &str,
    run: &RunStage,
    exception: Option<&ExecutionException>,
    window: Option<Window>,
    answer: CanaryStatusResponse,
) -> CanaryExecutionResult {
    CanaryExecutionResult {
        execution_id: Some(id.to_owned()),
        execution_status: run
            .child_status
            .or_else(|| answer.status.as_deref()?.parse().ok()),
        exception: exception.and_then(|exception| serde_json::to_value(exception).ok()),
        result: answer.result,
        judgement_start_time_iso: window.map(|window| window.start.to_string()),
        judgement_start_time_millis: window.map(|window| window.start.millis()),
        judgement_end_time_iso: window.map(|window| window.end.to_string()),
        judgement_end_time_millis: window.map(|window| window.end.millis()),
        warnings: run.warnings.clone(),
        metric_set_pair_list_id: answer.metric_set_pair_list_id,
        build_time_iso: answer.build_time_iso,
        build_time_millis: answer.build_time_millis,
        start_time_iso: answer.start_time_iso,
        start_time_millis: answer.start_time_millis,
        end_time_iso: answer.end_time_iso,
        end_time_millis: answer.end_time_millis,
        storage_account_name: answer.storage_account_name,
        configuration_account_name: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_scape_06_the_last_score_decides_and_nothing_passes_without_marginal() {
        for (score, marginal, pass, passed, message) in [
            (
                95.0,
                None,
                None,
                false,
                "No score thresholds were specified.",
            ),
            (
                60.0,
                Some(75.0),
                Some(95.0),
                false,
                "Final canary score 60.0 is not above the marginal score threshold.",
            ),
            (
                75.0,
                Some(75.0),
                None,
                false,
                "Final canary score 75.0 is not above the marginal score threshold.",
            ),
            (
                85.0,
                Some(75.0),
                None,
                true,
                "No pass score threshold was specified.",
            ),
            (
                85.0,
                Some(75.0),
                Some(95.0),
                false,
                "Final canary score 85.0 is below the pass score threshold.",
            ),
            (
                97.0,
                Some(75.0),
                Some(95.0),
                true,
                "Final canary score 97.0 met or exceeded the pass score threshold.",
            ),
            (
                97.0,
                None,
                Some(95.0),
                false,
                "Final canary score 97.0 met or exceeded the pass score threshold.",
            ),
            (
                f64::NAN,
                Some(75.0),
                Some(95.0),
                true,
                "Final canary score NaN met or exceeded the pass score threshold.",
            ),
        ] {
            let thresholds = Thresholds { pass, marginal };
            let result = aggregate(
                Some(thresholds),
                Vec::new(),
                &[Double(100.0), Double(score)],
            );
            assert_eq!(result.did_pass_thresholds, passed, "{score} {thresholds:?}");
            assert_eq!(result.canary_score_message.as_deref(), Some(message));
        }
        let result = aggregate(None, Vec::new(), &[]);
        assert!(!result.did_pass_thresholds);
        assert_eq!(
            result.canary_score_message.as_deref(),
            Some("There were no successful canary judgements to aggregate")
        );
    }
}

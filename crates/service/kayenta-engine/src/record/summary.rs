//! Executions across applications in a few words each.
//!
//! The summary of an execution is kept beside its record, so that a listing reads no configs and no results.

use kayenta_model::{
    AnalysisScope, CanaryScope, ExecutionKind, ExecutionStatus, ExecutionSummary, Instant,
};

use crate::record::{Execution, StageWork, Task};

/// Characters of a message that are kept.
const MESSAGE: usize = 240;
/// Characters of a name that are kept: a listing of hostile names must stay a listing.
const NAME: usize = 160;

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most).collect();
    short.push('…');
    short
}

/// A long message without its middle: how it begins says what was attempted, how it ends says why that failed.
fn message_in_brief(text: &str) -> String {
    let count = text.chars().count();
    if count <= MESSAGE {
        return text.to_owned();
    }
    let half = MESSAGE / 2;
    let begin: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{begin}…{end}")
}

fn place(scope: Option<&str>, location: Option<&str>) -> Option<String> {
    let scope = scope.filter(|scope| !scope.is_empty())?;
    Some(match location.filter(|location| !location.is_empty()) {
        Some(location) => shortened(&format!("{scope} ({location})"), NAME),
        None => shortened(scope, NAME),
    })
}

/// What a listing shows of an execution.
pub(crate) fn of(execution: &Execution) -> ExecutionSummary {
    let mut summary = ExecutionSummary {
        id: execution.id.clone(),
        application: shortened(&execution.application, NAME),
        status: execution.status,
        config_name: execution
            .config
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
            .map(|name| shortened(name, NAME)),
        config_id: execution.config_id.clone(),
        parent_pipeline_execution_id: execution.parent_pipeline_execution_id.clone(),
        message: message(execution),
        build_time_millis: execution.build_time,
        start_time_millis: execution.start_time,
        end_time_millis: execution.end_time,
        ..ExecutionSummary::default()
    };
    match &execution.task {
        Task::Canary(task) => {
            summary.kind = if task.analysis_id.is_some() {
                ExecutionKind::AnalysisRun
            } else {
                ExecutionKind::Run
            };
            summary.analysis_id.clone_from(&task.analysis_id);
            summary.thresholds = task.request.thresholds;
            let mut pairs = task
                .request
                .scopes
                .iter()
                .flat_map(|scopes| scopes.values());
            if let Some(pair) = pairs.find_map(Option::as_ref) {
                let side = |side: &Option<CanaryScope>| {
                    let side = side.as_ref()?;
                    place(side.scope.as_deref(), side.location.as_deref())
                };
                summary.baseline = side(&pair.control_scope);
                summary.canary = side(&pair.experiment_scope);
                let window = pair.experiment_scope.as_ref();
                summary.window_start_millis =
                    window.and_then(|scope| scope.start).map(Instant::millis);
                summary.window_end_millis = window.and_then(|scope| scope.end).map(Instant::millis);
            }
            let judged = task
                .result
                .as_ref()
                .filter(|_| execution.status == ExecutionStatus::Succeeded)
                .and_then(|result| result.score.as_ref());
            summary.score = judged.and_then(|score| score.score);
            summary.verdict = judged.and_then(|score| score.classification.clone());
        }
        Task::Analysis(task) => {
            summary.kind = ExecutionKind::Analysis;
            summary.user = Some(shortened(&task.user, NAME)).filter(|user| !user.is_empty());
            summary.thresholds = task.request.thresholds;
            let scope: Option<&AnalysisScope> = task
                .request
                .scopes
                .iter()
                .flatten()
                .find_map(Option::as_ref);
            if let Some(scope) = scope {
                let location = scope.control_location.as_deref();
                summary.baseline = place(scope.control_scope.as_deref(), location);
                let location = scope.experiment_location.as_deref();
                summary.canary = place(scope.experiment_scope.as_deref(), location);
            }
            if let Some(plan) = &task.plan {
                summary.window_start_millis = Some(plan.start.millis());
                let length = plan.runs.saturating_mul(plan.interval);
                let end = plan
                    .start
                    .millis()
                    .checked_add(length.saturating_mul(60_000));
                summary.window_end_millis = end;
            }
            summary.next_run_time_millis = execution.next_run();
            let runs = || execution.runs();
            summary.runs_planned = Some(runs().count()).filter(|runs| *runs > 0);
            summary.runs_ended = summary
                .runs_planned
                .map(|_| runs().filter(|(_, run)| run.score.is_some()).count());
            summary.score = runs().filter_map(|(_, run)| run.score).last();
            summary.verdict = analysis_verdict(execution, task.result.as_ref());
        }
        Task::Comparison(task) => {
            summary.kind = ExecutionKind::Comparison;
            summary.thresholds = Some(task.thresholds);
        }
    }
    summary
}

fn analysis_verdict(
    execution: &Execution,
    result: Option<&kayenta_model::AnalysisExecutionResult>,
) -> Option<String> {
    let verdict = kayenta_model::analysis::verdict(execution.status, result?)?;
    Some(verdict.word().to_owned())
}

/// Why it has no verdict: the first failure, or who stopped it.
fn message(execution: &Execution) -> Option<String> {
    if let Some(cancellation) = &execution.cancellation {
        let by = &cancellation.by;
        return Some(match &cancellation.reason {
            Some(reason) => message_in_brief(reason),
            None => message_in_brief(&format!("canceled by {by}")),
        });
    }
    let exception = execution
        .stages
        .iter()
        .find_map(|stage| stage.exception.as_ref());
    let errors = exception.and_then(|exception| exception.details.get("errors")?.as_array());
    let first = errors.and_then(|errors| errors.first()?.as_str());
    let of_run = || {
        execution
            .stages
            .iter()
            .filter_map(|stage| match &stage.work {
                StageWork::Run(run) => run.message.as_deref(),
                _ => None,
            })
            .next_back()
            .filter(|_| execution.status == ExecutionStatus::Terminal)
    };
    first
        .or_else(of_run)
        .filter(|text| !text.is_empty())
        .map(message_in_brief)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_what_was_attempted_and_why_it_failed() {
        let query = "%7B".repeat(200);
        let long = format!("No answer from http://store/query?query={query}: Connection refused");
        let brief = message_in_brief(&long);
        assert_eq!(brief.chars().count(), MESSAGE + 1);
        assert!(
            brief.starts_with("No answer from http://store/query"),
            "{brief}"
        );
        assert!(brief.ends_with(": Connection refused"), "{brief}");
        assert_eq!(message_in_brief("canceled by anna"), "canceled by anna");
    }
}

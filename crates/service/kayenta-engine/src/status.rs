//! The status of an execution: the responses of the status endpoints, which are also what is
//! archived. An answer takes over the execution's config, request and verdict instead of copying them.

use std::sync::Arc;

use indexmap::IndexMap;
use kayenta_limits::compute_sized;
use kayenta_model::{
    AnalysisStage, AnalysisStatusResponse, CanaryExecutionRequest, CanaryResult,
    CanaryStatusResponse, ExecutionException, ExecutionStatus, IsoDuration, ScopePair,
    comparison::{ComparisonResult, ComparisonStatus},
    time::iso_millis,
};
use serde_json::Value;

use crate::{
    error::{EngineError, EngineErrorKind},
    memory,
    record::{CANARY_NAME, Execution, StageWork, Task},
};

/// The answer that is made of an execution; that of one with many stages off the async threads.
///
/// # Errors
/// [`Internal`](EngineErrorKind::Internal) when it cannot be made.
pub(crate) async fn of<T: Send + 'static>(
    execution: Execution,
    answer: impl FnOnce(Execution) -> T + Send + 'static,
) -> Result<T, EngineError> {
    let size = memory::of_stages(&execution);
    compute_sized(size, move || answer(execution))
        .await
        .map_err(|panicked| {
            let message = "the answer for an execution panicked";
            EngineError::new(EngineErrorKind::Internal, message).caused_by(panicked)
        })
}

/// Answer of `GET /canary/{id}`.
pub(crate) fn canary(execution: Execution) -> Result<CanaryStatusResponse, EngineError> {
    let name = execution.name();
    let succeeded = execution.status == ExecutionStatus::Succeeded;
    let mixed = execution
        .stages
        .iter()
        .any(|stage| stage.work == StageWork::Mix && stage.succeeded());
    let exception = execution.first_exception_by_ref_id().map(as_value);
    let Task::Canary(task) = execution.task else {
        return Err(EngineError::invalid(format!(
            "Only named pipelines of '{CANARY_NAME}' can be converted to a CanaryExecutionStatusResponse object, '{name}' received",
        )));
    };
    Ok(CanaryStatusResponse {
        application: Some(execution.application),
        parent_pipeline_execution_id: execution.parent_pipeline_execution_id,
        pipeline_id: Some(execution.id),
        stage_status: Some(
            execution
                .stages
                .into_iter()
                .map(|stage| (stage.ref_id, stage.status.lower()))
                .collect(),
        ),
        complete: execution.status.is_complete(),
        status: Some(execution.status.lower()),
        exception,
        result: task
            .result
            .filter(|_| succeeded)
            .map(|verdict| CanaryResult {
                judge_result: Some(verdict),
                canary_duration: duration(&task.request),
            }),
        config: Some(Arc::unwrap_or_clone(execution.config)),
        canary_config_id: execution.config_id,
        canary_execution_request: Some(task.request),
        metric_set_pair_list_id: mixed.then_some(task.pair_list_id),
        look: task.look,
        build_time_millis: Some(execution.build_time),
        build_time_iso: Some(iso_millis(execution.build_time)),
        start_time_millis: execution.start_time,
        start_time_iso: execution.start_time.map(iso_millis),
        end_time_millis: execution.end_time,
        end_time_iso: execution.end_time.map(iso_millis),
        storage_account_name: Some(execution.accounts.storage),
        metrics_account_name: Some(execution.accounts.metrics),
        configuration_account_name: execution.accounts.configuration,
    })
}

fn as_value(exception: &ExecutionException) -> Value {
    serde_json::to_value(exception).unwrap_or_default()
}

/// The length all scopes share, if they do. C-ENG-06: a scope without both sides or all times is
/// passed over instead of breaking the answer.
fn duration(request: &CanaryExecutionRequest) -> Option<IsoDuration> {
    let lengths = |pair: &ScopePair| -> Option<[IsoDuration; 2]> {
        let length = |side: &Option<kayenta_model::CanaryScope>| {
            let side = side.as_ref()?;
            Some(IsoDuration::between(side.start?, side.end?))
        };
        Some([
            length(&pair.control_scope)?,
            length(&pair.experiment_scope)?,
        ])
    };
    let mut all = request
        .scopes
        .iter()
        .flat_map(IndexMap::values)
        .flatten()
        .filter_map(lengths)
        .flatten();
    let first = all.next()?;
    all.all(|length| length == first).then_some(first)
}

/// Answer of `GET /standalone_canary_analysis/{id}`; thin for an execution of another kind.
pub(crate) fn analysis(execution: Execution) -> AnalysisStatusResponse {
    let exception = execution
        .stages
        .iter()
        .find_map(|stage| stage.exception.as_ref())
        .map(as_value);
    let common = AnalysisStatusResponse {
        application: Some(execution.application),
        pipeline_id: Some(execution.id),
        stage_status: Some(
            execution
                .stages
                .into_iter()
                .map(|stage| AnalysisStage {
                    kind: stage.kind,
                    name: stage.name,
                    status: stage.status,
                    execution_id: match stage.work {
                        StageWork::Run(run) => run.child_id,
                        _ => None,
                    },
                })
                .collect(),
        ),
        complete: execution.status.is_complete(),
        execution_status: Some(execution.status),
        exception,
        build_time_millis: Some(execution.build_time),
        build_time_iso: Some(iso_millis(execution.build_time)),
        start_time_millis: execution.start_time,
        start_time_iso: execution.start_time.map(iso_millis),
        end_time_millis: execution.end_time,
        end_time_iso: execution.end_time.map(iso_millis),
        ..AnalysisStatusResponse::default()
    };
    let Task::Analysis(task) = execution.task else {
        return common;
    };
    AnalysisStatusResponse {
        user: Some(task.user),
        parent_pipeline_execution_id: execution.parent_pipeline_execution_id,
        canary_analysis_execution_result: task.result,
        canary_analysis_execution_request: Some(task.request),
        canary_config: Some(Arc::unwrap_or_clone(execution.config)),
        canary_config_id: execution.config_id,
        storage_account_name: Some(execution.accounts.storage),
        metrics_account_name: Some(execution.accounts.metrics),
        ..common
    }
}

/// Answer of `GET /judges/comparison/{id}`.
pub(crate) fn comparison(execution: Execution) -> Result<ComparisonStatus, EngineError> {
    let Task::Comparison(task) = execution.task else {
        return Err(EngineError::invalid(format!(
            "Unable to find StageExecution 'compareJudgeResults' in pipeline ID '{}'",
            execution.id
        )));
    };
    let succeeded = execution.status == ExecutionStatus::Succeeded;
    let exceptions: IndexMap<_, _> = execution
        .stages
        .into_iter()
        .filter_map(|stage| Some((stage.name, stage.exception?)))
        .collect();
    let [first, second] = task.results;
    Ok(ComparisonStatus {
        comparison_result: succeeded.then_some(ComparisonResult {
            judge_1_result: first,
            judge_2_result: second,
        }),
        exceptions: Some(exceptions).filter(|exceptions| !exceptions.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use kayenta_model::CanaryConfig;
    use serde_json::json;

    use super::*;
    use crate::record::Stage;

    /// The thread on which the answer of an execution with so many stages is made.
    async fn made_on(stages: usize) -> Option<String> {
        let mut execution: Execution = serde_json::from_value(json!({
            "id": "01A", "application": "shop", "status": ExecutionStatus::Running, "build_time": 1,
            "accounts": {"metrics": "m", "storage": "s"},
            "config": CanaryConfig::default(),
            "task": {"comparison": {
                "pair_list_id": "p", "thresholds": kayenta_model::Thresholds::default(),
                "override_judges": [null, null], "results": [null, null],
            }},
            "stages": [],
        }))
        .unwrap();
        execution.stages = vec![Stage::default(); stages].into();
        let name = |_| thread::current().name().map(str::to_owned);
        of(execution, name).await.unwrap()
    }

    #[tokio::test]
    async fn the_answer_for_many_stages_is_made_on_a_thread_for_computing_and_that_for_few_in_place()
     {
        let here = thread::current().name().map(str::to_owned);
        assert_eq!(made_on(8).await, here);
        assert_eq!(made_on(500).await.as_deref(), Some("compute-short"));
        assert_eq!(made_on(20_000).await.as_deref(), Some("compute"));
    }
}

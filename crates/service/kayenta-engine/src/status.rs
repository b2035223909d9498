//! What is told about an execution: the answers of the status endpoints, which are also what is
//! archived.

use indexmap::IndexMap;
use kayenta_model::{
    AnalysisStage, AnalysisStatusResponse, CanaryExecutionRequest, CanaryResult,
    CanaryStatusResponse, ExecutionException, IsoDuration, ScopePair, time::iso_millis,
};
use serde_json::Value;

use crate::{
    error::EngineError,
    record::{CANARY_NAME, Execution, StageWork, Task},
    request::{ComparisonResult, ComparisonStatus},
};

/// Answer of `GET /canary/{id}`.
pub(crate) fn canary(execution: &Execution) -> Result<CanaryStatusResponse, EngineError> {
    let Task::Canary(task) = &execution.task else {
        return Err(EngineError::invalid(format!(
            "Only named pipelines of '{CANARY_NAME}' can be converted to a CanaryExecutionStatusResponse object, '{}' received",
            execution.name()
        )));
    };
    let mixed = execution
        .stages
        .iter()
        .any(|stage| stage.work == StageWork::Mix && stage.succeeded());
    let succeeded = execution.status == kayenta_model::ExecutionStatus::Succeeded;
    Ok(CanaryStatusResponse {
        application: Some(execution.application.clone()),
        parent_pipeline_execution_id: execution.parent_pipeline_execution_id.clone(),
        pipeline_id: Some(execution.id.clone()),
        stage_status: Some(
            execution
                .stages
                .iter()
                .map(|stage| (stage.ref_id.clone(), stage.status.lower()))
                .collect(),
        ),
        complete: execution.is_complete(),
        status: Some(execution.status.lower()),
        exception: first_by_ref_id(execution).map(as_value),
        result: task
            .result
            .clone()
            .filter(|_| succeeded)
            .map(|verdict| CanaryResult {
                judge_result: Some(verdict),
                canary_duration: duration(&task.request),
            }),
        config: Some(execution.config.as_ref().clone()),
        canary_config_id: execution.config_id.clone(),
        canary_execution_request: Some(task.request.clone()),
        metric_set_pair_list_id: mixed.then(|| task.pair_list_id.clone()),
        build_time_millis: Some(execution.build_time),
        build_time_iso: Some(iso_millis(execution.build_time)),
        start_time_millis: execution.start_time,
        start_time_iso: execution.start_time.map(iso_millis),
        end_time_millis: execution.end_time,
        end_time_iso: execution.end_time.map(iso_millis),
        storage_account_name: Some(execution.accounts.storage.clone()),
        metrics_account_name: Some(execution.accounts.metrics.clone()),
        configuration_account_name: execution.accounts.configuration.clone(),
    })
}

fn as_value(exception: &ExecutionException) -> Value {
    serde_json::to_value(exception).unwrap_or_default()
}

/// The exception of the first failed stage by the name of its reference, as the reference sorts them.
fn first_by_ref_id(execution: &Execution) -> Option<&ExecutionException> {
    execution
        .stages
        .iter()
        .filter(|stage| stage.exception.is_some())
        .min_by(|a, b| a.ref_id.cmp(&b.ref_id))
        .and_then(|stage| stage.exception.as_ref())
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
pub(crate) fn analysis(execution: &Execution) -> AnalysisStatusResponse {
    let task = execution.analysis();
    AnalysisStatusResponse {
        application: Some(execution.application.clone()),
        user: task.map(|task| task.user.clone()),
        parent_pipeline_execution_id: execution
            .parent_pipeline_execution_id
            .clone()
            .filter(|_| task.is_some()),
        pipeline_id: Some(execution.id.clone()),
        stage_status: Some(
            execution
                .stages
                .iter()
                .map(|stage| AnalysisStage {
                    kind: stage.kind.clone(),
                    name: stage.name.clone(),
                    status: stage.status,
                    execution_id: match &stage.work {
                        StageWork::Run(run) => run.child_id.clone(),
                        _ => None,
                    },
                })
                .collect(),
        ),
        complete: execution.is_complete(),
        execution_status: Some(execution.status),
        exception: execution
            .stages
            .iter()
            .find_map(|stage| stage.exception.as_ref())
            .map(as_value),
        canary_analysis_execution_result: task.and_then(|task| task.result.clone()),
        canary_analysis_execution_request: task.map(|task| task.request.clone()),
        canary_config: task.map(|_| execution.config.as_ref().clone()),
        canary_config_id: execution.config_id.clone().filter(|_| task.is_some()),
        build_time_millis: Some(execution.build_time),
        build_time_iso: Some(iso_millis(execution.build_time)),
        start_time_millis: execution.start_time,
        start_time_iso: execution.start_time.map(iso_millis),
        end_time_millis: execution.end_time,
        end_time_iso: execution.end_time.map(iso_millis),
        storage_account_name: task.map(|_| execution.accounts.storage.clone()),
        metrics_account_name: task.map(|_| execution.accounts.metrics.clone()),
    }
}

/// Answer of `GET /judges/comparison/{id}`.
pub(crate) fn comparison(execution: &Execution) -> Result<ComparisonStatus, EngineError> {
    let Task::Comparison(task) = &execution.task else {
        return Err(EngineError::invalid(format!(
            "Unable to find StageExecution 'compareJudgeResults' in pipeline ID '{}'",
            execution.id
        )));
    };
    let succeeded = execution.status == kayenta_model::ExecutionStatus::Succeeded;
    let exceptions: IndexMap<_, _> = execution
        .stages
        .iter()
        .filter_map(|stage| Some((stage.name.clone(), stage.exception.clone()?)))
        .collect();
    let [first, second] = task.results.clone();
    Ok(ComparisonStatus {
        comparison_result: succeeded.then_some(ComparisonResult {
            judge_1_result: first,
            judge_2_result: second,
        }),
        exceptions: Some(exceptions).filter(|exceptions| !exceptions.is_empty()),
    })
}

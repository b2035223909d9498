//! An execution in the raw form of the reference's engine (`GET /pipelines/{id}`): for maintenance,
//! with its stage names, types and statuses.

use std::sync::Arc;

use kayenta_model::{
    CanaryExecutionRequest, ExecutionStatus, IdSource,
    comparison::ComparisonResult,
    pipeline::{
        PipelineAnalysisRequest, PipelineExecution, PipelineStage, PipelineTask, StageContext,
        StageInputs, StageOutputs, SyntheticStage,
    },
    time::JsonTimes,
};

use crate::{
    ids::DerivedIds,
    record::{
        AnalysisTask, CanaryTask, ComparisonTask, Execution, RunStage, Stage, StageWork, Task,
    },
};

/// The execution as the reference's engine would print it. The request of a canary run is a text of
/// JSON in it, whose timestamps are written as `json_times` says.
pub(crate) fn raw(execution: &Execution, json_times: JsonTimes) -> PipelineExecution {
    // Stage ids are not kept: they follow from the execution id, so they never change.
    let ids = DerivedIds::new(&execution.id);
    let stage_ids: Vec<String> = execution
        .stages
        .iter()
        .map(|_| ids.ulid(execution.build_time))
        .collect();
    let parent = execution
        .position(|work| *work == StageWork::Analysis)
        .map(|position| stage_ids[position].clone());
    let stages = execution
        .stages
        .iter()
        .zip(stage_ids)
        .map(|(stage, id)| {
            let mut context = StageContext::new(inputs(execution, stage, json_times));
            context.exception = stage.exception.clone();
            raw_stage(execution, stage, id, parent.clone(), context)
        })
        .collect();
    let cancellation = execution.cancellation.as_ref();
    PipelineExecution {
        id: execution.id.clone(),
        application: execution.application.clone(),
        name: execution.name().to_owned(),
        build_time: execution.build_time,
        canceled: cancellation.is_some(),
        canceled_by: cancellation.map(|cancellation| cancellation.by.clone()),
        cancellation_reason: cancellation.and_then(|cancellation| cancellation.reason.clone()),
        stages,
        start_time: execution.start_time,
        end_time: execution.end_time,
        status: execution.status,
        pipeline_config_id: execution.group(),
        ..PipelineExecution::default()
    }
}

fn raw_stage(
    execution: &Execution,
    stage: &Stage,
    id: String,
    parent: Option<String>,
    context: StageContext,
) -> PipelineStage {
    let synthetic = matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_));
    PipelineStage {
        id,
        ref_id: stage.ref_id.clone(),
        kind: stage.kind.clone(),
        name: stage.name.clone(),
        start_time: stage.start_time,
        end_time: stage.end_time,
        status: stage.status,
        context,
        outputs: outputs(execution, stage),
        tasks: [PipelineTask {
            start_time: stage.start_time,
            end_time: stage.end_time,
            status: stage.status,
            ..PipelineTask::new(&stage.kind)
        }],
        requisite_stage_ref_ids: requires(execution, stage),
        synthetic: synthetic.then(|| SyntheticStage::before(parent)),
    }
}

/// What must have succeeded before the stage begins. Fetches of one run need only the setup here;
/// the reference chains them.
fn requires(execution: &Execution, stage: &Stage) -> Vec<String> {
    let all = |wanted: fn(&StageWork) -> bool| -> Vec<String> {
        execution
            .stages
            .iter()
            .filter(|other| wanted(&other.work))
            .map(|other| other.ref_id.clone())
            .collect()
    };
    match (&stage.work, &execution.task) {
        (StageWork::Fetch { .. }, _) | (StageWork::Judge { .. }, Task::Comparison(_)) => {
            vec!["setupContext".to_owned()]
        }
        (StageWork::Mix, _) => all(|work| matches!(work, StageWork::Fetch { .. })),
        (StageWork::Judge { .. }, _) => vec!["mixMetrics".to_owned()],
        (StageWork::Compare, _) => all(|work| matches!(work, StageWork::Judge { .. })),
        _ => Vec::new(),
    }
}

fn inputs(execution: &Execution, stage: &Stage, json_times: JsonTimes) -> StageInputs {
    let application = || execution.application.clone();
    let storage_account_name = execution.accounts.storage.clone();
    let metrics_account_name = || execution.accounts.metrics.clone();
    match (&stage.work, &execution.task) {
        (StageWork::Setup, task) => StageInputs::Setup {
            application: application(),
            storage_account_name,
            metrics_account_name: metrics_account_name(),
            canary_config_id: execution.config_id.clone(),
            canary_config: Arc::clone(&execution.config),
            canary_execution_request: match task {
                Task::Canary(task) => json_text(&task.request, json_times),
                _ => None,
            },
        },
        (StageWork::Fetch { side, metric, .. }, _) => StageInputs::Fetch {
            metric_index: *metric,
            metrics_account_name: metrics_account_name(),
            storage_account_name,
            stage_type: stage.kind.clone(),
            side: side.key().to_owned(),
        },
        (StageWork::Mix, Task::Canary(_)) => StageInputs::Mix {
            storage_account_name,
            control_refid_prefix: "fetchControl".to_owned(),
            experiment_refid_prefix: "fetchExperiment".to_owned(),
        },
        (StageWork::Judge { .. }, Task::Canary(task)) => StageInputs::Judge {
            storage_account_name,
            metric_set_pair_list_id: task.pair_list_id.clone(),
            orchestrator_score_thresholds: task.request.thresholds,
            override_judge_name: None,
        },
        (StageWork::Judge { index }, Task::Comparison(task)) => StageInputs::Judge {
            storage_account_name,
            metric_set_pair_list_id: task.pair_list_id.clone(),
            orchestrator_score_thresholds: Some(task.thresholds),
            override_judge_name: task.override_judges.get(*index).cloned().flatten(),
        },
        (StageWork::Wait { seconds }, _) => StageInputs::Wait {
            wait_time: *seconds,
        },
        (StageWork::Run(run), _) => {
            let RunStage {
                child_id,
                child_status,
                score,
                message,
                ..
            } = run.clone();
            StageInputs::Run {
                application: application(),
                storage_account_name,
                metrics_account_name: metrics_account_name(),
                canary_pipeline_execution_id: child_id,
                canary_pipeline_status: child_status,
                canary_score: score,
                canary_score_message: message,
            }
        }
        (StageWork::Analysis, Task::Analysis(task)) => StageInputs::Analysis {
            canary_analysis_execution_request: Box::new(PipelineAnalysisRequest {
                user: task.user.clone(),
                application: application(),
                parent_pipeline_execution_id: execution.parent_pipeline_execution_id.clone(),
                canary_config_id: execution.config_id.clone(),
                metrics_account_name: metrics_account_name(),
                storage_account_name,
                configuration_account_name: execution.accounts.configuration.clone(),
                execution_request: task.request.clone(),
                canary_config: Arc::clone(&execution.config),
            }),
        },
        _ => StageInputs::Nothing {},
    }
}

fn json_text(request: &CanaryExecutionRequest, json_times: JsonTimes) -> Option<String> {
    serde_json::to_string(&json_times.of(request)).ok()
}

fn outputs(execution: &Execution, stage: &Stage) -> StageOutputs {
    let verdict = |result: &Option<kayenta_model::CanaryJudgeResult>| match result {
        Some(result) => StageOutputs::Verdict {
            result: Box::new(result.clone()),
        },
        None => StageOutputs::Nothing {},
    };
    let succeeded = stage.status == ExecutionStatus::Succeeded;
    match (&stage.work, &execution.task) {
        (StageWork::Setup, _) if succeeded => StageOutputs::Config {
            canary_config: Arc::clone(&execution.config),
        },
        (
            StageWork::Fetch {
                metric_set_list_id, ..
            },
            _,
        ) if succeeded => StageOutputs::MetricSetList {
            metric_set_list_id: metric_set_list_id.clone(),
        },
        (StageWork::Mix, Task::Canary(CanaryTask { pair_list_id, .. })) if succeeded => {
            StageOutputs::PairList {
                metric_set_pair_list_id: pair_list_id.clone(),
            }
        }
        (StageWork::Judge { .. }, Task::Canary(task)) => verdict(&task.result),
        (StageWork::Judge { index }, Task::Comparison(task)) => task
            .results
            .get(*index)
            .map_or(StageOutputs::Nothing {}, verdict),
        (StageWork::Compare, Task::Comparison(ComparisonTask { results, .. })) if succeeded => {
            let [first, second] = results.clone();
            StageOutputs::Comparison {
                comparison_result: Box::new(ComparisonResult {
                    judge_1_result: first,
                    judge_2_result: second,
                }),
            }
        }
        (
            StageWork::Summary,
            Task::Analysis(AnalysisTask {
                result: Some(result),
                ..
            }),
        ) => StageOutputs::Analysis {
            canary_analysis_execution_result: Box::new(result.clone()),
        },
        _ => StageOutputs::Nothing {},
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Records of executions of every kind and how each is printed, byte for byte.
    #[test]
    fn every_kind_of_execution_is_printed_with_the_fields_of_the_reference_in_their_order() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../../../testdata/engine/pipelines.json"))
                .unwrap();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let execution: Execution = serde_json::from_value(case["record"].clone()).unwrap();
            assert_eq!(
                serde_json::to_string_pretty(&raw(&execution, JsonTimes::default())).unwrap(),
                serde_json::to_string_pretty(&case["raw"]).unwrap(),
                "{}",
                case["name"]
            );
        }
    }
}

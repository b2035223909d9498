//! The raw form of an execution (`GET /pipelines/{id}`): for maintenance, with the stage names, types
//! and statuses of the reference's engine.

use kayenta_model::IdSource;
use serde_json::{Map, Value, json};

use crate::{
    ids::DerivedIds,
    record::{Execution, Side, Stage, StageWork, Task},
};

/// The execution as the reference's engine would print it.
pub(crate) fn raw(execution: &Execution) -> Value {
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
    let stages: Vec<Value> = execution
        .stages
        .iter()
        .zip(&stage_ids)
        .map(|(stage, id)| raw_stage(execution, stage, id, parent.as_deref()))
        .collect();
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            out.insert(key.to_owned(), value);
        }
    };
    put("type", json!("PIPELINE"));
    put("id", json!(execution.id));
    put("application", json!(execution.application));
    put("name", json!(execution.name()));
    put("buildTime", json!(execution.build_time));
    put("canceled", json!(execution.cancellation.is_some()));
    put(
        "canceledBy",
        json!(execution.cancellation.as_ref().map(|c| &c.by)),
    );
    put(
        "cancellationReason",
        json!(
            execution
                .cancellation
                .as_ref()
                .and_then(|c| c.reason.as_ref())
        ),
    );
    put("limitConcurrent", json!(false));
    put("keepWaitingPipelines", json!(false));
    put("stages", json!(stages));
    put("startTime", json!(execution.start_time));
    put("endTime", json!(execution.end_time));
    put("status", json!(execution.status));
    put(
        "trigger",
        json!({
            "type": "none",
            "user": "[anonymous]",
            "parameters": {},
            "artifacts": [],
            "notifications": [],
            "rebake": false,
            "dryRun": false,
            "strategy": false,
            "resolvedExpectedArtifacts": [],
        }),
    );
    put("pipelineConfigId", json!(execution.group()));
    put("notifications", json!([]));
    put("initialConfig", json!({}));
    put("systemNotifications", json!([]));
    Value::Object(out)
}

fn raw_stage(execution: &Execution, stage: &Stage, id: &str, parent: Option<&str>) -> Value {
    let (context, outputs) = context_and_outputs(execution, stage);
    let requires = requires(execution, stage);
    let mut out = Map::new();
    out.insert("id".into(), json!(id));
    if !stage.ref_id.is_empty() {
        out.insert("refId".into(), json!(stage.ref_id));
    }
    out.insert("type".into(), json!(stage.kind));
    out.insert("name".into(), json!(stage.name));
    for (key, time) in [("startTime", stage.start_time), ("endTime", stage.end_time)] {
        if let Some(time) = time {
            out.insert(key.into(), json!(time));
        }
    }
    out.insert("status".into(), json!(stage.status));
    out.insert("context".into(), Value::Object(context));
    out.insert("outputs".into(), Value::Object(outputs));
    let mut task = Map::new();
    task.insert("id".into(), json!("1"));
    task.insert("name".into(), json!(stage.kind));
    for (key, time) in [("startTime", stage.start_time), ("endTime", stage.end_time)] {
        if let Some(time) = time {
            task.insert(key.into(), json!(time));
        }
    }
    task.insert("status".into(), json!(stage.status));
    task.insert("stageStart".into(), json!(true));
    task.insert("stageEnd".into(), json!(true));
    out.insert("tasks".into(), json!([task]));
    out.insert("requisiteStageRefIds".into(), json!(requires));
    if matches!(stage.work, StageWork::Wait { .. } | StageWork::Run(_)) {
        out.insert("syntheticStageOwner".into(), json!("STAGE_BEFORE"));
        out.insert("parentStageId".into(), json!(parent));
    }
    Value::Object(out)
}

/// What must have succeeded before the stage begins. Fetches of one run need only the setup here;
/// the reference chains them.
fn requires(execution: &Execution, stage: &Stage) -> Vec<String> {
    let judges = || -> Vec<String> {
        execution
            .stages
            .iter()
            .filter(|other| matches!(other.work, StageWork::Judge { .. }))
            .map(|other| other.ref_id.clone())
            .collect()
    };
    match (&stage.work, &execution.task) {
        (StageWork::Fetch { .. }, _) | (StageWork::Judge { .. }, Task::Comparison(_)) => {
            vec!["setupContext".to_owned()]
        }
        (StageWork::Mix, _) => execution
            .stages
            .iter()
            .filter(|other| matches!(other.work, StageWork::Fetch { .. }))
            .map(|other| other.ref_id.clone())
            .collect(),
        (StageWork::Judge { .. }, _) => vec!["mixMetrics".to_owned()],
        (StageWork::Compare, _) => judges(),
        _ => Vec::new(),
    }
}

fn context_and_outputs(
    execution: &Execution,
    stage: &Stage,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut context, mut outputs) = (Map::new(), Map::new());
    context.insert("user".into(), json!("[anonymous]"));
    let storage = json!(execution.accounts.storage);
    match (&stage.work, &execution.task) {
        (StageWork::Setup, task) => {
            context.insert("application".into(), json!(execution.application));
            context.insert("storageAccountName".into(), storage);
            context.insert(
                "metricsAccountName".into(),
                json!(execution.accounts.metrics),
            );
            context.insert("canaryConfigId".into(), json!(execution.config_id));
            context.insert("canaryConfig".into(), json!(execution.config));
            if let Task::Canary(task) = task {
                context.insert(
                    "canaryExecutionRequest".into(),
                    json!(serde_json::to_string(&task.request).unwrap_or_default()),
                );
            }
            if stage.succeeded() {
                outputs.insert("canaryConfig".into(), json!(execution.config));
            }
        }
        (
            StageWork::Fetch {
                side,
                metric,
                metric_set_list_id,
            },
            _,
        ) => {
            context.insert("metricIndex".into(), json!(metric));
            context.insert(
                "metricsAccountName".into(),
                json!(execution.accounts.metrics),
            );
            context.insert("storageAccountName".into(), storage);
            context.insert("stageType".into(), json!(stage.kind));
            context.insert(
                "side".into(),
                json!(match side {
                    Side::Control => "control",
                    Side::Experiment => "experiment",
                }),
            );
            if stage.succeeded() {
                outputs.insert("metricSetListId".into(), json!(metric_set_list_id));
            }
        }
        (StageWork::Mix, Task::Canary(task)) => {
            context.insert("storageAccountName".into(), storage);
            context.insert("controlRefidPrefix".into(), json!("fetchControl"));
            context.insert("experimentRefidPrefix".into(), json!("fetchExperiment"));
            if stage.succeeded() {
                outputs.insert("metricSetPairListId".into(), json!(task.pair_list_id));
            }
        }
        (StageWork::Judge { .. }, Task::Canary(task)) => {
            context.insert("storageAccountName".into(), storage);
            context.insert("metricSetPairListId".into(), json!(task.pair_list_id));
            context.insert(
                "orchestratorScoreThresholds".into(),
                json!(task.request.thresholds),
            );
            if let Some(result) = &task.result {
                outputs.insert("result".into(), json!(result));
            }
        }
        (StageWork::Judge { index }, Task::Comparison(task)) => {
            context.insert("storageAccountName".into(), storage);
            context.insert("metricSetPairListId".into(), json!(task.pair_list_id));
            context.insert("orchestratorScoreThresholds".into(), json!(task.thresholds));
            if let Some(name) = task.override_judges.get(*index).and_then(Option::as_ref) {
                context.insert("overrideJudgeName".into(), json!(name));
            }
            if let Some(result) = task.results.get(*index).and_then(Option::as_ref) {
                outputs.insert("result".into(), json!(result));
            }
        }
        (StageWork::Compare, Task::Comparison(task)) if stage.succeeded() => {
            outputs.insert(
                "comparisonResult".into(),
                json!({"judge1Result": task.results[0], "judge2Result": task.results[1]}),
            );
        }
        (StageWork::Wait { seconds }, _) => {
            context.insert("waitTime".into(), json!(seconds));
        }
        (StageWork::Run(run), _) => {
            context.insert("application".into(), json!(execution.application));
            context.insert("storageAccountName".into(), storage);
            context.insert(
                "metricsAccountName".into(),
                json!(execution.accounts.metrics),
            );
            for (key, value) in [
                ("canaryPipelineExecutionId", json!(run.child_id)),
                ("canaryPipelineStatus", json!(run.child_status)),
                ("canaryScore", json!(run.score)),
                ("canaryScoreMessage", json!(run.message)),
            ] {
                if !value.is_null() {
                    context.insert(key.into(), value);
                }
            }
        }
        (StageWork::Analysis, Task::Analysis(task)) => {
            context.insert(
                "canaryAnalysisExecutionRequest".into(),
                json!({
                    "user": task.user,
                    "application": execution.application,
                    "parentPipelineExecutionId": execution.parent_pipeline_execution_id,
                    "canaryConfigId": execution.config_id,
                    "metricsAccountName": execution.accounts.metrics,
                    "storageAccountName": execution.accounts.storage,
                    "configurationAccountName": execution.accounts.configuration,
                    "executionRequest": task.request,
                    "canaryConfig": execution.config,
                }),
            );
        }
        (StageWork::Summary, Task::Analysis(task)) => {
            if let Some(result) = &task.result {
                outputs.insert("canaryAnalysisExecutionResult".into(), json!(result));
            }
        }
        _ => {}
    }
    if let Some(exception) = &stage.exception {
        context.insert("exception".into(), json!(exception));
    }
    (context, outputs)
}

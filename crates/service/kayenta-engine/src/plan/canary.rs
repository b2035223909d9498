//! From a request to a planned canary run: the checks of a submission in the reference's order, the
//! stages, and every object id the run will write.

use std::sync::Arc;

use kayenta_model::{
    CanaryConfig, CanaryExecutionRequest, ExecutionStatus, IdSource, Look, MetricConfig, Side,
    java_hash::strings_in_table_order,
};
use kayenta_storage::GroupedIds;

use crate::{
    account::Accounts,
    error::EngineError,
    record::{AccountNames, CanaryTask, Execution, Stage, StageWork, Task},
};

/// What a canary run is planned from.
pub(crate) struct CanaryInputs {
    pub(crate) id: String,
    pub(crate) now: i64,
    /// Empty for the application of runs without one.
    pub(crate) application: String,
    pub(crate) parent_pipeline_execution_id: Option<String>,
    pub(crate) accounts: AccountNames,
    /// Templates escaped.
    pub(crate) config: Arc<CanaryConfig>,
    pub(crate) config_id: String,
    pub(crate) request: CanaryExecutionRequest,
    pub(crate) analysis_id: Option<String>,
    pub(crate) look: Option<Look>,
    /// Whether the judge compares with a baseline; else the control scopes may be absent.
    pub(crate) needs_baseline: bool,
}

/// Checks the request and plans the run.
///
/// # Errors
/// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) with the reference's text for the
/// first check that fails.
pub(crate) fn plan(
    inputs: CanaryInputs,
    accounts: &Accounts,
    ids: &dyn IdSource,
    instance_id: &str,
) -> Result<Execution, EngineError> {
    check(
        &inputs.config,
        &inputs.request,
        accounts,
        inputs.needs_baseline,
    )?;
    let application = if inputs.application.is_empty() {
        format!("kayenta-{instance_id}")
    } else {
        inputs.application
    };
    // A store that packs keeps what the run writes in one file.
    let ids = &GroupedIds::new(ids);
    Ok(Execution {
        id: inputs.id,
        application,
        status: ExecutionStatus::NotStarted,
        noticed: 0,
        traceparent: None,
        tracestate: None,
        build_time: inputs.now,
        start_time: None,
        end_time: None,
        cancellation: None,
        parent_pipeline_execution_id: inputs.parent_pipeline_execution_id,
        accounts: inputs.accounts,
        stages: stages(&inputs.config, &inputs.request, ids).into(),
        config: inputs.config,
        config_id: Some(inputs.config_id),
        task: Task::Canary(CanaryTask {
            request: inputs.request,
            pair_list_id: ids.uuid(),
            result: None,
            analysis_id: inputs.analysis_id,
            look: inputs.look,
            early_success: None,
        }),
    })
}

/// The checks of a submission.
///
/// # Errors
/// As [`plan`].
pub(crate) fn check(
    config: &CanaryConfig,
    request: &CanaryExecutionRequest,
    accounts: &Accounts,
    needs_baseline: bool,
) -> Result<(), EngineError> {
    let metrics = config.metrics();
    if metrics.is_empty() {
        return Err(EngineError::invalid(
            "The canary config must specify at least one metric. Otherwise we're not analyzing anything. :)",
        ));
    }
    let named = || metrics.iter().filter_map(|m| m.scope_name.as_deref());
    if named().next().is_some() {
        let Some(scopes) = &request.scopes else {
            return Err(EngineError::invalid(
                "Canary metrics require scopes, but no scopes were provided in the execution request.",
            ));
        };
        let missing = strings_in_table_order(named().filter(|name| !scopes.contains_key(*name)));
        if !missing.is_empty() {
            return Err(EngineError::invalid(format!(
                "Canary metrics require scopes which were not provided in the execution request: [{}]",
                missing.join(", ")
            )));
        }
    }
    // C-ENG-05: a clear refusal instead of a null pointer.
    if let Some(metric) = metrics.iter().find(|metric| metric.query.is_none()) {
        return Err(EngineError::invalid(format!(
            "Canary metric named '{}' must specify a query.",
            metric.name()
        )));
    }
    for side in [Side::Experiment, Side::Control] {
        for metric in metrics {
            let service = metric
                .query
                .as_ref()
                .map_or("", |query| query.service_type());
            if !accounts.knows_service_type(service) {
                return Err(EngineError::invalid(format!(
                    "Unable to resolve canary scope factory for '{service}'."
                )));
            }
            let Some(scope_name) = &metric.scope_name else {
                return Err(EngineError::invalid(format!(
                    "Canary scope for metric named '{}' is null.",
                    metric.name()
                )));
            };
            let pair = request
                .scopes
                .as_ref()
                .and_then(|scopes| scopes.get(scope_name)?.as_ref());
            let there = pair.is_some_and(|pair| match side {
                Side::Control => pair.control_scope.is_some() || !needs_baseline,
                Side::Experiment => pair.experiment_scope.is_some(),
            });
            if !there {
                return Err(EngineError::invalid(format!(
                    "Canary scope for named scope {scope_name} is missing experimentScope or controlScope keys"
                )));
            }
        }
    }
    let Some(thresholds) = request.thresholds else {
        return Err(EngineError::invalid(
            "Execution request must contain thresholds",
        ));
    };
    if thresholds.pass.is_none() || thresholds.marginal.is_none() {
        tracing::warn!(
            ?thresholds,
            "a missing score threshold counts as 0.0, which every score reaches"
        );
    }
    Ok(())
}

fn stages(
    config: &CanaryConfig,
    request: &CanaryExecutionRequest,
    ids: &dyn IdSource,
) -> Vec<Stage> {
    let mut stages = vec![Stage::new(
        "setupContext",
        "setupCanary",
        "Setup Canary",
        StageWork::Setup,
    )];
    for (metric, metric_config) in config.metrics().iter().enumerate() {
        let service = metric_config
            .query
            .as_ref()
            .map_or("", |query| query.service_type());
        for (prefix, side) in [
            ("fetchControl", Side::Control),
            ("fetchExperiment", Side::Experiment),
        ] {
            // Only a judge without a baseline gets past the checks with such a scope.
            if side == Side::Control && !has_control(request, metric_config) {
                continue;
            }
            let ref_id = format!("{prefix}{metric}");
            stages.push(Stage::new(
                ref_id.clone(),
                format!("{service}Fetch"),
                ref_id,
                StageWork::Fetch {
                    side,
                    metric,
                    metric_set_list_id: ids.uuid(),
                },
            ));
        }
    }
    stages.push(Stage::new(
        "mixMetrics",
        "metricSetMixer",
        "Mix Control and Experiment Results",
        StageWork::Mix,
    ));
    stages.push(Stage::new(
        "judge",
        "canaryJudge",
        "Perform Analysis",
        StageWork::Judge { index: 0 },
    ));
    stages
}

fn has_control(request: &CanaryExecutionRequest, metric: &MetricConfig) -> bool {
    let pair = || {
        let scopes = request.scopes.as_ref()?;
        scopes.get(metric.scope_name.as_ref()?)?.as_ref()
    };
    pair().is_some_and(|pair| pair.control_scope.is_some())
}

//! The engine's own record of an execution: what was asked, how far it is, what came of it.

mod stages;
mod summary;

use std::sync::Arc;

use kayenta_json::JsonError;
use kayenta_model::{
    AnalysisExecutionResult, AnalysisRequest, CanaryConfig, CanaryExecutionRequest,
    CanaryJudgeResult, Double, ExecutionException, ExecutionStatus, ExecutionSummary, Instant,
    Look, Side, Thresholds,
};
use kayenta_queue::ExecutionRecord;
use serde::{Deserialize, Serialize};

pub(crate) use self::stages::Stages;
use crate::{
    error::{EngineError, EngineErrorKind},
    failure::Failure,
    traces::TraceContext,
};

/// Default application and config id of runs that bring their own config.
pub(crate) const AD_HOC: &str = "ad-hoc";

/// Name of every canary run.
pub(crate) const CANARY_NAME: &str = "Standard Canary Pipeline";
/// Name of every standalone analysis.
pub(crate) const ANALYSIS_NAME: &str = "Standalone Canary Analysis Pipeline";
// C-ENG-02: a kind of its own; the reference's shares the canary runs' name and breaks their look-ups.
/// Name of every comparison of judges.
pub(crate) const COMPARISON_NAME: &str = "Judge Comparison Pipeline";

/// The group whose records are the comparisons of judges.
pub(crate) const COMPARISON_GROUP: &str = "judge-comparison-pipeline";

/// The group whose records are the canary runs of an application.
pub(crate) fn canary_group(application: &str) -> String {
    format!("{application}-standard-canary-pipeline")
}

/// The span of work on an execution.
pub(crate) fn execution_span(execution: &Execution) -> tracing::Span {
    tracing::info_span!(
        "execution",
        id = %execution.id,
        application = %execution.application
    )
}

/// One execution, as kept in the execution store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) status: ExecutionStatus,
    /// Milliseconds since 1970, as all times here.
    pub(crate) build_time: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancellation: Option<Cancellation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_pipeline_execution_id: Option<String>,
    pub(crate) accounts: AccountNames,
    /// Templates escaped.
    pub(crate) config: Arc<CanaryConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) config_id: Option<String>,
    pub(crate) task: Task,
    /// In the order they are listed.
    pub(crate) stages: Stages,
    /// The `traceparent` of the request that asked for it, if there are traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
    /// The `tracestate` that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tracestate: Option<String>,
    /// For how many of its events the notices are queued.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) noticed: usize,
}

impl Execution {
    /// The trace of the request that asked for it.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        Some(TraceContext {
            traceparent: self.traceparent.clone()?,
            tracestate: self.tracestate.clone(),
        })
    }

    /// Makes it a part of a trace.
    pub(crate) fn put_into(&mut self, trace: Option<TraceContext>) {
        let (traceparent, tracestate) = match trace {
            Some(trace) => (Some(trace.traceparent), trace.tracestate),
            None => (None, None),
        };
        self.traceparent = traceparent;
        self.tracestate = tracestate;
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Resolved names of the accounts an execution uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountNames {
    pub(crate) metrics: String,
    pub(crate) storage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configuration: Option<String>,
}

/// Who stopped an execution, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cancellation {
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What an execution does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    Canary(CanaryTask),
    Analysis(AnalysisTask),
    Comparison(ComparisonTask),
}

/// One canary run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CanaryTask {
    pub(crate) request: CanaryExecutionRequest,
    /// Key of the pair list, chosen when planned; exists once the mixing stage has succeeded.
    pub(crate) pair_list_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<CanaryJudgeResult>,
    /// The analysis whose job drives this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) analysis_id: Option<String>,
    /// Which look of the analysis it is, for a judge that shares its error rate among the looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) look: Option<Look>,
    /// Why the analysis may end with this run, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early_success: Option<String>,
}

/// One standalone analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnalysisTask {
    pub(crate) request: AnalysisRequest,
    pub(crate) user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<AnalysisPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<AnalysisExecutionResult>,
}

/// The timetable of an analysis, fixed once work on it begins. All lengths are minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnalysisPlan {
    /// Start of all growing windows, warm-up included.
    pub(crate) start: Instant,
    /// Distance of the runs.
    pub(crate) interval: i64,
    /// Length of sliding windows; growing ones if not positive.
    pub(crate) lookback: i64,
    /// How many runs there are.
    pub(crate) runs: i64,
}

/// One pair list judged by two judges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ComparisonTask {
    pub(crate) pair_list_id: String,
    pub(crate) thresholds: Thresholds,
    pub(crate) override_judges: [Option<String>; 2],
    pub(crate) results: [Option<CanaryJudgeResult>; 2],
}

/// One stage of an execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// Name within a canary run (`fetchControl0`); empty in an analysis.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) ref_id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) status: ExecutionStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exception: Option<ExecutionException>,
    pub(crate) work: StageWork,
}

/// What a stage does, and what it needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageWork {
    /// Makes the config available; nothing to do.
    #[default]
    Setup,
    /// Fetches one metric on one side.
    Fetch {
        side: Side,
        metric: usize,
        /// Key of the metric set list, chosen when planned.
        metric_set_list_id: String,
    },
    /// Puts both sides next to each other.
    Mix,
    /// Judges; the index tells the two judges of a comparison apart.
    Judge { index: usize },
    /// Puts two verdicts next to each other.
    Compare,
    /// Lets time pass.
    Wait { seconds: i64 },
    /// Runs a canary.
    Run(RunStage),
    /// Spans all waits and runs of an analysis.
    Analysis,
    /// Sums an analysis up.
    Summary,
}

/// One run of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunStage {
    /// From 1.
    pub(crate) number: i64,
    /// The canary run, chosen and recorded before it is created, so that no crash leads to a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) child_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) child_status: Option<ExecutionStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<Double>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// Why the analysis ends with this run although nothing is wrong, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early_success: Option<String>,
}

impl Stage {
    pub(crate) fn new(
        ref_id: impl Into<String>,
        kind: impl Into<String>,
        name: impl Into<String>,
        work: StageWork,
    ) -> Self {
        Self {
            ref_id: ref_id.into(),
            kind: kind.into(),
            name: name.into(),
            work,
            ..Self::default()
        }
    }

    pub(crate) fn begin(&mut self, now: i64) {
        self.status = ExecutionStatus::Running;
        self.start_time.get_or_insert(now);
    }

    pub(crate) fn end(&mut self, status: ExecutionStatus, now: i64) {
        self.status = status;
        self.start_time.get_or_insert(now);
        self.end_time = Some(now);
    }

    /// Ends in failure, the operation that failed being the stage itself.
    pub(crate) fn fail_as_itself(&mut self, failure: Failure, now: i64) {
        let operation = self.kind.clone();
        self.fail(failure, operation, now);
    }

    /// Ends in failure; `operation` is the task that failed.
    pub(crate) fn fail(&mut self, failure: Failure, operation: impl Into<String>, now: i64) {
        self.exception = Some(failure.at(operation, now));
        self.end(ExecutionStatus::Terminal, now);
    }

    /// When a wait that has begun is over, in milliseconds since 1970; `None` for any other stage.
    pub(crate) fn over(&self) -> Option<i64> {
        let StageWork::Wait { seconds } = self.work else {
            return None;
        };
        let began = self.start_time?;
        Some(began.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whether it waits or runs a canary and has not ended.
    pub(crate) fn is_open_step(&self) -> bool {
        !self.status.is_complete()
            && matches!(self.work, StageWork::Wait { .. } | StageWork::Run(_))
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.status == ExecutionStatus::Succeeded
    }
}

impl Execution {
    /// Name of its kind.
    pub(crate) fn name(&self) -> &'static str {
        match self.task {
            Task::Canary(_) => CANARY_NAME,
            Task::Analysis(_) => ANALYSIS_NAME,
            Task::Comparison(_) => COMPARISON_NAME,
        }
    }

    /// What listings go by.
    pub(crate) fn group(&self) -> String {
        match self.task {
            Task::Canary(_) => canary_group(&self.application),
            Task::Analysis(_) => {
                format!("{}-canary-analysis-referee-pipeline", self.application)
            }
            Task::Comparison(_) => COMPARISON_GROUP.to_owned(),
        }
    }

    /// Whether a job of its own drives it; a run inside an analysis has none.
    pub(crate) fn has_job(&self) -> bool {
        !matches!(&self.task, Task::Canary(task) if task.analysis_id.is_some())
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.status.is_complete()
    }

    pub(crate) fn canary(&self) -> Option<&CanaryTask> {
        match &self.task {
            Task::Canary(task) => Some(task),
            _ => None,
        }
    }

    pub(crate) fn analysis(&self) -> Option<&AnalysisTask> {
        match &self.task {
            Task::Analysis(task) => Some(task),
            _ => None,
        }
    }

    pub(crate) fn position(&self, wanted: impl Fn(&StageWork) -> bool) -> Option<usize> {
        self.stages.iter().position(|stage| wanted(&stage.work))
    }

    /// The analysis and its timetable, once it has one.
    pub(crate) fn planned_analysis(&self) -> Option<(&AnalysisTask, &AnalysisPlan)> {
        let task = self.analysis()?;
        Some((task, task.plan.as_ref()?))
    }

    /// The first exception among the stages, by the name of their reference, as the reference sorts
    /// them.
    pub(crate) fn first_exception_by_ref_id(&self) -> Option<&ExecutionException> {
        self.stages
            .iter()
            .filter(|stage| stage.exception.is_some())
            .min_by(|a, b| a.ref_id.cmp(&b.ref_id))
            .and_then(|stage| stage.exception.as_ref())
    }

    /// The runs of an analysis.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&Stage, &RunStage)> {
        self.stages.iter().filter_map(|stage| match &stage.work {
            StageWork::Run(run) => Some((stage, run)),
            _ => None,
        })
    }

    /// Canary runs an analysis has started, or was about to, with their ids.
    pub(crate) fn started_runs(&self) -> impl Iterator<Item = (&Stage, &RunStage, &str)> {
        self.runs()
            .filter_map(|(stage, run)| Some((stage, run, run.child_id.as_deref()?)))
    }

    /// Why the analysis ends early although nothing is wrong, if it does.
    pub(crate) fn early_success(&self) -> Option<&str> {
        self.runs()
            .find_map(|(_, run)| run.early_success.as_deref())
    }

    /// Marks that work begins.
    pub(crate) fn begin(&mut self, now: i64) {
        self.status = ExecutionStatus::Running;
        self.start_time.get_or_insert(now);
    }

    /// Marks the end of everything; stages still going on are canceled.
    pub(crate) fn end(&mut self, status: ExecutionStatus, now: i64) {
        self.status = status;
        if self.start_time.is_some() {
            self.end_time = Some(now);
        }
        // C-ENG-03: nothing of a complete execution reads `running`.
        self.stages.change_all(
            |stage| stage.status == ExecutionStatus::Running,
            |stage| stage.end(ExecutionStatus::Canceled, now),
        );
    }

    /// Gives it up: its first open stage fails, and it with that.
    pub(crate) fn give_up(&mut self, failure: Failure, now: i64) {
        self.begin(now);
        let open = self.stages.find_mut(|stage| !stage.status.is_complete());
        if let Some(stage) = open {
            stage.fail_as_itself(failure, now);
        }
        self.end(ExecutionStatus::Terminal, now);
    }

    pub(crate) fn cancel(&mut self, by: &str, reason: Option<String>, now: i64) {
        self.cancellation = Some(Cancellation {
            by: by.to_owned(),
            reason,
        });
        self.end(ExecutionStatus::Canceled, now);
    }

    /// When it next wants attention: the end of the wait it is in, or at once.
    pub(crate) fn due(&self) -> Option<i64> {
        self.stages
            .iter()
            .filter(|stage| stage.status == ExecutionStatus::Running)
            .find_map(Stage::over)
    }

    /// When the next run of an analysis is due, in milliseconds since 1970: at the end of the wait it is in and of
    /// those that follow before the run. `None` while a run is under way, and before and after the analysis.
    pub(crate) fn next_run(&self) -> Option<i64> {
        let mut open = self.stages.iter().filter(|stage| stage.is_open_step());
        let mut due = open.next()?.over()?;
        for stage in open {
            let StageWork::Wait { seconds } = stage.work else {
                return Some(due);
            };
            due = due.saturating_add(seconds.saturating_mul(1000));
        }
        None
    }

    /// What a listing across applications shows of it.
    pub(crate) fn summary(&self) -> ExecutionSummary {
        summary::of(self)
    }

    /// The form the execution store keeps, without the stages that it has.
    pub(crate) fn to_record(&self) -> Result<ExecutionRecord, EngineError> {
        let body = serde_json::to_vec(self).map_err(|error| self.unwritable(error))?;
        self.record_of(body)
    }

    pub(crate) fn unwritable(&self, error: serde_json::Error) -> EngineError {
        EngineError::new(
            EngineErrorKind::Internal,
            format!("execution {} cannot be written as JSON", self.id),
        )
        .caused_by(error)
    }

    /// [`to_record`](Self::to_record), whose body is written already.
    pub(crate) fn record_of(&self, body: Vec<u8>) -> Result<ExecutionRecord, EngineError> {
        let parts = self
            .stages
            .parts()
            .map_err(|error| self.unwritable(error))?;
        let summary = serde_json::to_vec(&self.summary()).map_err(|error| {
            EngineError::new(
                EngineErrorKind::Internal,
                format!(
                    "the summary of execution {} cannot be written as JSON",
                    self.id
                ),
            )
            .caused_by(error)
        })?;
        Ok(ExecutionRecord {
            id: self.id.clone(),
            group: self.group(),
            status: self.status,
            build_time_millis: self.build_time,
            has_job: self.has_job(),
            body: body.into(),
            parts,
            summary: summary.into(),
        })
    }

    /// Reads what [`to_record`](Self::to_record) wrote.
    pub(crate) fn from_record(record: &ExecutionRecord) -> Result<Self, EngineError> {
        let read = || {
            let mut execution: Self = serde_json::from_slice(&record.body)?;
            execution.stages.read_parts(&record.parts)?;
            Ok(execution)
        };
        read().map_err(|error: serde_json::Error| {
            EngineError::new(
                EngineErrorKind::Internal,
                format!("the record of execution {} cannot be read", record.id),
            )
            .caused_by(JsonError::from(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A record of a version that knew no traces.
    fn without_a_trace() -> Value {
        json!({
            "id": "01A", "application": "shop", "status": ExecutionStatus::Running, "build_time": 1,
            "accounts": {"metrics": "m", "storage": "s"},
            "config": CanaryConfig::default(),
            "task": {"comparison": {
                "pair_list_id": "p", "thresholds": Thresholds::default(),
                "override_judges": [null, null], "results": [null, null],
            }},
            "stages": [],
        })
    }

    #[test]
    fn the_next_run_is_due_when_the_wait_and_those_after_it_are_over() {
        let wait = |seconds| Stage::new("", "wait", "wait", StageWork::Wait { seconds });
        let run = |number| {
            let run = RunStage {
                number,
                ..RunStage::default()
            };
            Stage::new("", "runCanary", "run", StageWork::Run(run))
        };
        let mut execution: Execution = serde_json::from_value(without_a_trace()).unwrap();
        // Warm-up, then two intervals, each with its run.
        execution.stages = vec![wait(10), wait(60), run(1), wait(60), run(2)].into();
        assert_eq!(execution.next_run(), None, "no wait has begun");
        execution.stages[0].begin(5_000);
        assert_eq!(execution.next_run(), Some(5_000 + 10_000 + 60_000));
        execution.stages[0].end(ExecutionStatus::Succeeded, 15_100);
        execution.stages[1].begin(15_100);
        assert_eq!(execution.next_run(), Some(75_100));
        execution.stages[1].end(ExecutionStatus::Succeeded, 75_200);
        execution.stages[2].begin(75_200);
        assert_eq!(execution.next_run(), None, "run 1 is under way");
        execution.stages[2].end(ExecutionStatus::Succeeded, 76_000);
        execution.stages[3].begin(76_000);
        assert_eq!(execution.next_run(), Some(136_000));
        execution.cancel("anna", None, 80_000);
        assert_eq!(execution.next_run(), None, "it has ended");
    }

    #[tokio::test]
    async fn a_record_without_a_trace_is_that_of_earlier_versions_and_one_with_a_trace_keeps_it() {
        let earlier = without_a_trace();
        let mut execution: Execution = serde_json::from_value(earlier.clone()).unwrap();
        assert_eq!(execution.traceparent, None);
        assert_eq!(serde_json::to_value(&execution).unwrap(), earlier);

        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext {
            traceparent: traceparent.to_owned(),
            tracestate: Some("vendor=1".to_owned()),
        };
        execution.put_into(Some(trace.clone()));
        assert_eq!(execution.trace(), Some(trace));
        let record = execution.to_record().unwrap();
        assert_eq!(Execution::from_record(&record).unwrap(), execution);
        let written = crate::memory::write_new_record(&Arc::new(execution)).await;
        assert_eq!(written.unwrap(), record);
        let body: Value = serde_json::from_slice(&record.body).unwrap();
        assert_eq!(body["traceparent"], traceparent);
    }
}

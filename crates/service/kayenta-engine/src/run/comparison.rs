//! One stored pair list judged by two judges, one after the other.

use std::sync::Arc;

use kayenta_judge::{JudgeRequest, ScoreThresholds};
use kayenta_model::{ExecutionStatus, MetricSetPair};
use kayenta_storage::ObjectKind;

use super::fail_stage;
use crate::{
    account::Accounts,
    error::EngineError,
    failure::Failure,
    judge_runner::JudgeRunner,
    options::EngineParts,
    record::{StageWork, Task},
    session::{Interrupted, Session},
};

/// Drives comparisons of two judges.
#[derive(Debug)]
pub(crate) struct ComparisonDriver {
    accounts: Arc<Accounts>,
    judge_runner: Arc<JudgeRunner>,
}

impl ComparisonDriver {
    pub(crate) fn new(judge_runner: Arc<JudgeRunner>, parts: &EngineParts) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            judge_runner,
        }
    }

    /// Drives a comparison to its end.
    pub(crate) async fn drive(&self, session: &mut Session) -> Result<(), Interrupted> {
        let now = session.now();
        session.execution.begin(now);
        for stage in 0..session.execution.stages.len() {
            if session.execution.stages[stage].succeeded() {
                continue;
            }
            let now = session.now();
            session.execution.stages[stage].begin(now);
            if let Err(failure) = self.stage(session, stage).await? {
                fail_stage(session, stage, failure);
                let now = session.now();
                session.execution.end(ExecutionStatus::Terminal, now);
                return session.save().await;
            }
            let now = session.now();
            session.execution.stages[stage].end(ExecutionStatus::Succeeded, now);
        }
        let now = session.now();
        session.execution.end(ExecutionStatus::Succeeded, now);
        session.save().await
    }

    /// Does a stage; the inner error is why it failed.
    async fn stage(
        &self,
        session: &mut Session,
        stage: usize,
    ) -> Result<Result<(), Failure>, Interrupted> {
        let execution = &session.execution;
        let StageWork::Judge { index } = execution.stages[stage].work else {
            return Ok(Ok(()));
        };
        let Task::Comparison(task) = &execution.task else {
            return Ok(Ok(()));
        };
        let pair_list_id = task.pair_list_id.clone();
        let judge = task.override_judges[index].clone();
        let thresholds = ScoreThresholds::from(task.thresholds);
        let canary_config = Arc::clone(&execution.config);
        let storage = execution.accounts.storage.clone();
        let judged = async {
            let pairs = self
                .pairs(&storage, &pair_list_id)
                .await
                .map_err(|error| Failure::from(&error))?;
            let request = JudgeRequest {
                canary_config,
                thresholds,
                metric_set_pairs: Arc::new(pairs),
                ..JudgeRequest::default()
            };
            self.judge_runner
                .judge(request, judge.as_deref())
                .await
                .map_err(|error| Failure::from(&error))
        };
        let verdict = session.while_recording(judged).await?;
        Ok(verdict.map(|verdict| {
            if let Task::Comparison(task) = &mut session.execution.task {
                task.results[index] = Some(verdict.result);
            }
        }))
    }

    /// A stored pair list.
    async fn pairs(&self, account: &str, id: &str) -> Result<Vec<MetricSetPair>, EngineError> {
        let objects = self.accounts.recorded_object_store(account)?;
        Ok(objects.load(ObjectKind::MetricSetPairList, id).await?)
    }
}

//! One stored pair list judged by two judges, one after the other.

use std::sync::Arc;

use kayenta_model::{ExecutionStatus, MetricSetPair};
use kayenta_storage::ObjectKind;

use crate::{
    engine::Inner,
    error::EngineError,
    exception::Failure,
    record::{StageWork, Task},
    session::{Interrupted, Session},
};

impl Inner {
    /// Drives a comparison to its end.
    pub(crate) async fn drive_comparison(&self, session: &mut Session) -> Result<(), Interrupted> {
        let now = session.now();
        session.execution.begin(now);
        for stage in 0..session.execution.stages.len() {
            if session.execution.stages[stage].succeeded() {
                continue;
            }
            let now = session.now();
            session.execution.stages[stage].begin(now);
            if let Err(failure) = self.comparison_stage(session, stage).await? {
                let now = session.now();
                let operation = session.execution.stages[stage].kind.clone();
                session.execution.stages[stage].fail(failure.at(operation, now), now);
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

    async fn comparison_stage(
        &self,
        session: &mut Session,
        stage: usize,
    ) -> Result<Result<(), Failure>, Interrupted> {
        let StageWork::Judge { index } = session.execution.stages[stage].work else {
            return Ok(Ok(()));
        };
        let Task::Comparison(task) = session.execution.task.clone() else {
            return Ok(Ok(()));
        };
        let config = Arc::clone(&session.execution.config);
        let storage = session.execution.accounts.storage.clone();
        let judged = async {
            let pairs = self
                .pairs(&storage, &task.pair_list_id)
                .await
                .map_err(|error| Failure::from(&error))?;
            let name = task.override_judges[index].as_deref();
            self.judge(&config, name, task.thresholds, Arc::new(pairs))
                .await
                .map_err(|error| Failure::from(&error))
        };
        let verdict = self.meanwhile(session, judged).await?;
        Ok(verdict.map(|verdict| {
            if let Task::Comparison(task) = &mut session.execution.task {
                task.results[index] = Some(verdict);
            }
        }))
    }

    /// A stored pair list.
    async fn pairs(&self, account: &str, id: &str) -> Result<Vec<MetricSetPair>, EngineError> {
        let objects = self.objects_of(account)?;
        Ok(objects.load(ObjectKind::MetricSetPairList, id).await?)
    }
}

//! Archives of finished executions: exactly the answer of the status endpoint.

use bytes::Bytes;
use kayenta_storage::{ObjectKind, WriteCondition};
use serde::Serialize;

use crate::{
    engine::Inner,
    error::{EngineError, EngineErrorKind},
    record::{Execution, Task},
    status,
};

/// Tries at once before an archive is left for later.
const TRIES: u32 = 3;
/// Pause between them, in milliseconds.
const PAUSE_MS: i64 = 200;

impl Inner {
    /// Writes the archive of a complete execution; whether it is there now, or none is wanted. Doing
    /// it again writes the same.
    pub(crate) async fn archive(&self, execution: &Execution) -> bool {
        let Some(kind) = self.archive_kind(execution) else {
            return true;
        };
        if execution.accounts.storage.is_empty() {
            return true;
        }
        for attempts in 1..=TRIES {
            match self.write_archive(execution, kind).await {
                Ok(()) => return true,
                // An account that is no store, or gone: no later try will help.
                Err(error) if error.kind == EngineErrorKind::InvalidRequest => {
                    tracing::warn!(
                        execution.id = %execution.id,
                        %error,
                        "an execution cannot be archived"
                    );
                    return true;
                }
                Err(error) => {
                    tracing::warn!(
                        execution.id = %execution.id,
                        attempts,
                        %error,
                        "could not archive an execution"
                    );
                    metrics::counter!("canary.archive.failures").increment(1);
                }
            }
            if attempts < TRIES {
                self.pause(PAUSE_MS).await;
            }
        }
        false
    }

    async fn write_archive(
        &self,
        execution: &Execution,
        kind: ObjectKind,
    ) -> Result<(), EngineError> {
        let objects = self.objects_of(&execution.accounts.storage)?;
        let bytes = match &execution.task {
            Task::Analysis(_) => json(&status::analysis(execution))?,
            _ => json(&status::canary(execution)?)?,
        };
        objects
            .store_bytes(kind, &execution.id, None, bytes, WriteCondition::Always)
            .await?;
        Ok(())
    }
}

fn json(document: &impl Serialize) -> Result<Bytes, EngineError> {
    serde_json::to_vec(document)
        .map(Bytes::from)
        .map_err(|error| {
            EngineError::new(
                EngineErrorKind::Internal,
                "an archive cannot be written as JSON",
            )
            .caused_by(error)
        })
}

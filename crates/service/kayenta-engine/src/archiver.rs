//! Archives of finished executions: exactly the answer of the status endpoint.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kayenta_model::{Clock, time::JsonTimes};
use kayenta_storage::{ObjectKind, WriteCondition};
use tracing::Instrument;

use crate::{
    account::Accounts,
    documents::text_of,
    error::{EngineError, EngineErrorKind},
    options::{EngineOptions, EngineParts},
    record::{Execution, Task},
    status,
};

/// Tries at once before an archive is left for later.
const TRIES: u32 = 3;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archived {
    /// It is there now, or none is wanted or possible.
    Settled,
    /// The store failed; worth trying again later.
    NotYet,
}

/// Writes archives.
#[derive(Debug)]
pub(crate) struct Archiver {
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
    /// Whether executions are archived at all.
    on: bool,
    json_times: JsonTimes,
}

impl Archiver {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            clock: Arc::clone(&parts.clock),
            on: options.archive,
            json_times: options.json_times,
        }
    }

    /// Writes the archive of a complete execution. Doing it again writes the same.
    pub(crate) async fn archive(&self, execution: Execution) -> Archived {
        if !self.on || execution.accounts.storage.is_empty() {
            return Archived::Settled;
        }
        let kind = match &execution.task {
            Task::Canary(_) => ObjectKind::CanaryResultArchive,
            Task::Analysis(_) => ObjectKind::StandaloneCanaryResultArchive,
            Task::Comparison(_) => return Archived::Settled,
        };
        let id = execution.id.clone();
        let storage = execution.accounts.storage.clone();
        let bytes = match self.answer(execution).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(execution.id = %id, %error, "an archive cannot be put together");
                return Archived::NotYet;
            }
        };
        for attempts in 1..=TRIES {
            let span = tracing::debug_span!("archive", attempt = i64::from(attempts));
            let written = self.write(&storage, kind, &id, bytes.clone());
            match written.instrument(span).await {
                Ok(()) => return Archived::Settled,
                // An account that is no store, or gone: no later try will help.
                Err(error) if error.kind == EngineErrorKind::InvalidRequest => {
                    tracing::warn!(execution.id = %id, %error, "execution cannot be archived");
                    return Archived::Settled;
                }
                Err(error) => {
                    tracing::warn!(
                        execution.id = %id,
                        attempts,
                        %error,
                        "could not archive an execution"
                    );
                    metrics::counter!("canary.archive.failures").increment(1);
                }
            }
            if attempts < TRIES {
                self.clock.sleep(PAUSE).await;
            }
        }
        Archived::NotYet
    }

    async fn write(
        &self,
        storage: &str,
        kind: ObjectKind,
        id: &str,
        bytes: Bytes,
    ) -> Result<(), EngineError> {
        self.accounts
            .recorded_object_store(storage)?
            .store_bytes(kind, id, None, bytes, WriteCondition::Always)
            .await?;
        Ok(())
    }

    /// The answer of the status endpoint as JSON.
    async fn answer(&self, execution: Execution) -> Result<Bytes, EngineError> {
        let times = self.json_times;
        if execution.analysis().is_some() {
            let answer = status::of(execution, status::analysis).await?;
            text_of(answer, move |answer, text| times.write(answer, text)).await
        } else {
            let answer = status::of(execution, status::canary).await??;
            text_of(answer, move |answer, text| times.write(answer, text)).await
        }
    }
}

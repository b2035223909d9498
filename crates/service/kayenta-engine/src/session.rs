//! One execution while it is worked on: its record, and the version it was last seen at.

use std::sync::Arc;

use kayenta_model::Clock;
use kayenta_queue::{ExecutionStore, QueueError, QueueErrorKind, RecordVersion};

use crate::{error::EngineError, record::Execution};

/// Why work stops before its end.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The record was changed or removed by someone else: look at it again.
    Changed,
    /// A store failed; what is recorded still holds. Try again later.
    Failed(EngineError),
}

impl From<EngineError> for Interrupted {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

/// An execution under work.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) execution: Execution,
    version: RecordVersion,
    store: Arc<dyn ExecutionStore>,
    clock: Arc<dyn Clock>,
    saved_at: i64,
}

impl Session {
    pub(crate) fn new(
        execution: Execution,
        version: RecordVersion,
        store: Arc<dyn ExecutionStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            execution,
            version,
            store,
            saved_at: clock.now_millis(),
            clock,
        }
    }

    /// Reads the record afresh; `None` when there is none.
    pub(crate) async fn open(
        id: &str,
        store: Arc<dyn ExecutionStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, EngineError> {
        let Some((record, version)) = store.get(id).await? else {
            return Ok(None);
        };
        let execution = Execution::from_record(&record)?;
        Ok(Some(Self::new(execution, version, store, clock)))
    }

    /// Records the execution as it is now.
    pub(crate) async fn save(&mut self) -> Result<(), Interrupted> {
        let record = self.execution.to_record()?;
        let saved = self.store.save(&record, self.version).await;
        self.noted(saved)
    }

    /// Records progress that a crash may undo, as a step done again does no harm.
    pub(crate) async fn save_progress(&mut self) -> Result<(), Interrupted> {
        let record = self.execution.to_record()?;
        let saved = self.store.save_progress(&record, self.version).await;
        self.noted(saved)
    }

    fn noted(&mut self, saved: Result<RecordVersion, QueueError>) -> Result<(), Interrupted> {
        match saved {
            Ok(version) => {
                self.version = version;
                self.saved_at = self.clock.now_millis();
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind,
                    QueueErrorKind::Conflict | QueueErrorKind::NotFound
                ) =>
            {
                Err(Interrupted::Changed)
            }
            Err(error) => Err(Interrupted::Failed(error.into())),
        }
    }

    /// When progress is next worth a record of its own, in milliseconds since 1970.
    pub(crate) fn next_progress(&self, interval: std::time::Duration) -> i64 {
        self.saved_at
            .saturating_add(i64::try_from(interval.as_millis()).unwrap_or(i64::MAX))
    }

    /// Records progress unless the last record is quite fresh: a run that takes milliseconds is
    /// written when it is accepted and when it ends.
    pub(crate) async fn save_progress_after(
        &mut self,
        interval: std::time::Duration,
    ) -> Result<(), Interrupted> {
        if self.clock.now_millis() >= self.next_progress(interval) {
            self.save_progress().await
        } else {
            Ok(())
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_millis()
    }
}

//! One execution while it is worked on: its record, and the version it was last seen at.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_model::{Clock, ExecutionStatus};
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
    progress_interval: Duration,
    saved_at: DateTime<Utc>,
    failure_is_logged: bool,
}

impl Session {
    /// The execution as it was read or written just now, at this version. Progress is recorded no
    /// more often than the interval says.
    pub(crate) fn new(
        execution: Execution,
        version: RecordVersion,
        store: Arc<dyn ExecutionStore>,
        clock: Arc<dyn Clock>,
        progress_interval: Duration,
    ) -> Self {
        Self {
            execution,
            version,
            store,
            saved_at: clock.now(),
            failure_is_logged: false,
            clock,
            progress_interval,
        }
    }

    /// Records the execution as it is now.
    pub(crate) async fn save(&mut self) -> Result<(), Interrupted> {
        let record = self.execution.to_record()?;
        let saved = self.store.save(&record, self.version).await;
        self.note_saved(saved)?;
        if self.execution.status == ExecutionStatus::Terminal && !self.failure_is_logged {
            self.failure_is_logged = true;
            self.log_failure();
        }
        Ok(())
    }

    /// One line for an execution that ended in failure, with the cause.
    fn log_failure(&self) {
        let execution = &self.execution;
        let errors = execution.stages.iter().find_map(|stage| {
            let errors = stage
                .exception
                .as_ref()?
                .details
                .get("errors")?
                .as_array()?;
            let texts: Vec<&str> = errors.iter().filter_map(|text| text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        });
        tracing::warn!(
            execution.id = %execution.id,
            execution.application = %execution.application,
            "{} ended terminal: {}",
            execution.name(),
            errors.as_deref().unwrap_or("no cause is recorded"),
        );
    }

    /// Records progress that a crash may undo, as a step done again does no harm.
    pub(crate) async fn save_progress(&mut self) -> Result<(), Interrupted> {
        let record = self.execution.to_record()?;
        let saved = self.store.save_progress(&record, self.version).await;
        self.note_saved(saved)
    }

    fn note_saved(&mut self, saved: Result<RecordVersion, QueueError>) -> Result<(), Interrupted> {
        match saved {
            Ok(version) => {
                self.version = version;
                self.saved_at = self.clock.now();
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

    /// When progress is next worth a record of its own.
    pub(crate) fn progress_due(&self) -> DateTime<Utc> {
        TimeDelta::from_std(self.progress_interval)
            .ok()
            .and_then(|interval| self.saved_at.checked_add_signed(interval))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Records progress unless the last record is quite fresh: a run that takes milliseconds is
    /// written when it is accepted and when it ends.
    pub(crate) async fn save_progress_if_due(&mut self) -> Result<(), Interrupted> {
        if self.clock.now() >= self.progress_due() {
            self.save_progress().await
        } else {
            Ok(())
        }
    }

    /// Does some work of a stage; if it takes longer, the record shows that it is running.
    pub(crate) async fn while_recording<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        tokio::pin!(work);
        let progress_due = self.progress_due();
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = self.clock.sleep_until(progress_due) => {}
        }
        self.save_progress().await?;
        Ok(work.await)
    }

    /// The present moment in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_millis()
    }
}

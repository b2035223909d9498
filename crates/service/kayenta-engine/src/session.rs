//! One execution while it is worked on: its record, and the version it was last seen at.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_model::{Clock, ExecutionStatus};
use kayenta_queue::{ExecutionRecord, ExecutionStore, QueueError, QueueErrorKind, RecordVersion};

use crate::{error::EngineError, memory, record::Execution};

/// Progress is recorded half as often for a record of this length, a third as often for one twice as long, and so on.
const LONG_RECORD: usize = 256 << 10;

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

/// The execution of a session, shared with whoever writes its record.
#[derive(Debug)]
pub(crate) struct Current(Arc<Execution>);

impl Current {
    pub(crate) fn into_inner(self) -> Execution {
        Arc::unwrap_or_clone(self.0)
    }
}

impl Deref for Current {
    type Target = Execution;

    fn deref(&self) -> &Execution {
        &self.0
    }
}

/// Nobody else has it by the time its record is written, so that nothing is copied.
impl DerefMut for Current {
    fn deref_mut(&mut self) -> &mut Execution {
        Arc::make_mut(&mut self.0)
    }
}

/// An execution under work.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) execution: Current,
    version: RecordVersion,
    /// How long the body of its record is, as far as is known.
    length: usize,
    store: Arc<dyn ExecutionStore>,
    clock: Arc<dyn Clock>,
    progress_interval: Duration,
    saved_at: DateTime<Utc>,
    failure_is_logged: bool,
}

impl Session {
    /// The execution as it was read or written just now, at this version and with a body of this length. Progress is
    /// recorded no more often than the interval says.
    pub(crate) fn new(
        execution: Execution,
        (version, length): (RecordVersion, usize),
        store: Arc<dyn ExecutionStore>,
        clock: Arc<dyn Clock>,
        progress_interval: Duration,
    ) -> Self {
        Self {
            execution: Current(Arc::new(execution)),
            version,
            length,
            store,
            saved_at: clock.now(),
            failure_is_logged: false,
            clock,
            progress_interval,
        }
    }

    /// The execution, the version of its record and the length of that one's body.
    pub(crate) fn into_parts(self) -> (Execution, RecordVersion, usize) {
        (self.execution.into_inner(), self.version, self.length)
    }

    /// Records the execution as it is now.
    pub(crate) async fn save(&mut self) -> Result<(), Interrupted> {
        let record = self.record().await?;
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
        let record = self.record().await?;
        let saved = self.store.save_progress(&record, self.version).await;
        self.note_saved(saved)
    }

    async fn record(&mut self) -> Result<ExecutionRecord, EngineError> {
        let record = memory::write_record(&self.execution.0, self.length).await?;
        self.length = record.body.len();
        Ok(record)
    }

    fn note_saved(&mut self, saved: Result<RecordVersion, QueueError>) -> Result<(), Interrupted> {
        match saved {
            Ok(version) => {
                self.version = version;
                self.execution.stages.note_kept();
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

    /// When progress is next worth a record of its own: the longer the record, the later, so that large runs do not
    /// keep the store from the records of others.
    pub(crate) fn progress_due(&self) -> DateTime<Utc> {
        let longer = u32::try_from(self.length / LONG_RECORD).unwrap_or(u32::MAX);
        let interval = self
            .progress_interval
            .saturating_mul(longer.saturating_add(1));
        TimeDelta::from_std(interval)
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

    /// The current time in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_millis()
    }
}

//! Of how many events of an execution a receiver of several has been notified: a record beside that of the execution, kept until
//! the receiver is notified of the execution's end.

use std::sync::Arc;

use kayenta_engine::NoticeId;
use kayenta_model::ExecutionStatus;
use kayenta_queue::{ExecutionRecord, ExecutionStore, QueueError, RecordVersion};
use serde::{Deserialize, Serialize};

/// What listings of the store file the records under.
const GROUP: &str = "notices";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    /// Events of which it was notified.
    // Stored records have it under this name.
    #[serde(rename = "told")]
    notified: usize,
}

/// The progress of one receiver with one execution.
#[derive(Debug)]
pub(crate) struct Progress {
    store: Arc<dyn ExecutionStore>,
    id: String,
    version: Option<RecordVersion>,
    notified: usize,
}

impl Progress {
    /// What is recorded.
    pub(crate) async fn load(
        store: Arc<dyn ExecutionStore>,
        notice: &NoticeId,
    ) -> Result<Self, QueueError> {
        let id = notice.to_string();
        let found = store.get(&id).await?;
        let read = |record: &ExecutionRecord| {
            // One that cannot be read is from a later version: better notified twice than not at all.
            serde_json::from_slice::<Body>(&record.body).unwrap_or_default()
        };
        Ok(Self {
            notified: found
                .as_ref()
                .map_or(0, |(record, _)| read(record).notified),
            version: found.map(|(_, version)| version),
            store,
            id,
        })
    }

    /// Of how many events it was notified.
    pub(crate) fn notified(&self) -> usize {
        self.notified
    }

    /// Records that it was notified of the first `notified` events.
    pub(crate) async fn save(
        &mut self,
        notified: usize,
        now_millis: i64,
    ) -> Result<(), QueueError> {
        let body = serde_json::to_vec(&Body { notified }).unwrap_or_default();
        let record = ExecutionRecord {
            id: self.id.clone(),
            group: GROUP.to_owned(),
            status: ExecutionStatus::Running,
            build_time_millis: now_millis,
            has_job: false,
            body: body.into(),
            parts: Vec::new(),
            summary: Vec::new().into(),
        };
        let version = match self.version {
            Some(version) => self.store.save(&record, version).await?,
            None => self.store.create(&record).await?,
        };
        self.version = Some(version);
        self.notified = notified;
        Ok(())
    }

    /// Removes the record: no event follows.
    pub(crate) async fn forget(&mut self) -> Result<(), QueueError> {
        if self.version.take().is_some() {
            self.store.delete(&self.id).await?;
        }
        Ok(())
    }
}

//! The execution records: written by the writer, read from the file.

use std::sync::Arc;

use async_trait::async_trait;
use kayenta_model::ExecutionStatus;
use tokio::sync::oneshot;

use super::{
    EmbeddedStore, blocking,
    tables::Records,
    writer::{Change, Reply, Written},
};
use crate::{
    ExecutionFilter, ExecutionRecord, ExecutionStore, ListedExecution, ListingPlace, QueueError,
    RecordVersion, WorkQueue,
};

impl EmbeddedStore {
    /// Makes a change to the records and waits for its answer.
    async fn write(
        &self,
        change: Change,
        reply: impl FnOnce(oneshot::Sender<Written>) -> Reply,
    ) -> Written {
        let permit = self.place().await?;
        let (sender, receiver) = oneshot::channel();
        self.send(permit, change, reply(sender))?;
        receiver.await.map_err(|_| self.shared().unavailable())?
    }

    /// Makes sure that a read of the record sees every change already answered for.
    async fn settle(&self, id: &str) -> Result<(), QueueError> {
        if self.shared().is_in_progress(id) {
            self.write(Change::Barrier, Reply::Durable).await?;
        }
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Records) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let shared = Arc::clone(&self.inner.shared);
        blocking(move || {
            let database = shared.database().ok_or_else(|| shared.unavailable())?;
            let horizon = shared.horizon(shared.now());
            read(&Records::new(&database, horizon)?)
        })
        .await
    }
}

#[async_trait]
impl ExecutionStore for EmbeddedStore {
    async fn create(&self, record: &ExecutionRecord) -> Result<RecordVersion, QueueError> {
        self.write(Change::Create(record.clone()), Reply::Durable)
            .await
            .map(RecordVersion)
    }

    async fn get(&self, id: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        self.settle(id).await?;
        let id = id.to_owned();
        self.read(move |records| records.get(&id)).await
    }

    async fn save(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.write(Change::Save(record.clone(), version.0), Reply::Durable)
            .await
            .map(RecordVersion)
    }

    async fn save_progress(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.shared().begin_progress(&record.id);
        self.write(Change::Save(record.clone(), version.0), Reply::Applied)
            .await
            .map(RecordVersion)
    }

    async fn status(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError> {
        self.settle(id).await?;
        let id = id.to_owned();
        self.read(move |records| records.status(&id)).await
    }

    async fn delete(&self, id: &str) -> Result<(), QueueError> {
        self.write(Change::Delete(id.to_owned()), Reply::Durable)
            .await
            .map(drop)
    }

    async fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError> {
        let group = group.to_owned();
        let filter = filter.clone();
        self.read(move |records| records.list(&group, &filter))
            .await
    }

    async fn newest(
        &self,
        after: Option<&ListingPlace>,
        limit: usize,
    ) -> Result<Vec<ListedExecution>, QueueError> {
        let after = after.cloned();
        self.read(move |records| records.newest(after.as_ref(), limit))
            .await
    }

    async fn ids(&self) -> Result<Vec<String>, QueueError> {
        self.read(Records::ids).await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError> {
        self.read(move |records| records.unfinished(limit)).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        WorkQueue::check(self).await
    }
}

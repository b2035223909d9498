//! The list of configs: read from the store, remembered while the store says that nothing changed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use kayenta_limits::NoMemory;
use kayenta_model::{CanaryConfig, ConfigSummary};
use tokio::sync::Mutex;
use tracing::warn;

use super::summary::{Known, SummaryCache, summary};
use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    repository::ObjectRepository,
    store::ObjectSummary,
};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

/// The list of the configs in a repository.
#[derive(Debug)]
pub(super) struct ConfigList {
    repository: ObjectRepository,
    cache: SummaryCache,
    /// How many configs are read at once.
    concurrent_reads: usize,
    /// How long a list is used again while the store's change mark stays the same.
    lasts: Duration,
    /// The last complete list. Held while the next is read, so that simultaneous lists share it.
    last: Mutex<Option<Snapshot>>,
    /// Held while changed configs are read, so that simultaneous lists read them once.
    reading: Mutex<()>,
}

/// A complete list, by name and id.
#[derive(Clone, Debug)]
struct Snapshot {
    /// The store's change mark before the list was read.
    mark: Option<String>,
    /// When reading it began.
    began: Instant,
    configs: Arc<Vec<Arc<ConfigSummary>>>,
}

impl Snapshot {
    /// Whether it shows everything written before `asked`, when the mark was `mark`.
    fn answers(&self, asked: Instant, mark: Option<&str>, lasts: Duration) -> bool {
        let unchanged = mark.is_some() && self.mark.as_deref() == mark;
        self.began >= asked || (unchanged && self.began.elapsed() < lasts)
    }
}

impl ConfigList {
    pub(super) fn new(
        repository: ObjectRepository,
        remembered: usize,
        concurrent_reads: usize,
        lasts: Duration,
    ) -> Self {
        Self {
            repository,
            cache: SummaryCache::new(remembered),
            concurrent_reads: concurrent_reads.max(1),
            lasts,
            last: Mutex::default(),
            reading: Mutex::default(),
        }
    }

    /// All configs by name and id, from the last list where that is still right.
    pub(super) async fn everything(&self) -> Result<Arc<Vec<Arc<ConfigSummary>>>, StorageError> {
        let asked = Instant::now();
        let mark = self.repository.object_store().change_mark(KIND).await?;
        let mut last = self.last.lock().await;
        if let Some(snapshot) = &*last
            && snapshot.answers(asked, mark.as_deref(), self.lasts)
        {
            return Ok(Arc::clone(&snapshot.configs));
        }
        let began = Instant::now();
        let listing = self.repository.list(KIND).await?;
        let mut configs = self.summaries(listing.iter().collect()).await?;
        self.cache.retain(&listing);
        configs.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let configs = Arc::new(configs);
        *last = Some(Snapshot {
            mark,
            began,
            configs: Arc::clone(&configs),
        });
        Ok(configs)
    }

    /// The summaries of listed objects, reading those that changed since they were last seen.
    pub(super) async fn summaries(
        &self,
        listing: Vec<&ObjectSummary>,
    ) -> Result<Vec<Arc<ConfigSummary>>, StorageError> {
        let (mut known, unknown) = self.cache.split(listing);
        if !unknown.is_empty() {
            let _reading = self.reading.lock().await;
            // Another list may have read them while this one waited.
            let (more, unknown) = self.cache.split(unknown);
            known.extend(more);
            let reads: Vec<_> = unknown
                .into_iter()
                .map(|object| self.read(object))
                .collect();
            let read: Vec<Known> = stream::iter(reads)
                .buffer_unordered(self.concurrent_reads)
                .try_collect()
                .await?;
            known.extend(read);
        }
        Ok(known.into_iter().flatten().collect())
    }

    /// Reads one listed object; `None` when it is gone or no config.
    async fn read(&self, listed: &ObjectSummary) -> Result<Known, StorageError> {
        // Of its own scope: only the summary stays.
        let loading = self.repository.load_listed::<CanaryConfig>(KIND, listed);
        let (object, summary) = match kayenta_limits::scope(loading).await {
            Ok((config, object)) => {
                let summary = config
                    .applications
                    .filter(|applications| !applications.is_empty())
                    .map(|applications| Arc::new(summary(&object, applications)));
                (object, summary)
            }
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error)
                if error.kind == StorageErrorKind::Corrupt
                    || matches!(NoMemory::of(&error), Some(NoMemory::TooLarge { .. })) =>
            {
                (listed.clone(), None)
            }
            Err(error) => return Err(error),
        };
        if summary.is_none() {
            warn!(
                config.id = listed.key,
                file = listed.filename,
                "left out of the list of configs: not a canary config with applications, or too large for kayenta.memory.budget"
            );
        }
        self.cache.remember(&object, summary.clone());
        Ok(summary)
    }
}

//! Canary configs: the checks before a write, unique names within applications, and the list of
//! configs, read from the store itself so that it is right at once and after every restart.

mod rules;
mod summary;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use kayenta_model::{CanaryConfig, Clock, IdSource, java_string_hash};
use tokio::sync::Mutex;
use tracing::warn;

use self::summary::{Known, SummaryCache, config_name};
pub use summary::ConfigSummary;

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::LOCK_HOLD,
    repository::{ObjectRepository, parse},
    store::{ObjectSummary, WriteCondition},
};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

/// Locks that names and ids are spread over; two writers meet only on the same lock.
const LOCKS: usize = 32;

/// How long a writer waits for another one of the same name or id: past the hold of a dead one.
const LOCK_WAIT: Duration = Duration::from_secs(20);

/// What happens under a lock is cut off this long before the lock may end.
const LOCK_MARGIN: Duration = Duration::from_secs(3);

/// How often an update is tried anew when a foreign writer changes the config in between.
const UPDATE_TRIES: usize = 5;

/// How a catalogue behaves.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueOptions {
    /// Whether metrics must have distinct names (`kayenta.disable.metricname.validation` negated).
    pub check_metric_names: bool,
    /// How many configs are read at once when the list finds changed ones.
    pub concurrent_reads: usize,
    /// How many configs are remembered; those beyond are read on every list.
    pub remembered_configs: usize,
    /// C-STORE-05: how long a list is used again while the store's change mark stays the same. What
    /// our own processes write is seen at once, what other programs write after at most this.
    pub others_seen_within: Duration,
}

impl Default for CatalogueOptions {
    fn default() -> Self {
        Self {
            check_metric_names: true,
            concurrent_reads: 32,
            remembered_configs: 50_000,
            others_seen_within: Duration::from_secs(5),
        }
    }
}

/// The canary configs of one account. Cheap to clone; clones share what they remember.
///
/// Two writers that use the same name in a common application, or the same id, exclude each other:
/// within the process by a mutex, across processes by [`ObjectStore::lock`] where the store is
/// shared. A write that has begun runs to its end even when nobody waits for it any more.
///
/// [`ObjectStore::lock`]: crate::ObjectStore::lock
#[derive(Clone, Debug)]
pub struct ConfigCatalogue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    repository: ObjectRepository,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    options: CatalogueOptions,
    cache: SummaryCache,
    /// The last complete list. Held while the next is read, so that simultaneous lists share it.
    last: Mutex<Option<Snapshot>>,
    /// Held while changed configs are read, so that simultaneous lists read them once.
    reading: Mutex<()>,
    locks: [Mutex<()>; LOCKS],
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

impl ConfigCatalogue {
    /// The catalogue of the configs in `repository`.
    #[must_use]
    pub fn new(
        repository: ObjectRepository,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        options: CatalogueOptions,
    ) -> Self {
        Self(Arc::new(Inner {
            repository,
            clock,
            ids,
            options,
            cache: SummaryCache::new(options.remembered_configs),
            last: Mutex::default(),
            reading: Mutex::default(),
            locks: std::array::from_fn(|_| Mutex::default()),
        }))
    }

    /// Whether a config could be saved as it is under this id: the checks every write makes first,
    /// but for the uniqueness of its name.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) with the text a client would get.
    pub fn check(id: &str, config: &CanaryConfig, metric_names: bool) -> Result<(), StorageError> {
        rules::check(config, metric_names)?;
        rules::check_id(id)
    }

    /// The repository underneath.
    #[must_use]
    pub fn repository(&self) -> &ObjectRepository {
        &self.0.repository
    }

    /// The configs of any of the applications, all configs when none is named, by name and id.
    /// Objects that are not configs are left out with a warning.
    ///
    /// # Errors
    /// When the store cannot be read; never a partial list.
    pub async fn list(&self, applications: &[String]) -> Result<Vec<ConfigSummary>, StorageError> {
        let configs = self.0.everything().await?;
        Ok(configs
            .iter()
            .filter(|config| applications.is_empty() || overlap(&config.applications, applications))
            .map(|config| ConfigSummary::clone(config))
            .collect())
    }

    /// The config with exactly this id.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the store's text.
    pub async fn get(&self, id: &str) -> Result<CanaryConfig, StorageError> {
        self.0.repository.load(KIND, id).await
    }

    /// Stores a new config and returns its id, a new one when the config has none.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) when a check fails, the id is taken, or the name is
    /// taken in one of the applications.
    pub async fn create(&self, mut config: CanaryConfig) -> Result<String, StorageError> {
        rules::stamp_created(&mut config, self.0.clock.now_millis());
        let id = self.give_id(&mut config, None);
        let (name, _) = rules::check(&config, self.0.options.check_metric_names)?;
        rules::check_id(&id)?;
        let locks = lock_indices(name, &id);
        let inner = Arc::clone(&self.0);
        let key = id.clone();
        self.exclusively(locks, async move { inner.write_new(&key, &config).await })
            .await?;
        Ok(id)
    }

    /// Overwrites the config with this id and returns the id. A new name renames its file.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) when a check fails, there is no such config, or the
    /// name is taken in one of the applications.
    pub async fn update(&self, id: &str, mut config: CanaryConfig) -> Result<String, StorageError> {
        // C-STORE-03: the id of the path is the id of the config, whatever the body says.
        self.give_id(&mut config, Some(id));
        let (name, _) = rules::check(&config, self.0.options.check_metric_names)?;
        let locks = lock_indices(name, id);
        let now = self.0.clock.now_millis();
        let inner = Arc::clone(&self.0);
        let key = id.to_owned();
        self.exclusively(locks, async move {
            inner.write_changed(&key, config, now).await
        })
        .await?;
        Ok(id.to_owned())
    }

    /// Removes the config with exactly this id.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the store's text when there is none.
    pub async fn delete(&self, id: &str) -> Result<(), StorageError> {
        let inner = Arc::clone(&self.0);
        let key = id.to_owned();
        self.exclusively(lock_indices(id, id), async move {
            inner.repository.delete(KIND, &key).await
        })
        .await
    }

    /// Sets the id of a config that has none, or to `forced`. The reference rebuilds a config it
    /// gives an id to, which fills in absent collections.
    fn give_id(&self, config: &mut CanaryConfig, forced: Option<&str>) -> String {
        let own = config.id.take().filter(|id| !id.is_empty());
        if own.is_none() {
            // An absent list of applications stays absent until it has been refused.
            let applications = config.applications.take();
            config.fill_collections();
            config.applications = applications;
        }
        let id = match forced {
            Some(forced) => forced.to_owned(),
            None => own.unwrap_or_else(|| self.0.ids.uuid()),
        };
        config.id = Some(id.clone());
        id
    }

    /// Runs `work` while no other writer has one of the locks, on a task of its own: a client that
    /// hangs up does not leave half a write behind.
    async fn exclusively<T: Send + 'static>(
        &self,
        indices: Vec<usize>,
        work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<T, StorageError> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let mut mutexes = Vec::with_capacity(indices.len());
            let mut rights = Vec::with_capacity(indices.len());
            let began = Instant::now();
            let mut held_since = None;
            for &index in &indices {
                let patience = LOCK_WAIT.saturating_sub(began.elapsed());
                let mutex = tokio::time::timeout(patience, inner.locks[index].lock())
                    .await
                    .map_err(|_| busy())?;
                mutexes.push(mutex);
            }
            for &index in &indices {
                let patience = LOCK_WAIT.saturating_sub(began.elapsed());
                let name = format!("canary_config-{index:02}");
                let asked = Instant::now();
                rights.push(
                    inner
                        .repository
                        .object_store()
                        .lock(&name, patience)
                        .await?,
                );
                held_since.get_or_insert(asked);
            }
            let spent = held_since.map_or(Duration::ZERO, |since| since.elapsed());
            let budget = (LOCK_HOLD - LOCK_MARGIN).saturating_sub(spent);
            let outcome = tokio::time::timeout(budget, work)
                .await
                .unwrap_or_else(|_| {
                    Err(StorageError::new(
                        StorageErrorKind::Unavailable,
                        "Writing the canary config took too long.",
                    ))
                });
            for right in rights {
                right.release().await;
            }
            outcome
        });
        task.await.unwrap_or_else(|join| {
            Err(StorageError::new(
                StorageErrorKind::Other,
                "Writing the canary config was broken off.",
            )
            .caused_by(join))
        })
    }
}

impl Inner {
    /// All configs by name and id, from the last list where that is still right.
    async fn everything(&self) -> Result<Arc<Vec<Arc<ConfigSummary>>>, StorageError> {
        let asked = Instant::now();
        let mark = self.repository.object_store().change_mark(KIND).await?;
        let mut last = self.last.lock().await;
        let lasts = self.options.others_seen_within;
        if let Some(snapshot) = &*last
            && snapshot.answers(asked, mark.as_deref(), lasts)
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

    async fn write_new(&self, id: &str, config: &CanaryConfig) -> Result<(), StorageError> {
        match self.repository.load_bytes(KIND, id).await {
            Ok(_) => return Err(rules::already_exists(id)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        self.write(id, config, WriteCondition::Absent)
            .await
            .map_err(|error| match error.kind {
                StorageErrorKind::Conflict => rules::already_exists(id),
                _ => error,
            })
    }

    async fn write_changed(
        &self,
        id: &str,
        mut config: CanaryConfig,
        now: i64,
    ) -> Result<(), StorageError> {
        let mut tries = 0;
        loop {
            let object = match self.repository.load_bytes(KIND, id).await {
                Ok(object) => object,
                Err(error) if error.is_not_found() => return Err(rules::does_not_exist(id)),
                Err(error) => return Err(error),
            };
            // C-STORE-04: an unreadable config can be replaced; only its creation time is lost.
            let stored = parse::<CanaryConfig>(id, object.bytes)
                .await
                .inspect_err(|error| warn!(config.id = id, "replacing a config: {error}"))
                .ok();
            rules::stamp_updated(&mut config, stored.as_ref(), now);
            let condition = WriteCondition::Unchanged(object.summary.version);
            tries += 1;
            match self.write(id, &config, condition).await {
                Err(error) if error.kind == StorageErrorKind::Conflict && tries < UPDATE_TRIES => {}
                other => return other,
            }
        }
    }

    /// Checks that the name is free and writes.
    async fn write(
        &self,
        id: &str,
        config: &CanaryConfig,
        condition: WriteCondition,
    ) -> Result<(), StorageError> {
        let (name, applications) = rules::check(config, false)?;
        let listing = self.repository.list(KIND).await?;
        let namesakes = listing
            .iter()
            .filter(|object| object.key != id && config_name(&object.filename) == name)
            .collect();
        let taken = self
            .summaries(namesakes)
            .await?
            .iter()
            .any(|other| overlap(&other.applications, applications));
        if taken {
            return Err(rules::name_taken(name, applications));
        }
        let filename = format!("{name}.json");
        self.repository
            .store(KIND, id, Some(&filename), config, condition)
            .await
            .map(|_| ())
    }

    /// The summaries of listed objects, reading those that changed since they were last seen.
    async fn summaries(
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
                .buffer_unordered(self.options.concurrent_reads.max(1))
                .try_collect()
                .await?;
            known.extend(read);
        }
        Ok(known.into_iter().flatten().collect())
    }

    /// Reads one listed object; `None` when it is gone or no config.
    async fn read(&self, listed: &ObjectSummary) -> Result<Known, StorageError> {
        let store = self.repository.object_store();
        let object = match store.load_listed(KIND, listed).await {
            Ok(object) => object,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let summary = match parse::<CanaryConfig>(&listed.key, object.bytes).await {
            Ok(config) => config
                .applications
                .filter(|applications| !applications.is_empty())
                .map(|applications| Arc::new(ConfigSummary::new(&object.summary, applications))),
            Err(_) => None,
        };
        if summary.is_none() {
            warn!(
                config.id = listed.key,
                file = listed.filename,
                "left out of the list of configs: not a canary config with applications"
            );
        }
        self.cache.remember(&object.summary, summary.clone());
        Ok(summary)
    }
}

fn overlap(some: &[String], others: &[String]) -> bool {
    some.iter().any(|application| others.contains(application))
}

/// The locks of a name and an id, ascending, so that two writers never wait for each other.
fn lock_indices(name: &str, id: &str) -> Vec<usize> {
    let index = |text: &str| java_string_hash(text).unsigned_abs() as usize % LOCKS;
    let mut indices = vec![index(name), index(id)];
    indices.sort_unstable();
    indices.dedup();
    indices
}

fn busy() -> StorageError {
    StorageError::new(
        StorageErrorKind::Unavailable,
        "Other writers keep the canary config busy.",
    )
}

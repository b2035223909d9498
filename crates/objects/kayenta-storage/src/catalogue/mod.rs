//! Canary configs: the checks before a write, unique names within applications, and the list of
//! configs, read from the store itself so that it is right at once and after every restart.

mod listing;
mod rules;
mod summary;
mod write_locks;

use std::{future::Future, sync::Arc, time::Duration};

use kayenta_model::{CanaryConfig, Clock, ConfigSummary, IdSource};
use tracing::warn;

use self::{
    listing::ConfigList,
    summary::config_name,
    write_locks::{WriteLocks, lock_indices},
};
use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    repository::{ObjectRepository, parse_counted},
    store::WriteCondition,
};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

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
    /// the replicas of this service write is seen at once, what other programs write after at most
    /// this.
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
/// shared. A write that has begun runs to its end even if its caller is gone.
///
/// [`ObjectStore::lock`]: crate::ObjectStore::lock
#[derive(Clone, Debug)]
pub struct ConfigCatalogue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    repository: ObjectRepository,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    check_metric_names: bool,
    list: ConfigList,
    /// Held while a config of some name or id is written.
    locks: WriteLocks,
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
            list: ConfigList::new(
                repository.clone(),
                options.remembered_configs,
                options.concurrent_reads,
                options.others_seen_within,
            ),
            repository,
            clock,
            ids,
            check_metric_names: options.check_metric_names,
            locks: WriteLocks::default(),
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
        let configs = self.0.list.everything().await?;
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
        let (name, _) = rules::check(&config, self.0.check_metric_names)?;
        rules::check_id(&id)?;
        let locks = lock_indices(name, &id);
        let inner = Arc::clone(&self.0);
        let key = id.clone();
        self.exclusively(locks, async move { inner.write_new(&key, config).await })
            .await?;
        Ok(id)
    }

    /// Overwrites the config with this id and returns the id. A new name renames its file.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) when a check fails, there is no such config, or the
    /// name is taken in one of the applications.
    pub async fn update(&self, id: &str, config: CanaryConfig) -> Result<String, StorageError> {
        self.update_if(id, config, |_| true).await
    }

    /// As [`update`](Self::update), but only if what is stored still is what the caller expects. An unreadable config
    /// is replaced.
    ///
    /// # Errors
    /// Besides those of [`update`](Self::update), [`Conflict`](StorageErrorKind::Conflict) when it is not.
    pub async fn update_if(
        &self,
        id: &str,
        mut config: CanaryConfig,
        expected: impl Fn(&CanaryConfig) -> bool + Send + 'static,
    ) -> Result<String, StorageError> {
        // C-STORE-03: the id of the path is the id of the config, whatever the body says.
        self.give_id(&mut config, Some(id));
        let (name, _) = rules::check(&config, self.0.check_metric_names)?;
        let locks = lock_indices(name, id);
        let now = self.0.clock.now_millis();
        let inner = Arc::clone(&self.0);
        let key = id.to_owned();
        self.exclusively(locks, async move {
            inner.write_changed(&key, config, now, expected).await
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
    /// hangs up does not leave half a write.
    async fn exclusively<T: Send + 'static>(
        &self,
        indices: Vec<usize>,
        work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<T, StorageError> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let store = inner.repository.object_store().as_ref();
            inner.locks.exclusively(&indices, store, work).await
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
    async fn write_new(&self, id: &str, config: CanaryConfig) -> Result<(), StorageError> {
        match self.repository.load_bytes(KIND, id).await {
            Ok(_) => return Err(rules::already_exists(id)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        self.write(id, Arc::new(config), WriteCondition::Absent)
            .await
            .map_err(|error| match error.kind {
                StorageErrorKind::Conflict => rules::already_exists(id),
                _ => error,
            })
    }

    async fn write_changed(
        &self,
        id: &str,
        config: CanaryConfig,
        now: i64,
        expected: impl Fn(&CanaryConfig) -> bool,
    ) -> Result<(), StorageError> {
        let mut config = Arc::new(config);
        let mut tries = 0;
        loop {
            let object = match self.repository.load_bytes(KIND, id).await {
                Ok(object) => object,
                Err(error) if error.is_not_found() => return Err(rules::does_not_exist(id)),
                Err(error) => return Err(error),
            };
            // C-STORE-04: an unreadable config can be replaced; only its creation time is lost.
            let stored = parse_counted::<CanaryConfig>(id, object.bytes)
                .await
                .inspect_err(|error| {
                    warn!(config.id = id, "replacing an unreadable config: {error}")
                })
                .ok();
            if stored.as_ref().is_some_and(|stored| !expected(stored)) {
                return Err(StorageError::new(
                    StorageErrorKind::Conflict,
                    format!("Canary config '{id}' was changed meanwhile."),
                ));
            }
            rules::stamp_updated(Arc::make_mut(&mut config), stored.as_ref(), now);
            let condition = WriteCondition::Unchanged(object.summary.version);
            tries += 1;
            match self.write(id, Arc::clone(&config), condition).await {
                Err(error) if error.kind == StorageErrorKind::Conflict && tries < UPDATE_TRIES => {}
                other => return other,
            }
        }
    }

    /// Checks that the name is free and writes.
    async fn write(
        &self,
        id: &str,
        config: Arc<CanaryConfig>,
        condition: WriteCondition,
    ) -> Result<(), StorageError> {
        let (name, applications) = rules::check(&config, false)?;
        let listing = self.repository.list(KIND).await?;
        let namesakes = listing
            .iter()
            .filter(|object| object.key != id && config_name(&object.filename) == name)
            .collect();
        let taken = self
            .list
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
}

fn overlap(some: &[String], others: &[String]) -> bool {
    some.iter().any(|application| others.contains(application))
}

//! Answers of `GET /canaryConfig/{id}`.
//!
//! A stored config is read and written anew so that the answer has the wire's shape, whichever program stored it.
//! The answer depends on the stored bytes alone, and a store promises that equal versions are equal
//! bytes; so it is made once per version.
//!
//! The store is asked for every answer, but not for every caller: who comes while it is being asked
//! waits for the next answer, together with all others who come meanwhile. So no caller gets a
//! state from before they asked, and a config that many pipelines read at once costs the store one
//! read at a time.

use std::{
    collections::HashMap,
    mem,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use bytes::Bytes;
use futures::FutureExt;
use kayenta_json::parsed_size;
use kayenta_limits::{CALLER_PATIENCE, Panicked, compute_sized, reserve};
use kayenta_model::CanaryConfig;
use kayenta_storage::{ObjectKind, ObjectRepository, StorageError, StorageErrorKind};
use tokio::sync::oneshot;

/// Answers remembered at most; when full all are forgotten.
const MOST: usize = 512;
/// Longer answers are made anew every time.
const LONGEST: usize = 64 << 10;

type RenderedConfig = Result<Bytes, StorageError>;

/// The answers of one account.
#[derive(Debug, Default)]
pub(crate) struct RenderedConfigs {
    known: RwLock<HashMap<String, Rendered>>,
    /// By id, who waits for the next answer; an entry is there while the store is being asked.
    waiting: Mutex<HashMap<String, Vec<oneshot::Sender<RenderedConfig>>>>,
}

#[derive(Debug)]
struct Rendered {
    version: String,
    answer: Bytes,
}

impl RenderedConfigs {
    /// The config under the id as JSON.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the store's text,
    /// [`Corrupt`](StorageErrorKind::Corrupt) when it is no config.
    pub(crate) async fn get(
        self: &Arc<Self>,
        repository: &ObjectRepository,
        id: &str,
    ) -> RenderedConfig {
        let (caller, answer) = oneshot::channel();
        let asking = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            match waiting.get_mut(id) {
                Some(callers) => {
                    callers.push(caller);
                    true
                }
                None => {
                    waiting.insert(id.to_owned(), vec![caller]);
                    false
                }
            }
        };
        if !asking {
            let (this, repository) = (Arc::clone(self), repository.clone());
            // A task of its own: the caller may hang up while others wait.
            tokio::spawn(this.answer_callers(repository, id.to_owned()));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StorageError::new(StorageErrorKind::Other, "Shutting down.")))
    }

    /// Asks the store until no caller waits for the id.
    async fn answer_callers(self: Arc<Self>, repository: ObjectRepository, id: String) {
        while let Some(callers) = self.next_callers(&id) {
            let answer = AssertUnwindSafe(self.make(&repository, &id))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| {
                    let message = format!("Reading broke off (key: {id}); see the log.");
                    Err(StorageError::new(StorageErrorKind::Other, message))
                });
            for caller in callers {
                // One that hung up needs no answer.
                let _ = caller.send(answer.clone());
            }
        }
    }

    fn next_callers(&self, id: &str) -> Option<Vec<oneshot::Sender<RenderedConfig>>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let callers = waiting.get_mut(id).map(mem::take).unwrap_or_default();
        if callers.is_empty() {
            waiting.remove(id);
            return None;
        }
        Some(callers)
    }

    async fn make(&self, repository: &ObjectRepository, id: &str) -> RenderedConfig {
        let stored = repository.load_bytes(ObjectKind::CanaryConfig, id).await?;
        let (version, stored_size) = (stored.summary.version, stored.bytes.len());
        if let Some(known) = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            && known.version == version
        {
            return Ok(known.answer.clone());
        }
        // The answer is about as long as the config, and its buffer doubles as it grows.
        let broke_off = |panic: Panicked| {
            let message = format!("Reading broke off (key: {id}); see the log.");
            StorageError::new(StorageErrorKind::Other, message).caused_by(panic)
        };
        let text = stored.bytes.clone();
        let parsed = compute_sized(stored_size, move || parsed_size(&text))
            .await
            .map_err(broke_off)?;
        let size = parsed + 3 * stored_size;
        let _reserved = reserve("a canary config", size, CALLER_PATIENCE).await?;
        let render = move || {
            serde_json::from_slice::<CanaryConfig>(&stored.bytes).and_then(|config| {
                let mut answer = serde_json::to_vec(&config)?;
                answer.shrink_to_fit();
                Ok(answer)
            })
        };
        let rendered = if stored_size <= LONGEST {
            render()
        } else {
            compute_sized(stored_size, render)
                .await
                .map_err(broke_off)?
        };
        let answer: Bytes = rendered
            .map_err(|error| {
                let message = format!("Unable to deserialize object (key: {id})");
                StorageError::new(StorageErrorKind::Corrupt, message).caused_by(error)
            })?
            .into();
        if answer.len() <= LONGEST {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            let rendered = Rendered {
                version,
                answer: answer.clone(),
            };
            known.insert(id.to_owned(), rendered);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use kayenta_storage::{MemoryStore, ObjectStore, ObjectSummary, StoredObject, WriteCondition};
    use serde_json::{Value, json};
    use tokio::sync::Semaphore;

    use super::*;

    /// Answers one read for every permit, with what is stored when the permit is given.
    #[derive(Debug)]
    struct GatedStore {
        objects: MemoryStore,
        gate: Semaphore,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl ObjectStore for GatedStore {
        fn platform(&self) -> &'static str {
            self.objects.platform()
        }

        async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            assert_ne!(key, "panics", "a defect of the store");
            self.objects.load(kind, key).await
        }

        async fn store(
            &self,
            kind: ObjectKind,
            key: &str,
            filename: Option<&str>,
            bytes: Bytes,
            condition: WriteCondition,
        ) -> Result<ObjectSummary, StorageError> {
            self.objects
                .store(kind, key, filename, bytes, condition)
                .await
        }

        async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
            self.objects.delete(kind, key).await
        }

        async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
            self.objects.list(kind).await
        }

        async fn check(&self) -> Result<(), StorageError> {
            self.objects.check().await
        }
    }

    struct World {
        store: Arc<GatedStore>,
        repository: ObjectRepository,
        rendered: Arc<RenderedConfigs>,
    }

    impl World {
        fn new() -> Self {
            let store = Arc::new(GatedStore {
                objects: MemoryStore::default(),
                gate: Semaphore::new(0),
                asked: AtomicUsize::new(0),
            });
            Self {
                repository: ObjectRepository::new("account", Arc::clone(&store) as _),
                store,
                rendered: Arc::default(),
            }
        }

        async fn write(&self, name: &str) {
            let config = json!({"id": "one", "name": name, "applications": ["app"], "metrics": []});
            self.repository
                .store(
                    ObjectKind::CanaryConfig,
                    "one",
                    None,
                    config,
                    WriteCondition::Always,
                )
                .await
                .unwrap();
        }

        /// Callers that have all come when this returns.
        async fn callers(
            &self,
            id: &'static str,
            count: usize,
        ) -> Vec<tokio::task::JoinHandle<RenderedConfig>> {
            let callers = (0..count)
                .map(|_| {
                    let (rendered, repository) =
                        (Arc::clone(&self.rendered), self.repository.clone());
                    tokio::spawn(async move { rendered.get(&repository, id).await })
                })
                .collect();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            callers
        }

        fn asked(&self) -> usize {
            self.store.asked.load(Ordering::SeqCst)
        }
    }

    fn name(answer: &Bytes) -> String {
        let config: Value = serde_json::from_slice(answer).unwrap();
        config["name"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn who_comes_while_the_store_is_asked_shares_the_next_answer() {
        let world = World::new();
        world.write("first").await;
        let first = world.callers("one", 1).await;
        let others = world.callers("one", 50).await;
        assert_eq!(world.asked(), 1);
        world.store.gate.add_permits(1);
        for caller in first {
            assert_eq!(name(&caller.await.unwrap().unwrap()), "first");
        }
        // Those who came meanwhile see what was written before they are answered.
        world.write("second").await;
        world.store.gate.add_permits(1);
        for caller in others {
            assert_eq!(name(&caller.await.unwrap().unwrap()), "second");
        }
        assert_eq!(world.asked(), 2);
        assert!(world.rendered.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_leaves_the_others_their_answer() {
        let world = World::new();
        world.write("first").await;
        for caller in world.callers("one", 1).await {
            caller.abort();
        }
        let others = world.callers("one", 2).await;
        world.store.gate.add_permits(2);
        for caller in others {
            assert_eq!(name(&caller.await.unwrap().unwrap()), "first");
        }
    }

    #[tokio::test]
    async fn failures_and_panics_are_shared_and_end_nothing() {
        let world = World::new();
        world.store.gate.add_permits(2);
        for (id, kind) in [
            ("none", StorageErrorKind::NotFound),
            ("panics", StorageErrorKind::Other),
        ] {
            for caller in world.callers(id, 3).await {
                assert_eq!(caller.await.unwrap().unwrap_err().kind, kind, "{id}");
            }
        }
        assert!(world.rendered.waiting.lock().unwrap().is_empty());
    }
}

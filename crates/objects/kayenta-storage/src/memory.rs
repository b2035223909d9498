//! Objects in memory, lost with the process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use kayenta_model::Clock;

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    segment::{checked_filename, is_path_segment},
    store::{ObjectStore, ObjectSummary, StoredObject, UpTo, WriteCondition},
};

/// An [`ObjectStore`] of one process that forgets everything at its end.
#[derive(Debug, Default)]
pub struct MemoryStore {
    clock: Option<Arc<dyn Clock>>,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    writes: u64,
    objects: BTreeMap<ObjectKind, BTreeMap<String, StoredObject>>,
}

impl MemoryStore {
    /// An empty store that stamps objects by `clock` instead of the system's.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            content: Mutex::default(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a store in memory without a clock of its own takes the machine's"
    )]
    fn now(&self) -> DateTime<Utc> {
        self.clock
            .as_ref()
            .map_or_else(Utc::now, |clock| clock.now())
            .trunc_subsecs(3)
    }

    /// No code that can panic runs under the lock, so a poisoned one is still whole.
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    fn platform(&self) -> &'static str {
        "memory"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        self.content()
            .objects
            .get(&kind)
            .and_then(|objects| objects.get(key))
            .cloned()
            .ok_or_else(|| no_such_object(key))
    }

    /// Nothing is read, so nothing counts: the bytes are those of the store.
    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let object = self.load(kind, key).await?;
        Ok(if object.summary.size > most {
            UpTo::Larger(object.summary)
        } else {
            UpTo::Whole(object)
        })
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let filename = checked_filename(kind, key, filename)?;
        let updated = self.now();
        let mut content = self.content();
        let present = content
            .objects
            .get(&kind)
            .and_then(|objects| objects.get(key))
            .map(|object| object.summary.version.as_str());
        check_condition(&condition, present, kind, key)?;
        content.writes += 1;
        let summary = ObjectSummary {
            key: key.to_owned(),
            filename: filename.to_owned(),
            updated,
            version: content.writes.to_string(),
            size: bytes.len() as u64,
        };
        content.objects.entry(kind).or_default().insert(
            key.to_owned(),
            StoredObject {
                summary: summary.clone(),
                bytes,
            },
        );
        Ok(summary)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.content()
            .objects
            .get_mut(&kind)
            .and_then(|objects| objects.remove(key))
            .map(|_| ())
            .ok_or_else(does_not_exist)
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        Ok(self
            .content()
            .objects
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|object| object.summary.clone())
            .collect())
    }

    async fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// The reference's answer of the memory store to a read of nothing; the disk store gives it too.
pub(crate) fn no_such_object(key: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::NotFound,
        if is_path_segment(key) {
            format!("No such object named {key}")
        } else {
            format!("No such object named {}", key.escape_debug())
        },
    )
}

/// The reference's answer of the memory store to a removal of nothing.
pub(crate) fn does_not_exist() -> StorageError {
    StorageError::new(StorageErrorKind::NotFound, "Does not exist")
}

/// Whether `condition` holds for an object whose version is `present`.
pub(crate) fn check_condition(
    condition: &WriteCondition,
    present: Option<&str>,
    kind: ObjectKind,
    key: &str,
) -> Result<(), StorageError> {
    let conflict = |what: &str| {
        Err(StorageError::new(
            StorageErrorKind::Conflict,
            format!("{}/{key} {what}.", kind.group()),
        ))
    };
    match (condition, present) {
        (WriteCondition::Always, _) | (WriteCondition::Absent, None) => Ok(()),
        (WriteCondition::Absent, Some(_)) => conflict("exists already"),
        (WriteCondition::Unchanged(expected), Some(version)) if expected == version => Ok(()),
        (WriteCondition::Unchanged(_), Some(_)) => conflict("has been changed meanwhile"),
        (WriteCondition::Unchanged(_), None) => conflict("has been removed meanwhile"),
    }
}

//! Objects in files under one directory.

mod directory_sync;
mod durability;
mod failure;
mod files;
mod layout;
mod objects;
mod pack;
mod packs;
mod partial_file;
mod upload;
mod writable;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_limits::{CALLER_PATIENCE, MOST_OF_SMALL, Reserved, reserve};
use tokio::{sync::Semaphore, time::Instant};

pub use self::{durability::Durability, writable::check_writable};
use self::{objects::Objects, upload::DiskUpload};
use crate::{
    error::{READ_TRIES, StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    repository::STORED_OBJECT,
    segment::{check_segment, checked_filename},
    store::{ObjectStore, ObjectSummary, StoredObject, UpTo, WriteCondition, part_length},
    upload::Upload,
};

/// File operations that run at once; more would only queue at the device.
const CONCURRENT_OPERATIONS: usize = 64;
/// Larger objects are read only when memory for them is reserved.
const READ_AT_ONCE: u64 = MOST_OF_SMALL as u64;

/// An [`ObjectStore`] of files. Configs, which people read and edit, are files of their own:
/// `<root>/canary_config/<key>/<file name>`; they appear whole or not at all (written aside, then
/// renamed). What a run writes lies together in packs, which cost a file and no folder each:
/// `<root>/packed/measurements` has one for the metric sets and pair lists of a run
/// ([`GroupedIds`](crate::GroupedIds)), `canaries` and `analyses` beside it one for each archive. A pack
/// is text; what is removed from it is given back when half of it is out of date, and with its last
/// object it is gone.
///
/// What a run writes in parts is a file of its own, too, where a config would be: `<root>/<group>/<key>/<file name>`, as earlier
/// releases wrote every object. It lies aside until its last part is there, and is renamed then. An object of more than
/// [`UPLOAD_PART`](crate::UPLOAD_PART) bytes is worth a file; in a pack, it would have to be copied with the pack locked, and again
/// whenever the pack is written anew. Of an object in a pack and one in a file the newer counts, and a
/// write of either removes the other while it keeps the pack locked.
///
/// Keys and file names keep letters, digits and a few harmless characters; all else is
/// percent-encoded, so that no name leaves the directory or is hidden in it.
#[derive(Clone, Debug)]
pub struct DiskStore {
    objects: Arc<Objects>,
    permits: Arc<Semaphore>,
}

impl DiskStore {
    /// A store in the directory `root`, created when missing.
    ///
    /// # Errors
    /// [`Unavailable`](StorageErrorKind::Unavailable) when the directory cannot be created or
    /// written.
    pub async fn open(
        root: impl Into<PathBuf>,
        durability: Durability,
    ) -> Result<Self, StorageError> {
        let store = Self::over(root.into(), durability);
        store.run("open", Objects::prepare).await?;
        Ok(store)
    }

    /// A store in the directory `root` for reading alone: nothing is created or cleared. A directory
    /// that is not there holds nothing.
    #[must_use]
    pub fn reading(root: impl Into<PathBuf>) -> Self {
        Self::over(root.into(), Durability::default())
    }

    fn over(root: PathBuf, durability: Durability) -> Self {
        Self {
            objects: Arc::new(Objects::new(root, durability)),
            permits: Arc::new(Semaphore::new(CONCURRENT_OPERATIONS)),
        }
    }

    /// Runs file work off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Objects) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(
                StorageErrorKind::Other,
                format!("the disk store broke off: {operation}"),
            )
            .caused_by(error)
        };
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|closed| broken(closed.into()))?;
        let objects = Arc::clone(&self.objects);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&objects)
        })
        .await
        .map_err(|join| broken(join.into()))?
    }
}

#[async_trait]
impl ObjectStore for DiskStore {
    fn platform(&self) -> &'static str {
        "disk"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let mut most = READ_AT_ONCE;
        let mut reserved = Reserved::default();
        for _ in 0..READ_TRIES {
            let key = key.to_owned();
            // The file is read to its end whatever becomes of the caller.
            let load = move |objects: &Objects| match objects.load(kind, &key, most)? {
                UpTo::Whole(mut object) => {
                    object.bytes = reserved.bind(object.bytes);
                    Ok(UpTo::Whole(object))
                }
                larger @ UpTo::Larger(_) => Ok(larger),
            };
            match self.run("load", load).await? {
                UpTo::Whole(object) => return Ok(object),
                UpTo::Larger(summary) => {
                    most = summary.size;
                    let size = usize::try_from(most).unwrap_or(usize::MAX);
                    reserved = reserve(STORED_OBJECT, size, CALLER_PATIENCE).await?;
                }
            }
        }
        Err(StorageError::keeps_growing())
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let name = key.to_owned();
        let least = most.min(READ_AT_ONCE);
        let loaded = self
            .run("load", move |objects| objects.load(kind, &name, least))
            .await?;
        match loaded {
            UpTo::Larger(summary) if summary.size <= most => {
                self.load(kind, key).await.map(UpTo::Whole)
            }
            loaded => Ok(loaded),
        }
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let size = part_length(&part);
        let reserved = reserve(STORED_OBJECT, size, CALLER_PATIENCE).await?;
        let wanted = found.clone();
        // The file is read to its end whatever becomes of the caller.
        let load = move |objects: &Objects| {
            let bytes = objects.load_part(kind, &wanted, part)?;
            Ok(bytes.map(|bytes| reserved.bind(bytes.into())))
        };
        let loaded = self.run("load a part", load).await?;
        loaded.ok_or_else(|| StorageError::changed(&found.key))
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let filename = checked_filename(kind, key, filename)?.to_owned();
        let key = key.to_owned();
        self.run("store", move |objects| {
            objects.store(kind, &key, &filename, &bytes, &condition)
        })
        .await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        kind.is_replaced_in_place()
            .then(|| Box::new(DiskUpload::new(self, kind, key)) as Box<dyn Upload>)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let key = key.to_owned();
        self.run("delete", move |objects| objects.delete(kind, &key))
            .await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.run("list", move |objects| objects.list(kind)).await
    }

    /// A lock on a file, which the system ends with the process.
    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        let deadline = Instant::now() + wait;
        loop {
            let name = name.to_owned();
            let taken = self
                .run("lock", move |objects| objects.try_lock(&name))
                .await?;
            if let Some(file) = taken {
                return Ok(StoreLock::new(move || {
                    Box::pin(async move {
                        // Closing the file ends the lock.
                        drop(file);
                    })
                }));
            }
            if Instant::now() >= deadline {
                return Err(StorageError::new(
                    StorageErrorKind::Unavailable,
                    "Another process keeps writing here.",
                ));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn directory(&self) -> Option<&Path> {
        Some(self.objects.root())
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.run("check", Objects::prepare).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn store(root: &Path) -> DiskStore {
        DiskStore::open(root, Durability::PowerLoss).await.unwrap()
    }

    #[tokio::test]
    async fn keys_cannot_leave_the_directory() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("data");
        let store = store(&root).await;
        let kind = ObjectKind::CanaryConfig;
        for key in ["..", "../x", "a/../../x", "/etc/x", "", "."] {
            let written = store
                .store(
                    kind,
                    key,
                    None,
                    Bytes::from_static(b"1"),
                    WriteCondition::Always,
                )
                .await;
            assert_eq!(written.unwrap_err().kind, StorageErrorKind::Invalid);
            assert!(store.load(kind, key).await.unwrap_err().is_not_found());
            assert!(store.delete(kind, key).await.unwrap_err().is_not_found());
        }
        for key in [".hidden", "C:", "a b%2F", "ü", "tmp", "~", "...", "-rf"] {
            let bytes = Bytes::from(format!("{{\"key\":{key:?}}}"));
            let written = store
                .store(kind, key, Some(".x"), bytes.clone(), WriteCondition::Absent)
                .await
                .unwrap();
            let read = store.load(kind, key).await.unwrap();
            assert_eq!(read.bytes, bytes);
            assert_eq!(read.summary, written);
        }
        assert_eq!(store.list(kind).await.unwrap().len(), 8);
        let beside: Vec<_> = fs::read_dir(outer.path()).unwrap().collect();
        assert_eq!(beside.len(), 1);
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn foreign_files_are_not_objects() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path()).await;
        let group = root.path().join("canary_config");
        fs::create_dir_all(group.join("empty")).unwrap();
        fs::create_dir_all(group.join("deep/er")).unwrap();
        fs::create_dir_all(group.join(".git")).unwrap();
        fs::write(group.join("file.json"), "{}").unwrap();
        fs::write(group.join(".git/config"), "{}").unwrap();
        fs::write(group.join("deep/er/file.json"), "{}").unwrap();
        fs::write(group.join("empty/.swp"), "{}").unwrap();
        assert!(
            store
                .list(ObjectKind::CanaryConfig)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path()).await;
        let kind = ObjectKind::CanaryConfig;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("x.json"), "{}").unwrap();
        let group = root.path().join("canary_config");
        fs::create_dir_all(group.join("file")).unwrap();
        std::os::unix::fs::symlink(outside.path(), group.join("folder")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.json"), group.join("file/x.json"))
            .unwrap();
        for key in ["folder", "file"] {
            assert!(
                store.load(kind, key).await.unwrap_err().is_not_found(),
                "{key}"
            );
        }
        assert!(store.list(kind).await.unwrap().is_empty());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_failed_write_leaves_no_folder_and_tells_callers_no_path_of_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path()).await;
        let kind = ObjectKind::CanaryConfig;
        // A folder where the file would go.
        let taken = root.path().join("canary_config/a/canary_config.json");
        fs::create_dir_all(taken.join("x")).unwrap();
        let write = |key| {
            store.store(
                kind,
                key,
                None,
                Bytes::from_static(b"{}"),
                WriteCondition::Always,
            )
        };
        let error = write("a").await.unwrap_err();
        assert!(
            error
                .message
                .starts_with("cannot write canary_config/a/canary_config.json: "),
            "{error}"
        );
        fs::remove_dir_all(root.path().join("tmp")).unwrap();
        write("b").await.unwrap_err();
        assert!(!root.path().join("canary_config/b").exists());
    }

    #[tokio::test]
    async fn a_lock_excludes_until_it_is_released() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (store(root.path()).await, store(root.path()).await);
        let lock = one.lock("x", Duration::ZERO).await.unwrap();
        let refused = other.lock("x", Duration::from_millis(30)).await;
        assert!(refused.unwrap_err().is_transient());
        other
            .lock("y", Duration::ZERO)
            .await
            .unwrap()
            .release()
            .await;
        lock.release().await;
        other
            .lock("x", Duration::ZERO)
            .await
            .unwrap()
            .release()
            .await;
    }

    #[tokio::test]
    async fn a_root_that_is_a_file_is_reported_at_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "x").unwrap();
        let error = DiskStore::open(&path, Durability::PowerLoss)
            .await
            .unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(error.message.contains("file"), "{error}");
    }
}

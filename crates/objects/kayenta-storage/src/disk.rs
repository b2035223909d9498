//! Objects as files under one directory.

mod directory_sync;
mod layout;

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::Semaphore, time::Instant};
use tracing::warn;

use self::{
    directory_sync::DirectorySync,
    layout::{Found, decode, encode, newest, version},
};
use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    memory::{check_condition, does_not_exist, no_such_object},
    segment::{check_segment, is_path_segment},
    store::{ObjectStore, ObjectSummary, StoredObject, WriteCondition},
};

/// File operations that run at once; more would only queue at the device.
const CONCURRENT_OPERATIONS: usize = 64;

/// Keys that one mutex of the process serialises the writers of are spread over so many.
const WRITER_LOCKS: usize = 256;

/// Leftovers of a killed process are older than any write takes.
const STALE_TEMPORARY: Duration = Duration::from_secs(3600);

/// What a write that has returned survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power, for configs and archives, which nothing can bring back: file and
    /// directories are synchronised before the write returns. Metric sets and pair lists survive the
    /// process only: their step is repeated when its run has not ended, and the eight or more of a
    /// run would multiply the cost of a canary. (The measurements of a run that ended in the last
    /// seconds before power was lost may be missing afterwards; its result is there.)
    #[default]
    PowerLoss,
    /// The end of the process for every kind; for tests and throw-away data.
    ProcessCrash,
    /// The loss of power for every kind.
    PowerLossAlways,
}

impl Durability {
    fn synchronises(self, kind: ObjectKind) -> bool {
        match self {
            Self::PowerLossAlways => true,
            Self::ProcessCrash => false,
            Self::PowerLoss => match kind {
                ObjectKind::CanaryConfig
                | ObjectKind::CanaryResultArchive
                | ObjectKind::StandaloneCanaryResultArchive => true,
                ObjectKind::MetricSetList | ObjectKind::MetricSetPairList => false,
            },
        }
    }
}

/// An [`ObjectStore`] of files: `<root>/<group>/<key>/<file name>`. A file appears whole or not at
/// all (written aside, then renamed). Keys and file names keep letters, digits and a few harmless
/// characters; all else is percent-encoded, so that no name leaves the directory or is hidden in it.
#[derive(Clone, Debug)]
pub struct DiskStore {
    files: Arc<Files>,
    permits: Arc<Semaphore>,
}

#[derive(Debug)]
struct Files {
    root: PathBuf,
    durability: Durability,
    hasher: RandomState,
    writers: Vec<Mutex<()>>,
    group_syncs: [DirectorySync; ObjectKind::ALL.len()],
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
        store.run("open", Files::prepare).await?;
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
            files: Arc::new(Files {
                root,
                durability,
                hasher: RandomState::new(),
                writers: (0..WRITER_LOCKS).map(|_| Mutex::default()).collect(),
                group_syncs: std::array::from_fn(|_| DirectorySync::default()),
            }),
            permits: Arc::new(Semaphore::new(CONCURRENT_OPERATIONS)),
        }
    }

    /// Runs file work off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Files) -> Result<T, StorageError> + Send + 'static,
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
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&files)
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
        let key = key.to_owned();
        self.run("load", move |files| files.load(kind, &key)).await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let filename = filename.unwrap_or(kind.default_filename()).to_owned();
        check_segment("key", key)?;
        check_segment("file name", &filename)?;
        let key = key.to_owned();
        self.run("store", move |files| {
            files.store(kind, &key, &filename, &bytes, &condition)
        })
        .await
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let key = key.to_owned();
        self.run("delete", move |files| files.delete(kind, &key))
            .await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.run("list", move |files| files.list(kind)).await
    }

    /// A lock on a file, which the system ends with the process.
    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        let deadline = Instant::now() + wait;
        loop {
            let name = name.to_owned();
            let taken = self.run("lock", move |files| files.try_lock(&name)).await?;
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

    async fn check(&self) -> Result<(), StorageError> {
        self.run("check", Files::prepare).await
    }
}

impl Files {
    /// Makes sure that the directory is there and can be written, and clears leftovers.
    fn prepare(&self) -> Result<(), StorageError> {
        let temporary = self.temporary();
        let failed = |error| failure("open", &self.root, error);
        fs::create_dir_all(&temporary).map_err(failed)?;
        for entry in fs::read_dir(&temporary).map_err(failed)?.flatten() {
            let age = entry
                .metadata()
                .and_then(|data| data.modified())
                .map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            if age.is_ok_and(|age| age > STALE_TEMPORARY) {
                // Another process may have been faster.
                let _ = fs::remove_file(entry.path());
            }
        }
        let probe = self.new_temporary();
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(failed)
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn new_temporary(&self) -> PathBuf {
        self.temporary().join(uuid::Uuid::new_v4().to_string())
    }

    fn group(&self, kind: ObjectKind) -> PathBuf {
        self.root.join(kind.group())
    }

    fn directory(&self, kind: ObjectKind, key: &str) -> PathBuf {
        self.group(kind).join(encode(key))
    }

    /// The files under a key.
    fn found(&self, kind: ObjectKind, key: &str) -> Result<Vec<Found>, StorageError> {
        if !is_path_segment(key) {
            return Ok(Vec::new());
        }
        let directory = self.directory(kind, key);
        Found::all_in(&directory, key).map_err(|error| failure("read", &directory, error))
    }

    fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        // A writer may replace the file between the look and the read.
        for _ in 0..8 {
            let Some(found) = newest(self.found(kind, key)?) else {
                break;
            };
            let read = File::open(&found.path).and_then(|mut file| {
                let metadata = file.metadata()?;
                let mut bytes = Vec::with_capacity(metadata.len() as usize);
                io::Read::read_to_end(&mut file, &mut bytes)?;
                Ok((metadata, bytes))
            });
            match read {
                Ok((metadata, bytes)) => {
                    return Ok(StoredObject {
                        summary: ObjectSummary {
                            updated: metadata
                                .modified()
                                .map_err(|error| failure("read", &found.path, error))?
                                .into(),
                            version: version(&metadata),
                            ..found.summary
                        },
                        bytes: bytes.into(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failure("read", &found.path, error)),
            }
        }
        Err(no_such_object(key))
    }

    fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let synchronises = self.durability.synchronises(kind);
        let directory = self.directory(kind, key);
        let target = directory.join(encode(filename));
        let _writer = self.writer(kind, key);

        let others = if kind.has_fixed_filename()
            && *condition == WriteCondition::Always
            && filename == kind.default_filename()
        {
            Vec::new()
        } else {
            let found = self.found(kind, key)?;
            let present = newest(found.iter().cloned()).map(|newest| newest.summary.version);
            check_condition(condition, present.as_deref(), kind, key)?;
            found
        };

        let temporary = self.new_temporary();
        let written = self
            .write_aside(&temporary, bytes, synchronises)
            .and_then(|()| self.move_into(&directory, &temporary, &target))
            .and_then(|created| {
                for other in others.iter().filter(|other| other.path != target) {
                    ignore_absent(fs::remove_file(&other.path))?;
                }
                if synchronises {
                    File::open(&directory)?.sync_all()?;
                    if created {
                        self.group_syncs[kind as usize].sync(&self.group(kind))?;
                    }
                }
                fs::metadata(&target)
            });
        match written {
            Ok(metadata) => Ok(ObjectSummary {
                key: key.to_owned(),
                filename: filename.to_owned(),
                updated: metadata
                    .modified()
                    .map_err(|error| failure("write", &target, error))?
                    .into(),
                version: version(&metadata),
            }),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(failure("write", &target, error))
            }
        }
    }

    fn write_aside(&self, temporary: &Path, bytes: &[u8], synchronises: bool) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(temporary)?;
        file.write_all(bytes)?;
        if synchronises {
            file.sync_all()?;
        }
        Ok(())
    }

    /// Renames the file to its place; whether the directory had to be created first.
    fn move_into(&self, directory: &Path, temporary: &Path, target: &Path) -> io::Result<bool> {
        let mut created = false;
        // Another process that deletes the key may take the directory away in between.
        for _ in 0..3 {
            match fs::rename(temporary, target) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(directory)?;
                    created = true;
                }
                other => return other.map(|()| created),
            }
        }
        fs::rename(temporary, target).map(|()| created)
    }

    fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let _writer = self.writer(kind, key);
        let found = self.found(kind, key)?;
        if found.is_empty() {
            return Err(does_not_exist());
        }
        let directory = self.directory(kind, key);
        found
            .iter()
            .try_for_each(|file| ignore_absent(fs::remove_file(&file.path)))
            .and_then(|()| match fs::remove_dir(&directory) {
                // Foreign files keep the directory; it is no object without one of ours.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    File::open(&directory)?.sync_all()
                }
                other => ignore_absent(other),
            })
            .and_then(|()| {
                if self.durability.synchronises(kind) {
                    self.group_syncs[kind as usize].sync(&self.group(kind))?;
                }
                Ok(())
            })
            .map_err(|error| failure("delete", &directory, error))
    }

    fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let group = self.group(kind);
        let failed = |error| failure("list", &group, error);
        let entries = match fs::read_dir(&group) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut objects = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(key) = entry.file_name().to_str().and_then(decode) else {
                continue;
            };
            // A plain file among the keys is not ours.
            if entry.file_type().is_ok_and(|file_type| file_type.is_dir()) {
                let found = Found::all_in(&entry.path(), &key).map_err(failed)?;
                objects.extend(newest(found).map(|found| found.summary));
            }
        }
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    fn try_lock(&self, name: &str) -> Result<Option<File>, StorageError> {
        let path = self.root.join("locks").join(encode(name));
        let failed = |error| failure("lock", &path, error);
        fs::create_dir_all(self.root.join("locks")).map_err(failed)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn writer(&self, kind: ObjectKind, key: &str) -> std::sync::MutexGuard<'_, ()> {
        let index = self.hasher.hash_one((kind, key)) as usize % self.writers.len();
        self.writers[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn ignore_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// What a failed file operation means.
fn failure(operation: &str, path: &Path, error: io::Error) -> StorageError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StorageErrorKind::Denied
        }
        io::ErrorKind::InvalidFilename => StorageErrorKind::Invalid,
        // Full disks are emptied, interrupted calls repeated, mounts brought back.
        _ => StorageErrorKind::Unavailable,
    };
    let error = StorageError::new(
        kind,
        format!("cannot {operation} {}: {error}", path.display()),
    )
    .caused_by(error);
    if kind != StorageErrorKind::Invalid {
        warn!("disk store: {error}");
    }
    error
}

#[cfg(test)]
mod tests {
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
    async fn a_root_that_is_a_file_is_told_at_once() {
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

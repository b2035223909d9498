//! Objects as files of their own: every function blocks.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};

use super::{
    directory_sync::DirectorySync,
    durability::Durability,
    failure::{failure, ignore_absent},
    layout::{Found, decode, encode, newest, version},
    pack::read_at,
    partial_file::{is_left, is_partial},
};
use crate::{
    error::StorageError,
    kind::ObjectKind,
    memory::{check_condition, does_not_exist, no_such_object},
    segment::is_path_segment,
    store::{ObjectSummary, StoredObject, UpTo, WriteCondition},
};

/// Keys that one mutex of the process serialises the writers of are spread over so many.
const WRITER_LOCKS: usize = 256;

/// Leftovers of a killed process are older than any write takes.
const STALE_TEMPORARY: Duration = Duration::from_secs(3600);
/// How far the time of a folder may be behind that of its last change.
const FOLDER_TIMES: Duration = Duration::from_secs(2);
/// What is written in parts may take longer, and is locked soon after it is made.
const UNLOCKED_PARTIAL: Duration = Duration::from_secs(60);

/// The files under one directory.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    durability: Durability,
    hasher: RandomState,
    writers: Vec<Mutex<()>>,
    group_syncs: [DirectorySync; ObjectKind::ALL.len()],
}

impl Files {
    /// The files under `root`; nothing is looked at yet.
    pub(super) fn new(root: PathBuf, durability: Durability) -> Self {
        Self {
            root,
            durability,
            hasher: RandomState::new(),
            writers: (0..WRITER_LOCKS).map(|_| Mutex::default()).collect(),
            group_syncs: std::array::from_fn(|_| DirectorySync::default()),
        }
    }

    /// Makes sure that the directory is there and can be written, and clears leftovers.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with, or unique among, files of this machine"
    )]
    pub(super) fn prepare(&self) -> Result<(), StorageError> {
        let temporary = self.temporary();
        let failed = |error| failure("open", &self.root, error);
        fs::create_dir_all(&temporary).map_err(failed)?;
        for entry in fs::read_dir(&temporary).map_err(failed)?.flatten() {
            let path = entry.path();
            let age = entry
                .metadata()
                .and_then(|data| data.modified())
                .map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            let stale = age.is_ok_and(|age| match is_partial(&path) {
                true => age > UNLOCKED_PARTIAL && is_left(&path),
                false => age > STALE_TEMPORARY,
            });
            if stale {
                // Another process may have been faster.
                let _ = fs::remove_file(path);
            }
        }
        let probe = self.new_temporary();
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(failed)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where files lie until they are complete.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "compared with, or unique among, files of this machine"
    )]
    pub(super) fn new_temporary(&self) -> PathBuf {
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

    /// What a listing would say of the object.
    pub(super) fn find(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<Option<ObjectSummary>, StorageError> {
        Ok(newest(self.found(kind, key)?).map(|found| found.summary))
    }

    /// The object, if it has at most `most` bytes.
    pub(super) fn load(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        // A writer may replace the file between the look and the read.
        for _ in 0..8 {
            let Some(found) = newest(self.found(kind, key)?) else {
                break;
            };
            let read = File::open(&found.path).and_then(|mut file| {
                let metadata = file.metadata()?;
                if metadata.len() > most {
                    return Ok((metadata, None));
                }
                let mut bytes = Vec::with_capacity(metadata.len() as usize);
                io::Read::read_to_end(&mut file, &mut bytes)?;
                Ok((metadata, Some(bytes)))
            });
            match read {
                Ok((metadata, bytes)) => {
                    let summary = ObjectSummary {
                        updated: metadata
                            .modified()
                            .map_err(|error| failure("read", &found.path, error))?
                            .into(),
                        version: version(&metadata),
                        size: metadata.len(),
                        ..found.summary
                    };
                    return Ok(match bytes {
                        Some(bytes) => UpTo::Whole(StoredObject {
                            summary,
                            bytes: bytes.into(),
                        }),
                        None => UpTo::Larger(summary),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failure("read", &found.path, error)),
            }
        }
        Err(no_such_object(key))
    }

    /// A part of the object that was found; `None` when that is not there any more.
    pub(super) fn load_part(
        &self,
        kind: ObjectKind,
        wanted: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(found) = newest(self.found(kind, &wanted.key)?) else {
            return Ok(None);
        };
        let read = || {
            let file = match File::open(&found.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let metadata = file.metadata()?;
            if version(&metadata) != wanted.version {
                return Ok(None);
            }
            let end = part.end.min(metadata.len());
            let start = part.start.min(end);
            read_at(&file, start, end - start).map(Some)
        };
        read().map_err(|error| failure("read", &found.path, error))
    }

    pub(super) fn store(
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
            .map_err(|error| failure("write", &target, error))
            .and_then(|()| self.put_in_place((kind, key), filename, &temporary, &others));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Synchronises the bytes of a large file aside. Of every kind: after a loss of power, a name without its bytes would be an
    /// object that cannot be read, where an incomplete record of a pack is none.
    pub(super) fn synchronise(&self, file: &File, temporary: &Path) -> Result<(), StorageError> {
        if self.durability == Durability::ProcessCrash {
            return Ok(());
        }
        file.sync_all()
            .map_err(|error| failure("write", temporary, error))
    }

    /// Makes a complete file aside the object, which counts as newer than what was `updated` then. Its bytes are synchronised.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the times of files of this machine"
    )]
    pub(super) fn adopt(
        &self,
        (kind, key): (ObjectKind, &str),
        (file, temporary): (&File, &Path),
        updated: Option<DateTime<Utc>>,
    ) -> Result<ObjectSummary, StorageError> {
        let _writer = self.writer(kind, key);
        let others = self.found(kind, key)?;
        let now = SystemTime::now();
        let time = match updated {
            Some(earlier) => now.max(SystemTime::from(earlier) + Duration::from_nanos(1)),
            None => now,
        };
        file.set_modified(time)
            .and_then(|()| match self.durability.synchronises(kind) {
                true => file.sync_all(),
                false => Ok(()),
            })
            .map_err(|error| failure("write", temporary, error))?;
        self.put_in_place((kind, key), kind.default_filename(), temporary, &others)
    }

    /// Moves a file to its place under the key, which it has alone then. The key must be locked.
    fn put_in_place(
        &self,
        (kind, key): (ObjectKind, &str),
        filename: &str,
        temporary: &Path,
        others: &[Found],
    ) -> Result<ObjectSummary, StorageError> {
        let directory = self.directory(kind, key);
        let target = directory.join(encode(filename));
        let place = || {
            let created = self.move_into(&directory, temporary, &target)?;
            for other in others.iter().filter(|other| other.path != target) {
                ignore_absent(fs::remove_file(&other.path))?;
            }
            if self.durability.synchronises(kind) {
                File::open(&directory)?.sync_all()?;
                if created {
                    self.group_syncs[kind as usize].sync(&self.group(kind))?;
                }
            }
            let metadata = fs::metadata(&target)?;
            Ok(ObjectSummary {
                key: key.to_owned(),
                filename: filename.to_owned(),
                updated: metadata.modified()?.into(),
                version: version(&metadata),
                size: metadata.len(),
            })
        };
        place().map_err(|error| {
            // Fails unless it is empty: created for this write, or emptied by another.
            let _ = fs::remove_dir(&directory);
            failure("write", &target, error)
        })
    }

    /// Whether a key may have got its first file since then.
    pub(super) fn is_changed_since(&self, kind: ObjectKind, then: SystemTime) -> bool {
        fs::metadata(self.group(kind))
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|changed| changed + FOLDER_TIMES >= then)
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

    pub(super) fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
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
                // Foreign files keep the directory; without a file of the service it is not an
                // object.
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

    pub(super) fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
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
            // A plain file among the keys does not belong to the service.
            if entry.file_type().is_ok_and(|file_type| file_type.is_dir()) {
                let found = Found::all_in(&entry.path(), &key).map_err(failed)?;
                objects.extend(newest(found).map(|found| found.summary));
            }
        }
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    pub(super) fn try_lock(&self, name: &str) -> Result<Option<File>, StorageError> {
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

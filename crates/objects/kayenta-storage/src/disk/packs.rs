//! Objects in packs: what a run writes lies in one file.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::{
    directory_sync::DirectorySync,
    durability::Durability,
    failure::failure,
    layout::encode,
    pack::{Identity, Table},
};
use crate::{
    error::StorageError,
    grouped_ids::group_of,
    kind::ObjectKind,
    store::{ObjectSummary, StoredObject, UpTo},
};

/// Packs that one mutex of the process serialises the writers of are spread over so many.
const WRITER_LOCKS: usize = 256;
/// Tables of packs are kept in memory up to so many objects in all.
const KEPT_ENTRIES: usize = 50_000;
/// At most so many tables are kept.
const KEPT_TABLES: usize = 256;
/// Packs smaller than this are not rewritten to save space.
const SMALLEST_REWRITTEN: u64 = 16 << 10;
/// A pack may be replaced so often between the look and the read.
const TRIES: usize = 8;

const SUFFIX: &str = ".pack";

/// The directory of the packs with objects of a kind: what runs write and people do not edit. Configs are no
/// such thing.
fn shelf(kind: ObjectKind) -> Option<Shelf> {
    match kind {
        ObjectKind::CanaryConfig => None,
        ObjectKind::MetricSetList | ObjectKind::MetricSetPairList => Some(Shelf::Measurements),
        ObjectKind::CanaryResultArchive => Some(Shelf::Canaries),
        ObjectKind::StandaloneCanaryResultArchive => Some(Shelf::Analyses),
    }
}

#[derive(Clone, Copy, Debug)]
enum Shelf {
    Measurements,
    Canaries,
    Analyses,
}

impl Shelf {
    const COUNT: usize = 3;

    fn name(self) -> &'static str {
        match self {
            Self::Measurements => "measurements",
            Self::Canaries => "canaries",
            Self::Analyses => "analyses",
        }
    }
}

/// The packs under one directory: `<root>/<shelf>/<group>.pack`.
#[derive(Debug)]
pub(super) struct Packs {
    root: PathBuf,
    temporary: PathBuf,
    durability: Durability,
    hasher: RandomState,
    writers: Vec<Mutex<()>>,
    tables: Mutex<Tables>,
    syncs: [DirectorySync; Shelf::COUNT],
}

/// The tables of the packs used last.
#[derive(Debug, Default)]
struct Tables {
    kept: HashMap<PathBuf, Kept>,
    entries: usize,
    uses: u64,
}

#[derive(Debug, Default)]
struct Kept {
    table: Arc<Mutex<Table>>,
    entries: usize,
    used: u64,
}

impl Packs {
    pub(super) fn new(root: PathBuf, temporary: PathBuf, durability: Durability) -> Self {
        Self {
            root,
            temporary,
            durability,
            hasher: RandomState::new(),
            writers: (0..WRITER_LOCKS).map(|_| Mutex::default()).collect(),
            tables: Mutex::default(),
            syncs: std::array::from_fn(|_| DirectorySync::default()),
        }
    }

    /// The pack of an object, if its kind lies in packs.
    pub(super) fn pack(&self, kind: ObjectKind, key: &str) -> Option<Pack> {
        let shelf = shelf(kind)?;
        let name = match shelf {
            Shelf::Measurements => encode(group_of(key)),
            Shelf::Canaries | Shelf::Analyses => encode(key),
        };
        Some(Pack {
            shelf,
            path: self.root.join(shelf.name()).join(name + SUFFIX),
        })
    }

    /// The object, if it is there and has at most `most` bytes.
    pub(super) fn load(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<Option<UpTo>, StorageError> {
        let Some(pack) = self.pack(kind, key) else {
            return Ok(None);
        };
        self.load_from(&pack.path, kind, key, most)
            .map_err(|error| failure("read", &pack.path, error))
    }

    fn load_from(
        &self,
        path: &Path,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> io::Result<Option<UpTo>> {
        for _ in 0..TRIES {
            let Some(file) = open(path)? else {
                return Ok(None);
            };
            let entry = self.with_table(path, |table| {
                table.refresh(&file)?;
                Ok::<_, io::Error>(table.get(kind, key).cloned())
            })?;
            let Some(entry) = entry else { return Ok(None) };
            let summary = entry.summary(kind, key);
            if summary.size > most {
                return Ok(Some(UpTo::Larger(summary)));
            }
            if let Some(bytes) = Table::read(&file, kind, key, &entry)? {
                return Ok(Some(UpTo::Whole(StoredObject {
                    summary,
                    bytes: bytes.into(),
                })));
            }
            self.tables().forget(path);
        }
        Err(io::Error::other("the file keeps changing"))
    }

    /// A part of the object that was found; `None` when that is not there any more.
    pub(super) fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(pack) = self.pack(kind, &found.key) else {
            return Ok(None);
        };
        let read = || {
            let Some(file) = open(&pack.path)? else {
                return Ok(None);
            };
            // Its offsets are right for this file whatever becomes of the path.
            let entry = self.with_table(&pack.path, |table| {
                table.refresh(&file)?;
                Ok::<_, io::Error>(table.get(kind, &found.key).cloned())
            })?;
            match entry {
                Some(entry) if entry.summary(kind, &found.key) == *found => {
                    entry.read_part(&file, part).map(Some)
                }
                _ => Ok(None),
            }
        };
        read().map_err(|error| failure("read", &pack.path, error))
    }

    /// Appends the object to its pack if `check` lets it, which is given the one that is there and returns whether there is
    /// another one elsewhere. That is cleared then, before anything else is written under the key.
    pub(super) fn store(
        &self,
        pack: &Pack,
        (kind, key): (ObjectKind, &str),
        (filename, bytes): (&str, &[u8]),
        check: impl FnOnce(Option<ObjectSummary>) -> Result<bool, StorageError>,
        clear: impl FnOnce() -> Result<(), StorageError>,
    ) -> Result<ObjectSummary, StorageError> {
        let failed = |error| failure("write", &pack.path, error);
        let synchronises = self.durability.synchronises(kind);
        let _writer = self.writer(&pack.path);
        let (file, created) = self.open_for_writing(&pack.path).map_err(failed)?;
        let written = self.with_table(&pack.path, |table| {
            table.refresh(&file).map_err(failed)?;
            let elsewhere = check(table.get(kind, key).map(|entry| entry.summary(kind, key)))?;
            let mut append = || {
                let summary = table.append(&file, (kind, key), filename, bytes, now_nanos())?;
                if synchronises {
                    file.sync_all()?;
                }
                self.save_space(&pack.path, &file, table)?;
                Ok(summary)
            };
            let summary = append().map_err(failed)?;
            if elsewhere {
                if synchronises && created {
                    self.sync(pack.shelf).map_err(failed)?;
                }
                clear()?;
            }
            Ok(summary)
        });
        match written {
            Ok(summary) => {
                if synchronises && created {
                    self.sync(pack.shelf).map_err(failed)?;
                }
                Ok(summary)
            }
            Err(error) => {
                self.forget_failed(pack, &file);
                Err(error)
            }
        }
    }

    /// Forgets what is known of a pack that could not be written, and removes it if it is empty. It must be locked.
    fn forget_failed(&self, pack: &Pack, file: &File) {
        self.tables().forget(&pack.path);
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = fs::remove_file(&pack.path);
        }
    }

    /// Puts an object elsewhere in place of the one in the pack with `put`, which is given that one. Nothing else is written under
    /// the key meanwhile.
    pub(super) fn replace(
        &self,
        pack: &Pack,
        (kind, key): (ObjectKind, &str),
        put: impl FnOnce(Option<ObjectSummary>) -> Result<ObjectSummary, StorageError>,
    ) -> Result<ObjectSummary, StorageError> {
        let failed = |error| failure("write", &pack.path, error);
        let _writer = self.writer(&pack.path);
        let (file, _) = self.open_for_writing(&pack.path).map_err(failed)?;
        let put = self.with_table(&pack.path, |table| {
            table.refresh(&file).map_err(failed)?;
            let packed = table.get(kind, key).map(|entry| entry.summary(kind, key));
            let summary = put(packed)?;
            let removed = self.remove(pack, &file, table, (kind, key));
            Ok((summary, removed))
        });
        match put {
            Ok((summary, Ok(removal))) => {
                if removal.emptied {
                    self.tables().forget(&pack.path);
                }
                Ok(summary)
            }
            Ok((summary, Err(error))) => {
                self.forget_failed(pack, &file);
                // It is older than what is there now, so nobody reads it; it goes with the next write or removal.
                tracing::warn!("disk store: cannot clear {}: {error}", pack.path.display());
                Ok(summary)
            }
            Err(error) => {
                self.forget_failed(pack, &file);
                Err(error)
            }
        }
    }

    /// Removes the object; whether there was one. The last object of a pack takes the pack with it.
    pub(super) fn delete(&self, kind: ObjectKind, key: &str) -> Result<bool, StorageError> {
        let Some(pack) = self.pack(kind, key) else {
            return Ok(false);
        };
        self.delete_from(&pack, kind, key)
            .map_err(|error| failure("delete", &pack.path, error))
    }

    fn delete_from(&self, pack: &Pack, kind: ObjectKind, key: &str) -> io::Result<bool> {
        if !pack.path.exists() {
            return Ok(false);
        }
        let synchronises = self.durability.synchronises(kind);
        let _writer = self.writer(&pack.path);
        let (file, _) = self.open_for_writing(&pack.path)?;
        let removed = self.with_table(&pack.path, |table| {
            table.refresh(&file)?;
            self.remove(pack, &file, table, (kind, key))
        });
        if !removed.as_ref().is_ok_and(|removal| !removal.emptied) {
            self.tables().forget(&pack.path);
        }
        let removal = removed?;
        if removal.emptied && synchronises {
            self.sync(pack.shelf)?;
        }
        Ok(removal.there)
    }

    /// Removes the object from a pack that is locked, and the pack with its last object.
    fn remove(
        &self,
        pack: &Pack,
        file: &File,
        table: &mut Table,
        (kind, key): (ObjectKind, &str),
    ) -> io::Result<Removal> {
        let there = table.get(kind, key).is_some();
        let emptied = table.len() <= usize::from(there);
        if emptied {
            fs::remove_file(&pack.path)?;
        } else if there {
            table.append_removal(file, kind, key, now_nanos())?;
            if self.durability.synchronises(kind) {
                file.sync_all()?;
            }
            self.save_space(&pack.path, file, table)?;
        }
        Ok(Removal { there, emptied })
    }

    /// Every object of the kind, in no order.
    pub(super) fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let Some(shelf) = shelf(kind) else {
            return Ok(Vec::new());
        };
        let directory = self.root.join(shelf.name());
        self.list_in(&directory, kind)
            .map_err(|error| failure("list", &directory, error))
    }

    fn list_in(&self, directory: &Path, kind: ObjectKind) -> io::Result<Vec<ObjectSummary>> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut objects = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if !entry.file_type()?.is_file()
                || !name.as_encoded_bytes().ends_with(SUFFIX.as_bytes())
            {
                continue;
            }
            let path = entry.path();
            // Removed since the directory was read.
            let Some(file) = open(&path)? else { continue };
            let mut add = |table: &mut Table| {
                table.refresh(&file)?;
                // In a copy under another name they could not be found by their keys.
                let is_at_home = |object: &ObjectSummary| {
                    self.pack(kind, &object.key)
                        .is_some_and(|pack| pack.path == path)
                };
                objects.extend(table.of_kind(kind).filter(is_at_home));
                Ok::<_, io::Error>(())
            };
            // A listing of all packs does not push those in use out.
            let kept = self.tables().peek(&path);
            match kept {
                Some(table) => add(&mut lock(&table))?,
                None => add(&mut Table::default())?,
            }
        }
        Ok(objects)
    }

    /// Writes the pack anew without what is out of date, when that is most of it.
    fn save_space(&self, path: &Path, file: &File, table: &mut Table) -> io::Result<()> {
        if !table.is_mostly_garbage() || file.metadata()?.len() < SMALLEST_REWRITTEN {
            return Ok(());
        }
        let temporary = self.new_temporary();
        let rewritten = (|| {
            let target = File::create_new(&temporary)?;
            let mut writer = BufWriter::new(&target);
            table.copy_live(file, &mut writer)?;
            writer.flush()?;
            drop(writer);
            if self.durability != Durability::ProcessCrash {
                // It replaces what may have been durable for a long time.
                target.sync_all()?;
            }
            fs::rename(&temporary, path)
        })();
        match rewritten {
            Ok(()) => {
                *table = Table::default();
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                // The object is written all the same; the next write tries again.
                tracing::warn!("disk store: cannot rewrite {}: {error}", path.display());
                Ok(())
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "unique among the files of this machine"
    )]
    fn new_temporary(&self) -> PathBuf {
        self.temporary.join(uuid::Uuid::new_v4().to_string())
    }

    /// The pack, created when missing, locked against other processes; whether it was created.
    fn open_for_writing(&self, path: &Path) -> io::Result<(File, bool)> {
        for _ in 0..TRIES {
            let created = !path.exists();
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = match options.open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(path.parent().unwrap_or(path))?;
                    continue;
                }
                other => other?,
            };
            file.lock()?;
            // Another process may have replaced or removed it in between.
            let current = match fs::metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            if Identity::of(&current) == Identity::of(&file.metadata()?) {
                return Ok((file, created));
            }
        }
        Err(io::Error::other("other processes keep replacing the file"))
    }

    fn sync(&self, shelf: Shelf) -> io::Result<()> {
        self.syncs[shelf as usize].sync(&self.root.join(shelf.name()))
    }

    fn writer(&self, path: &Path) -> MutexGuard<'_, ()> {
        lock(&self.writers[self.hasher.hash_one(path) as usize % self.writers.len()])
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }

    fn with_table<T>(&self, path: &Path, work: impl FnOnce(&mut Table) -> T) -> T {
        let table = self.tables().get(path);
        let mut table = lock(&table);
        let answer = work(&mut table);
        let entries = table.len();
        drop(table);
        self.tables().weigh(path, entries);
        answer
    }
}

/// What became of a pack from which an object was to be removed.
#[derive(Clone, Copy, Debug)]
struct Removal {
    /// Whether the object was there.
    there: bool,
    /// Whether the pack is gone.
    emptied: bool,
}

/// A pack's file and where it lies.
#[derive(Debug)]
pub(super) struct Pack {
    shelf: Shelf,
    path: PathBuf,
}

impl Tables {
    fn get(&mut self, path: &Path) -> Arc<Mutex<Table>> {
        self.uses += 1;
        let kept = self.kept.entry(path.to_owned()).or_default();
        kept.used = self.uses;
        Arc::clone(&kept.table)
    }

    fn peek(&self, path: &Path) -> Option<Arc<Mutex<Table>>> {
        self.kept.get(path).map(|kept| Arc::clone(&kept.table))
    }

    fn forget(&mut self, path: &Path) {
        if let Some(kept) = self.kept.remove(path) {
            self.entries -= kept.entries;
        }
    }

    /// Notes how large a table has become, and drops those not used for longest when there are too
    /// many.
    fn weigh(&mut self, path: &Path, entries: usize) {
        let Some(kept) = self.kept.get_mut(path) else {
            return;
        };
        self.entries = self.entries - kept.entries + entries;
        kept.entries = entries;
        while self.kept.len() > KEPT_TABLES || (self.entries > KEPT_ENTRIES && self.kept.len() > 1)
        {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else {
                return;
            };
            self.forget(&oldest);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file, if it is there and a plain file: a link leads to what is none of the service's.
fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = fs::symlink_metadata(path).and_then(|metadata| {
        let is_file = metadata.is_file();
        is_file.then(|| File::open(path)).transpose()
    });
    match opened {
        // A name too long for the file system cannot have been written.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename
            ) =>
        {
            Ok(None)
        }
        other => other,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the times of files of this machine"
)]
fn now_nanos() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
}

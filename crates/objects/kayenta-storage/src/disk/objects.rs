//! The objects of a directory, wherever in it they lie: every function blocks.

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{durability::Durability, files::Files, packs::Packs, partial_file::PartialFile};
use crate::{
    error::StorageError,
    kind::ObjectKind,
    memory::{check_condition, does_not_exist, no_such_object},
    segment::is_path_segment,
    store::{ObjectSummary, UpTo, WriteCondition},
};

/// Configs and what is written in parts as files of their own, and what else runs write in packs. Earlier releases kept all
/// objects as files: those are read, listed, replaced and removed like the others.
#[derive(Debug)]
pub(super) struct Objects {
    files: Files,
    packs: Packs,
}

impl Objects {
    /// The objects under `root`; nothing is looked at yet.
    pub(super) fn new(root: PathBuf, durability: Durability) -> Self {
        let packed = root.join("packed");
        let files = Files::new(root, durability);
        Self {
            packs: Packs::new(packed, files.temporary(), durability),
            files,
        }
    }

    /// Makes sure that the directory is there and can be written, and clears leftovers.
    pub(super) fn prepare(&self) -> Result<(), StorageError> {
        self.files.prepare()
    }

    pub(super) fn root(&self) -> &Path {
        self.files.root()
    }

    /// The object under the key, if it has at most `most` bytes.
    pub(super) fn load(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        if !is_path_segment(key) {
            return Err(no_such_object(key));
        }
        match self.look_up(kind, key, most) {
            // It may have been moved from a file to a pack in the middle of the look.
            Err(error) if error.is_not_found() => self.look_up(kind, key, most),
            found => found,
        }
    }

    fn look_up(&self, kind: ObjectKind, key: &str, most: u64) -> Result<UpTo, StorageError> {
        let Some(packed) = self.packs.load(kind, key, most)? else {
            return self.files.load(kind, key, most);
        };
        match self.files.find(kind, key)? {
            Some(file) if file.updated > packed.summary().updated => {
                self.files.load(kind, key, most)
            }
            _ => Ok(packed),
        }
    }

    /// A part of the object that was found; `None` when that is not there any more.
    pub(super) fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        match self.packs.load_part(kind, found, part.clone())? {
            None => self.files.load_part(kind, found, part),
            packed => Ok(packed),
        }
    }

    pub(super) fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: &[u8],
        condition: &WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let Some(pack) = self.packs.pack(kind, key) else {
            return self.files.store(kind, key, filename, bytes, condition);
        };
        let check = |packed: Option<ObjectSummary>| {
            let file = self.files.find(kind, key)?;
            let present = packed
                .iter()
                .chain(&file)
                .max_by_key(|summary| summary.updated);
            let version = present.map(|summary| summary.version.as_str());
            check_condition(condition, version, kind, key)?;
            Ok(file.is_some())
        };
        let clear = || self.delete_files(kind, key).map(|_| ());
        self.packs
            .store(&pack, (kind, key), (filename, bytes), check, clear)
    }

    /// A file for an object that is written in parts.
    pub(super) fn new_partial(&self) -> PartialFile {
        PartialFile::new(self.files.new_temporary())
    }

    /// Writes the last part and puts the file in place of what is under the key.
    pub(super) fn complete(
        &self,
        partial: &PartialFile,
        (kind, key): (ObjectKind, &str),
        place: u64,
        last: &[u8],
    ) -> Result<ObjectSummary, StorageError> {
        partial.complete(place, last, |file, path| {
            self.files.synchronise(file, path)?;
            let adopt = |earlier| self.files.adopt((kind, key), (file, path), earlier);
            match self.packs.pack(kind, key) {
                None => adopt(None),
                Some(pack) => self.packs.replace(&pack, (kind, key), |packed| {
                    adopt(packed.map(|packed| packed.updated))
                }),
            }
        })
    }

    pub(super) fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        if !is_path_segment(key) {
            return Err(does_not_exist());
        }
        let packed = self.packs.delete(kind, key)?;
        if self.delete_files(kind, key)? || packed {
            Ok(())
        } else {
            Err(does_not_exist())
        }
    }

    /// Removes the files of the key; whether there were any.
    fn delete_files(&self, kind: ObjectKind, key: &str) -> Result<bool, StorageError> {
        match self.files.delete(kind, key) {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the times of folders of this machine"
    )]
    pub(super) fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let mut objects = Vec::new();
        let began = SystemTime::now();
        for _ in 0..2 {
            objects.extend(self.files.list(kind)?);
            objects.extend(self.packs.list(kind)?);
            if !self.files.is_changed_since(kind, began) {
                break;
            }
            // An object may have been moved from its pack to a file between the two looks.
        }
        // The newest of each key comes first and stays.
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key).then(b.updated.cmp(&a.updated)));
        objects.dedup_by(|later, first| later.key == first.key);
        Ok(objects)
    }

    pub(super) fn try_lock(&self, name: &str) -> Result<Option<File>, StorageError> {
        self.files.try_lock(name)
    }
}

//! The objects of a directory, wherever in it they lie: every function blocks.

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{durability::Durability, files::Files, packs::Packs};
use crate::{
    error::StorageError,
    kind::ObjectKind,
    memory::{check_condition, does_not_exist, no_such_object},
    segment::is_path_segment,
    store::{ObjectSummary, UpTo, WriteCondition},
};

/// Configs as files of their own, and what runs write in packs. Earlier releases kept all objects as
/// files: those are read, listed, replaced and removed like the others.
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
        let mut earlier = None;
        let check = |packed: Option<ObjectSummary>| {
            earlier = self.files.find(kind, key)?;
            let present = packed
                .iter()
                .chain(&earlier)
                .max_by_key(|summary| summary.updated);
            let version = present.map(|summary| summary.version.as_str());
            check_condition(condition, version, kind, key)
        };
        let written = self
            .packs
            .store(&pack, (kind, key), filename, bytes, check)?;
        if earlier.is_some() {
            self.delete_files(kind, key)?;
        }
        Ok(written)
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

    pub(super) fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let mut objects = self.files.list(kind)?;
        objects.extend(self.packs.list(kind)?);
        // The newest of each key comes first and stays.
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key).then(b.updated.cmp(&a.updated)));
        objects.dedup_by(|later, first| later.key == first.key);
        Ok(objects)
    }

    pub(super) fn try_lock(&self, name: &str) -> Result<Option<File>, StorageError> {
        self.files.try_lock(name)
    }
}

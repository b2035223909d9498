//! Objects that are written in parts, off the async threads.

use std::{mem, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;

use super::{DiskStore, partial_file::PartialFile};
use crate::{
    error::StorageError, kind::ObjectKind, segment::checked_filename, store::ObjectSummary,
    upload::Upload,
};

/// An object on its way into the store: a file aside, which becomes one of the objects with the last part.
#[derive(Debug)]
pub(super) struct DiskUpload {
    store: DiskStore,
    kind: ObjectKind,
    key: String,
    /// `None` before the first part and once it is given up.
    file: Option<Arc<PartialFile>>,
    /// How many bytes were added.
    size: u64,
}

impl DiskUpload {
    pub(super) fn new(store: &DiskStore, kind: ObjectKind, key: &str) -> Self {
        Self {
            store: store.clone(),
            kind,
            key: key.to_owned(),
            file: None,
            size: 0,
        }
    }

    fn file(&mut self) -> Result<Arc<PartialFile>, StorageError> {
        checked_filename(self.kind, &self.key, None)?;
        let file = self.file.get_or_insert_with(|| {
            self.size = 0;
            Arc::new(self.store.objects.new_partial())
        });
        Ok(Arc::clone(file))
    }
}

#[async_trait]
impl Upload for DiskUpload {
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError> {
        let file = self.file()?;
        let (place, length) = (self.size, part.len() as u64);
        self.store
            .run("store a part", move |_| file.write(place, &part))
            .await?;
        self.size += length;
        Ok(())
    }

    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError> {
        let file = self.file()?;
        let (kind, key, place) = (self.kind, self.key.clone(), self.size);
        let written = self
            .store
            .run("store", move |objects| {
                objects.complete(&file, (kind, &key), place, &last)
            })
            .await?;
        self.file = None;
        Ok(written)
    }

    async fn abandon(&mut self) {
        let file = mem::take(&mut self.file);
        // What a try still writes goes when that has ended.
        let removed = self.store.run("abandon", move |_| {
            drop(file);
            Ok(())
        });
        let _ = removed.await;
    }
}

impl Drop for DiskUpload {
    fn drop(&mut self) {
        let file = mem::take(&mut self.file);
        if file.is_none() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(file))),
            Err(_) => drop(file),
        }
    }
}

//! Objects of a bucket that are written in parts.

use async_trait::async_trait;
use bytes::Bytes;
use tracing::debug;

use super::{Bucket, BucketStore, PartialObject};
use crate::{
    error::StorageError, kind::ObjectKind, segment::checked_filename, store::ObjectSummary,
    upload::Upload,
};

/// An object on its way into a bucket.
#[derive(Debug)]
pub(super) struct BucketUpload<'s, B> {
    store: &'s BucketStore<B>,
    kind: ObjectKind,
    key: String,
    /// `None` until the first part.
    object: Option<PartialObject>,
}

impl<'s, B: Bucket> BucketUpload<'s, B> {
    pub(super) fn new(store: &'s BucketStore<B>, kind: ObjectKind, key: &str) -> Self {
        Self {
            store,
            kind,
            key: key.to_owned(),
            object: None,
        }
    }

    /// What there is of the object; it is begun at the first call.
    async fn object(&mut self) -> Result<&mut PartialObject, StorageError> {
        let object = match self.object.take() {
            Some(object) => object,
            None => self.begin().await?,
        };
        Ok(self.object.insert(object))
    }

    async fn begin(&self) -> Result<PartialObject, StorageError> {
        let filename = checked_filename(self.kind, &self.key, None)?;
        let name = format!("{}/{filename}", self.store.path(self.kind, &self.key));
        self.store.ensure().await?;
        let begin = || self.store.bucket.begin_parts(&name);
        let upload = self.store.in_bucket(begin).await?;
        Ok(PartialObject {
            name,
            upload,
            parts: Vec::new(),
            size: 0,
        })
    }
}

#[async_trait]
impl<B: Bucket> Upload for BucketUpload<'_, B> {
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError> {
        let store = self.store;
        let object = self.object().await?;
        let length = part.len() as u64;
        let name = store.bucket.put_part(object, part).await?;
        object.parts.push(name);
        object.size += length;
        Ok(())
    }

    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError> {
        let store = self.store;
        let object = self.object().await?;
        let entry = store.bucket.complete_parts(object, last).await?;
        self.object = None;
        Ok(entry.summary(&self.key, self.kind.default_filename()))
    }

    async fn abandon(&mut self) {
        if let Some(object) = self.object.take()
            && let Err(error) = self.store.bucket.remove_parts(&object).await
        {
            debug!(account = self.store.bucket.account(), "parts stay: {error}");
        }
    }
}

//! Objects that are written in parts, so that they never have to be in memory as a whole.

use std::{fmt, mem};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_limits::{RUN_PATIENCE, Reserved, reserve};

use crate::{
    error::StorageError,
    kind::ObjectKind,
    repository::{ObjectRepository, STORED_OBJECT},
    store::{ObjectSummary, WriteCondition},
};

/// Bytes of each part but the last: the fewest that S3 takes, and a multiple of what Google Cloud Storage asks for.
pub const UPLOAD_PART: usize = 5 << 20;

/// An object on its way into a store, which shows nothing of it before the last part is there.
///
/// A step that fails can be repeated: it counts only once it has succeeded. So can one whose future was dropped.
#[async_trait]
pub trait Upload: Send + fmt::Debug {
    /// Adds the next part, of [`UPLOAD_PART`] bytes.
    ///
    /// # Errors
    /// As those of a write.
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError>;

    /// Adds the last part, which is not empty and not longer than the others, and puts the object in place of what is
    /// under the key. Returns what a listing would say.
    ///
    /// # Errors
    /// As those of a write.
    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError>;

    /// Removes the parts that are there. What cannot be removed is left to the store.
    async fn abandon(&mut self);
}

/// A text on its way into a store as it is written, in parts if the store takes parts.
#[derive(Debug)]
pub struct TextUpload<'r> {
    repository: &'r ObjectRepository,
    kind: ObjectKind,
    key: String,
    /// `None` for a store that takes the text only as a whole.
    upload: Option<Box<dyn Upload + 'r>>,
    /// Whether the store has the beginning of the text.
    begun: bool,
    /// What the store does not have yet.
    text: Vec<u8>,
    reserved: Reserved,
}

impl<'r> TextUpload<'r> {
    pub(crate) fn new(repository: &'r ObjectRepository, kind: ObjectKind, key: &str) -> Self {
        Self {
            repository,
            kind,
            key: key.to_owned(),
            upload: repository.object_store().upload(kind, key),
            begun: false,
            text: Vec::new(),
            reserved: Reserved::default(),
        }
    }

    /// Adds to the text. After an error the text can only be [abandoned](Self::abandon).
    ///
    /// # Errors
    /// When the store does not take it, or when there is no memory to gather it.
    pub async fn write(&mut self, text: &[u8]) -> Result<(), StorageError> {
        let mut rest = text;
        while !rest.is_empty() {
            let room = match &mut self.upload {
                None => rest.len(),
                // The last part is not empty: a full one is sent only when more comes.
                Some(upload) if self.text.len() == UPLOAD_PART => {
                    self.begun = true;
                    upload.add(Bytes::from(mem::take(&mut self.text))).await?;
                    UPLOAD_PART
                }
                Some(_) => UPLOAD_PART - self.text.len(),
            };
            let (fits, later) = rest.split_at(room.min(rest.len()));
            let length = self.text.len() + fits.len();
            let more = length.saturating_sub(self.reserved.bytes());
            self.reserved += reserve(STORED_OBJECT, more, RUN_PATIENCE).await?;
            self.text.extend_from_slice(fits);
            rest = later;
        }
        Ok(())
    }

    /// Stores the object with what is left of the text. It is durable once this returns.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn finish(mut self) -> Result<ObjectSummary, StorageError> {
        let text = Bytes::from(mem::take(&mut self.text));
        match &mut self.upload {
            Some(upload) if self.begun => upload.finish(text).await,
            _ => {
                let condition = WriteCondition::Always;
                self.repository
                    .store_bytes(self.kind, &self.key, None, text, condition)
                    .await
            }
        }
    }

    /// Gives up: nothing is stored.
    pub async fn abandon(mut self) {
        if let Some(upload) = &mut self.upload
            && self.begun
        {
            upload.abandon().await;
        }
    }
}

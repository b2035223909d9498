//! Writes and removals: which requests they take, and what they leave when another writer is
//! quicker.

use bytes::Bytes;
use tracing::warn;

use super::{
    Bucket, BucketStore, PutCondition,
    layout::{Found, is_marked, newest},
};
use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    store::{ObjectSummary, WriteCondition},
};

fn conflict(kind: ObjectKind, key: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Conflict,
        format!("{}/{key} has been written by another.", kind.group()),
    )
}

impl<B: Bucket> BucketStore<B> {
    /// The object that is rewritten after each write of the kind.
    pub(super) fn mark(&self, kind: ObjectKind) -> String {
        self.under_folder(&format!("locks/{}-changes", kind.group()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the content only has to differ from every other"
    )]
    /// Rewrites the change mark after a write that took or may have taken effect. Without it other
    /// processes see the write a little later, so its failure is none of the write's.
    pub(super) async fn changed<T>(
        &self,
        kind: ObjectKind,
        outcome: Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let untouched = outcome.as_ref().is_err_and(|error| !error.is_transient());
        if !is_marked(kind) || untouched {
            return outcome;
        }
        // Equal content could have equal versions.
        let content = Bytes::from(uuid::Uuid::new_v4().to_string());
        let mark = self.mark(kind);
        let marked = self.put_object(&mark, content, PutCondition::None).await;
        if let Err(error) = marked {
            warn!(
                account = self.bucket.account(),
                "the change mark stays: {error}"
            );
        }
        outcome
    }

    async fn put(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ObjectSummary, StorageError> {
        let name = format!("{}/{filename}", self.path(kind, key));
        match self.put_object(&name, bytes, condition).await {
            Ok(entry) => Ok(entry.summary(key, filename)),
            Err(error) if error.kind == StorageErrorKind::Conflict => Err(conflict(kind, key)),
            Err(error) => Err(error),
        }
    }

    /// Removes the files of a key that a write has superseded.
    async fn remove_others(&self, found: &[Found], kept: &str) -> Result<(), StorageError> {
        for other in found.iter().filter(|other| other.summary.filename != kept) {
            self.bucket.remove(&other.name).await?;
        }
        Ok(())
    }

    /// Writes under a new file name what was `old`, and removes `old` only if it is still the same.
    async fn rename(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: Bytes,
        old: &Found,
    ) -> Result<ObjectSummary, StorageError> {
        let written = self
            .put(kind, key, filename, bytes, PutCondition::None)
            .await?;
        let version = &old.summary.version;
        match self.bucket.remove_version(&old.name, version).await {
            Ok(true) => Ok(written),
            Ok(false) => self.take_back(kind, key, &written).await,
            Err(error) if error.kind == StorageErrorKind::Conflict => {
                self.take_back(kind, key, &written).await
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        if condition == WriteCondition::Always
            && kind.is_replaced_in_place()
            && filename == kind.default_filename()
        {
            return self
                .put(kind, key, filename, bytes, PutCondition::None)
                .await;
        }
        let found = match self.resolve(kind, key).await {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let newest = newest(found.iter().cloned());
        let written = match (condition, newest) {
            (WriteCondition::Always, _) => {
                self.put(kind, key, filename, bytes, PutCondition::None)
                    .await?
            }
            (WriteCondition::Absent, None) => {
                self.put(kind, key, filename, bytes, PutCondition::Absent)
                    .await?
            }
            (WriteCondition::Unchanged(expected), Some(newest))
                if newest.summary.version == expected =>
            {
                if newest.summary.filename == filename {
                    let condition = PutCondition::Version(&expected);
                    self.put(kind, key, filename, bytes, condition).await?
                } else {
                    self.rename(kind, key, filename, bytes, &newest).await?
                }
            }
            _ => return Err(conflict(kind, key)),
        };
        self.remove_others(&found, filename).await?;
        Ok(written)
    }

    pub(super) async fn remove_key(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let found = self.resolve(kind, key).await?;
        if found.is_empty() {
            return Err(self.bucket.nothing_found(kind, &self.path(kind, key)));
        }
        for file in found {
            self.bucket.remove(&file.name).await?;
        }
        Ok(())
    }

    /// Undoes a write that a foreign writer got ahead of.
    async fn take_back(
        &self,
        kind: ObjectKind,
        key: &str,
        written: &ObjectSummary,
    ) -> Result<ObjectSummary, StorageError> {
        let name = format!("{}/{}", self.path(kind, key), written.filename);
        match self.bucket.remove_version(&name, &written.version).await {
            // Overwritten meanwhile: it is the other writer's now.
            Err(error) if error.kind != StorageErrorKind::Conflict => Err(error),
            _ => Err(conflict(kind, key)),
        }
    }
}

//! Writes and removals: which requests they take, and what they leave when another writer is
//! quicker.

use azure_storage_blob::BlobClient;
use bytes::Bytes;
use kayenta_storage::{ObjectKind, ObjectSummary, StorageError, WriteCondition};
use tracing::warn;

use crate::{
    container::{Condition, Container, Found, conflict, newest},
    failure::{Reason, nothing_found, reason},
};

/// Kinds whose listing is asked for all the time and changes seldom.
pub(crate) fn is_marked(kind: ObjectKind) -> bool {
    kind == ObjectKind::CanaryConfig
}

impl Container {
    /// Removes the blobs of a key that a write has superseded.
    async fn remove_others(&self, found: &[Found], kept: &str) -> Result<(), StorageError> {
        for other in found.iter().filter(|other| other.summary.filename != kept) {
            self.remove(&other.name, None)
                .await
                .map_err(|error| self.explain("remove an old blob", &error))?;
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
            .put(kind, key, filename, bytes, Condition::None)
            .await?;
        let removed = self.remove(&old.name, Some(&old.summary.version)).await;
        match removed {
            Ok(true) => Ok(written),
            Ok(false) => self.take_back(kind, key, &written).await,
            Err(error) if reason(&error) == Reason::Condition => {
                self.take_back(kind, key, &written).await
            }
            Err(error) => Err(self.explain("remove an old blob", &error)),
        }
    }

    /// The blob that is rewritten after each write of the kind.
    pub(crate) fn mark(&self, kind: ObjectKind) -> BlobClient {
        self.blob_under_root(&format!("locks/{}-changes", kind.group()))
    }

    /// Rewrites the change mark after a write that took or may have taken effect. Without it other
    /// processes see the write a little later, so its failure is none of the write's.
    pub(crate) async fn changed<T>(
        &self,
        kind: ObjectKind,
        outcome: Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let untouched = outcome.as_ref().is_err_and(|error| !error.is_transient());
        if is_marked(kind)
            && !untouched
            && let Err(error) = self.mark(kind).upload(Bytes::new().into(), None).await
        {
            warn!(
                account = self.account,
                "could not update the change mark: {}",
                self.explain("write a blob", &error)
            );
        }
        outcome
    }

    pub(crate) async fn write(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        if condition == WriteCondition::Always
            && kind.has_fixed_filename()
            && filename == kind.default_filename()
        {
            return self.put(kind, key, filename, bytes, Condition::None).await;
        }
        let found = match self.resolve(kind, key).await {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let newest = newest(found.iter().cloned());
        let written = match (condition, newest) {
            (WriteCondition::Always, _) => {
                self.put(kind, key, filename, bytes, Condition::None)
                    .await?
            }
            (WriteCondition::Absent, None) => {
                self.put(kind, key, filename, bytes, Condition::Absent)
                    .await?
            }
            (WriteCondition::Unchanged(expected), Some(newest))
                if newest.summary.version == expected =>
            {
                if newest.summary.filename == filename {
                    let condition = Condition::Version(&expected);
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

    pub(crate) async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let found = self.resolve(kind, key).await?;
        if found.is_empty() {
            return Err(nothing_found(kind, &self.path(kind, key)));
        }
        for blob in found {
            self.remove(&blob.name, None)
                .await
                .map_err(|error| self.explain("delete a blob", &error))?;
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
        match self.remove(&name, Some(&written.version)).await {
            Ok(_) => Err(conflict(kind, key)),
            // Overwritten meanwhile: it is the other writer's now.
            Err(error) if reason(&error) == Reason::Condition => Err(conflict(kind, key)),
            Err(error) => Err(self.explain("remove a blob", &error)),
        }
    }
}

//! The store.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use kayenta_http::Transport;
use kayenta_storage::{
    ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind, StoredObject,
    WriteCondition, checked_filename, is_path_segment,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{account::ConfigBinAccount, requests::Requests};

/// Configs read at once for a list.
const READS: usize = 16;

/// An [`ObjectStore`] of canary configs in a ConfigBin.
///
/// A ConfigBin writes unconditionally: a condition is looked at before the write, which another
/// replica can get between, and there are no locks (C-STORE-08).
#[derive(Debug)]
pub struct ConfigBinStore {
    requests: Requests,
}

/// What a config says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Facts {
    name: Option<String>,
    updated_timestamp: Option<i64>,
}

impl ConfigBinStore {
    /// A store for the account. Asks nothing of the network.
    #[must_use]
    pub fn new(account: ConfigBinAccount, transport: Transport) -> Self {
        Self {
            requests: Requests::new(account, transport),
        }
    }

    /// C-CONFIGBIN-02: what the server does not know is absent; the reference asks ten times and fails.
    async fn find(&self, key: &str) -> Result<Option<StoredObject>, StorageError> {
        if !is_path_segment(key) {
            return Ok(None);
        }
        Ok(self.requests.get(key).await?.map(|bytes| StoredObject {
            summary: summary(key, &bytes),
            bytes,
        }))
    }

    async fn holds(&self, key: &str, condition: &WriteCondition) -> Result<(), StorageError> {
        let conflict = |what: &str| {
            let message = format!("The canary config '{key}' {what}.");
            Err(StorageError::new(StorageErrorKind::Conflict, message))
        };
        match (condition, self.find(key).await?) {
            (WriteCondition::Always, _) | (WriteCondition::Absent, None) => Ok(()),
            (WriteCondition::Absent, Some(_)) => conflict("exists already"),
            (WriteCondition::Unchanged(_), None) => conflict("has been removed meanwhile"),
            (WriteCondition::Unchanged(version), Some(found))
                if found.summary.version == *version =>
            {
                Ok(())
            }
            (WriteCondition::Unchanged(_), Some(_)) => conflict("has been changed meanwhile"),
        }
    }
}

/// What a listing says of a config: its own name and time, which is all there is.
fn summary(key: &str, bytes: &[u8]) -> ObjectSummary {
    let facts: Facts = serde_json::from_slice(bytes).unwrap_or_default();
    let name = facts.name.unwrap_or_else(|| "canary_config".to_owned());
    let digest = Sha256::digest(bytes);
    ObjectSummary {
        key: key.to_owned(),
        filename: format!("{name}.json"),
        updated: facts
            .updated_timestamp
            .and_then(DateTime::<Utc>::from_timestamp_millis)
            .unwrap_or_default(),
        version: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        size: bytes.len() as u64,
    }
}

fn no_such_object(key: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::NotFound,
        format!("No such object named {}", key.escape_debug()),
    )
}

#[async_trait]
impl ObjectStore for ConfigBinStore {
    fn platform(&self) -> &'static str {
        "configbin"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let found = match kind {
            ObjectKind::CanaryConfig => self.find(key).await?,
            _ => None,
        };
        found.ok_or_else(|| no_such_object(key))
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        checked_filename(kind, key, filename)?;
        if kind != ObjectKind::CanaryConfig {
            return Err(self.requests.failure(
                StorageErrorKind::Invalid,
                "store results",
                "it keeps canary configs only; name another account in storageAccountName",
            ));
        }
        if condition != WriteCondition::Always {
            self.holds(key, &condition).await?;
        }
        let summary = summary(key, &bytes);
        self.requests.put(key, bytes).await?;
        Ok(summary)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let known = kind == ObjectKind::CanaryConfig && is_path_segment(key);
        match known && self.requests.delete(key).await? {
            true => Ok(()),
            false => Err(no_such_object(key)),
        }
    }

    /// Reads each config, because its name and time are nowhere else.
    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        if kind != ObjectKind::CanaryConfig {
            return Ok(Vec::new());
        }
        let ids = self.requests.ids().await?;
        let reads: Vec<_> = ids
            .iter()
            .filter(|id| is_path_segment(id))
            .map(|id| self.find(id))
            .collect();
        let mut found: Vec<ObjectSummary> = stream::iter(reads)
            .buffer_unordered(READS)
            // Removed since it was listed.
            .try_filter_map(async |object| Ok(object.map(|object| object.summary)))
            .try_collect()
            .await?;
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.requests.page(1, None).await.map(drop)
    }
}

//! The store.

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use azure_core::http::{ClientOptions, Etag, RetryOptions, policies::Policy};
use azure_storage_blob::{
    BlobContainerClient, BlobContainerClientOptions,
    models::{
        BlobClientDeleteOptions, BlobClientDownloadOptions, BlobContainerClientListBlobsOptions,
        BlobItem, BlobType, BlockBlobClientUploadOptions, DeleteSnapshotsOptionType,
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use kayenta_storage::{
    ObjectKind, ObjectStore, ObjectSummary, StorageError, StorageErrorKind, StoreLock,
    StoredObject, WriteCondition, check_segment, is_path_segment,
};
use tracing::{info, warn};

use crate::{
    failure::{Reason, explain, no_container, nothing_found, reason},
    lease,
    settings::{Access, AzureAccount},
    shared_key::SharedKeyPolicy,
    transport::transport,
};

/// What the reference writes and any reader accepts.
const CONTENT_TYPE: &str = "application/json";

/// Blocks or ranges of one big blob that move at once.
const PARALLEL_PARTS: NonZero<usize> = NonZero::new(4).expect("four is not zero");

/// How often a read looks again when what it found is renamed before it is fetched.
const LOOKS: usize = 8;

/// An [`ObjectStore`] in one container of an Azure storage account (or an emulator of one).
///
/// Each operation is tried once. The container is made when it is missing. Locks are leases on the
/// blobs `<rootFolder>/locks/<name>`, where the reference never looks.
#[derive(Clone)]
pub struct AzureStore(Arc<Inner>);

struct Inner {
    account: String,
    root: String,
    container: BlobContainerClient,
    container_seen: AtomicBool,
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore")
            .field("account", &self.0.account)
            .field("root", &self.0.root)
            .finish_non_exhaustive()
    }
}

impl AzureStore {
    /// A store for the account. Asks nothing of the network: whether the account can be reached
    /// shows in [`check`](ObjectStore::check) and in every operation.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) when the settings cannot be used.
    pub fn new(account: &AzureAccount) -> Result<Self, StorageError> {
        let resolved = account.resolve()?;
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(
                StorageErrorKind::Invalid,
                format!("Azure/Blobs account {} cannot be used", account.name),
            )
            .caused_by(error)
        };
        let mut client_options = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(transport().map_err(|error| unusable(error.into()))?),
            ..ClientOptions::default()
        };
        let mut credential = None;
        match resolved.access {
            Access::SharedKey { account, key } => {
                let policy: Arc<dyn Policy> = Arc::new(SharedKeyPolicy::new(account, key));
                client_options.per_try_policies.push(policy);
            }
            Access::Identity(token) => credential = Some(token),
            Access::Sas => {}
        }
        let options = BlobContainerClientOptions {
            client_options,
            ..BlobContainerClientOptions::default()
        };
        let container = BlobContainerClient::new(resolved.container_url, credential, Some(options))
            .map_err(|error| unusable(error.into()))?;
        Ok(Self(Arc::new(Inner {
            account: account.name.clone(),
            root: account.root_folder.clone(),
            container,
            container_seen: AtomicBool::new(false),
        })))
    }
}

/// A blob under a key.
#[derive(Clone, Debug)]
struct Found {
    name: String,
    summary: ObjectSummary,
}

impl Inner {
    fn group_prefix(&self, kind: ObjectKind) -> String {
        format!("{}/{}/", self.root, kind.group())
    }

    /// Blob name of a key, as messages have it.
    fn path(&self, kind: ObjectKind, key: &str) -> String {
        format!("{}{key}", self.group_prefix(kind))
    }

    fn explain(&self, attempted: &str, error: &azure_core::Error) -> StorageError {
        if reason(error) == Reason::NoContainer {
            self.container_seen.store(false, Ordering::Relaxed);
        }
        explain(&self.account, attempted, error)
    }

    /// Makes sure that the container is there, once until it is found missing.
    async fn ensure_container(&self) -> Result<(), StorageError> {
        if self.container_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.container.get_properties(None).await.map(|_| ()) {
            Err(error) if matches!(reason(&error), Reason::NoContainer | Reason::NoBlob) => {
                match self.container.create(None).await.map(|_| ()) {
                    Ok(()) => info!(account = self.account, "container created"),
                    Err(error) if reason(&error) == Reason::ContainerExists => {}
                    Err(error) => return Err(self.explain("create its container", &error)),
                }
            }
            // Some credentials may only use blobs; whether that is enough, the operation tells.
            Err(error) if reason(&error) == Reason::Other(StorageErrorKind::Denied) => {
                warn!(
                    account = self.account,
                    "the container cannot be looked at: {}",
                    self.explain("look at its container", &error)
                );
                return Ok(());
            }
            Err(error) => return Err(self.explain("look at its container", &error)),
            Ok(()) => {}
        }
        self.container_seen.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Every block blob `<prefix><key>/<file>` or, with a `key`, `<prefix><file>`.
    async fn enumerate(
        &self,
        prefix: &str,
        key: Option<&str>,
    ) -> Result<Vec<Found>, azure_core::Error> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let mut blobs = self.container.list_blobs(Some(options))?;
        let mut found = Vec::new();
        while let Some(blob) = blobs.try_next().await? {
            found.extend(ours(prefix, key, blob));
        }
        Ok(found)
    }

    /// The blobs under a key.
    async fn resolve(&self, kind: ObjectKind, key: &str) -> Result<Vec<Found>, StorageError> {
        if !is_path_segment(key) {
            return Ok(Vec::new());
        }
        let prefix = format!("{}/", self.path(kind, key));
        match self.enumerate(&prefix, Some(key)).await {
            Ok(found) => Ok(found),
            Err(error) if reason(&error) == Reason::NoContainer => {
                self.container_seen.store(false, Ordering::Relaxed);
                Err(no_container())
            }
            Err(error) => Err(self.explain("list blobs", &error)),
        }
    }

    /// The blob's content, `None` when there is none of that name.
    async fn get(
        &self,
        name: &str,
        key: &str,
        filename: &str,
    ) -> Result<Option<StoredObject>, StorageError> {
        let options = BlobClientDownloadOptions {
            parallel: Some(PARALLEL_PARTS),
            ..BlobClientDownloadOptions::default()
        };
        let downloaded = async {
            let result = self
                .container
                .blob_client(name)
                .download(Some(options))
                .await?;
            Ok((result.properties, result.body.collect().await?))
        };
        match downloaded.await {
            Ok((properties, bytes)) => Ok(Some(StoredObject {
                summary: ObjectSummary {
                    key: key.to_owned(),
                    filename: filename.to_owned(),
                    updated: moment(properties.last_modified),
                    version: version(properties.etag.as_ref()),
                },
                bytes,
            })),
            Err(error) => match reason(&error) {
                Reason::NoBlob => Ok(None),
                Reason::NoContainer => {
                    self.container_seen.store(false, Ordering::Relaxed);
                    Err(no_container())
                }
                // Rewritten between two ranges: read again.
                Reason::Condition => Err(StorageError::new(
                    StorageErrorKind::Unavailable,
                    format!("{name} is being rewritten."),
                )),
                _ => Err(self.explain("read a blob", &error)),
            },
        }
    }

    async fn put(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: &str,
        bytes: Bytes,
        condition: Condition<'_>,
    ) -> Result<ObjectSummary, StorageError> {
        let name = format!("{}/{filename}", self.path(kind, key));
        let mut second = false;
        loop {
            let options = BlockBlobClientUploadOptions {
                blob_content_type: Some(CONTENT_TYPE.to_owned()),
                if_match: match condition {
                    Condition::Version(version) => Some(etag(version)),
                    Condition::None | Condition::Absent => None,
                },
                if_none_match: matches!(condition, Condition::Absent).then(|| "*".into()),
                parallel: Some(PARALLEL_PARTS),
                ..BlockBlobClientUploadOptions::default()
            };
            let blob = self.container.blob_client(&name);
            let error = match blob.upload(bytes.clone().into(), Some(options)).await {
                Ok(result) => {
                    return Ok(ObjectSummary {
                        key: key.to_owned(),
                        filename: filename.to_owned(),
                        updated: moment(result.last_modified),
                        version: version(result.etag.as_ref()),
                    });
                }
                Err(error) => error,
            };
            match reason(&error) {
                Reason::NoContainer if !second => {
                    second = true;
                    self.container_seen.store(false, Ordering::Relaxed);
                    self.ensure_container().await?;
                }
                Reason::Condition => return Err(conflict(kind, key)),
                Reason::NoBlob if matches!(condition, Condition::Version(_)) => {
                    return Err(conflict(kind, key));
                }
                _ => return Err(self.explain("write a blob", &error)),
            }
        }
    }

    /// Removes a blob with its snapshots; whether it was there.
    async fn remove(&self, name: &str, expected: Option<&str>) -> Result<bool, azure_core::Error> {
        let options = BlobClientDeleteOptions {
            delete_snapshots: Some(DeleteSnapshotsOptionType::Include),
            if_match: expected.map(etag),
            ..BlobClientDeleteOptions::default()
        };
        match self.container.blob_client(name).delete(Some(options)).await {
            Ok(_) => Ok(true),
            Err(error) if reason(&error) == Reason::NoBlob => Ok(false),
            Err(error) => Err(error),
        }
    }

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

/// What a put demands of the blob it replaces.
#[derive(Clone, Copy)]
enum Condition<'a> {
    None,
    Absent,
    Version(&'a str),
}

#[async_trait]
impl ObjectStore for AzureStore {
    fn platform(&self) -> &'static str {
        "azure"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let inner = &self.0;
        if kind.has_fixed_filename() && is_path_segment(key) {
            let filename = kind.default_filename();
            let name = format!("{}/{filename}", inner.path(kind, key));
            if let Some(object) = inner.get(&name, key, filename).await? {
                return Ok(object);
            }
        }
        for _ in 0..LOOKS {
            let Some(newest) = newest(inner.resolve(kind, key).await?) else {
                break;
            };
            let filename = &newest.summary.filename;
            if let Some(object) = inner.get(&newest.name, key, filename).await? {
                return Ok(object);
            }
        }
        Err(nothing_found(kind, &inner.path(kind, key)))
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let (key, filename) = (&summary.key, &summary.filename);
        let name = format!("{}/{filename}", self.0.path(kind, key));
        match self.0.get(&name, key, filename).await? {
            Some(object) => Ok(object),
            None => self.load(kind, key).await,
        }
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let inner = &self.0;
        let filename = filename.unwrap_or(kind.default_filename());
        check_segment("key", key)?;
        check_segment("file name", filename)?;
        inner.ensure_container().await?;

        if condition == WriteCondition::Always
            && kind.has_fixed_filename()
            && filename == kind.default_filename()
        {
            return inner.put(kind, key, filename, bytes, Condition::None).await;
        }
        let found = match inner.resolve(kind, key).await {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let newest = newest(found.iter().cloned());
        let written = match (condition, newest) {
            (WriteCondition::Always, _) => {
                inner
                    .put(kind, key, filename, bytes, Condition::None)
                    .await?
            }
            (WriteCondition::Absent, None) => {
                inner
                    .put(kind, key, filename, bytes, Condition::Absent)
                    .await?
            }
            (WriteCondition::Unchanged(expected), Some(newest))
                if newest.summary.version == expected =>
            {
                if newest.summary.filename == filename {
                    let condition = Condition::Version(&expected);
                    inner.put(kind, key, filename, bytes, condition).await?
                } else {
                    inner.rename(kind, key, filename, bytes, &newest).await?
                }
            }
            _ => return Err(conflict(kind, key)),
        };
        inner.remove_others(&found, filename).await?;
        Ok(written)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let inner = &self.0;
        let found = inner.resolve(kind, key).await?;
        if found.is_empty() {
            return Err(nothing_found(kind, &inner.path(kind, key)));
        }
        for blob in found {
            inner
                .remove(&blob.name, None)
                .await
                .map_err(|error| inner.explain("delete a blob", &error))?;
        }
        Ok(())
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let inner = &self.0;
        inner.ensure_container().await?;
        let found = match inner.enumerate(&inner.group_prefix(kind), None).await {
            Ok(found) => found,
            Err(error) if reason(&error) == Reason::NoContainer => {
                inner.container_seen.store(false, Ordering::Relaxed);
                inner.ensure_container().await?;
                Vec::new()
            }
            Err(error) => return Err(inner.explain("list blobs", &error)),
        };
        let mut objects: BTreeMap<String, Found> = BTreeMap::new();
        for blob in found {
            match objects.get(&blob.summary.key) {
                Some(other) if other.age() >= blob.age() => {}
                _ => {
                    objects.insert(blob.summary.key.clone(), blob);
                }
            }
        }
        Ok(objects.into_values().map(|found| found.summary).collect())
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        self.0.ensure_container().await?;
        let blob = format!("{}/locks/{name}", self.0.root);
        let blob = self.0.container.blob_client(&blob);
        lease::acquire(&self.0.account, blob, wait).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        // Looks anew each time: the container may have gone, the key may have been renewed.
        self.0.container_seen.store(false, Ordering::Relaxed);
        self.0.ensure_container().await?;
        if self.0.container_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The container may not be looked at; whether its blobs may, one page tells.
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(format!("{}/", self.0.root)),
            maxresults: Some(1),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let listed = async {
            let mut pages = self.0.container.list_blobs(Some(options))?.into_pages();
            pages.try_next().await
        };
        match listed.await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.0.explain("list blobs", &error)),
        }
    }
}

impl Found {
    /// What tells the newer of two blobs under one key. Times are whole seconds; within one the
    /// version decides, which on Azure grows.
    fn age(&self) -> (DateTime<Utc>, &str) {
        (self.summary.updated, &self.summary.version)
    }
}

fn newest(found: impl IntoIterator<Item = Found>) -> Option<Found> {
    found.into_iter().max_by(|a, b| a.age().cmp(&b.age()))
}

/// A listed blob if it is one of ours: a block blob exactly where a file of a key lies. Directories
/// of hierarchical namespaces, page and append blobs and what others left are not.
fn ours(prefix: &str, key: Option<&str>, blob: BlobItem) -> Option<Found> {
    let name = blob.name?;
    let rest = name.strip_prefix(prefix)?;
    let (key, filename) = match key {
        Some(key) => (key, rest),
        None => rest.split_once('/')?,
    };
    let properties = blob.properties?;
    let ours = is_path_segment(key)
        && is_path_segment(filename)
        && properties.blob_type == Some(BlobType::BlockBlob);
    let summary = ours.then(|| ObjectSummary {
        key: key.to_owned(),
        filename: filename.to_owned(),
        updated: moment(properties.last_modified),
        version: version(properties.etag.as_ref()),
    })?;
    Some(Found { name, summary })
}

fn conflict(kind: ObjectKind, key: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Conflict,
        format!("{}/{key} has been written by another.", kind.group()),
    )
}

/// Headers quote an ETag, listings do not.
fn version(etag: Option<&Etag>) -> String {
    etag.map(|etag| etag.as_ref().trim_matches('"').to_owned())
        .unwrap_or_default()
}

fn etag(version: &str) -> Etag {
    format!("\"{version}\"").into()
}

/// The SDK's moment as everyone else's; 1970 when the service told none.
fn moment(moment: Option<azure_core::time::OffsetDateTime>) -> DateTime<Utc> {
    moment
        .and_then(|moment| DateTime::from_timestamp(moment.unix_timestamp(), moment.nanosecond()))
        .unwrap_or_default()
}

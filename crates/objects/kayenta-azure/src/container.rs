//! Blobs of one container: the requests the store is made of.

use std::{
    collections::HashMap,
    fmt,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use azure_core::http::{ClientOptions, Etag, RetryOptions, policies::Policy};
use azure_storage_blob::{
    BlobClient, BlobContainerClient, BlobContainerClientOptions,
    models::{
        BlobClientDeleteOptions, BlobClientDownloadOptions, BlobContainerClientListBlobsOptions,
        BlobItem, BlobType, BlockBlobClientUploadOptions, DeleteSnapshotsOptionType,
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use kayenta_http::HttpSettings;
use kayenta_storage::{
    ObjectKind, ObjectSummary, StorageError, StorageErrorKind, StoredObject, Stray, is_path_segment,
};
use tracing::{info, warn};

use crate::{
    account::{Access, AzureAccount},
    failure::{Reason, explain, no_container, reason},
    shared_key::SharedKeyPolicy,
    transport::transport,
};

/// What the reference writes and any reader accepts.
const CONTENT_TYPE: &str = "application/json";

/// Blocks or ranges of one big blob that move at once.
const PARALLEL_PARTS: NonZero<usize> = NonZero::new(4).expect("four is not zero");

/// The container of an account, and the folder of the service's blobs in it.
pub(crate) struct Container {
    pub(crate) account: String,
    root: String,
    client: BlobContainerClient,
    /// Whether the container was there when last looked at.
    seen: AtomicBool,
    /// Whether a missing container is made.
    makes: bool,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container")
            .field("account", &self.account)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A blob under a key.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) summary: ObjectSummary,
}

/// What a put demands of the blob it replaces.
#[derive(Clone, Copy)]
pub(crate) enum Condition<'a> {
    None,
    Absent,
    Version(&'a str),
}

impl Container {
    /// A client for the account's container that has not asked the network for anything.
    pub(crate) fn new(
        account: &AzureAccount,
        http: &HttpSettings,
        makes: bool,
    ) -> Result<Self, StorageError> {
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(
                StorageErrorKind::Invalid,
                format!("Azure/Blobs account {} cannot be used", account.name),
            )
            .caused_by(error)
        };
        let transport = transport(http).map_err(unusable)?;
        let resolved = account.resolve(&transport)?;
        let mut client_options = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(transport),
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
        let client = BlobContainerClient::new(resolved.container_url, credential, Some(options))
            .map_err(|error| unusable(error.into()))?;
        Ok(Self {
            account: account.name.clone(),
            root: account.root_folder.clone(),
            client,
            seen: AtomicBool::new(false),
            makes,
        })
    }

    /// A blob by the rest of its name after the root.
    pub(crate) fn blob_under_root(&self, rest: &str) -> BlobClient {
        self.client.blob_client(&format!("{}/{rest}", self.root))
    }

    fn group_prefix(&self, kind: ObjectKind) -> String {
        format!("{}/{}/", self.root, kind.group())
    }

    /// Blob name of a key, as messages have it.
    pub(crate) fn path(&self, kind: ObjectKind, key: &str) -> String {
        format!("{}{key}", self.group_prefix(kind))
    }

    pub(crate) fn explain(&self, attempted: &str, error: &azure_core::Error) -> StorageError {
        if reason(error) == Reason::NoContainer {
            self.forget_container();
        }
        explain(&self.account, attempted, error)
    }

    /// Lets the next [`ensure_container`](Self::ensure_container) look again.
    pub(crate) fn forget_container(&self) {
        self.seen.store(false, Ordering::Relaxed);
    }

    /// Makes sure that the container is there, once until it is found missing.
    pub(crate) async fn ensure_container(&self) -> Result<(), StorageError> {
        if self.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.client.get_properties(None).await.map(|_| ()) {
            Err(error) if matches!(reason(&error), Reason::NoContainer | Reason::NoBlob) => {
                if !self.makes {
                    return Err(self.explain("access its container", &error));
                }
                match self.client.create(None).await.map(|_| ()) {
                    Ok(()) => info!(account = self.account, "container created"),
                    Err(error) if reason(&error) == Reason::ContainerExists => {}
                    Err(error) => return Err(self.explain("create its container", &error)),
                }
            }
            // Some credentials may only use blobs; whether that is enough, the operation tells.
            Err(error) if reason(&error) == Reason::Other(StorageErrorKind::Denied) => {
                warn!(
                    account = self.account,
                    "the container cannot be accessed: {}",
                    self.explain("access its container", &error)
                );
                return Ok(());
            }
            Err(error) => return Err(self.explain("access its container", &error)),
            Ok(()) => {}
        }
        self.seen.store(true, Ordering::Relaxed);
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
        let mut blobs = self.client.list_blobs(Some(options))?;
        let mut found = Vec::new();
        while let Some(blob) = blobs.try_next().await? {
            found.extend(ours(prefix, key, blob));
        }
        Ok(found)
    }

    /// Every blob of the kind.
    pub(crate) async fn enumerate_kind(
        &self,
        kind: ObjectKind,
    ) -> Result<Vec<Found>, StorageError> {
        self.ensure_container().await?;
        match self.enumerate(&self.group_prefix(kind), None).await {
            Ok(found) => Ok(found),
            Err(error) if reason(&error) == Reason::NoContainer => {
                self.forget_container();
                self.ensure_container().await?;
                Ok(Vec::new())
            }
            Err(error) => Err(self.explain("list blobs", &error)),
        }
    }

    /// Every blob in the kind's folder that is not the newest file of a key. Directories of a
    /// hierarchical namespace are blobs to a listing, and left out.
    pub(crate) async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        self.ensure_container().await?;
        let prefix = self.group_prefix(kind);
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.clone()),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let listed = async {
            let mut blobs = self.client.list_blobs(Some(options))?;
            let mut items = Vec::new();
            while let Some(blob) = blobs.try_next().await? {
                items.push(blob);
            }
            Ok(items)
        };
        let blobs = listed
            .await
            .map_err(|error: azure_core::Error| self.explain("list blobs", &error))?;
        let mut strays = Vec::new();
        let mut kept: HashMap<String, Found> = HashMap::new();
        for blob in blobs {
            let name = blob.name.clone();
            let Some(found) = ours(&prefix, None, blob) else {
                strays.extend(name.map(|name| Stray { name, key: None }));
                continue;
            };
            let key = found.summary.key.clone();
            let older = match kept.remove(&key) {
                Some(other) if other.age() >= found.age() => {
                    kept.insert(key, other);
                    Some(found)
                }
                other => {
                    kept.insert(key, found);
                    other
                }
            };
            strays.extend(older.map(|older| Stray {
                name: older.name,
                key: Some(older.summary.key),
            }));
        }
        // A directory is a blob whose name others continue.
        let directory = |name: &str| {
            let below = format!("{name}/");
            kept.values().any(|found| found.name.starts_with(&below))
        };
        strays.retain(|stray| stray.key.is_some() || !directory(&stray.name));
        Ok(strays)
    }

    /// Whether the container's blobs can be used now, whatever was known before.
    pub(crate) async fn check(&self) -> Result<(), StorageError> {
        self.forget_container();
        self.ensure_container().await?;
        if self.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The container may not be looked at; whether its blobs may, one page tells.
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(format!("{}/", self.root)),
            maxresults: Some(1),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let listed = async {
            let mut pages = self.client.list_blobs(Some(options))?.into_pages();
            pages.try_next().await
        };
        match listed.await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain("list blobs", &error)),
        }
    }

    /// The blobs under a key.
    pub(crate) async fn resolve(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<Vec<Found>, StorageError> {
        if !is_path_segment(key) {
            return Ok(Vec::new());
        }
        let prefix = format!("{}/", self.path(kind, key));
        match self.enumerate(&prefix, Some(key)).await {
            Ok(found) => Ok(found),
            Err(error) if reason(&error) == Reason::NoContainer => {
                self.forget_container();
                Err(no_container())
            }
            Err(error) => Err(self.explain("list blobs", &error)),
        }
    }

    /// The blob's content, `None` when there is none of that name.
    pub(crate) async fn get(
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
                .client
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
                    size: bytes.len() as u64,
                },
                bytes,
            })),
            Err(error) => match reason(&error) {
                Reason::NoBlob => Ok(None),
                Reason::NoContainer => {
                    self.forget_container();
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

    pub(crate) async fn put(
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
            let blob = self.client.blob_client(&name);
            let error = match blob.upload(bytes.clone().into(), Some(options)).await {
                Ok(result) => {
                    return Ok(ObjectSummary {
                        key: key.to_owned(),
                        filename: filename.to_owned(),
                        updated: moment(result.last_modified),
                        version: version(result.etag.as_ref()),
                        size: bytes.len() as u64,
                    });
                }
                Err(error) => error,
            };
            match reason(&error) {
                Reason::NoContainer if !second => {
                    second = true;
                    self.forget_container();
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
    pub(crate) async fn remove(
        &self,
        name: &str,
        expected: Option<&str>,
    ) -> Result<bool, azure_core::Error> {
        let options = BlobClientDeleteOptions {
            delete_snapshots: Some(DeleteSnapshotsOptionType::Include),
            if_match: expected.map(etag),
            ..BlobClientDeleteOptions::default()
        };
        match self.client.blob_client(name).delete(Some(options)).await {
            Ok(_) => Ok(true),
            Err(error) if reason(&error) == Reason::NoBlob => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Found {
    /// What tells the newer of two blobs under one key. Times are whole seconds; within one the
    /// version decides, which on Azure grows.
    pub(crate) fn age(&self) -> (DateTime<Utc>, &str) {
        (self.summary.updated, &self.summary.version)
    }
}

pub(crate) fn newest(found: impl IntoIterator<Item = Found>) -> Option<Found> {
    found.into_iter().max_by(|a, b| a.age().cmp(&b.age()))
}

/// A listed blob if it belongs to the service: a block blob exactly where a file of a key lies.
/// Directories of hierarchical namespaces, page and append blobs and what others left are not.
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
        size: properties.content_length.unwrap_or_default(),
    })?;
    Some(Found { name, summary })
}

pub(crate) fn conflict(kind: ObjectKind, key: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Conflict,
        format!("{}/{key} has been written by another.", kind.group()),
    )
}

/// Headers quote an ETag, listings do not.
pub(crate) fn version(etag: Option<&Etag>) -> String {
    etag.map(|etag| etag.as_ref().trim_matches('"').to_owned())
        .unwrap_or_default()
}

fn etag(version: &str) -> Etag {
    format!("\"{version}\"").into()
}

/// The SDK's timestamp converted; 1970 if the service sent none.
fn moment(moment: Option<azure_core::time::OffsetDateTime>) -> DateTime<Utc> {
    moment
        .and_then(|moment| DateTime::from_timestamp(moment.unix_timestamp(), moment.nanosecond()))
        .unwrap_or_default()
}

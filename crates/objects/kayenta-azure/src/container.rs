//! The container: which requests each operation takes.

use std::{collections::HashSet, fmt, num::NonZero, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{ClientOptions, Etag, RetryOptions, policies::Policy};
use azure_storage_blob::{
    BlobClient, BlobContainerClient, BlobContainerClientOptions,
    models::{
        BlobClientDeleteOptions, BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders,
        BlobContainerClientListBlobsOptions, BlobItem, BlobType,
        BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders,
        BlockBlobClientUploadOptions, BlockLookupList, DeleteSnapshotsOptionType,
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use kayenta_http::HttpSettings;
use kayenta_limits::{Arriving, CALLER_PATIENCE};
use kayenta_storage::{
    Bucket, BucketEntry, BucketObject, BucketState, ObjectKind, PartialObject, PutCondition,
    StorageError, StorageErrorKind, StoreLock, size_of_whole,
};

use crate::{
    account::{Access, AzureAccount},
    blocks::{block_id, new_upload, replaced_version},
    failure::{Reason, explain, missing_container, no_container, nothing_found, reason},
    lease,
    shared_key::SharedKeyPolicy,
    transport::transport,
};

/// What the reference writes and any reader accepts.
const CONTENT_TYPE: &str = "application/json";

/// What the memory of a blob is for.
const READ: &str = "a blob";

/// Blocks or ranges of one big blob that move at once.
const PARALLEL_PARTS: NonZero<usize> = NonZero::new(4).expect("four is not zero");

/// The container of an account: a [`Bucket`] whose objects are block blobs.
pub struct AzureContainer {
    account: String,
    client: BlobContainerClient,
}

impl fmt::Debug for AzureContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureContainer")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl AzureContainer {
    /// A client for the account's container that has not asked the network for anything.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) when the settings cannot be used.
    pub fn new(account: &AzureAccount, http: &HttpSettings) -> Result<Self, StorageError> {
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(
                StorageErrorKind::Invalid,
                format!("Azure/Blobs account {} cannot be used", account.name),
            )
            .caused_by(error)
        };
        let transport = transport(http, account.sas_token()).map_err(unusable)?;
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
            client,
        })
    }

    fn blob(&self, name: &str) -> BlobClient {
        self.client.blob_client(name)
    }

    fn explain(&self, attempted: &str, error: &azure_core::Error) -> StorageError {
        explain(&self.account, attempted, error)
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<BucketEntry>, azure_core::Error> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let mut blobs = self.client.list_blobs(Some(options))?;
        let mut entries = Vec::new();
        while let Some(blob) = blobs.try_next().await? {
            entries.extend(entry(blob));
        }
        Ok(without_directories(entries))
    }

    /// The blob, or the part of it that the options ask for. Its bytes count as they arrive.
    async fn read(
        &self,
        name: &str,
        options: BlobClientDownloadOptions<'_>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let options = BlobClientDownloadOptions {
            parallel: Some(PARALLEL_PARTS),
            ..options
        };
        // Rewritten between two ranges it is read again, and another version than the one asked for is not.
        let rewritten = match options.if_match {
            Some(_) => StorageErrorKind::Conflict,
            None => StorageErrorKind::Unavailable,
        };
        let failed = |error: azure_core::Error| match reason(&error) {
            Reason::NoBlob => None,
            Reason::NoContainer => Some(no_container()),
            Reason::Condition => Some(StorageError::new(
                rewritten,
                format!("{name} is being rewritten."),
            )),
            _ => Some(self.explain("read a blob", &error)),
        };
        let mut result = match self.blob(name).download(Some(options)).await {
            Ok(result) => result,
            Err(error) => return failed(error).map_or(Ok(None), Err),
        };
        let whole = result.headers.get_optional_str(&"content-range".into());
        let whole = whole.and_then(size_of_whole);
        // What is announced is of the first range.
        let mut body = Arriving::expecting(READ, 0, 1, CALLER_PATIENCE).await?;
        loop {
            match result.body.try_next().await {
                Ok(Some(piece)) => body.push(&piece).await?,
                Ok(None) => break,
                Err(error) => return failed(error).map_or(Ok(None), Err),
            }
        }
        let bytes = body.whole();
        Ok(Some(BucketObject {
            entry: BucketEntry {
                name: name.to_owned(),
                updated: timestamp(result.properties.last_modified),
                version: version(result.properties.etag.as_ref()),
                size: whole.unwrap_or(bytes.len() as u64),
            },
            // Only lock objects need it; locks are leases here.
            answered: DateTime::default(),
            bytes,
        }))
    }

    /// What a listing says of the blob, `None` when there is none.
    async fn find(&self, name: &str) -> Result<Option<BucketEntry>, StorageError> {
        let properties = match self.blob(name).get_properties(None).await {
            Ok(properties) => properties,
            Err(error) if reason(&error) == Reason::NoBlob => return Ok(None),
            Err(error) => return Err(self.explain("look at a blob", &error)),
        };
        Ok(Some(BucketEntry {
            name: name.to_owned(),
            updated: timestamp(properties.last_modified().ok().flatten()),
            version: version(properties.etag().ok().flatten().as_ref()),
            size: properties.content_length().ok().flatten().unwrap_or(0),
        }))
    }

    /// Removes a blob with its snapshots, on a condition; whether it was there.
    async fn remove_if(&self, name: &str, expected: Option<&str>) -> Result<bool, StorageError> {
        let options = BlobClientDeleteOptions {
            delete_snapshots: Some(DeleteSnapshotsOptionType::Include),
            if_match: expected.map(etag),
            ..BlobClientDeleteOptions::default()
        };
        match self.blob(name).delete(Some(options)).await {
            Ok(_) => Ok(true),
            Err(error) if reason(&error) == Reason::NoBlob => Ok(false),
            Err(error) => Err(self.explain("delete a blob", &error)),
        }
    }
}

#[async_trait]
impl Bucket for AzureContainer {
    fn platform(&self) -> &'static str {
        "azure"
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn term(&self) -> &'static str {
        "container"
    }

    fn nothing_found(&self, kind: ObjectKind, path: &str) -> StorageError {
        nothing_found(kind, path)
    }

    fn no_bucket(&self) -> StorageError {
        missing_container(&self.account)
    }

    async fn look(&self) -> Result<BucketState, StorageError> {
        let Err(error) = self.client.get_properties(None).await else {
            return Ok(BucketState::There);
        };
        match reason(&error) {
            Reason::NoContainer | Reason::NoBlob => Ok(BucketState::Missing),
            Reason::Other(StorageErrorKind::Denied) => {
                let refused = self.explain("access its container", &error);
                Ok(BucketState::Refused(refused))
            }
            _ => Err(self.explain("access its container", &error)),
        }
    }

    async fn create(&self) -> Result<(), StorageError> {
        match self.client.create(None).await {
            Ok(_) => Ok(()),
            Err(error) if reason(&error) == Reason::ContainerExists => Ok(()),
            Err(error) => Err(self.explain("create its container", &error)),
        }
    }

    async fn try_listing(&self, prefix: &str) -> Result<(), StorageError> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
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

    /// Block blobs alone: page and append blobs and the directories of a hierarchical namespace are
    /// no objects.
    async fn list(&self, prefix: &str) -> Result<Vec<BucketEntry>, StorageError> {
        self.entries(prefix)
            .await
            .map_err(|error| match reason(&error) {
                Reason::NoContainer => no_container(),
                _ => self.explain("list blobs", &error),
            })
    }

    async fn get(&self, name: &str) -> Result<Option<BucketObject>, StorageError> {
        self.read(name, BlobClientDownloadOptions::default()).await
    }

    async fn get_part(
        &self,
        name: &str,
        part: Range<u64>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let options = BlobClientDownloadOptions {
            range: Some(part.into()),
            if_match: version.map(etag),
            ..BlobClientDownloadOptions::default()
        };
        self.read(name, options).await
    }

    async fn version(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(self.find(name).await?.map(|entry| entry.version))
    }

    async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<BucketEntry, StorageError> {
        let size = bytes.len() as u64;
        let options = BlockBlobClientUploadOptions {
            blob_content_type: Some(CONTENT_TYPE.to_owned()),
            if_match: match condition {
                PutCondition::Version(version) => Some(etag(version)),
                PutCondition::None | PutCondition::Absent => None,
            },
            if_none_match: (condition == PutCondition::Absent).then(|| "*".into()),
            parallel: Some(PARALLEL_PARTS),
            ..BlockBlobClientUploadOptions::default()
        };
        match self.blob(name).upload(bytes.into(), Some(options)).await {
            Ok(result) => Ok(BucketEntry {
                name: name.to_owned(),
                updated: timestamp(result.last_modified),
                version: version(result.etag.as_ref()),
                size,
            }),
            Err(error) => {
                let mut explained = self.explain("write a blob", &error);
                let replaced = matches!(condition, PutCondition::Version(_));
                if replaced && reason(&error) == Reason::NoBlob {
                    explained.kind = StorageErrorKind::Conflict;
                }
                Err(explained)
            }
        }
    }

    /// The one request that this takes notices that the container is missing, and which blob it is that is replaced.
    async fn begin_parts(&self, name: &str) -> Result<String, StorageError> {
        Ok(new_upload(self.version(name).await?.as_deref()))
    }

    /// A block that is put again under its id takes its own place.
    async fn put_part(&self, object: &PartialObject, part: Bytes) -> Result<String, StorageError> {
        let id = block_id(&object.upload, object.parts.len());
        let size = part.len() as u64;
        let blob = self.blob(&object.name).block_blob_client();
        match blob
            .stage_block(id.as_bytes(), size, part.into(), None)
            .await
        {
            Ok(_) => Ok(id),
            Err(error) => Err(self.explain("write a block of a blob", &error)),
        }
    }

    /// The blocks may be those of the blob already, which an earlier try has put together.
    async fn complete_parts(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError> {
        const ATTEMPTED: &str = "put the blocks of a blob together";
        let size = object.size + last.len() as u64;
        let last = self.put_part(object, last).await?;
        let blocks = object.parts.iter().chain([&last]);
        let list = BlockLookupList {
            latest: Some(blocks.map(|id| id.clone().into_bytes()).collect()),
            ..BlockLookupList::default()
        };
        let options = BlockBlobClientCommitBlockListOptions {
            blob_content_type: Some(CONTENT_TYPE.to_owned()),
            ..BlockBlobClientCommitBlockListOptions::default()
        };
        let list = list
            .try_into()
            .map_err(|error| self.explain(ATTEMPTED, &error))?;
        let blob = self.blob(&object.name).block_blob_client();
        match blob.commit_block_list(list, Some(options)).await {
            Ok(result) => Ok(BucketEntry {
                name: object.name.clone(),
                updated: timestamp(result.last_modified().ok().flatten()),
                version: version(result.etag().ok().flatten().as_ref()),
                size,
            }),
            // A write of the blob drops the blocks of all others who are writing it.
            Err(error) if reason(&error) == Reason::NoBlocks => match self
                .find(&object.name)
                .await?
            {
                // What is there was written after this began, and so is as good as written after it.
                Some(present) if present.version != replaced_version(&object.upload) => Ok(present),
                _ => Err(self.explain(ATTEMPTED, &error)),
            },
            Err(error) => Err(self.explain(ATTEMPTED, &error)),
        }
    }

    /// There is no request that removes blocks: the service drops them with the next write of the blob, or a week after the
    /// last block. Until then they are in no listing, and no read sees them.
    async fn remove_parts(&self, _: &PartialObject) -> Result<(), StorageError> {
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.remove_if(name, None).await.map(|_| ())
    }

    async fn remove_version(&self, name: &str, version: &str) -> Result<bool, StorageError> {
        self.remove_if(name, Some(version)).await
    }

    async fn lease(&self, name: &str, wait: Duration) -> Result<Option<StoreLock>, StorageError> {
        let lock = lease::acquire(&self.account, self.blob(name), wait).await?;
        Ok(Some(lock))
    }
}

/// A listed block blob.
fn entry(blob: BlobItem) -> Option<BucketEntry> {
    let properties = blob.properties?;
    if properties.blob_type != Some(BlobType::BlockBlob) {
        return None;
    }
    Some(BucketEntry {
        name: blob.name?,
        updated: timestamp(properties.last_modified),
        version: version(properties.etag.as_ref()),
        size: properties.content_length.unwrap_or_default(),
    })
}

/// A directory of a hierarchical namespace is listed as an empty blob whose name others continue.
fn without_directories(mut entries: Vec<BucketEntry>) -> Vec<BucketEntry> {
    let empty = entries.iter().filter(|entry| entry.size == 0);
    let empty: HashSet<String> = empty.map(|entry| entry.name.clone()).collect();
    if empty.is_empty() {
        return entries;
    }
    let folders: HashSet<String> = entries
        .iter()
        .flat_map(|entry| {
            let slashes = entry.name.match_indices('/');
            slashes.map(|(at, _)| &entry.name[..at])
        })
        .filter(|folder| empty.contains(*folder))
        .map(str::to_owned)
        .collect();
    entries.retain(|entry| !folders.contains(&entry.name));
    entries
}

/// Headers quote an ETag, listings do not.
fn version(etag: Option<&Etag>) -> String {
    etag.map(|etag| etag.as_ref().trim_matches('"').to_owned())
        .unwrap_or_default()
}

fn etag(version: &str) -> Etag {
    format!("\"{version}\"").into()
}

/// The SDK's timestamp converted; 1970 if the service sent none.
fn timestamp(sdk: Option<azure_core::time::OffsetDateTime>) -> DateTime<Utc> {
    sdk.and_then(|sdk| DateTime::from_timestamp(sdk.unix_timestamp(), sdk.nanosecond()))
        .unwrap_or_default()
}

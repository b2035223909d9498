//! The object store on a bucket: where objects lie, and which of several files under a key counts.

use std::{
    collections::BTreeMap,
    future::Future,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::{debug, info, warn};

use super::{
    Bucket, BucketEntry, BucketObject, BucketState, MissingBucket, PutCondition,
    layout::{Found, is_marked, newest, ours},
    lock,
    upload::BucketUpload,
};
use crate::{
    error::StorageError,
    kind::ObjectKind,
    lock::StoreLock,
    segment::{check_segment, checked_filename, is_path_segment},
    store::{ObjectStore, ObjectSummary, StoredObject, Stray, UpTo, WriteCondition},
    upload::Upload,
};

/// How often a read looks again when what it found is renamed before it is fetched.
const LOOKS: usize = 8;

/// An [`ObjectStore`] in one folder of a [`Bucket`]. Of two files under one key the newest counts, and
/// the next write or removal leaves one (C-STORE-07).
///
/// Each operation is tried once. Locks are objects `<folder>locks/<name>`, or leases on them, where the
/// reference never looks; beside them lies the change mark of the configs, an object that is rewritten after each
/// write.
#[derive(Debug)]
pub struct BucketStore<B> {
    pub(super) bucket: Arc<B>,
    folder: String,
    missing: MissingBucket,
    /// Whether the bucket was there when last looked at, or may not be looked at.
    seen: AtomicBool,
}

impl<B: Bucket> BucketStore<B> {
    /// A store of the objects whose names begin with `folder`, which ends in a slash.
    pub fn new(bucket: B, folder: impl Into<String>, missing: MissingBucket) -> Self {
        Self {
            bucket: Arc::new(bucket),
            folder: folder.into(),
            missing,
            seen: AtomicBool::new(false),
        }
    }

    /// The bucket underneath.
    pub fn bucket(&self) -> &B {
        &self.bucket
    }

    /// Looks at the bucket and creates it when it is missing; the refusal when it may not be looked at.
    async fn look(&self) -> Result<Option<StorageError>, StorageError> {
        let refused = match self.bucket.look().await? {
            BucketState::There => None,
            BucketState::Missing if self.missing == MissingBucket::Create => {
                self.bucket.create().await?;
                info!(
                    account = self.bucket.account(),
                    "{} created",
                    self.bucket.term()
                );
                None
            }
            BucketState::Missing => return Err(self.bucket.no_bucket()),
            BucketState::Refused(refused) => Some(refused),
        };
        self.seen.store(true, Ordering::Relaxed);
        Ok(refused)
    }

    /// Makes sure that the bucket exists, once until it is found missing.
    pub(super) async fn ensure(&self) -> Result<(), StorageError> {
        if self.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        let account = self.bucket.account();
        if let Some(refused) = self.look().await? {
            warn!(
                account,
                "the {} cannot be looked at: {refused}",
                self.bucket.term()
            );
        }
        // What cannot be promised is said before anybody relies on it.
        if self.missing == MissingBucket::Create
            && let Err(error) = self.bucket.decides_conditions().await
        {
            debug!(account, "{error}");
        }
        Ok(())
    }

    /// Notes that the bucket is missing where an outcome says so.
    fn noticing<T>(&self, outcome: Result<T, StorageError>) -> Result<T, StorageError> {
        if outcome.as_ref().is_err_and(StorageError::is_not_found) {
            self.seen.store(false, Ordering::Relaxed);
        }
        outcome
    }

    async fn entries_under(&self, prefix: &str) -> Result<Vec<BucketEntry>, StorageError> {
        self.noticing(self.bucket.list(prefix).await)
    }

    /// Does something in the bucket; when the bucket has vanished under the service, again in a new one.
    pub(super) async fn in_bucket<T, F>(
        &self,
        act: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        match self.noticing(act().await) {
            Err(error) if error.is_not_found() => {
                self.ensure().await?;
                act().await
            }
            done => done,
        }
    }

    /// Writes an object of the bucket.
    pub(super) async fn put_object(
        &self,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<BucketEntry, StorageError> {
        self.in_bucket(|| self.bucket.put(name, bytes.clone(), condition))
            .await
    }

    pub(super) fn under_folder(&self, rest: &str) -> String {
        format!("{}{rest}", self.folder)
    }

    fn group_prefix(&self, kind: ObjectKind) -> String {
        self.under_folder(&format!("{}/", kind.group()))
    }

    /// Name of a key's folder without the slash at its end, as messages have it.
    pub(super) fn path(&self, kind: ObjectKind, key: &str) -> String {
        format!("{}{key}", self.group_prefix(kind))
    }

    /// The files under exactly this key (C-STORE-06).
    pub(super) async fn resolve(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<Vec<Found>, StorageError> {
        if !is_path_segment(key) {
            return Ok(Vec::new());
        }
        let prefix = format!("{}/", self.path(kind, key));
        let entries = self.entries_under(&prefix).await?;
        Ok(entries
            .iter()
            .filter_map(|entry| ours(kind, &prefix, Some(key), entry))
            .collect())
    }

    /// Everything in the kind's folder; nothing when there is no bucket, which is then created.
    async fn entries(&self, kind: ObjectKind) -> Result<Vec<BucketEntry>, StorageError> {
        self.ensure().await?;
        match self.entries_under(&self.group_prefix(kind)).await {
            Err(error) if error.is_not_found() => {
                self.ensure().await?;
                Ok(Vec::new())
            }
            other => other,
        }
    }

    async fn get(
        &self,
        name: &str,
        key: &str,
        filename: &str,
    ) -> Result<Option<StoredObject>, StorageError> {
        let object = self.noticing(self.bucket.get(name).await)?;
        Ok(object.map(|object| stored(object, key, filename)))
    }

    /// The object under the key, read by `get`, which is given its full name, the key and the file name.
    async fn first<T, F>(
        &self,
        kind: ObjectKind,
        key: &str,
        get: impl Fn(String, String) -> F + Send,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<Option<T>, StorageError>> + Send,
        T: Send,
    {
        if kind.has_fixed_filename() && is_path_segment(key) {
            let filename = kind.default_filename();
            let name = format!("{}/{filename}", self.path(kind, key));
            if let Some(object) = get(name, filename.to_owned()).await? {
                return Ok(object);
            }
        }
        for _ in 0..LOOKS {
            let Some(newest) = newest(self.resolve(kind, key).await?) else {
                break;
            };
            if let Some(object) = get(newest.name, newest.summary.filename).await? {
                return Ok(object);
            }
        }
        Err(self.bucket.nothing_found(kind, &self.path(kind, key)))
    }
}

fn stored(object: BucketObject, key: &str, filename: &str) -> StoredObject {
    let BucketObject { entry, bytes, .. } = object;
    StoredObject {
        summary: entry.summary(key, filename),
        bytes,
    }
}

#[async_trait]
impl<B: Bucket> ObjectStore for BucketStore<B> {
    fn platform(&self) -> &'static str {
        self.bucket.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        self.first(kind, key, |name: String, filename: String| async move {
            self.get(&name, key, &filename).await
        })
        .await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        self.first(kind, key, |name: String, filename: String| async move {
            let part = self.bucket.get_part(&name, 0..most, None).await;
            let object = self.noticing(part)?;
            Ok(object.map(|object| {
                let object = stored(object, key, &filename);
                if object.summary.size > object.bytes.len() as u64 {
                    UpTo::Larger(object.summary)
                } else {
                    UpTo::Whole(object)
                }
            }))
        })
        .await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let name = format!("{}/{}", self.path(kind, &found.key), found.filename);
        let version = Some(found.version.as_str()).filter(|version| !version.is_empty());
        let read = self.bucket.get_part(&name, part, version).await;
        match self.noticing(read)? {
            // A server may say that a shorter object has no such part before it looks at the version.
            Some(object) if object.entry.version == found.version => Ok(object.bytes),
            _ => Err(StorageError::changed(&found.key)),
        }
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let (key, filename) = (&summary.key, &summary.filename);
        let name = format!("{}/{filename}", self.path(kind, key));
        match self.get(&name, key, filename).await? {
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
        let filename = checked_filename(kind, key, filename)?;
        self.ensure().await?;
        let outcome = self.write(kind, key, filename, bytes, condition).await;
        self.changed(kind, outcome).await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        kind.is_replaced_in_place()
            .then(|| Box::new(BucketUpload::new(self, kind, key)) as Box<dyn Upload>)
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let outcome = self.remove_key(kind, key).await;
        self.changed(kind, outcome).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let prefix = self.group_prefix(kind);
        let mut objects: BTreeMap<String, Found> = BTreeMap::new();
        for entry in self.entries(kind).await? {
            let Some(found) = ours(kind, &prefix, None, &entry) else {
                continue;
            };
            match objects.get(&found.summary.key) {
                Some(other) if other.age() >= found.age() => {}
                _ => {
                    objects.insert(found.summary.key.clone(), found);
                }
            }
        }
        Ok(objects.into_values().map(|found| found.summary).collect())
    }

    /// Folder markers, names that end in a slash as consoles create them, are left out.
    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        let prefix = self.group_prefix(kind);
        let mut strays = Vec::new();
        let mut kept: BTreeMap<String, Found> = BTreeMap::new();
        for entry in self.entries(kind).await? {
            let Some(found) = ours(kind, &prefix, None, &entry) else {
                if !entry.name.ends_with('/') {
                    strays.push(Stray {
                        name: entry.name,
                        key: None,
                    });
                }
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
        Ok(strays)
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        self.ensure().await?;
        let name = self.under_folder(&format!("locks/{name}"));
        let lease = || self.bucket.lease(&name, wait);
        match self.in_bucket(lease).await? {
            Some(lock) => Ok(lock),
            None => lock::acquire(self, name, wait).await,
        }
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        if !is_marked(kind) {
            return Ok(None);
        }
        match self.bucket.version(&self.mark(kind)).await {
            // Nothing has been written with a mark so far.
            Ok(version) => Ok(Some(version.unwrap_or_default())),
            Err(error) if error.is_not_found() => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.seen.store(false, Ordering::Relaxed);
        match self.look().await? {
            None => Ok(()),
            // Whether its objects may be used, one of them shows.
            Some(_) => self.bucket.try_listing(&self.folder).await,
        }
    }
}

//! The store on a bucket in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use kayenta_storage::{
    Bucket, BucketEntry, BucketObject, BucketState, BucketStore, MissingBucket, ObjectKind,
    ObjectStore, PartialObject, PutCondition, RetryPolicy, Retrying, StorageError,
    StorageErrorKind, WriteCondition,
};
use kayenta_testkit::object_store_suite;

#[derive(Clone, Debug, Default)]
struct MemoryBucket(Arc<State>);

/// Content, version and time of an object.
type Kept = (Bytes, u64, DateTime<Utc>);

#[derive(Debug, Default)]
struct State {
    objects: Mutex<BTreeMap<String, Kept>>,
    /// How far its clock has been put forward.
    ahead: Mutex<TimeDelta>,
    /// How often it has been asked for names.
    lists: AtomicUsize,
    undecided: bool,
    /// Whether the first try of each step of an upload is lost on its way back.
    stumbles: bool,
    /// What was done at a first try.
    steps: Mutex<BTreeSet<(&'static str, usize)>>,
    partial: Mutex<BTreeMap<String, Vec<Bytes>>>,
}

impl MemoryBucket {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + *self.0.ahead.lock().unwrap()
    }

    fn entry(name: &str, version: u64, updated: DateTime<Utc>, size: usize) -> BucketEntry {
        BucketEntry {
            name: name.to_owned(),
            updated,
            version: version.to_string(),
            size: size as u64,
        }
    }

    /// Fails the first try of a step.
    fn stumble(&self, step: &'static str, part: usize) -> Result<(), StorageError> {
        if self.0.stumbles && self.0.steps.lock().unwrap().insert((step, part)) {
            let kind = StorageErrorKind::Unavailable;
            return Err(StorageError::new(kind, "no answer"));
        }
        Ok(())
    }

    fn conflict() -> StorageError {
        StorageError::new(StorageErrorKind::Conflict, "another")
    }
}

#[async_trait]
impl Bucket for MemoryBucket {
    fn platform(&self) -> &'static str {
        "bucket"
    }

    fn account(&self) -> &str {
        "acct"
    }

    fn nothing_found(&self, _: ObjectKind, path: &str) -> StorageError {
        StorageError::new(StorageErrorKind::NotFound, format!("nothing at {path}"))
    }

    fn no_bucket(&self) -> StorageError {
        StorageError::new(StorageErrorKind::NotFound, "no bucket")
    }

    async fn look(&self) -> Result<BucketState, StorageError> {
        Ok(BucketState::There)
    }

    async fn create(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn try_listing(&self, _: &str) -> Result<(), StorageError> {
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<BucketEntry>, StorageError> {
        self.0.lists.fetch_add(1, Ordering::Relaxed);
        let objects = self.0.objects.lock().unwrap();
        Ok(objects
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, (bytes, version, updated))| {
                Self::entry(name, *version, *updated, bytes.len())
            })
            .collect())
    }

    async fn get(&self, name: &str) -> Result<Option<BucketObject>, StorageError> {
        let objects = self.0.objects.lock().unwrap();
        Ok(objects
            .get(name)
            .map(|(bytes, version, updated)| BucketObject {
                entry: Self::entry(name, *version, *updated, bytes.len()),
                bytes: bytes.clone(),
                answered: self.now(),
            }))
    }

    async fn get_part(
        &self,
        name: &str,
        part: Range<u64>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let Some(mut object) = self.get(name).await? else {
            return Ok(None);
        };
        if version.is_some_and(|version| version != object.entry.version) {
            return Err(Self::conflict());
        }
        let end = object.bytes.len().min(part.end as usize);
        object.bytes = object.bytes.slice(end.min(part.start as usize)..end);
        Ok(Some(object))
    }

    async fn version(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(self.get(name).await?.map(|object| object.entry.version))
    }

    async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<BucketEntry, StorageError> {
        let mut objects = self.0.objects.lock().unwrap();
        let present = objects.get(name).map(|(_, version, _)| *version);
        let holds = match condition {
            PutCondition::None => true,
            PutCondition::Absent => present.is_none(),
            PutCondition::Version(expected) => {
                present.is_some_and(|version| version.to_string() == expected)
            }
        };
        if !holds {
            return Err(Self::conflict());
        }
        let version = objects.values().map(|(_, version, _)| version + 1).max();
        let (version, now, size) = (version.unwrap_or(1), self.now(), bytes.len());
        objects.insert(name.to_owned(), (bytes, version, now));
        Ok(Self::entry(name, version, now, size))
    }

    async fn begin_parts(&self, name: &str) -> Result<String, StorageError> {
        self.stumble("begin", 0)?;
        self.0.steps.lock().unwrap().clear();
        let mut partial = self.0.partial.lock().unwrap();
        partial.insert(name.to_owned(), Vec::new());
        Ok(format!("upload of {name}"))
    }

    async fn put_part(&self, object: &PartialObject, part: Bytes) -> Result<String, StorageError> {
        assert_eq!(object.upload, format!("upload of {}", object.name));
        let number = object.parts.len();
        {
            let mut partial = self.0.partial.lock().unwrap();
            let parts = partial.get_mut(&object.name).unwrap();
            parts.truncate(number);
            parts.push(part);
        }
        self.stumble("part", number)?;
        Ok(number.to_string())
    }

    async fn complete_parts(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError> {
        let parts = self.0.partial.lock().unwrap()[&object.name].clone();
        assert_eq!(parts.len(), object.parts.len());
        assert_eq!(
            parts.iter().map(Bytes::len).sum::<usize>() as u64,
            object.size
        );
        let whole: Vec<u8> = parts.iter().chain([&last]).flatten().copied().collect();
        let put = self.put(&object.name, whole.into(), PutCondition::None);
        let written = put.await?;
        self.stumble("complete", 0)?;
        self.0.partial.lock().unwrap().remove(&object.name);
        Ok(written)
    }

    async fn remove_parts(&self, object: &PartialObject) -> Result<(), StorageError> {
        self.0.partial.lock().unwrap().remove(&object.name);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.0.objects.lock().unwrap().remove(name);
        Ok(())
    }

    async fn remove_version(&self, name: &str, version: &str) -> Result<bool, StorageError> {
        match self.version(name).await? {
            None => Ok(false),
            Some(present) if present != version => Err(Self::conflict()),
            Some(_) => self.remove(name).await.map(|()| true),
        }
    }

    async fn decides_conditions(&self) -> Result<bool, StorageError> {
        Ok(!self.0.undecided)
    }
}

fn store(bucket: &MemoryBucket) -> BucketStore<MemoryBucket> {
    BucketStore::new(bucket.clone(), "root/", MissingBucket::Create)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_a_bucket_conforms() {
    let bucket = MemoryBucket::default();
    let store = store(&bucket);
    object_store_suite::run_all(&store).await;
    object_store_suite::shared_locks(&store, &self::store(&bucket)).await;
    object_store_suite::heals_two_files(&store, &|kind, key, filename, bytes| {
        let bucket = bucket.clone();
        async move {
            let name = format!("root/{}/{key}/{filename}", kind.group());
            let put = bucket.put(&name, bytes, PutCondition::None);
            put.await.unwrap();
        }
        .boxed()
    })
    .await;
}

#[tokio::test]
async fn what_is_written_in_parts_shows_with_the_last_one_and_each_step_can_be_repeated() {
    for stumbles in [false, true] {
        let bucket = MemoryBucket(Arc::new(State {
            stumbles,
            ..State::default()
        }));
        let policy = RetryPolicy {
            first_delay: Duration::from_millis(1),
            ..RetryPolicy::default()
        };
        let store = Retrying::new(store(&bucket), "acct", policy);
        object_store_suite::written_in_parts(&store).await;
        assert!(bucket.0.partial.lock().unwrap().is_empty());
    }
}

/// Buckets charge for a list ten times what they charge for a read, and take longer.
#[tokio::test]
async fn what_a_run_writes_takes_no_list() {
    let bucket = MemoryBucket::default();
    let store = store(&bucket);
    for kind in [
        ObjectKind::MetricSetList,
        ObjectKind::MetricSetPairList,
        ObjectKind::CanaryResultArchive,
        ObjectKind::StandaloneCanaryResultArchive,
    ] {
        for content in ["first", "again"] {
            let bytes = Bytes::from_static(content.as_bytes());
            let write = store.store(kind, "id", None, bytes, WriteCondition::Always);
            let written = write.await.unwrap();
            assert_eq!(written.filename, kind.default_filename());
        }
    }
    assert_eq!(bucket.0.lists.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn foreign_objects_are_strays_and_folder_markers_are_nothing() {
    let bucket = MemoryBucket::default();
    let store = store(&bucket);
    for name in [
        "root/canary_config/file.json",
        "root/canary_config/a/b/file.json",
        "root/canary_configx/id/file.json",
        "root/canary_config/",
        "root/canary_config/id/",
        "other/canary_config/id/file.json",
    ] {
        let put = bucket.put(name, Bytes::new(), PutCondition::None);
        put.await.unwrap();
    }
    let kind = ObjectKind::CanaryConfig;
    assert!(store.list(kind).await.unwrap().is_empty());
    for key in ["a", "id", "file.json"] {
        assert!(store.load(kind, key).await.unwrap_err().is_not_found());
    }
    let strays = store.strays(kind).await.unwrap();
    let names: Vec<&str> = strays.iter().map(|stray| stray.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "root/canary_config/a/b/file.json",
            "root/canary_config/file.json"
        ]
    );
}

/// A writer that dies keeps its lock for a while, not for ever.
#[tokio::test]
async fn a_lock_left_behind_is_taken_over() {
    let bucket = MemoryBucket::default();
    let store = store(&bucket);
    let dead = store.lock("l", Duration::ZERO).await.unwrap();
    let put_forward = |seconds| *bucket.0.ahead.lock().unwrap() = TimeDelta::seconds(seconds);
    put_forward(16);
    let busy = store.lock("l", Duration::ZERO).await.unwrap_err();
    assert_eq!(busy.message, "Another writer keeps account 'acct' busy.");
    put_forward(18);
    let taken = store.lock("l", Duration::ZERO).await.unwrap();
    store.lock("l", Duration::ZERO).await.unwrap_err();
    taken.release().await;
    store
        .lock("l", Duration::ZERO)
        .await
        .unwrap()
        .release()
        .await;
    std::mem::forget(dead);
}

#[tokio::test]
async fn where_nobody_decides_conditions_there_are_no_locks() {
    let bucket = MemoryBucket(Arc::new(State {
        undecided: true,
        ..State::default()
    }));
    let store = store(&bucket);
    let first = store.lock("l", Duration::ZERO).await.unwrap();
    let second = store.lock("l", Duration::ZERO).await.unwrap();
    assert!(bucket.0.objects.lock().unwrap().is_empty());
    drop((first, second));
}

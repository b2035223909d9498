//! JSON documents over a store that moves bytes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kayenta_json::JsonError;
use kayenta_limits::{
    CALLER_PATIENCE, NoMemory, Reserved, compute, hold, reserve, reserve_and_hold,
};
use kayenta_model::{ListedObject, time::iso_millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    store::{ObjectStore, ObjectSummary, StoredObject, WriteCondition},
};

/// Documents above this size are parsed off the async threads.
const PARSE_INLINE_BYTES: usize = 128 << 10;
/// What a parsed document takes, as a multiple of its text.
const PARSED_SIZE: usize = 3;
/// How long a listing waits for memory: those of its objects that are large are read one after the other.
const LISTER_PATIENCE: Duration = Duration::from_secs(60);

/// What a document of `size` bytes takes while it is read: its text and itself. It is reserved at once,
/// because many who have a part of theirs and wait for the rest would wait for one another.
fn in_use(size: usize) -> usize {
    size.saturating_mul(1 + PARSED_SIZE)
}

/// Whether a document of `size` bytes can ever be read within the budget.
pub(crate) fn fits(size: u64) -> bool {
    let size = in_use(usize::try_from(size).unwrap_or(usize::MAX));
    kayenta_limits::budget().is_none_or(|(total, _)| size as u64 <= total)
}

/// The documents of one storage account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectRepository {
    account: Arc<str>,
    store: Arc<dyn ObjectStore>,
    expected: Arc<ExpectedSizes>,
}

/// How large the next object of each kind may be, as a store says it only with the object: as large as
/// the largest of late.
#[derive(Debug, Default)]
struct ExpectedSizes([AtomicUsize; ObjectKind::ALL.len()]);

impl ExpectedSizes {
    fn get(&self, kind: ObjectKind) -> usize {
        self.0[kind as usize].load(Ordering::Relaxed)
    }

    fn learn(&self, kind: ObjectKind, size: usize) {
        let expected = &self.0[kind as usize];
        let before = expected.load(Ordering::Relaxed);
        expected.store(size.max(before - before / 8), Ordering::Relaxed);
    }
}

impl From<ObjectSummary> for ListedObject {
    fn from(summary: ObjectSummary) -> Self {
        let millis = summary.updated.timestamp_millis();
        Self {
            updated_timestamp_iso: iso_millis(millis),
            id: summary.key,
            updated_timestamp: millis,
        }
    }
}

impl ObjectRepository {
    /// The repository of the account called `account`.
    #[must_use]
    pub fn new(account: impl Into<Arc<str>>, store: Arc<dyn ObjectStore>) -> Self {
        Self {
            account: account.into(),
            store,
            expected: Arc::default(),
        }
    }

    /// Name of the account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Kind of the account, as `/credentials` names it.
    #[must_use]
    pub fn platform(&self) -> &'static str {
        self.store.platform()
    }

    /// The store underneath.
    #[must_use]
    pub fn object_store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The document under the key.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the reference's text for the platform,
    /// [`Corrupt`](StorageErrorKind::Corrupt) when the bytes are not such a document, and whatever
    /// keeps the store from answering.
    pub async fn load<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<T, StorageError> {
        let expected = in_use(self.expected.get(kind));
        let reserved = reserve(STORED, expected, CALLER_PATIENCE).await;
        let object = self.store.load(kind, key);
        self.read(kind, reserved.map_err(no_memory)?, CALLER_PATIENCE, object)
            .await
            .map(|(document, _)| document)
    }

    /// The document that a listing named, and what a listing says of it now.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_listed<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<(T, ObjectSummary), StorageError> {
        let size = in_use(usize::try_from(summary.size).unwrap_or(usize::MAX));
        let reserved = reserve(STORED, size, LISTER_PATIENCE).await;
        let object = self.store.load_listed(kind, summary);
        self.read(kind, reserved.map_err(no_memory)?, LISTER_PATIENCE, object)
            .await
    }

    /// Loads and reads a document within `reserved`, which is made to fit.
    async fn read<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        mut reserved: Reserved,
        patience: Duration,
        loading: impl Future<Output = Result<StoredObject, StorageError>>,
    ) -> Result<(T, ObjectSummary), StorageError> {
        let StoredObject { summary, bytes } = loading.await?;
        self.expected.learn(kind, bytes.len());
        reserved
            .resize(STORED, in_use(bytes.len()), patience)
            .await
            .map_err(no_memory)?;
        hold(reserved);
        Ok((parse(&summary.key, bytes).await?, summary))
    }

    /// The bytes under the key with what a listing says about them.
    ///
    /// # Errors
    /// As the store's.
    pub async fn load_bytes(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<StoredObject, StorageError> {
        self.counted(kind, self.store.load(kind, key)).await
    }

    /// Loads an object whose bytes count against the budget for as long as they are there.
    async fn counted(
        &self,
        kind: ObjectKind,
        loading: impl Future<Output = Result<StoredObject, StorageError>>,
    ) -> Result<StoredObject, StorageError> {
        let expected = self.expected.get(kind);
        let mut reserved = reserve(STORED, expected, CALLER_PATIENCE)
            .await
            .map_err(no_memory)?;
        let mut object = loading.await?;
        let size = object.bytes.len();
        self.expected.learn(kind, size);
        if size > expected {
            reserved += reserve(STORED, size - expected, CALLER_PATIENCE)
                .await
                .map_err(no_memory)?;
        }
        object.bytes = reserved.bind(object.bytes);
        Ok(object)
    }

    /// Writes the document under the key; `filename` `None` is the kind's default. It is durable
    /// once this returns.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) when the condition does not hold,
    /// [`Invalid`](StorageErrorKind::Invalid) when the key cannot be part of a path.
    pub async fn store<T: Serialize + Sync + ?Sized>(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        document: &T,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let bytes = serde_json::to_vec(document).map_err(|error| {
            StorageError::new(
                StorageErrorKind::Invalid,
                format!("Unable to serialize object (key: {key}): {error}"),
            )
        })?;
        self.store_bytes(kind, key, filename, bytes.into(), condition)
            .await
    }

    /// Writes bytes that are JSON already, e.g. serialised on a thread of their own.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub async fn store_bytes(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        self.store
            .store(kind, key, filename, bytes, condition)
            .await
    }

    /// Removes the document under the key.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) when there is none.
    pub async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.store.delete(kind, key).await
    }

    /// Every document of the kind by ascending key.
    ///
    /// # Errors
    /// When the listing cannot be completed.
    pub async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.store.list(kind).await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.store.check().await
    }
}

const STORED: &str = "a stored object";

fn no_memory(error: NoMemory) -> StorageError {
    StorageError::new(StorageErrorKind::Unavailable, error.to_string()).caused_by(error)
}

/// Reads the document in bytes that count already; what is read counts until the surrounding scope ends.
pub(crate) async fn parse_counted<T: DeserializeOwned + Send + 'static>(
    key: &str,
    bytes: Bytes,
) -> Result<T, StorageError> {
    let size = PARSED_SIZE.saturating_mul(bytes.len());
    reserve_and_hold(STORED, size, CALLER_PATIENCE)
        .await
        .map_err(no_memory)?;
    parse(key, bytes).await
}

/// Reads the document stored under `key`, big ones on a thread for computing.
async fn parse<T: DeserializeOwned + Send + 'static>(
    key: &str,
    bytes: Bytes,
) -> Result<T, StorageError> {
    let parsed = if bytes.len() <= PARSE_INLINE_BYTES {
        serde_json::from_slice(&bytes)
    } else {
        match compute(move || serde_json::from_slice(&bytes)).await {
            Ok(parsed) => parsed,
            Err(join) => {
                return Err(StorageError::new(
                    StorageErrorKind::Other,
                    format!("Unable to deserialize object (key: {key})"),
                )
                .caused_by(join));
            }
        }
    };
    parsed.map_err(|error| {
        StorageError::new(
            StorageErrorKind::Corrupt,
            format!("Unable to deserialize object (key: {key})"),
        )
        .caused_by(JsonError::from(error))
    })
}

//! JSON documents over a store that moves bytes.

use std::{error::Error, future::ready, sync::Arc, time::Duration};

use bytes::Bytes;
use kayenta_json::{JsonError, parsed_size};
use kayenta_limits::{
    CALLER_PATIENCE, compute_sized, hold, lend, reserve, reserve_and_hold, try_reserve, written,
};
use kayenta_model::{ListedObject, time::iso_millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{READ_TRIES, StorageError, StorageErrorKind},
    kind::ObjectKind,
    known_texts::KnownTexts,
    store::{ObjectStore, ObjectSummary, StoredObject, WriteCondition},
    upload::TextUpload,
};

/// How long a listing waits for memory: those of its objects that are large are read one after the other.
const LISTER_PATIENCE: Duration = Duration::from_secs(60);

/// The documents of one storage account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectRepository {
    account: Arc<str>,
    store: Arc<dyn ObjectStore>,
    known_texts: Arc<KnownTexts>,
}

/// What came of reading an object within what was reserved for it.
enum Reading<T> {
    Read(T, ObjectSummary),
    /// Nothing was kept: it needs so many bytes, which are not free.
    Needs(usize),
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
            known_texts: Arc::default(),
        }
    }

    pub(crate) fn known_texts(&self) -> &KnownTexts {
        &self.known_texts
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
        self.read(0, parsed_size, CALLER_PATIENCE, || {
            self.store.load(kind, key)
        })
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
        let size = usize::try_from(summary.size).unwrap_or(usize::MAX);
        self.read(size, parsed_size, LISTER_PATIENCE, || {
            self.store.load_listed(kind, summary)
        })
        .await
    }

    /// Reads the document in an object that was loaded, or loads it again when there is memory for it.
    pub(crate) async fn read_or_load<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: ObjectKind,
        object: StoredObject,
    ) -> Result<T, StorageError> {
        let key = object.summary.key.clone();
        match read_once(ready(Ok(object)), parsed_size).await? {
            Reading::Read(document, _) => Ok(document),
            Reading::Needs(_) => self.load(kind, &key).await,
        }
    }

    /// Loads and reads a document of which `size` bytes are known. What it takes beside its text is known when that is there.
    /// If that much is not free then, the text is dropped, and read again when all of it is reserved: many who have
    /// their text and wait for the rest would wait for one another.
    pub(crate) async fn read<T, F>(
        &self,
        size: usize,
        parsed_size: fn(&[u8]) -> usize,
        patience: Duration,
        load: impl Fn() -> F,
    ) -> Result<(T, ObjectSummary), StorageError>
    where
        T: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<StoredObject, StorageError>>,
    {
        let mut needed = size;
        for _ in 0..READ_TRIES {
            let reserved = reserve(STORED_OBJECT, needed, patience).await?;
            match lend(reserved, read_once(load(), parsed_size)).await? {
                Reading::Read(document, summary) => return Ok((document, summary)),
                Reading::Needs(bytes) => needed = bytes,
            }
        }
        Err(StorageError::keeps_growing())
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
        let mut object = self.store.load(kind, key).await?;
        object.bytes = reserve(STORED_OBJECT, object.bytes.len(), CALLER_PATIENCE)
            .await?
            .bind(object.bytes);
        Ok(object)
    }

    /// Writes the document under the key; `filename` `None` is the kind's default. It is durable
    /// once this returns. A long one is turned into JSON off the async threads.
    ///
    /// # Errors
    /// [`Conflict`](StorageErrorKind::Conflict) when the condition does not hold,
    /// [`Invalid`](StorageErrorKind::Invalid) when the key cannot be part of a path.
    pub async fn store<T: Serialize + Send + 'static>(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        document: T,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let unwritable = |kind, error: &dyn Error| {
            let message = format!("Unable to serialize object (key: {key}): {error}");
            StorageError::new(kind, message)
        };
        let bytes = written(document, |document, text| {
            serde_json::to_writer(text, document)
        })
        .await
        .map_err(|panicked| unwritable(StorageErrorKind::Other, &panicked))?
        .map_err(|error| unwritable(StorageErrorKind::Invalid, &error))?;
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

    /// Begins to write a text that is not there as a whole, in parts if the store takes parts. It replaces what is under
    /// the key once it is finished.
    #[must_use]
    pub fn upload(&self, kind: ObjectKind, key: &str) -> TextUpload<'_> {
        TextUpload::new(self, kind, key)
    }

    /// Whether the store takes objects of the kind in parts.
    #[must_use]
    pub fn takes_parts(&self, kind: ObjectKind) -> bool {
        self.store.upload(kind, "").is_some()
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

/// What the memory of an object is for, in messages of the budget of bytes.
pub const STORED_OBJECT: &str = "a stored object";
/// What rounding may add to a few reservations.
const LEEWAY: usize = 64 << 10;

/// Reads the document if what it takes is free.
async fn read_once<T: DeserializeOwned + Send + 'static>(
    loading: impl Future<Output = Result<StoredObject, StorageError>>,
    parsed_size: fn(&[u8]) -> usize,
) -> Result<Reading<T>, StorageError> {
    let StoredObject { summary, bytes } = loading.await?;
    let text = bytes.len();
    let parsed = measured(&summary.key, &bytes, parsed_size).await?;
    match try_reserve(text + parsed) {
        Some(reserved) => {
            hold(reserved);
            Ok(Reading::Read(parse(&summary.key, bytes).await?, summary))
        }
        // Some stores reserve the text while they read it.
        None => Ok(Reading::Needs(2 * text + parsed + LEEWAY)),
    }
}

/// Reads the document in bytes that count already; what is read counts until the surrounding scope ends.
pub(crate) async fn parse_counted<T: DeserializeOwned + Send + 'static>(
    key: &str,
    bytes: Bytes,
) -> Result<T, StorageError> {
    let size = measured(key, &bytes, parsed_size).await?;
    reserve_and_hold(STORED_OBJECT, size, CALLER_PATIENCE).await?;
    parse(key, bytes).await
}

/// What the document takes once it is read.
async fn measured(
    key: &str,
    bytes: &Bytes,
    parsed_size: fn(&[u8]) -> usize,
) -> Result<usize, StorageError> {
    let bytes = bytes.clone();
    compute_sized(bytes.len(), move || parsed_size(&bytes))
        .await
        .map_err(|panic| unreadable(key, StorageErrorKind::Other, panic))
}

/// The document under `key` cannot be read.
fn unreadable(
    key: &str,
    kind: StorageErrorKind,
    cause: impl Error + Send + Sync + 'static,
) -> StorageError {
    StorageError::new(kind, format!("Unable to deserialize object (key: {key})")).caused_by(cause)
}

/// Reads the document stored under `key`, big ones on a thread for computing.
async fn parse<T: DeserializeOwned + Send + 'static>(
    key: &str,
    bytes: Bytes,
) -> Result<T, StorageError> {
    compute_sized(bytes.len(), move || serde_json::from_slice(&bytes))
        .await
        .map_err(|panic| unreadable(key, StorageErrorKind::Other, panic))?
        .map_err(|error| unreadable(key, StorageErrorKind::Corrupt, JsonError::from(error)))
}

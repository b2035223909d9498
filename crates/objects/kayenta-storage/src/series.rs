//! Lists of stored series on their way to a client, piece by piece.

use std::{fmt, mem, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use kayenta_json::parsed_element_size;
use kayenta_limits::{CALLER_PATIENCE, Lender, compute_sized, reserve};
use kayenta_model::{MetricSetPair, NeedsWholeText, SeriesText};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{READ_TRIES, StorageError, StorageErrorKind},
    kind::ObjectKind,
    known_texts::KnownText,
    repository::{ObjectRepository, STORED_OBJECT},
    store::{ObjectStore, ObjectSummary, StoredObject, UpTo},
};

/// So much of a list is read at a time; longer lists are read in parts.
const PART: u64 = 512 << 10;
/// Memory for passing on a list as it is stored: the part that is being sent, and the next one, for which a store may
/// reserve twice its bytes while it arrives.
const PASSING_ON: usize = 3 * PART as usize;
/// Memory for rewriting a list: the same for a part that is being rewritten, the piece that is being sent, and the next one.
const REWRITING: usize = 2 << 20;
/// A part is rewritten up to so many bytes at a time, unless few become many.
const PIECE: usize = 192 << 10;
/// So many bytes are rewritten before the length of what became of them is looked at.
const STEP: usize = 4 << 10;

/// A list of series.
#[derive(Debug)]
pub enum Series<T> {
    /// It was read.
    Read(Vec<T>),
    /// It is large: what would be written for what would be read from it.
    Text(SeriesStream),
}

/// The text of a large list, which is read from its store only as fast as it is asked for.
pub struct SeriesStream {
    /// How many bytes it has.
    pub size: u64,
    /// The bytes, in order. After an error there are no more.
    pub pieces: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl fmt::Debug for SeriesStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeriesStream")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl ObjectRepository {
    /// The list of series under the key, as what is written for it. A large one is never in memory as a whole, unless it has
    /// to be read as a whole to be rewritten ([`NeedsWholeText`]): it is looked through part by part, once for each
    /// version, and then read again part by part as its text is taken. `T` is the type of the elements of the kind.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_series<T>(
        &self,
        kind: ObjectKind,
        key: &str,
    ) -> Result<Series<T>, StorageError>
    where
        T: DeserializeOwned + Serialize + Send + 'static,
    {
        for _ in 0..READ_TRIES {
            let found = match self.object_store().load_up_to(kind, key, PART).await? {
                UpTo::Whole(object) => {
                    return self.read_or_load(kind, object).await.map(Series::Read);
                }
                UpTo::Larger(found) => found,
            };
            let known = match self.known_texts().get(kind, &found) {
                Some(known) => Ok(known),
                None => {
                    let parts = self.parts(kind, &found, PASSING_ON).await?;
                    look_through(parts, SeriesText::<T>::default(), None)
                        .await
                        .map(|(known, _)| known)
                }
            };
            let known = match known {
                Ok(known) => known,
                Err(error) if error.kind == StorageErrorKind::Conflict => continue,
                Err(error) => return Err(error),
            };
            self.known_texts().add(kind, &found, known);
            let begun = match known {
                KnownText::Whole => return self.load(kind, key).await.map(Series::Read),
                KnownText::AsWritten => {
                    begin(found.size, self.parts(kind, &found, PASSING_ON).await?).await
                }
                KnownText::Rewritten { size } => {
                    let rewriting = Rewriting::<T> {
                        parts: self.parts(kind, &found, REWRITING).await?,
                        part: Bytes::new(),
                        text: SeriesText::default(),
                    };
                    begin(size, rewriting).await
                }
            };
            match begun {
                Err(error) if error.kind == StorageErrorKind::Conflict => {}
                begun => return begun.map(Series::Text),
            }
        }
        Err(StorageError::keeps_growing())
    }

    /// The first element of the list under the key that `is_wanted` accepts, which may see an element without its values;
    /// `None` if the list has none. Of a large list only that element is kept and read: the list is looked through part by
    /// part, unless it has to be read as a whole to be rewritten ([`NeedsWholeText`]).
    ///
    /// # Errors
    /// As [`load`](Self::load). A list that cannot be read is an error wherever its mistake is.
    pub async fn load_element<T>(
        &self,
        kind: ObjectKind,
        key: &str,
        is_wanted: impl Fn(&T) -> bool + Clone + Send + 'static,
    ) -> Result<Option<T>, StorageError>
    where
        T: DeserializeOwned + Serialize + Send + 'static,
    {
        let first = |list: Vec<T>| list.into_iter().find(|element| is_wanted(element));
        for _ in 0..READ_TRIES {
            let found = match self.object_store().load_up_to(kind, key, PART).await? {
                UpTo::Whole(object) => return self.read_or_load(kind, object).await.map(first),
                UpTo::Larger(found) => found,
            };
            let known = self.known_texts().get(kind, &found);
            let looked = match known {
                Some(KnownText::Whole) => Ok((KnownText::Whole, None)),
                _ => {
                    let parts = self.parts(kind, &found, PASSING_ON).await?;
                    look_through(parts, SeriesText::searched(is_wanted.clone()), known).await
                }
            };
            let (known, place) = match looked {
                Ok(looked) => looked,
                Err(error) if error.kind == StorageErrorKind::Conflict => continue,
                Err(error) => return Err(error),
            };
            self.known_texts().add(kind, &found, known);
            if known == KnownText::Whole {
                return self.load(kind, key).await.map(first);
            }
            let Some(place) = place else {
                return Ok(None);
            };
            let size = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
            let element = self.read(size, parsed_element_size, CALLER_PATIENCE, || {
                let (found, place) = (&found, place.clone());
                async move {
                    Ok(StoredObject {
                        bytes: self.object_store().load_part(kind, found, place).await?,
                        summary: found.clone(),
                    })
                }
            });
            match element.await {
                Err(error) if error.kind == StorageErrorKind::Conflict => {}
                element => return element.map(|(element, _)| Some(element)),
            }
        }
        Err(StorageError::keeps_growing())
    }

    /// The pair with the id in the pair list, `None` if the list has none.
    ///
    /// # Errors
    /// As [`load_element`](Self::load_element).
    pub async fn load_pair(
        &self,
        list: &str,
        pair_id: &str,
    ) -> Result<Option<MetricSetPair>, StorageError> {
        let wanted = pair_id.to_owned();
        let is_wanted = move |pair: &MetricSetPair| pair.id.as_deref() == Some(&wanted);
        self.load_element(ObjectKind::MetricSetPairList, list, is_wanted)
            .await
    }

    /// The parts of an object, within so much memory, which is waited for with nothing in hand.
    async fn parts(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        memory: usize,
    ) -> Result<Parts, StorageError> {
        Ok(Parts {
            store: Arc::clone(self.object_store()),
            kind,
            found: found.clone(),
            memory: Lender::new(reserve(STORED_OBJECT, memory, CALLER_PATIENCE).await?),
            at: 0,
        })
    }
}

/// What is taken piece by piece from one object.
trait Pieces: Send + 'static {
    fn parts(&self) -> &Parts;

    /// The next piece, `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, StorageError>> + Send;
}

/// One large object, read part by part, all of one version.
struct Parts {
    store: Arc<dyn ObjectStore>,
    kind: ObjectKind,
    found: ObjectSummary,
    memory: Lender,
    at: u64,
}

impl Pieces for Parts {
    fn parts(&self) -> &Parts {
        self
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        let part: Range<u64> = self.at..self.found.size.min(self.at + PART);
        if part.is_empty() {
            return Ok(None);
        }
        let length = part.end - part.start;
        self.at = part.end;
        let read = self.store.load_part(self.kind, &self.found, part);
        let bytes = self.memory.lend(read).await?;
        if bytes.len() as u64 == length {
            Ok(Some(bytes))
        } else {
            Err(self.changed())
        }
    }
}

impl Parts {
    fn changed(&self) -> StorageError {
        StorageError::changed(&self.found.key)
    }
}

/// One large object that is rewritten as it is read.
struct Rewriting<T> {
    parts: Parts,
    /// What is left of the last part.
    part: Bytes,
    text: SeriesText<T>,
}

impl<T: DeserializeOwned + Serialize + Send + 'static> Pieces for Rewriting<T> {
    fn parts(&self) -> &Parts {
        &self.parts
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        loop {
            if self.part.is_empty() {
                match self.parts.next().await? {
                    Some(part) => self.part = part,
                    None => {
                        let ended = self.text.end().map(|_| None);
                        return ended.map_err(|NeedsWholeText| self.parts.changed());
                    }
                }
            }
            let (mut part, mut text) = (mem::take(&mut self.part), mem::take(&mut self.text));
            let rewritten = computed(part.len(), move || {
                let mut piece = Vec::with_capacity(2 * PIECE);
                while piece.len() < PIECE && !part.is_empty() {
                    let some = part.split_to(part.len().min(STEP));
                    text.take(&some, &mut piece)?;
                }
                Ok((part, text, piece))
            });
            let piece;
            (self.part, self.text, piece) = rewritten
                .await?
                .map_err(|NeedsWholeText| self.parts.changed())?;
            if !piece.is_empty() {
                let reserving = reserve(STORED_OBJECT, piece.capacity(), CALLER_PATIENCE);
                let reserved = self.parts.memory.lend(reserving).await?;
                return Ok(Some(reserved.bind(piece.into())));
            }
        }
    }
}

/// Finds out how the text of an object becomes what is written for it, and where in it the element is that `text` looks for.
/// If the former is `known`, it ends as soon as the element is found.
async fn look_through<T>(
    mut parts: Parts,
    mut text: SeriesText<T>,
    known: Option<KnownText>,
) -> Result<(KnownText, Option<Range<u64>>), StorageError>
where
    T: DeserializeOwned + Serialize + Send + 'static,
{
    let mut size = 0;
    while let Some(part) = parts.next().await? {
        let looked = computed(part.len(), move || {
            let mut written = Vec::new();
            let mut size = 0;
            for some in part.chunks(STEP) {
                text.take(some, &mut written)?;
                size += written.len() as u64;
                written.clear();
            }
            Ok((text, size))
        });
        match looked.await? {
            Ok((next, more)) => {
                text = next;
                size += more;
            }
            Err(NeedsWholeText) => return Ok((KnownText::Whole, None)),
        }
        if let (Some(known), Some(found)) = (known, text.found()) {
            return Ok((known, Some(found)));
        }
    }
    let known = match text.end() {
        Ok(true) => KnownText::AsWritten,
        Ok(false) => KnownText::Rewritten { size },
        Err(NeedsWholeText) => KnownText::Whole,
    };
    Ok((known, text.found()))
}

async fn computed<R: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<R, NeedsWholeText> + Send + 'static,
) -> Result<Result<R, NeedsWholeText>, StorageError> {
    compute_sized(bytes, work).await.map_err(|panic| {
        StorageError::new(
            StorageErrorKind::Other,
            "rewriting a stored object panicked",
        )
        .caused_by(panic)
    })
}

/// A stream that has its first piece already, so that a store which fails at once fails the response. Later its client sees
/// no more than a response that breaks off, and the log says why.
async fn begin(size: u64, mut of: impl Pieces) -> Result<SeriesStream, StorageError> {
    let first = of.next().await?;
    let rest = stream::try_unfold(of, |mut of| async move {
        match of.next().await {
            Ok(Some(piece)) => Ok(Some((piece, of))),
            Ok(None) => Ok(None),
            Err(error) => {
                let Parts { kind, found, .. } = of.parts();
                tracing::warn!(
                    kind = kind.group(),
                    key = found.key,
                    "a response breaks off, because the stored object cannot be read to its end: {error}"
                );
                Err(error)
            }
        }
    });
    Ok(SeriesStream {
        size,
        pieces: stream::iter(first.map(Ok)).chain(rest).boxed(),
    })
}

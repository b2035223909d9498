//! Documents on their way into an object store.

use std::{
    io::{self, Write},
    sync::Arc,
};

use bytes::Bytes;
use kayenta_limits::{Text, compute, written};
use serde::Serialize;

use crate::error::{EngineError, EngineErrorKind};

/// More values than this are turned into JSON on a thread of their own.
const MANY_VALUES: usize = 20_000;

/// The document as JSON; a long one is written on a thread for computing.
pub(crate) async fn to_json<T>(document: &Arc<T>, values: usize) -> Result<Bytes, EngineError>
where
    T: Serialize + Send + Sync + 'static,
{
    let unwritable = |error| {
        EngineError::new(
            EngineErrorKind::Internal,
            "a document cannot be written as JSON",
        )
        .caused_by(error)
    };
    if values < MANY_VALUES {
        let text = serde_json::to_vec(document.as_ref());
        return text.map(Bytes::from).map_err(unwritable);
    }
    let document = Arc::clone(document);
    let written = compute(move || exact_json(document.as_ref()).map_err(unwritable));
    written.await.map_err(|error| {
        EngineError::new(
            EngineErrorKind::Internal,
            "writing a document as JSON panicked",
        )
        .caused_by(error)
    })?
}

/// What `write` makes of the document; a long text is written off the async threads.
pub(crate) async fn text_of<T: Send + 'static>(
    document: T,
    write: impl Fn(&T, &mut Text) -> serde_json::Result<()> + Send + 'static,
) -> Result<Bytes, EngineError> {
    let unwritable = |message| EngineError::new(EngineErrorKind::Internal, message);
    written(document, write)
        .await
        .map_err(|panicked| unwritable("writing a document as JSON panicked").caused_by(panicked))?
        .map(Bytes::from)
        .map_err(|error| unwritable("a document cannot be written as JSON").caused_by(error))
}

/// The document as JSON in exactly the memory that takes: a buffer that grows is there twice while it moves.
fn exact_json<T: Serialize>(document: &T) -> Result<Bytes, serde_json::Error> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, document)?;
    let mut text = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut text, document)?;
    Ok(text.into())
}

/// Counts what is written, and forgets it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.0 += more.len();
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

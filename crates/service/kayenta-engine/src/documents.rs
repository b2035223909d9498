//! Documents on their way into an object store.

use std::{
    io::{self, Write},
    sync::Arc,
};

use bytes::Bytes;
use kayenta_limits::{Panicked, Text, compute, written};
use serde::Serialize;

use crate::{
    computing::is_little,
    error::{EngineError, EngineErrorKind},
};

/// The document as JSON; one with many values is written in exactly the memory that takes.
pub(crate) async fn to_json<T>(document: &Arc<T>, values: usize) -> Result<Bytes, EngineError>
where
    T: Serialize + Send + Sync + 'static,
{
    let document = Arc::clone(document);
    if is_little(values) {
        let write = |document: &Arc<T>, text: &mut Text| serde_json::to_writer(text, &**document);
        return text_of(document, write).await;
    }
    whole(compute(move || exact_json(document.as_ref())).await)
}

/// What `write` makes of the document; a long text is written off the async threads.
pub(crate) async fn text_of<T: Send + 'static>(
    document: T,
    write: impl Fn(&T, &mut Text) -> serde_json::Result<()> + Send + 'static,
) -> Result<Bytes, EngineError> {
    whole(written(document, write).await)
}

fn whole(text: Result<serde_json::Result<Vec<u8>>, Panicked>) -> Result<Bytes, EngineError> {
    let unwritable = |message| EngineError::new(EngineErrorKind::Internal, message);
    text.map_err(|panicked| unwritable("writing a document as JSON panicked").caused_by(panicked))?
        .map(Bytes::from)
        .map_err(|error| unwritable("a document cannot be written as JSON").caused_by(error))
}

/// The document as JSON in exactly the memory that takes: a buffer that grows is there twice while it moves.
fn exact_json<T: Serialize>(document: &T) -> serde_json::Result<Vec<u8>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, document)?;
    let mut text = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut text, document)?;
    Ok(text)
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

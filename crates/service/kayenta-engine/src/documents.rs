//! Documents on their way into an object store.

use std::sync::Arc;

use bytes::Bytes;
use kayenta_limits::compute;
use serde::Serialize;

use crate::error::{EngineError, EngineErrorKind};

/// More values than this are turned into JSON on a thread of their own.
const MANY_VALUES: usize = 20_000;

/// The document as JSON; a long one is written on a blocking thread.
pub(crate) async fn to_json<T>(document: &Arc<T>, values: usize) -> Result<Bytes, EngineError>
where
    T: Serialize + Send + Sync + 'static,
{
    let write = |document: &T| {
        serde_json::to_vec(document)
            .map(Bytes::from)
            .map_err(|error| {
                EngineError::new(
                    EngineErrorKind::Internal,
                    "a document cannot be written as JSON",
                )
                .caused_by(error)
            })
    };
    if values < MANY_VALUES {
        return write(document);
    }
    let document = Arc::clone(document);
    compute(move || write(&document)).await.map_err(|error| {
        EngineError::new(
            EngineErrorKind::Internal,
            "writing a document as JSON panicked",
        )
        .caused_by(error)
    })?
}

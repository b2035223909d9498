//! Exclusive rights as leases on empty blobs.

use std::time::Duration;

use azure_storage_blob::{
    BlobClient,
    models::{BlobClientAcquireLeaseResultHeaders, BlockBlobClientUploadOptions},
};
use bytes::Bytes;
use kayenta_storage::{LOCK_HOLD, StorageError, StorageErrorKind, StoreLock};
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::failure::{Reason, explain, reason};

/// How often a taken lease is asked for again; the holder needs a few round trips.
const POLL: Duration = Duration::from_millis(50);

/// Takes the lease of `blob`, which is made when it is missing.
pub(crate) async fn acquire(
    account: &str,
    blob: BlobClient,
    wait: Duration,
) -> Result<StoreLock, StorageError> {
    let deadline = Instant::now() + wait;
    let seconds = i32::try_from(LOCK_HOLD.as_secs()).unwrap_or(i32::MAX);
    let mut made = false;
    loop {
        let error = match blob.acquire_lease(seconds, None).await {
            Ok(response) => {
                let lease = response
                    .lease_id()
                    .ok()
                    .flatten()
                    .ok_or_else(|| other(account, "got a lease without an id"))?;
                return Ok(StoreLock::new(move || {
                    Box::pin(async move {
                        // An unreleased lease ends by itself.
                        if let Err(error) = blob.release_lease(lease, None).await {
                            debug!("could not release a lease: {}", error.kind());
                        }
                    })
                }));
            }
            Err(error) => error,
        };
        match reason(&error) {
            Reason::Leased if Instant::now() < deadline => sleep(POLL).await,
            Reason::Leased => {
                return Err(StorageError::new(
                    StorageErrorKind::Unavailable,
                    format!("Another writer keeps account '{account}' busy."),
                ));
            }
            Reason::NoBlob if !made => {
                made = true;
                let options = BlockBlobClientUploadOptions {
                    if_none_match: Some("*".into()),
                    ..BlockBlobClientUploadOptions::default()
                };
                let content = Bytes::new().into();
                match blob.upload(content, Some(options)).await {
                    Ok(_) => {}
                    // Another writer made it, and may hold it.
                    Err(error) if matches!(reason(&error), Reason::Condition | Reason::Leased) => {}
                    Err(error) => return Err(explain(account, "make a lock", &error)),
                }
            }
            _ => return Err(explain(account, "take a lock", &error)),
        }
    }
}

fn other(account: &str, what: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Other,
        format!("Azure Cloud Storage account '{account}' {what}."),
    )
}

//! Exclusive rights as objects that only one writer can create.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{Bucket, BucketStore, PutCondition};
use crate::{
    error::{StorageError, StorageErrorKind},
    lock::{LOCK_HOLD, StoreLock},
};

/// How often a taken lock is looked at again; the holder needs a few round trips.
const POLL: Duration = Duration::from_millis(50);

/// A lock older than [`LOCK_HOLD`] by this much is left over: services report whole seconds.
const GRACE: TimeDelta = TimeDelta::seconds(2);

/// Past this age a lock is not given back: another writer may be about to take it over.
const RELEASED_WITHIN: Duration = LOCK_HOLD.saturating_sub(Duration::from_secs(2));

/// Creates the lock object `name`, or takes over one that its writer left behind.
#[expect(
    clippy::disallowed_methods,
    reason = "the content only has to differ from every other"
)]
pub(super) async fn acquire<B: Bucket>(
    store: &BucketStore<B>,
    name: String,
    wait: Duration,
) -> Result<StoreLock, StorageError> {
    let bucket = &store.bucket;
    if !bucket.decides_conditions().await? {
        return Ok(StoreLock::unneeded());
    }
    let deadline = Instant::now() + wait;
    // Equal content could have equal versions.
    let token = Bytes::from(uuid::Uuid::new_v4().to_string());
    let mut left_over: Option<String> = None;
    loop {
        let asked = Instant::now();
        let condition = match &left_over {
            None => PutCondition::Absent,
            Some(version) => PutCondition::Version(version),
        };
        match store.put_object(&name, token.clone(), condition).await {
            Ok(_) => return Ok(held(bucket, name, asked)),
            Err(error) if error.kind == StorageErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
        left_over = None;
        let Some(present) = bucket.get(&name).await? else {
            continue;
        };
        let hold = TimeDelta::from_std(LOCK_HOLD).unwrap_or(TimeDelta::MAX);
        if present.answered - present.entry.updated > hold + GRACE {
            left_over = Some(present.entry.version);
        } else if Instant::now() < deadline {
            sleep(POLL).await;
        } else {
            return Err(StorageError::new(
                StorageErrorKind::Unavailable,
                format!("Another writer keeps account '{}' busy.", bucket.account()),
            ));
        }
    }
}

fn held<B: Bucket>(bucket: &Arc<B>, name: String, since: Instant) -> StoreLock {
    let bucket = Arc::clone(bucket);
    StoreLock::new(move || {
        Box::pin(async move {
            if since.elapsed() < RELEASED_WITHIN
                && let Err(error) = bucket.remove(&name).await
            {
                // It ends by itself.
                debug!("a lock was not given back: {error}");
            }
        })
    })
}

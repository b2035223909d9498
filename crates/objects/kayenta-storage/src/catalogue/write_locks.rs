//! Two writers of one name or id exclude each other.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use kayenta_model::java_string_hash;
use tokio::sync::Mutex;

use crate::{
    error::{StorageError, StorageErrorKind},
    lock::LOCK_HOLD,
    store::ObjectStore,
};

/// Locks that names and ids are spread over; two writers meet only on the same lock.
const LOCKS: usize = 32;

/// How long a writer waits for another one of the same name or id: past the hold of a dead one.
const LOCK_WAIT: Duration = Duration::from_secs(20);

/// What happens under a lock is cut off this long before the lock may end.
const LOCK_MARGIN: Duration = Duration::from_secs(3);

/// What excludes writers of one process; those of others are excluded by the store's own locks.
#[derive(Debug)]
pub(super) struct WriteLocks([Mutex<()>; LOCKS]);

impl Default for WriteLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl WriteLocks {
    /// Runs `work` while no other writer has one of the locks.
    pub(super) async fn exclusively<T>(
        &self,
        indices: &[usize],
        store: &dyn ObjectStore,
        work: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        let mut mutexes = Vec::with_capacity(indices.len());
        let mut rights = Vec::with_capacity(indices.len());
        let began = Instant::now();
        let mut held_since = None;
        for &index in indices {
            let patience = LOCK_WAIT.saturating_sub(began.elapsed());
            let mutex = tokio::time::timeout(patience, self.0[index].lock())
                .await
                .map_err(|_| busy(began.elapsed()))?;
            mutexes.push(mutex);
        }
        for &index in indices {
            let patience = LOCK_WAIT.saturating_sub(began.elapsed());
            let name = format!("canary_config-{index:02}");
            let asked = Instant::now();
            rights.push(store.lock(&name, patience).await?);
            held_since.get_or_insert(asked);
        }
        let spent = held_since.map_or(Duration::ZERO, |since| since.elapsed());
        let budget = (LOCK_HOLD - LOCK_MARGIN).saturating_sub(spent);
        let outcome = tokio::time::timeout(budget, work)
            .await
            .unwrap_or_else(|_| {
                Err(StorageError::new(
                    StorageErrorKind::Unavailable,
                    "Writing the canary config took too long.",
                )
                .after(began.elapsed()))
            });
        for right in rights {
            right.release().await;
        }
        outcome
    }
}

/// The locks of a name and an id, ascending, so that two writers never wait for each other.
pub(super) fn lock_indices(name: &str, id: &str) -> Vec<usize> {
    let index = |text: &str| java_string_hash(text).unsigned_abs() as usize % LOCKS;
    let mut indices = vec![index(name), index(id)];
    indices.sort_unstable();
    indices.dedup();
    indices
}

fn busy(waited: Duration) -> StorageError {
    StorageError::new(
        StorageErrorKind::Unavailable,
        "Other writers keep the canary config busy.",
    )
    .after(waited)
}

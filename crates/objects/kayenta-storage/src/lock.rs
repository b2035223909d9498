//! A right that one writer at a time holds.

use std::{fmt, time::Duration};

use futures::future::BoxFuture;

/// How long a lock is certain to be held; what it protects is cut off before.
pub const LOCK_HOLD: Duration = Duration::from_secs(15);

type Release = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// A held right. Given back by [`release`](Self::release), or in the background when dropped.
#[must_use = "the right ends when the lock is dropped"]
pub struct StoreLock(Option<Release>);

impl StoreLock {
    /// For stores that belong to one process alone.
    pub fn unneeded() -> Self {
        Self(None)
    }

    /// A lock that `release` gives back.
    pub fn new(release: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        Self(Some(Box::new(release)))
    }

    /// Gives the right back and waits until others can have it.
    pub async fn release(mut self) {
        if let Some(release) = self.0.take() {
            release().await;
        }
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        let Some(release) = self.0.take() else { return };
        // Outside a runtime the store ends the right by itself after a while.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(release());
        }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreLock").field(&self.0.is_some()).finish()
    }
}

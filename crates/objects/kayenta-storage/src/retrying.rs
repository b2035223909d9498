//! Another try for what fails by chance, within a deadline.

use std::{future::Future, ops::Range, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use kayenta_limits::NoMemory;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tracing::warn;

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    store::{ObjectStore, ObjectSummary, StoredObject, Stray, UpTo, WriteCondition, part_length},
    upload::Upload,
};

/// When to try again and when to give up.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Wait before the second attempt; doubles with each, with jitter.
    pub first_delay: Duration,
    /// Longest wait between two attempts.
    pub max_delay: Duration,
    /// Longest single attempt on one small object.
    pub attempt_timeout: Duration,
    /// No attempt begins later than this after the first.
    pub last_start: Duration,
    /// Longest single attempt at a read or a listing, whose size is not known in advance; the store
    /// itself notices when nothing arrives any more.
    pub transfer_timeout: Duration,
    /// Slowest upload borne: a big object extends its attempts by its size divided by this many
    /// bytes per second.
    pub slowest_bytes_per_second: usize,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(10),
            last_start: Duration::from_secs(20),
            transfer_timeout: Duration::from_secs(180),
            slowest_bytes_per_second: 1024 * 1024,
        }
    }
}

/// Repeats operations that fail with [`Unavailable`](StorageErrorKind::Unavailable), with jittered
/// exponential waits (or as long as the store asks for), within the policy's times. The error that
/// comes out says how often it was tried and for how long.
///
/// A repeated write whose first attempt got through unheard would meet its own object; that is
/// recognised and counts as success, like a repeated removal that finds nothing.
#[derive(Clone, Debug)]
pub struct Retrying<S> {
    inner: S,
    account: Arc<str>,
    policy: RetryPolicy,
}

impl<S> Retrying<S> {
    /// `inner`, tried again as `policy` says; `account` names it in the log.
    pub fn new(inner: S, account: impl Into<Arc<str>>, policy: RetryPolicy) -> Self {
        Self {
            inner,
            account: account.into(),
            policy,
        }
    }

    fn attempt_timeout(&self, bytes: usize) -> Duration {
        let transfer = bytes / self.policy.slowest_bytes_per_second.max(1);
        self.policy.attempt_timeout + Duration::from_secs(transfer as u64)
    }

    /// Runs `attempt` until it succeeds, fails for good or runs out of time; it receives the number
    /// of the attempt, from 1.
    async fn run<T, F>(
        &self,
        operation: &'static str,
        patience: Duration,
        attempt: impl Fn(u32) -> F + Send + Sync,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let began = Instant::now();
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(self.policy.first_delay)
            .with_max_delay(self.policy.max_delay)
            .with_jitter()
            .without_max_times()
            .build();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = timeout(patience, attempt(attempts)).await;
            let mut error = match outcome {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => StorageError::new(
                    StorageErrorKind::Unavailable,
                    format!(
                        "Account '{}' gave no answer to {operation} within {:.1} s.",
                        self.account,
                        patience.as_secs_f64()
                    ),
                ),
            };
            error.attempts = attempts;
            error.elapsed = began.elapsed();
            // Memory has been waited for already, and no store has any.
            if !error.is_transient() || NoMemory::of(&error).is_some() {
                return Err(error);
            }
            let delay = delays.next().unwrap_or(self.policy.max_delay);
            let delay = error.retry_after.map_or(delay, |asked| asked.max(delay));
            if began.elapsed() + delay >= self.policy.last_start {
                return Err(error);
            }
            warn!(
                account = %self.account, operation, attempts,
                delay_ms = delay.as_millis() as u64,
                "storage operation failed; retrying: {error}"
            );
            metrics::counter!("kayenta_storage_retries_total",
                "account" => Arc::clone(&self.account), "operation" => operation)
            .increment(1);
            sleep(delay).await;
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: ObjectStore> ObjectStore for Retrying<S> {
    fn platform(&self) -> &'static str {
        self.inner.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let patience = self.policy.transfer_timeout;
        self.run("load", patience, |_| self.inner.load(kind, key))
            .await
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let patience = self.policy.transfer_timeout;
        self.run("load", patience, |_| self.inner.load_listed(kind, summary))
            .await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let patience = self.policy.transfer_timeout;
        self.run("load", patience, |_| self.inner.load_up_to(kind, key, most))
            .await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let size = part_length(&part);
        self.run("load_part", self.attempt_timeout(size), |_| {
            self.inner.load_part(kind, found, part.clone())
        })
        .await
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let patience = self.attempt_timeout(bytes.len());
        self.run("store", patience, |attempt| {
            let (bytes, condition) = (bytes.clone(), condition.clone());
            async move {
                let written = self
                    .inner
                    .store(kind, key, filename, bytes.clone(), condition)
                    .await;
                match written {
                    Err(error) if attempt > 1 && error.kind == StorageErrorKind::Conflict => {
                        let wanted = filename.unwrap_or(kind.default_filename());
                        match self.inner.load(kind, key).await {
                            Ok(present)
                                if present.bytes == bytes && present.summary.filename == wanted =>
                            {
                                Ok(present.summary)
                            }
                            // Whose object it is stays open until it can be read.
                            Err(unread) if unread.is_transient() => Err(unread),
                            _ => Err(error),
                        }
                    }
                    other => other,
                }
            }
        })
        .await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        let inner = Mutex::new(self.inner.upload(kind, key)?);
        Some(Box::new(RetryingUpload { inner, store: self }))
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        self.run("delete", self.attempt_timeout(0), |attempt| async move {
            match self.inner.delete(kind, key).await {
                Err(error) if attempt > 1 && error.is_not_found() => Ok(()),
                other => other,
            }
        })
        .await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let patience = self.policy.transfer_timeout;
        self.run("list", patience, |_| self.inner.list(kind)).await
    }

    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        let patience = self.policy.transfer_timeout;
        self.run("strays", patience, |_| self.inner.strays(kind))
            .await
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        // The store itself keeps asking until `wait` is over; only its failures are repeated.
        let patience = wait + self.policy.attempt_timeout;
        self.run("lock", patience, |_| self.inner.lock(name, wait))
            .await
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        self.run("change_mark", self.attempt_timeout(0), |_| {
            self.inner.change_mark(kind)
        })
        .await
    }

    fn directory(&self) -> Option<&Path> {
        self.inner.directory()
    }

    /// Tried once: health tells what is.
    async fn check(&self) -> Result<(), StorageError> {
        timeout(self.policy.attempt_timeout, self.inner.check())
            .await
            .unwrap_or_else(|_| {
                Err(StorageError::new(
                    StorageErrorKind::Unavailable,
                    format!(
                        "Account '{}' gave no answer within {:.1} s.",
                        self.account,
                        self.policy.attempt_timeout.as_secs_f64()
                    ),
                ))
            })
    }
}

/// An upload each step of which is repeated.
#[derive(Debug)]
struct RetryingUpload<'s, S> {
    /// One attempt at a time.
    inner: Mutex<Box<dyn Upload + 's>>,
    store: &'s Retrying<S>,
}

#[async_trait]
impl<S: ObjectStore> Upload for RetryingUpload<'_, S> {
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError> {
        let (store, inner) = (self.store, &self.inner);
        let patience = store.attempt_timeout(part.len());
        store
            .run("store_part", patience, |_| {
                let part = part.clone();
                async move { inner.lock().await.add(part).await }
            })
            .await
    }

    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError> {
        let (store, inner) = (self.store, &self.inner);
        // The service may take its time to put the parts together.
        store
            .run("store", store.policy.transfer_timeout, |_| {
                let last = last.clone();
                async move { inner.lock().await.finish(last).await }
            })
            .await
    }

    /// Tried once: a store forgets parts that nobody asks for.
    async fn abandon(&mut self) {
        let patience = self.store.policy.attempt_timeout;
        let _ = timeout(patience, self.inner.get_mut().abandon()).await;
    }
}

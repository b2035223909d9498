//! Counts and times of a store's operations.

use std::{
    future::Future,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::Instrument;

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
    lock::StoreLock,
    store::{ObjectStore, ObjectSummary, StoredObject, Stray, UpTo, WriteCondition},
    upload::Upload,
};

/// Measures every operation of one account's store:
/// `kayenta_storage_operations_total{account,operation,kind,outcome}`,
/// `kayenta_storage_operation_seconds{account,operation,kind}` and
/// `kayenta_storage_bytes_total{account,operation,kind}` of reads and writes.
#[derive(Clone, Debug)]
pub struct Metered<S> {
    inner: S,
    account: Arc<str>,
}

impl<S> Metered<S> {
    /// `inner`, measured under the name of its account.
    pub fn new(inner: S, account: impl Into<Arc<str>>) -> Self {
        Self {
            inner,
            account: account.into(),
        }
    }

    async fn measure<T>(
        &self,
        operation: &'static str,
        kind: &'static str,
        size: impl Fn(&T) -> usize + Send,
        work: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        let began = Instant::now();
        let span = tracing::debug_span!("object", operation, kind, account = %self.account);
        let result = work.instrument(span).await;
        let account = &self.account;
        metrics::histogram!("kayenta_storage_operation_seconds",
            "account" => Arc::clone(account), "operation" => operation, "kind" => kind)
        .record(began.elapsed().as_secs_f64());
        let outcome = match &result {
            Ok(_) => "success",
            Err(error) => outcome(error.kind),
        };
        metrics::counter!("kayenta_storage_operations_total",
            "account" => Arc::clone(account), "operation" => operation, "kind" => kind,
            "outcome" => outcome)
        .increment(1);
        if let Some(bytes) = result.as_ref().ok().map(size).filter(|&bytes| bytes > 0) {
            metrics::counter!("kayenta_storage_bytes_total",
                "account" => Arc::clone(account), "operation" => operation, "kind" => kind)
            .increment(bytes as u64);
        }
        result
    }
}

fn outcome(kind: StorageErrorKind) -> &'static str {
    match kind {
        StorageErrorKind::NotFound => "not_found",
        StorageErrorKind::Conflict => "conflict",
        StorageErrorKind::Invalid => "invalid",
        StorageErrorKind::Denied => "denied",
        StorageErrorKind::Unavailable => "unavailable",
        StorageErrorKind::Corrupt => "corrupt",
        StorageErrorKind::Other => "other",
    }
}

fn nothing<T>(_: &T) -> usize {
    0
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: ObjectStore> ObjectStore for Metered<S> {
    fn platform(&self) -> &'static str {
        self.inner.platform()
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        let size = |object: &StoredObject| object.bytes.len();
        self.measure("load", kind.group(), size, self.inner.load(kind, key))
            .await
    }

    async fn load_listed(
        &self,
        kind: ObjectKind,
        summary: &ObjectSummary,
    ) -> Result<StoredObject, StorageError> {
        let size = |object: &StoredObject| object.bytes.len();
        let work = self.inner.load_listed(kind, summary);
        self.measure("load", kind.group(), size, work).await
    }

    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let size = |loaded: &UpTo| match loaded {
            UpTo::Whole(object) => object.bytes.len(),
            UpTo::Larger(_) => 0,
        };
        let work = self.inner.load_up_to(kind, key, most);
        self.measure("load", kind.group(), size, work).await
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let work = self.inner.load_part(kind, found, part);
        self.measure("load_part", kind.group(), Bytes::len, work)
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
        let length = bytes.len();
        let work = self.inner.store(kind, key, filename, bytes, condition);
        self.measure("store", kind.group(), |_| length, work).await
    }

    fn upload<'s>(&'s self, kind: ObjectKind, key: &str) -> Option<Box<dyn Upload + 's>> {
        let inner = self.inner.upload(kind, key)?;
        Some(Box::new(MeteredUpload {
            inner,
            store: self,
            kind: kind.group(),
        }))
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        let work = self.inner.delete(kind, key);
        self.measure("delete", kind.group(), nothing, work).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        self.measure("list", kind.group(), nothing, self.inner.list(kind))
            .await
    }

    async fn strays(&self, kind: ObjectKind) -> Result<Vec<Stray>, StorageError> {
        self.measure("strays", kind.group(), nothing, self.inner.strays(kind))
            .await
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        self.measure("lock", "none", nothing, self.inner.lock(name, wait))
            .await
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        let work = self.inner.change_mark(kind);
        self.measure("change_mark", kind.group(), nothing, work)
            .await
    }

    fn directory(&self) -> Option<&Path> {
        self.inner.directory()
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.measure("check", "none", nothing, self.inner.check())
            .await
    }
}

/// An upload each part of which is measured.
#[derive(Debug)]
struct MeteredUpload<'s, S> {
    inner: Box<dyn Upload + 's>,
    store: &'s Metered<S>,
    kind: &'static str,
}

#[async_trait]
impl<S: ObjectStore> Upload for MeteredUpload<'_, S> {
    async fn add(&mut self, part: Bytes) -> Result<(), StorageError> {
        let length = part.len();
        let work = self.inner.add(part);
        self.store
            .measure("store_part", self.kind, |()| length, work)
            .await
    }

    async fn finish(&mut self, last: Bytes) -> Result<ObjectSummary, StorageError> {
        let length = last.len();
        let work = self.inner.finish(last);
        self.store
            .measure("store", self.kind, |_| length, work)
            .await
    }

    async fn abandon(&mut self) {
        self.inner.abandon().await;
    }
}

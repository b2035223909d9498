//! What every remote object store must do when its server refuses, is away, breaks off or is slow: each
//! failure is an error that says why, and the next operation works.
//!
//! The checks panic with what went wrong; give each a place of its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use kayenta_storage::{
    ObjectKind, ObjectStore, RetryPolicy, Retrying, StorageError, StorageErrorKind, WriteCondition,
};

use crate::{
    azurite::Azurite,
    bucket_servers::BucketServer,
    fault_proxy::{Fault, FaultProxy},
    sql_server::SqlServer,
};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

/// A server that can be taken away for a while.
pub trait Interruptible {
    /// Ends it.
    fn stop(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>>;

    /// Starts it again at the same address, stopping it first if it runs.
    fn restart(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>>;
}

impl Interruptible for Azurite {
    fn stop(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(Azurite::stop(self))
    }

    fn restart(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(Azurite::restart(self))
    }
}

impl Interruptible for BucketServer {
    fn stop(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(BucketServer::stop(self))
    }

    fn restart(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(BucketServer::restart(self))
    }
}

impl Interruptible for SqlServer {
    fn stop(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(SqlServer::stop(self))
    }

    fn restart(&mut self) -> LocalBoxFuture<'_, anyhow::Result<()>> {
        Box::pin(SqlServer::restart(self))
    }
}

/// The errors of every operation, all of which must fail: store, load, list, delete, lock, check.
pub async fn every_operation(store: &dyn ObjectStore) -> Vec<StorageError> {
    let bytes = Bytes::from_static(b"{}");
    let write = store
        .store(KIND, "k", None, bytes, WriteCondition::Always)
        .await;
    vec![
        write.unwrap_err(),
        store.load(KIND, "k").await.unwrap_err(),
        store.list(KIND).await.unwrap_err(),
        store.delete(KIND, "k").await.unwrap_err(),
        store.lock("k", Duration::ZERO).await.unwrap_err(),
        store.check().await.unwrap_err(),
    ]
}

/// What every failure has to be and say, and must not say.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'c> {
    /// Its meaning.
    pub kind: StorageErrorKind,
    /// Words of it.
    pub words: &'c str,
    /// The account it names.
    pub account: &'c str,
    /// What must not be shown, neither by the error nor by the store.
    pub secrets: &'c [&'c str],
}

/// Every operation fails for this reason and says so.
pub async fn every_operation_says(store: &dyn ObjectStore, cause: Cause<'_>) {
    for error in every_operation(store).await {
        assert_eq!(error.kind, cause.kind, "{error}");
        assert!(error.message.contains(cause.words), "{error}");
        assert!(error.message.contains(cause.account), "{error}");
        let shown = format!("{error} {error:?} {store:?}");
        for secret in cause.secrets {
            assert!(!shown.contains(secret), "a secret is shown: {error}");
        }
    }
}

/// A server that is down when the store is opened comes up by itself, and a write waits for it. `store`
/// retries. Where the server `keeps` its objects, what was written outlives another restart.
pub async fn a_server_down_at_the_start_comes_up_by_itself(
    server: &mut dyn Interruptible,
    store: Arc<dyn ObjectStore>,
    keeps: bool,
) {
    server.stop().await.unwrap();
    assert!(store.check().await.unwrap_err().is_transient());
    let write = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let bytes = Bytes::from_static(b"{}");
            store
                .store(KIND, "k", None, bytes, WriteCondition::Absent)
                .await
        })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.restart().await.unwrap();
    write.await.unwrap().expect("a write rides out the outage");
    store.check().await.unwrap();
    if keeps {
        server.restart().await.unwrap();
        let read = store.load(KIND, "k").await.expect("written is written");
        assert_eq!(&read.bytes[..], b"{}");
    }
}

/// A server that stays away is given up after some tries. `store` tries once.
pub async fn a_dead_server_is_given_up_in_time(
    server: &mut dyn Interruptible,
    store: Arc<dyn ObjectStore>,
) {
    let policy = RetryPolicy {
        last_start: Duration::from_secs(2),
        ..RetryPolicy::default()
    };
    let store = Retrying::new(store, "account", policy);
    store.check().await.unwrap();
    server.stop().await.unwrap();
    let began = Instant::now();
    let errors = every_operation(&store).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    for error in &errors[..5] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        assert!(error.attempts > 2, "{error:?}");
        assert!(error.elapsed > Duration::from_millis(500), "{error:?}");
    }
}

/// Cut connections, answers that break off and slow answers fail or delay an operation; the next one
/// works. `store` tries once and reaches its server through `proxy`; `broken` are its words for a
/// connection that ended too early.
pub async fn broken_and_slow_connections_are_reported_and_left_behind(
    proxy: &FaultProxy,
    store: Arc<dyn ObjectStore>,
    broken: &str,
) {
    let big = Bytes::from(vec![b' '; 1 << 20]);
    let kind = ObjectKind::MetricSetList;
    store
        .store(kind, "big", None, big.clone(), WriteCondition::Always)
        .await
        .unwrap();
    proxy.set(Fault::Cut);
    for error in every_operation(&store).await {
        assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
        assert!(error.message.contains(broken), "{error}");
    }
    proxy.set(Fault::ResetAfter(200_000));
    let error = store.load(kind, "big").await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
    assert!(error.message.contains(broken), "{error}");
    proxy.set(Fault::Delay(Duration::from_millis(300)));
    let policy = RetryPolicy {
        attempt_timeout: Duration::from_millis(200),
        last_start: Duration::from_millis(300),
        ..RetryPolicy::default()
    };
    let impatient = Retrying::new(Arc::clone(&store), "account", policy);
    let bytes = Bytes::from_static(b"[]");
    let late = impatient.store(kind, "late", None, bytes, WriteCondition::Always);
    let error = late.await.unwrap_err();
    assert!(error.message.contains("gave no answer to store"), "{error}");
    proxy.set(Fault::Pass);
    assert_eq!(store.load(kind, "big").await.unwrap().bytes, big);
    store.check().await.unwrap();
}

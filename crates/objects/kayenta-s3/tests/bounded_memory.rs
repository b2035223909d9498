//! What is read of large objects stays within the budget of bytes of the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]
#![allow(dead_code, reason = "other tests use the rest of the shared module")]

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use kayenta_limits::{memory_use, scope, set_budget};
use kayenta_model::MetricSetPair;
use kayenta_storage::{ObjectKind, ObjectRepository, StorageErrorKind, WriteCondition};
use kayenta_testkit::{BucketServer, eventually};

#[path = "it/support.rs"]
mod support;

const KIND: ObjectKind = ObjectKind::MetricSetPairList;
const MIB: usize = 1 << 20;
const BUDGET: usize = 8 * MIB;

fn pair(id: usize) -> MetricSetPair {
    let values = (0..40_000).map(|n| id as f64 + f64::from(n) + 0.5);
    MetricSetPair {
        id: Some(id.to_string()),
        values: Some([("control".to_owned(), values.collect())].into()),
        ..MetricSetPair::default()
    }
}

/// A thread for computing may have its part for a little longer than the one who waits for it.
async fn all_is_given_back() {
    eventually("all is given back", Duration::from_secs(10), async || {
        let reserved = memory_use().unwrap().reserved;
        (reserved == 0).then_some(()).ok_or(reserved)
    })
    .await;
}

/// One test, as there is one budget for the process.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3"]
async fn one_pair_of_a_list_larger_than_the_budget_is_read_in_little_memory() {
    set_budget(BUDGET as u64);
    let server = BucketServer::gofakes3().await.unwrap();
    let store = support::retrying(&support::account(&server.endpoint()));
    let repository = ObjectRepository::new("s3", Arc::new(store));
    let pairs: Vec<MetricSetPair> = (0..34).map(pair).collect();
    let stored = repository
        .store(KIND, "large", None, pairs, WriteCondition::Always)
        .await
        .unwrap();
    assert!(stored.size > BUDGET as u64, "{} bytes", stored.size);

    let load = |id: usize| {
        let id = id.to_string();
        let is_wanted = move |pair: &MetricSetPair| pair.id.as_deref() == Some(&id);
        let repository = &repository;
        scope(async move { repository.load_element(KIND, "large", is_wanted).await })
    };
    for id in [33, 0] {
        assert!(load(id).await.unwrap() == Some(pair(id)), "{id}");
    }
    assert_eq!(load(60).await.unwrap(), None);
    all_is_given_back().await;
    let used = memory_use().unwrap();
    assert_eq!(used.too_large, 0);
    assert!(used.peak <= 4 * MIB as u64, "{used:?}");

    for (id, found) in join_all([1, 2, 32].map(load)).await.into_iter().enumerate() {
        assert!(found.unwrap() == Some(pair([1, 2, 32][id])));
    }
    all_is_given_back().await;
    let whole = scope(repository.load::<Vec<MetricSetPair>>(KIND, "large")).await;
    let error = whole.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Unavailable);
    assert!(error.message.contains("kayenta.memory.budget"), "{error}");
}

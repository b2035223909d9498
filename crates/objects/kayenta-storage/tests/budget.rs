//! What is read from a store counts against the budget of bytes of the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::sync::Arc;

use chrono::DateTime;
use futures::future::join_all;
use kayenta_limits::{budget, largest_reservation, scope, set_budget};
use kayenta_model::IdSource;
use kayenta_storage::{
    CatalogueOptions, ConfigCatalogue, DiskStore, Durability, MemoryStore, ObjectKind,
    ObjectRepository, ObjectStore, StorageErrorKind, WriteCondition,
};
use kayenta_testkit::ManualClock;
use serde_json::Value;

const BUDGET: u64 = 32 << 20;
const KIND: ObjectKind = ObjectKind::MetricSetList;

/// Empty objects, which take two hundred times their text.
async fn store_objects(repository: &ObjectRepository, key: &str, count: usize) {
    let text = format!("[{}]", vec!["{}"; count].join(","));
    repository
        .store_bytes(KIND, key, None, text.into(), WriteCondition::Always)
        .await
        .unwrap();
}

/// Nothing here needs one.
#[derive(Debug)]
struct NoIds;

impl IdSource for NoIds {
    fn uuid(&self) -> String {
        unreachable!("no id is needed")
    }

    fn ulid(&self, _now_millis: i64) -> String {
        unreachable!("no id is needed")
    }
}

fn free() -> u64 {
    budget().unwrap().1
}

/// One test, as there is one budget for the process.
#[tokio::test]
async fn documents_count_as_what_they_are_once_read_and_wait_for_one_another() {
    set_budget(BUDGET);
    let repository = ObjectRepository::new("memory", Arc::new(MemoryStore::default()));

    // Each takes two thirds of the budget, and all are read.
    store_objects(&repository, "large", 30_000).await;
    let reads = (0..8).map(|_| {
        scope(async {
            let read: Value = repository.load(KIND, "large").await?;
            assert!(free() < BUDGET / 2, "{} bytes are free", free());
            tokio::task::yield_now().await;
            Ok::<_, kayenta_storage::StorageError>(read.as_array().unwrap().len())
        })
    });
    for read in join_all(reads).await {
        assert_eq!(read.unwrap(), 30_000);
    }
    assert_eq!(free(), BUDGET);

    // 300 kB of text that would take more than there is.
    store_objects(&repository, "larger", 100_000).await;
    let refused = scope(repository.load::<Value>(KIND, "larger")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, StorageErrorKind::Unavailable);
    assert!(
        refused.message.contains(&format!(
            "more than the {} bytes",
            largest_reservation().unwrap()
        )),
        "{refused}"
    );
    assert_eq!(free(), BUDGET);

    // In a list of configs it is left out, and the others are there.
    let metrics = vec!["{}"; 100_000].join(",");
    for (key, metrics) in [("small", ""), ("huge", metrics.as_str())] {
        let text =
            format!("{{\"name\":\"{key}\",\"applications\":[\"a\"],\"metrics\":[{metrics}]}}");
        repository
            .store_bytes(
                ObjectKind::CanaryConfig,
                key,
                None,
                text.into(),
                WriteCondition::Always,
            )
            .await
            .unwrap();
    }
    let catalogue = ConfigCatalogue::new(
        repository,
        Arc::new(ManualClock::at(DateTime::UNIX_EPOCH)),
        Arc::new(NoIds),
        CatalogueOptions::default(),
    );
    let listed = catalogue.list(&[]).await.unwrap();
    let names: Vec<_> = listed.iter().map(|config| config.id.as_str()).collect();
    assert_eq!(names, ["small"]);

    // Of files, the text counts before it is read, and as long as it is there.
    let folder = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(folder.path(), Durability::ProcessCrash)
        .await
        .unwrap();
    for (kind, key) in [(KIND, "packed"), (ObjectKind::CanaryConfig, "file")] {
        let bytes = vec![b' '; 1 << 20];
        disk.store(kind, key, None, bytes.into(), WriteCondition::Always)
            .await
            .unwrap();
        let read = disk.load(kind, key).await.unwrap();
        assert_eq!((read.bytes.len(), free()), (1 << 20, BUDGET - (1 << 20)));
        drop(read);
        assert_eq!(free(), BUDGET);
        let bytes = vec![b' '; 30 << 20];
        disk.store(kind, key, None, bytes.into(), WriteCondition::Always)
            .await
            .unwrap();
        let refused = disk.load(kind, key).await.unwrap_err();
        assert_eq!(refused.kind, StorageErrorKind::Unavailable, "{refused}");
    }
}

//! The seam conformance suites on the embedded pair, in memory and on disk.

use std::{path::Path, sync::Arc};

use kayenta_queue::{EmbeddedSettings, EmbeddedStore};
use kayenta_testkit::{
    ManualClock,
    execution_store_suite::{self, ExecutionStoreFixture},
    work_queue_suite::{self, WorkQueueFixture},
};
use tempfile::TempDir;

use crate::in_memory;

fn queue_fixture(store: EmbeddedStore, clock: ManualClock) -> WorkQueueFixture {
    let store = Arc::new(store);
    WorkQueueFixture {
        queue: store.clone(),
        peer: store,
        time: Arc::new(clock),
        lease: EmbeddedSettings::default().lease,
    }
}

fn store_fixture(store: EmbeddedStore, clock: ManualClock) -> ExecutionStoreFixture {
    let store = Arc::new(store);
    ExecutionStoreFixture {
        store: store.clone(),
        peer: store,
        time: Arc::new(clock),
        retention: EmbeddedSettings::default().retention,
    }
}

async fn on_disk(folder: &Path, clock: &ManualClock) -> EmbeddedStore {
    let folder = tempfile::tempdir_in(folder).unwrap().keep();
    EmbeddedStore::open(
        &folder,
        EmbeddedSettings::default(),
        Arc::new(clock.clone()),
    )
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_in_memory_conforms() {
    work_queue_suite::run_all(|| async {
        let clock = ManualClock::default();
        queue_fixture(in_memory(clock.clone()), clock)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_on_disk_conforms() {
    let folder = TempDir::new().unwrap();
    work_queue_suite::run_all(|| async {
        let clock = ManualClock::default();
        queue_fixture(on_disk(folder.path(), &clock).await, clock)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_memory_conform() {
    execution_store_suite::run_all(|| async {
        let clock = ManualClock::default();
        store_fixture(in_memory(clock.clone()), clock)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_on_disk_conform() {
    let folder = TempDir::new().unwrap();
    execution_store_suite::run_all(|| async {
        let clock = ManualClock::default();
        store_fixture(on_disk(folder.path(), &clock).await, clock)
    })
    .await;
}

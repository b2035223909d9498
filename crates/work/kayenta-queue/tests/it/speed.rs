//! Figures, printed. Asserted only where growth would be a fault.

use std::sync::Arc;

use kayenta_queue::{EmbeddedSettings, EmbeddedStore, ExecutionStore, SystemClock};
use kayenta_testkit::{
    execution_store_suite,
    work_queue_suite::{WorkQueueFixture, cost_at_depth},
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn cost_of_a_job_does_not_grow_with_the_depth() {
    let mut costs = Vec::new();
    for depth in [10, 1_000, 100_000] {
        let folder = TempDir::new().unwrap();
        let store = EmbeddedStore::open(
            folder.path(),
            EmbeddedSettings::default(),
            Arc::new(SystemClock),
        )
        .await
        .unwrap();
        let store = Arc::new(store);
        let fixture = WorkQueueFixture {
            queue: store.clone(),
            peer: store,
            time: Arc::new(SystemClock),
            lease: EmbeddedSettings::default().lease,
        };
        let cost = cost_at_depth(&fixture, depth).await;
        println!("embedded queue, {cost}");
        costs.push(cost);
    }
    // A tree of a few more levels may cost a little more; a scan would cost ten thousand times more.
    assert!(costs[2].one_worker < costs[0].one_worker * 8, "{costs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_many_callers_at_once_are_all_kept() {
    let folder = TempDir::new().unwrap();
    let store: Arc<dyn ExecutionStore> = Arc::new(
        EmbeddedStore::open(
            folder.path(),
            EmbeddedSettings::default(),
            Arc::new(SystemClock),
        )
        .await
        .unwrap(),
    );
    println!(
        "embedded records, {}",
        execution_store_suite::speed(&store).await
    );
    assert_eq!(store.ids().await.unwrap().len(), 1_020);
}

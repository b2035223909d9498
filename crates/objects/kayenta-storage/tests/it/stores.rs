//! Memory and disk pass the suite, plain and decorated.

use std::{fs, sync::Arc};

use futures::{FutureExt, StreamExt, stream};
use kayenta_storage::{
    Bounded, DiskStore, Durability, MemoryStore, Metered, ObjectKind, ObjectStore, RetryPolicy,
    Retrying, WriteCondition,
};
use kayenta_testkit::object_store_suite;

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    let store = MemoryStore::default();
    object_store_suite::run_all(&store).await;
    object_store_suite::lists_every_page(&store, 5_100).await;
    object_store_suite::large_lists(MemoryStore::default()).await;
    assert_eq!(store.platform(), "memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_conforms_with_every_durability() {
    for durability in [
        Durability::PowerLoss,
        Durability::ProcessCrash,
        Durability::PowerLossAlways,
    ] {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path(), durability).await.unwrap();
        object_store_suite::run_all(&store).await;
        let count = if durability == Durability::ProcessCrash {
            5_100
        } else {
            200
        };
        object_store_suite::lists_every_page(&store, count).await;
        object_store_suite::large_lists(store.clone()).await;
        object_store_suite::written_in_parts(&store).await;
        assert_eq!(store.platform(), "disk");

        let other = DiskStore::open(root.path(), durability).await.unwrap();
        object_store_suite::shared_locks(&store, &other).await;
        let leftovers = fs::read_dir(root.path().join("tmp")).unwrap().count();
        assert_eq!(leftovers, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_heals_two_files_under_one_key() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path(), Durability::PowerLoss)
        .await
        .unwrap();
    let path = root.path().to_owned();
    object_store_suite::heals_two_files(&store, &move |kind, key, filename, bytes| {
        let directory = path.join(kind.group()).join(key);
        async move {
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(filename), bytes).unwrap();
        }
        .boxed()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decorators_conform() {
    let policy = RetryPolicy::default();
    let memory = MemoryStore::default();
    let store = Metered::new(Retrying::new(Bounded::new(memory, 4), "a", policy), "a");
    object_store_suite::run_all(&store).await;
    let erased: Arc<dyn ObjectStore> = Arc::new(store);
    object_store_suite::run_all(&erased).await;
    object_store_suite::large_lists(erased).await;

    let root = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(root.path(), Durability::ProcessCrash);
    let store = Retrying::new(Bounded::new(disk.await.unwrap(), 4), "a", policy);
    object_store_suite::written_in_parts(&Metered::new(store, "a")).await;
}

/// What a canary writes: some metric sets, a pair list and one archive that must survive the loss
/// of power.
#[tokio::test(flavor = "multi_thread")]
async fn the_disk_keeps_every_object_of_many_canaries_at_once() {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = DiskStore::open(root.path(), Durability::PowerLoss)
        .await
        .unwrap();
    let body = bytes::Bytes::from(vec![b'1'; 4_000]);
    let canaries = 100;
    stream::iter(0..canaries)
        .map(|canary| {
            let (store, body) = (store.clone(), body.clone());
            async move {
                for object in 0..8 {
                    let kind = match object {
                        0..=5 => ObjectKind::MetricSetList,
                        6 => ObjectKind::MetricSetPairList,
                        _ => ObjectKind::CanaryResultArchive,
                    };
                    let key = format!("{canary}-{object}");
                    store
                        .store(kind, &key, None, body.clone(), WriteCondition::Always)
                        .await
                        .unwrap();
                }
            }
        })
        .buffer_unordered(64)
        .collect::<Vec<()>>()
        .await;
    for (kind, of_each) in [
        (ObjectKind::MetricSetList, 6),
        (ObjectKind::MetricSetPairList, 1),
        (ObjectKind::CanaryResultArchive, 1),
    ] {
        let listed = store.list(kind).await.unwrap();
        assert_eq!(listed.len(), canaries * of_each, "{kind}");
    }
}

//! Retention on every cloud store while the store goes away or the replica that does it dies.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use kayenta_storage::{ObjectKind, ObjectStore};
use kayenta_testkit::{Fault, FaultProxy, RemoteStore, Service, until};
use serde_json::Value;

use super::fleet::{Surroundings, object_store, one_canary, yaml};
use crate::{operations_page, requests::Caller, samples::serving};

const PATIENCE: Duration = Duration::from_secs(60);
/// Removals are tried for 20 s each, and five failures end a round.
const UNTIL_GIVEN_UP: Duration = Duration::from_secs(240);
const SETTINGS: &str = "kayenta.retention:\n  metricSets: 1s\n  metricSetPairs: 1s\n  interval: 1s\n  removalsPerSecond: 2\n\
                        kayenta.engine.lease: 3s\n";
const RUNS: usize = 4;

/// Metric sets and pair lists that are left.
async fn left(store: &Arc<dyn ObjectStore>) -> usize {
    let sets = store.list(ObjectKind::MetricSetList).await.unwrap();
    let pairs = store.list(ObjectKind::MetricSetPairList).await.unwrap();
    sets.len() + pairs.len()
}

/// Runs some canaries, and waits until some of what they stored is removed and some is not.
async fn in_the_middle_of_a_round(service: &Service, store: &Arc<dyn ObjectStore>) {
    let caller = Caller::new(service.base_url());
    let run = async || {
        let (path, body) = one_canary("canary");
        let id = caller.start(path, &body).await.unwrap();
        caller.complete(&format!("{path}/{id}"), PATIENCE).await
    };
    join_all((0..RUNS).map(|_| run())).await;
    // Three metrics on two sides, and the pairs of each run.
    let all = RUNS * 7;
    until("some objects are removed", PATIENCE, async || {
        (1..all).contains(&left(store).await)
    })
    .await;
}

async fn nothing_is_left(store: &Arc<dyn ObjectStore>) {
    until("nothing is left", PATIENCE, async || left(store).await == 0).await;
    // What has an age of its own, or none, stays.
    let archives = store.list(ObjectKind::CanaryResultArchive).await.unwrap();
    assert_eq!(archives.len(), RUNS);
}

async fn a_store_goes_away(kind: RemoteStore) {
    let surroundings = Surroundings::on(kind).await;
    let proxy = FaultProxy::start(surroundings.objects.address())
        .await
        .unwrap();
    let mut addresses = surroundings.addresses();
    addresses.objects = kind.endpoint_at(&proxy.base_url());
    let service = serving(yaml(&addresses, SETTINGS)).await;
    let store = object_store(&surroundings.objects);
    in_the_middle_of_a_round(&service, &store).await;
    proxy.set(Fault::Refuse);
    for given_up in [
        "retention stops for this account",
        "retention leaves an account out",
    ] {
        service.logged(given_up, UNTIL_GIVEN_UP).await;
    }
    proxy.set(Fault::Pass);
    nothing_is_left(&store).await;
    operations_page::check("retention store away", || service.log(), &Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis, gofakes3, fake-gcs-server and Azurite"]
async fn a_round_that_a_store_cuts_short_is_continued_by_the_next_one() {
    join_all([RemoteStore::S3, RemoteStore::Gcs, RemoteStore::Azure].map(a_store_goes_away)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and gofakes3"]
async fn a_round_whose_replica_is_killed_is_continued_by_another_one() {
    let surroundings = Surroundings::on(RemoteStore::S3).await;
    let store = object_store(&surroundings.objects);
    // Alone, so it is this one that does the round.
    let mut first = surroundings.replicas(1, SETTINGS).await.remove(0);
    in_the_middle_of_a_round(&first, &store).await;
    let second = surroundings.replicas(1, SETTINGS).await.remove(0);
    first.kill().await.unwrap();
    assert_ne!(left(&store).await, 0, "the round was over before the kill");
    nothing_is_left(&store).await;
    second.logged("retention removed objects", PATIENCE).await;
}

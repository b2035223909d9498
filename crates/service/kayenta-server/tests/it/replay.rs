//! The recorded answers of the reference, asked of the built binary.

use std::collections::BTreeMap;

use kayenta_testkit::{
    FakePrometheus, ObjectServer, RemoteStore, Service, ServiceBuilder,
    redis_server::RedisServer,
    replay::{Departures, Replay, ReplayReport, Transcript},
    sql_server::Product,
};

use crate::samples::{Addresses, BINARY, embedded, embedded_service, serving, testdata};

/// Replays transcripts at once against a service; reports by scenario. Departures are those of every
/// backend and of these files. `own` are recordings on the service's own store, which replace those of the
/// same scenario.
async fn replay_all(
    base_url: &str,
    prometheus: &FakePrometheus,
    departures: &[&str],
    own: &[Transcript],
) -> Vec<ReplayReport> {
    let mut transcripts = Transcript::read_all(&testdata("http")).unwrap();
    for transcript in &mut transcripts {
        let same = own.iter().find(|own| own.scenario == transcript.scenario);
        if let Some(own) = same {
            transcript.clone_from(own);
        }
    }
    let departures = std::iter::once(&"every-backend")
        .chain(departures)
        .map(|name| Departures::read(&testdata("departures").join(name).with_extension("json")))
        .fold(Departures::default(), |all, more| all.and(more.unwrap()));
    let strangers: Vec<_> = departures.strangers(&transcripts).map(|d| &d.id).collect();
    assert!(
        strangers.is_empty(),
        "departures of steps that do not exist: {strangers:?}"
    );
    let replay = Replay::new(base_url)
        .unwrap()
        .departing(departures)
        .substituting(prometheus.base_url(), "http://prometheus:9090")
        // An archive is written when its run is complete, here as in the reference.
        .settling("canary-stored-config", "archived");
    let running: Vec<_> = transcripts
        .into_iter()
        .map(|transcript| {
            let replay = replay.clone();
            tokio::spawn(async move { replay.run(&transcript).await })
        })
        .collect();
    let mut reports = BTreeMap::new();
    for task in running {
        let report = task.await.unwrap();
        reports.insert(report.scenario.clone(), report);
    }
    reports.into_values().collect()
}

/// Asserts that every step passes, and prints how many.
async fn assert_all_pass(
    service: &Service,
    prometheus: &FakePrometheus,
    departures: &[&str],
    own: &[Transcript],
) {
    let reports = replay_all(&service.base_url(), prometheus, departures, own).await;
    let mut failed = 0;
    for report in &reports {
        println!("{report}");
        failed += report.failed.len();
    }
    let steps: usize = reports.iter().map(|r| r.steps).sum();
    let departed: usize = reports.iter().map(|r| r.departed).sum();
    println!(
        "{departures:?}: {} of {steps} steps pass, {departed} of them differ on purpose",
        steps - failed
    );
    assert_eq!(failed, 0, "the service's log:\n{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn transcripts_pass_on_the_embedded_default() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    assert_all_pass(&service, &prometheus, &["embedded", "refusing"], &[]).await;
}

/// With the switch off an analysis that can never make a run fails as late as the reference's.
#[tokio::test(flavor = "multi_thread")]
async fn c_scape_07_can_be_switched_off() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let config = embedded(&prometheus.base_url());
    let service = ServiceBuilder::new(BINARY)
        .config(config)
        .argument("--kayenta.standaloneCanaryAnalysis.refuseImpossibleRequests=false")
        .start()
        .await
        .unwrap();
    assert_all_pass(&service, &prometheus, &["embedded", "accepting"], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite and Redis"]
async fn transcripts_pass_on_redis_and_azure() {
    pass_on(RemoteStore::Azure, &[], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gofakes3 and Redis"]
async fn transcripts_pass_on_redis_and_s3() {
    pass_on(RemoteStore::S3, &[], &recorded_on("s3")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs fake-gcs-server and Redis"]
async fn transcripts_pass_on_redis_and_gcs() {
    pass_on(RemoteStore::Gcs, &[], &recorded_on("gcs")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and Redis"]
async fn transcripts_pass_on_redis_and_postgresql() {
    pass_on(RemoteStore::Sql(Product::Postgres), &["sql"], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB and Redis"]
async fn transcripts_pass_on_redis_and_mariadb() {
    pass_on(RemoteStore::Sql(Product::MariaDb), &["sql"], &[]).await;
}

/// What the reference answers otherwise on this store than on Azure.
fn recorded_on(store: &str) -> Vec<Transcript> {
    let own = Transcript::read_all(&testdata("storage").join(store)).unwrap();
    assert!(!own.is_empty());
    own
}

/// `departing` are departures of the store beside those of every remote one.
async fn pass_on(store: RemoteStore, departing: &[&str], own: &[Transcript]) {
    let prometheus = FakePrometheus::start().await.unwrap();
    let redis = RedisServer::start().await.unwrap();
    let objects = ObjectServer::start(store).await.unwrap();
    let addresses = Addresses {
        prometheus: prometheus.base_url(),
        redis: redis.url(),
        store,
        objects: objects.endpoint(),
    };
    let service = serving(addresses.sample()).await;
    let departures = [&["redis-remote", "refusing"], departing].concat();
    assert_all_pass(&service, &prometheus, &departures, own).await;
}

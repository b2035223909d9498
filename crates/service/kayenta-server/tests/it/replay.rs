//! The recorded answers of the reference, asked of the built binary.

use std::collections::BTreeMap;

use kayenta_testkit::{
    FakePrometheus, Service, ServiceBuilder,
    azurite::{ACCOUNT_KEY, Azurite},
    redis_server::RedisServer,
    replay::{Departures, Replay, ReplayReport, Transcript},
};

use crate::samples::{BINARY, embedded, embedded_service, sample, testdata};

/// Replays transcripts at once against a service; reports by scenario. Departures are those of every
/// backend and of these files.
async fn replay_all(
    base_url: &str,
    prometheus: &FakePrometheus,
    departures: &[&str],
) -> Vec<ReplayReport> {
    let transcripts = Transcript::read_all(&testdata("http")).unwrap();
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
async fn assert_all_pass(service: &Service, prometheus: &FakePrometheus, departures: &[&str]) {
    let reports = replay_all(&service.base_url(), prometheus, departures).await;
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
    assert_all_pass(&service, &prometheus, &["embedded", "refusing"]).await;
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
    assert_all_pass(&service, &prometheus, &["embedded", "accepting"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite and Redis"]
async fn transcripts_pass_on_redis_and_azure() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let redis = RedisServer::start().await.unwrap();
    let azurite = Azurite::start().await.unwrap();
    let config = sample(
        "transcripts-redis-azure.yml",
        &[
            ("prometheus", &prometheus.base_url()),
            ("redis", &redis.url()),
            ("blobs", &azurite.endpoint()),
            ("key", ACCOUNT_KEY),
        ],
    );
    let service = ServiceBuilder::new(BINARY)
        .config(config)
        .start()
        .await
        .unwrap();
    assert_all_pass(&service, &prometheus, &["redis-azure", "refusing"]).await;
}

//! Configs on Azure: one of many writers wins across processes, and the list is quick.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, future::join_all, stream};
use kayenta_model::{CanaryConfig, Clock, IdSource, clock::Sleep};
use kayenta_storage::{
    CatalogueOptions, ConfigCatalogue, ObjectKind, ObjectRepository, WriteCondition,
};
use kayenta_testkit::{azurite::Azurite, until};
use serde_json::json;

use crate::support::{account, container, put, retrying};

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until(&self, _: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

#[derive(Debug)]
struct RandomIds;

impl IdSource for RandomIds {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn ulid(&self, _: i64) -> String {
        self.uuid()
    }
}

pub(crate) fn catalogue(repository: ObjectRepository) -> ConfigCatalogue {
    ConfigCatalogue::new(
        repository,
        Arc::new(SystemClock),
        Arc::new(RandomIds),
        CatalogueOptions::default(),
    )
}

fn config(value: serde_json::Value) -> CanaryConfig {
    serde_json::from_value(value).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn of_many_processes_exactly_one_wins_a_name_and_an_id() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    // Each has its own store and memory, as replicas have.
    let replicas: Vec<_> = (0..3)
        .map(|_| catalogue(ObjectRepository::new("a", retrying(&account))))
        .collect();
    for round in 0..3 {
        let creations = (0..12).map(|i| {
            let replica = &replicas[i % 3];
            let body = json!({"name": format!("same-{round}"), "applications": ["shared"]});
            async move { replica.create(config(body)).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = join_all(creations)
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 11));
        for error in lost.into_iter().filter_map(Result::err) {
            assert_eq!(
                error.message,
                format!(
                    "Canary config with name 'same-{round}' already exists in the scope of \
                     applications [shared]."
                )
            );
        }
        let creations = (0..6).map(|i| {
            let replica = &replicas[i % 3];
            let name = format!("name-{round}-{i}");
            let body = json!({"id": format!("fixed-{round}"), "name": name, "applications": ["x"]});
            async move { replica.create(config(body)).await }
        });
        let won = join_all(creations).await.into_iter().filter(Result::is_ok);
        assert_eq!(won.count(), 1);
    }
    for replica in &replicas {
        assert_eq!(replica.list(&[]).await.unwrap().len(), 6);
    }
}

/// A config that one replica deletes while another one changes it is gone or changed, not both.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn updates_and_removals_do_not_mix() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let (one, other) = (
        catalogue(ObjectRepository::new("a", retrying(&account))),
        catalogue(ObjectRepository::new("a", retrying(&account))),
    );
    for round in 0..5 {
        let body = json!({"name": format!("n-{round}"), "applications": ["x"]});
        let id = one.create(config(body)).await.unwrap();
        let renamed = config(json!({"name": format!("m-{round}"), "applications": ["x"]}));
        let (removed, changed) = tokio::join!(one.delete(&id), other.update(&id, renamed));
        removed.unwrap();
        if let Err(error) = changed {
            assert_eq!(
                error.message,
                format!("Canary config '{id}' does not exist.")
            );
        }
        assert!(one.get(&id).await.unwrap_err().is_not_found());
    }
    assert!(one.list(&[]).await.unwrap().is_empty());
}

/// What one replica writes the others list at once; what another program writes, a little later.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn c_store_05_replicas_see_each_other_at_once_and_other_programs_soon() {
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let (one, other) = (
        catalogue(ObjectRepository::new("a", retrying(&account))),
        catalogue(ObjectRepository::new("a", retrying(&account))),
    );
    assert!(other.list(&[]).await.unwrap().is_empty());
    let mut ids = Vec::new();
    for i in 0..5 {
        let body = json!({"name": format!("n-{i}"), "applications": ["x"]});
        ids.push(one.create(config(body)).await.unwrap());
        assert_eq!(other.list(&[]).await.unwrap().len(), ids.len());
    }
    let renamed = json!({"name": "renamed", "applications": ["y"]});
    one.update(&ids[0], config(renamed)).await.unwrap();
    assert_eq!(
        other.list(&["y".to_owned()]).await.unwrap()[0].name,
        "renamed"
    );
    one.delete(&ids[0]).await.unwrap();
    assert_eq!(other.list(&[]).await.unwrap().len(), 4);

    let text = Bytes::from_static(b"{\"name\":\"foreign\",\"applications\":[\"z\"]}");
    let raw = container(&account);
    put(&raw, "kayenta/canary_config/foreign/foreign.json", text).await;
    until("it is listed", Duration::from_secs(7), async || {
        !other.list(&["z".to_owned()]).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn two_thousand_configs_are_listed_again_in_a_fraction_of_the_first_time() {
    let azurite = Azurite::start().await.unwrap();
    let repository = ObjectRepository::new("a", retrying(&account(&azurite)));
    let metrics: Vec<_> = (0..20)
        .map(|i| json!({"name": format!("metric-{i}"), "groups": ["Errors"], "scopeName": "default"}))
        .collect();
    stream::iter(0..2_000)
        .map(|i| {
            let (repository, metrics) = (repository.clone(), metrics.clone());
            async move {
                let document = config(json!({
                    "name": format!("config-{i}"), "id": format!("id-{i}"),
                    "applications": [format!("app-{}", i % 10)], "metrics": metrics,
                }));
                let (key, file) = (format!("id-{i}"), format!("config-{i}.json"));
                repository
                    .store(
                        ObjectKind::CanaryConfig,
                        &key,
                        Some(&file),
                        &document,
                        WriteCondition::Always,
                    )
                    .await
                    .unwrap();
            }
        })
        .buffer_unordered(32)
        .collect::<Vec<()>>()
        .await;
    let began = Instant::now();
    repository.list(ObjectKind::CanaryConfig).await.unwrap();
    let listing = began.elapsed();
    let catalogue = catalogue(repository);
    let began = Instant::now();
    assert_eq!(catalogue.list(&[]).await.unwrap().len(), 2_000);
    let cold = began.elapsed();
    let mut warm = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        let listed = catalogue.list(&["app-3".to_owned()]).await.unwrap();
        warm.push(began.elapsed());
        assert_eq!(listed.len(), 200);
    }
    warm.sort_unstable();
    println!(
        "2000 configs on Azurite: first list {} ms, warm {} ms (median), {} ms (worst); \
         one bare listing {} ms",
        cold.as_millis(),
        warm[4].as_millis(),
        warm[8].as_millis(),
        listing.as_millis(),
    );
    assert!(warm[4] * 5 < cold, "{warm:?} after {cold:?}");

    let body = json!({"name": "config-new", "applications": ["app-3"]});
    let began = Instant::now();
    catalogue.create(config(body)).await.unwrap();
    println!(
        "one more config created in {} ms",
        began.elapsed().as_millis()
    );
}

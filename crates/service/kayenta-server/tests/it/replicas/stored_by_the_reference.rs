//! What the reference stored, through the HTTP API.

use kayenta_storage::{ObjectKind, WriteCondition};
use kayenta_testkit::{
    RemoteStore,
    catalogue_suite::{self, StoredByTheReference},
    sql_server::Product,
};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers, object_store};
use crate::{requests::Caller, samples::testdata};

/// The route of a kind.
fn route(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::CanaryConfig => "/canaryConfig",
        ObjectKind::CanaryResultArchive => "/canaryResultArchive",
        ObjectKind::StandaloneCanaryResultArchive => "/standalone_canary_analysis",
        ObjectKind::MetricSetList => "/metricSetList",
        ObjectKind::MetricSetPairList => "/metricSetPairList",
    }
}

async fn get(caller: &Caller, path: &str) -> Value {
    let (status, answer) = caller.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// What the reference stored.
fn objects(store: RemoteStore) -> Vec<StoredByTheReference> {
    let file = match store {
        RemoteStore::Azure => "azure-blobs.json",
        RemoteStore::S3 | RemoteStore::Sql(_) => "objects-s3.json",
        RemoteStore::Gcs => "objects-gcs.json",
    };
    let path = testdata("storage").join(file);
    catalogue_suite::stored_by_the_reference(&path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn objects_of_the_reference_on_azure_are_listed_fetched_changed_and_deleted() {
    listed_fetched_changed_and_deleted(RemoteStore::Azure).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and gofakes3"]
async fn objects_of_the_reference_on_s3_are_listed_fetched_changed_and_deleted() {
    listed_fetched_changed_and_deleted(RemoteStore::S3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and fake-gcs-server"]
async fn objects_of_the_reference_on_gcs_are_listed_fetched_changed_and_deleted() {
    listed_fetched_changed_and_deleted(RemoteStore::Gcs).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and PostgreSQL"]
async fn objects_of_the_reference_in_postgresql_are_listed_fetched_changed_and_deleted() {
    listed_fetched_changed_and_deleted(RemoteStore::Sql(Product::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and MariaDB"]
async fn objects_of_the_reference_in_mariadb_are_listed_fetched_changed_and_deleted() {
    listed_fetched_changed_and_deleted(RemoteStore::Sql(Product::MariaDb)).await;
}

async fn listed_fetched_changed_and_deleted(remote: RemoteStore) {
    let shared = Surroundings::on(remote).await;
    let store = object_store(&shared.objects);
    let mut keys = Vec::new();
    for StoredByTheReference {
        key: name,
        body: text,
    } in objects(remote)
    {
        let parts: Vec<&str> = name.split('/').collect();
        let [_, group, key, file] = parts[..] else {
            panic!("{name}");
        };
        let kinds = ObjectKind::ALL.into_iter();
        let kind = kinds.clone().find(|kind| kind.group() == group).unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        store
            .store(kind, key, Some(file), text.into(), WriteCondition::Always)
            .await
            .unwrap();
        keys.push((kind, key.to_owned(), written));
    }
    let services = shared.replicas(1, "").await;
    let caller = &callers(&services)[0];

    for (kind, key, written) in &keys {
        let fetched = get(caller, &format!("{}/{key}", route(*kind))).await;
        if *kind == ObjectKind::CanaryConfig {
            // The answer has the id and both spellings of the times, which the object may lack.
            for (name, value) in written.as_object().unwrap() {
                assert_eq!(&fetched[name], value, "{key}: {name}");
            }
        } else {
            assert_eq!(&fetched, written, "{}/{key}", route(*kind));
        }
        if *kind != ObjectKind::StandaloneCanaryResultArchive {
            let listed = get(caller, route(*kind)).await;
            let listed = listed.as_array().unwrap();
            assert!(listed.iter().any(|item| item["id"] == json!(key)), "{key}");
        }
    }
    let (mut changed, mut deleted) = (0, 0);
    for (kind, key, written) in &keys {
        let path = format!("{}/{key}", route(*kind));
        if *kind == ObjectKind::CanaryConfig {
            let mut config = written.clone();
            config["description"] = json!("changed – ä");
            let (status, answer) = caller.put_json(&path, &config).await.unwrap();
            assert_eq!(status, 200, "{path}: {answer}");
            assert_eq!(
                get(caller, &path).await["description"],
                json!("changed – ä")
            );
            changed += 1;
        }
        if *kind != ObjectKind::StandaloneCanaryResultArchive {
            assert_eq!(caller.delete(&path).await.unwrap().0, 204, "{path}");
            assert_eq!(caller.get(&path).await.unwrap().0, 404, "{path}");
            deleted += 1;
        }
    }
    assert_eq!(get(caller, "/canaryConfig").await, json!([]));
    println!(
        "{} objects of the reference on {remote} fetched and listed, {changed} configs changed, {deleted} deleted",
        keys.len()
    );
}

//! What the reference stored in Azure, through the HTTP API.

use kayenta_azure::{AzureAccount, AzureCredential, AzureStore};
use kayenta_storage::{ObjectKind, ObjectStore, WriteCondition};
use kayenta_testkit::azurite::{ACCOUNT_KEY, ACCOUNT_NAME};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers};
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn blobs_of_the_reference_are_listed_fetched_changed_and_deleted() {
    let shared = Surroundings::start().await;
    let store = AzureStore::new(&AzureAccount {
        name: "canary-storage".to_owned(),
        storage_account_name: ACCOUNT_NAME.to_owned(),
        container: "canary".to_owned(),
        root_folder: "kayenta".to_owned(),
        endpoint: shared.azurite.endpoint().parse().unwrap(),
        credential: AzureCredential::SharedKey(ACCOUNT_KEY.into()),
    })
    .unwrap();
    let text = std::fs::read(testdata("storage/azure-blobs.json")).unwrap();
    let blobs: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let mut keys = Vec::new();
    for blob in &blobs {
        let parts: Vec<&str> = blob["name"].as_str().unwrap().split('/').collect();
        let [_, group, key, file] = parts[..] else {
            panic!("{blob}");
        };
        let kinds = ObjectKind::ALL.into_iter();
        let kind = kinds.clone().find(|kind| kind.group() == group).unwrap();
        let text = blob["text"].as_str().unwrap().to_owned();
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
            // The answer has the id and both spellings of the times, which the blob may lack.
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
        "{} blobs of the reference fetched and listed, {changed} configs changed, {deleted} deleted",
        keys.len()
    );
}

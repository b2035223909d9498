//! What the reference stored, read, listed, changed and deleted through the repository.

use std::{collections::BTreeSet, path::Path};

use bytes::Bytes;
use kayenta_model::{CanaryConfig, CanaryStatusResponse, MetricSet, MetricSetPair};
use kayenta_storage::{ObjectKind, ObjectRepository, WriteCondition};
use kayenta_testkit::azurite::Azurite;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    catalogue::catalogue,
    support::{account, container, put, retrying},
};

#[derive(Deserialize)]
struct Blob {
    name: String,
    text: String,
}

async fn rewrite<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
    repository: &ObjectRepository,
    kind: ObjectKind,
    key: &str,
) -> Value {
    let document: T = repository.load(kind, key).await.unwrap();
    let present = repository.load_bytes(kind, key).await.unwrap().summary;
    repository
        .store(
            kind,
            key,
            Some(&present.filename),
            &document,
            WriteCondition::Unchanged(present.version),
        )
        .await
        .unwrap();
    let bytes = repository.load_bytes(kind, key).await.unwrap().bytes;
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Azurite"]
async fn blobs_of_the_reference_are_ours() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage/azure-blobs.json");
    let blobs: Vec<Blob> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let azurite = Azurite::start().await.unwrap();
    let account = account(&azurite);
    let raw = container(&account);
    raw.create(None).await.unwrap();
    for blob in &blobs {
        put(&raw, &blob.name, Bytes::from(blob.text.clone())).await;
    }

    let repository = ObjectRepository::new("a", retrying(&account));
    let mut configs = Vec::new();
    for blob in &blobs {
        let parts: Vec<&str> = blob.name.split('/').collect();
        let [_, group, key, filename] = parts[..] else {
            panic!("{}", blob.name);
        };
        let kind = ObjectKind::ALL
            .into_iter()
            .find(|kind| kind.group() == group)
            .unwrap();
        let listed = repository.list(kind).await.unwrap();
        assert!(
            listed
                .iter()
                .any(|object| object.key == key && object.filename == filename)
        );
        let rewritten = match kind {
            ObjectKind::CanaryConfig => {
                configs.push((key.to_owned(), filename.to_owned()));
                rewrite::<CanaryConfig>(&repository, kind, key).await
            }
            ObjectKind::CanaryResultArchive => {
                rewrite::<CanaryStatusResponse>(&repository, kind, key).await
            }
            ObjectKind::MetricSetList => rewrite::<Vec<MetricSet>>(&repository, kind, key).await,
            ObjectKind::MetricSetPairList => {
                rewrite::<Vec<MetricSetPair>>(&repository, kind, key).await
            }
            ObjectKind::StandaloneCanaryResultArchive => {
                rewrite::<kayenta_model::AnalysisStatusResponse>(&repository, kind, key).await
            }
        };
        let original: Value = serde_json::from_str(&blob.text).unwrap();
        assert_eq!(rewritten, original, "{}", blob.name);
    }

    let catalogue = catalogue(repository.clone());
    let listed = catalogue.list(&[]).await.unwrap();
    let names: BTreeSet<(String, String)> = listed
        .iter()
        .map(|config| (config.id.clone(), format!("{}.json", config.name)))
        .collect();
    assert_eq!(names, configs.iter().cloned().collect());

    for (id, _) in &configs {
        let mut config = catalogue.get(id).await.unwrap();
        config.description = Some("changed – ä".to_owned());
        config.name = config.name.map(|name| format!("{name}-2"));
        let created = config.created_timestamp;
        config.created_timestamp = None;
        catalogue.update(id, config).await.unwrap();
        let changed = catalogue.get(id).await.unwrap();
        assert_eq!(changed.description.as_deref(), Some("changed – ä"));
        assert_eq!(changed.created_timestamp, created);
    }
    let listed = catalogue.list(&[]).await.unwrap();
    assert!(listed.iter().all(|config| config.name.ends_with("-2")));
    assert_eq!(listed.len(), configs.len());
    for (id, _) in &configs {
        catalogue.delete(id).await.unwrap();
        assert!(catalogue.get(id).await.unwrap_err().is_not_found());
    }
    assert!(catalogue.list(&[]).await.unwrap().is_empty());
}

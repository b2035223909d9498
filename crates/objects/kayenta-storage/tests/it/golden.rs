//! What the reference stored is read, and written again equal by value.

use std::path::Path;

use bytes::Bytes;
use kayenta_model::{CanaryConfig, CanaryStatusResponse, MetricSet, MetricSetPair};
use kayenta_storage::{MemoryStore, ObjectKind, ObjectRepository, WriteCondition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
struct Blob {
    name: String,
    text: String,
}

async fn same_after_rewriting<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
    repository: &ObjectRepository,
    kind: ObjectKind,
    key: &str,
    text: &str,
) {
    let document: T = repository.load(kind, key).await.unwrap();
    repository
        .store(kind, key, None, document, WriteCondition::Always)
        .await
        .unwrap();
    let rewritten = repository.load_bytes(kind, key).await.unwrap().bytes;
    let (before, after): (Value, Value) = (
        serde_json::from_str(text).unwrap(),
        serde_json::from_slice(&rewritten).unwrap(),
    );
    assert_eq!(before, after, "{key}");
}

#[tokio::test]
async fn every_stored_object_of_the_reference_survives_a_round_trip() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/storage/azure-blobs.json");
    let blobs: Vec<Blob> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let repository = ObjectRepository::new("m", std::sync::Arc::new(MemoryStore::default()));
    assert!(blobs.len() > 5);
    for blob in blobs {
        let parts: Vec<&str> = blob.name.split('/').collect();
        let [_, group, key, filename] = parts[..] else {
            panic!("{}", blob.name);
        };
        let kind = ObjectKind::ALL
            .into_iter()
            .find(|kind| kind.group() == group)
            .unwrap();
        repository
            .store_bytes(
                kind,
                key,
                Some(filename),
                Bytes::from(blob.text.clone()),
                WriteCondition::Absent,
            )
            .await
            .unwrap();
        let (r, text) = (&repository, blob.text.as_str());
        match kind {
            ObjectKind::CanaryConfig => {
                same_after_rewriting::<CanaryConfig>(r, kind, key, text).await;
            }
            ObjectKind::CanaryResultArchive => {
                same_after_rewriting::<CanaryStatusResponse>(r, kind, key, text).await;
            }
            ObjectKind::MetricSetList => {
                same_after_rewriting::<Vec<MetricSet>>(r, kind, key, text).await;
            }
            ObjectKind::MetricSetPairList => {
                same_after_rewriting::<Vec<MetricSetPair>>(r, kind, key, text).await;
            }
            ObjectKind::StandaloneCanaryResultArchive => {
                same_after_rewriting::<kayenta_model::AnalysisStatusResponse>(r, kind, key, text)
                    .await;
            }
        }
    }
}

//! What the config catalogue must do on every object store that processes share, and what must be
//! possible with the objects the reference stored.
//!
//! The checks panic with what went wrong; give each a place of its own.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{
    StreamExt,
    future::{BoxFuture, join_all},
    stream,
};
use kayenta_model::{
    AnalysisStatusResponse, CanaryConfig, CanaryStatusResponse, Clock, IdSource, MetricSet,
    MetricSetPair, clock::Sleep,
};
use kayenta_storage::{
    CatalogueOptions, ConfigCatalogue, ObjectKind, ObjectRepository, ObjectStore, WriteCondition,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::eventually::until;

/// Opens the same place anew, with a memory of its own, as another process would.
pub type Open<'a> = &'a (dyn Fn() -> Arc<dyn ObjectStore> + Sync);

/// Writes an object of this name around the store.
pub type Put<'a> = &'a (dyn Fn(String, Bytes) -> BoxFuture<'a, ()> + Sync);

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

/// Ids at random.
#[derive(Debug)]
pub struct RandomUuids;

impl IdSource for RandomUuids {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn ulid(&self, _: i64) -> String {
        self.uuid()
    }
}

/// The catalogue of a store, with the time of this machine and random ids.
#[must_use]
pub fn catalogue(store: Arc<dyn ObjectStore>) -> ConfigCatalogue {
    ConfigCatalogue::new(
        ObjectRepository::new("account", store),
        Arc::new(SystemClock),
        Arc::new(RandomUuids),
        CatalogueOptions::default(),
    )
}

fn config(value: Value) -> CanaryConfig {
    serde_json::from_value(value).unwrap()
}

/// Of many processes that create a config of one name or one id, exactly one does.
pub async fn one_process_wins_a_name_and_an_id(open: Open<'_>) {
    let replicas: Vec<_> = (0..3).map(|_| catalogue(open())).collect();
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
        assert_eq!((won.len(), lost.len()), (1, 11), "{lost:?}");
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
pub async fn updates_and_removals_do_not_mix(open: Open<'_>) {
    let (one, other) = (catalogue(open()), catalogue(open()));
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

/// What one replica writes the others list at once; what another program writes under the folder
/// `kayenta`, a little later.
pub async fn replicas_see_each_other_at_once_and_other_programs_soon(open: Open<'_>, put: Put<'_>) {
    let (one, other) = (catalogue(open()), catalogue(open()));
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
    put(
        "kayenta/canary_config/foreign/foreign.json".to_owned(),
        text,
    )
    .await;
    let listed = async || !other.list(&["z".to_owned()]).await.unwrap().is_empty();
    until(
        "another program's config is listed",
        Duration::from_secs(7),
        listed,
    )
    .await;
}

/// The times of listing 2,000 configs.
#[derive(Clone, Copy, Debug)]
pub struct ListingTimes {
    /// The first list, which reads every config.
    pub first: Duration,
    /// The median of the lists after it.
    pub warm: Duration,
    /// The bare listing of the store.
    pub bare: Duration,
}

/// Stores 2,000 configs and lists them.
pub async fn time_two_thousand_configs(store: Arc<dyn ObjectStore>) -> ListingTimes {
    let repository = ObjectRepository::new("account", Arc::clone(&store));
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
                        document,
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
    let bare = began.elapsed();
    let catalogue = catalogue(store);
    let began = Instant::now();
    assert_eq!(catalogue.list(&[]).await.unwrap().len(), 2_000);
    let first = began.elapsed();
    let mut warm = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        let listed = catalogue.list(&["app-3".to_owned()]).await.unwrap();
        warm.push(began.elapsed());
        assert_eq!(listed.len(), 200);
    }
    warm.sort_unstable();
    ListingTimes {
        first,
        warm: warm[4],
        bare,
    }
}

/// An object the reference stored.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredByTheReference {
    /// Its name in the container or bucket.
    #[serde(alias = "name")]
    pub key: String,
    /// Its content.
    #[serde(alias = "text")]
    pub body: String,
}

/// The objects recorded in a file.
///
/// # Errors
/// When it cannot be read.
pub fn stored_by_the_reference(path: &Path) -> anyhow::Result<Vec<StoredByTheReference>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Recorded {
        Bucket { objects: Vec<StoredByTheReference> },
        Container(Vec<StoredByTheReference>),
    }
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(match serde_json::from_slice(&text)? {
        Recorded::Bucket { objects } | Recorded::Container(objects) => objects,
    })
}

/// Reads a document and writes it again; its bytes then.
async fn rewrite<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
    repository: &ObjectRepository,
    kind: ObjectKind,
    key: &str,
) -> Bytes {
    let document: T = repository.load(kind, key).await.unwrap();
    let present = repository.load_bytes(kind, key).await.unwrap().summary;
    repository
        .store(
            kind,
            key,
            Some(&present.filename),
            document,
            WriteCondition::Unchanged(present.version),
        )
        .await
        .unwrap();
    repository.load_bytes(kind, key).await.unwrap().bytes
}

/// What the reference stored is listed and read, is the same when it is written again (byte for byte where
/// the store is `exact`, else by its values), and its configs can be changed and deleted. `objects` must be in the
/// store.
pub async fn objects_of_the_reference_are_ours(
    store: Arc<dyn ObjectStore>,
    objects: &[StoredByTheReference],
    exact: bool,
) {
    let repository = ObjectRepository::new("account", Arc::clone(&store));
    let mut configs = BTreeSet::new();
    for object in objects {
        let parts: Vec<&str> = object.key.split('/').collect();
        let [_, group, key, filename] = parts[..] else {
            panic!("{} is no object of the reference", object.key);
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
                configs.insert((key.to_owned(), filename.to_owned()));
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
                rewrite::<AnalysisStatusResponse>(&repository, kind, key).await
            }
        };
        let rewritten = String::from_utf8(rewritten.to_vec()).unwrap();
        if kind == ObjectKind::StandaloneCanaryResultArchive || !exact {
            // The statistics of a metric lie in the order of a hash table there.
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(value(&rewritten), value(&object.body), "{}", object.key);
        } else {
            assert_eq!(rewritten, object.body, "{}", object.key);
        }
    }

    let catalogue = catalogue(store);
    let listed = catalogue.list(&[]).await.unwrap();
    let names: BTreeSet<(String, String)> = listed
        .iter()
        .map(|config| (config.id.clone(), format!("{}.json", config.name)))
        .collect();
    assert_eq!(names, configs);
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

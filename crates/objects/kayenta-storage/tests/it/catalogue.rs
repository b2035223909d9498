//! Configs: the reference's answers, its quirks kept, and what two writers at once get.

use std::sync::{Arc, atomic::AtomicI64, atomic::Ordering};

use bytes::Bytes;
use futures::future::join_all;
use kayenta_model::CanaryConfig;
use kayenta_storage::{
    CatalogueOptions, ConfigCatalogue, DiskStore, Durability, ObjectKind, ObjectRepository,
    ObjectStore, StorageErrorKind, WriteCondition,
};
use serde_json::{Value, json};

use crate::doubles::{CountedIds, Fault, Faulty, FixedClock, RandomIds};

const KIND: ObjectKind = ObjectKind::CanaryConfig;

struct Fixture {
    store: Faulty,
    clock: Arc<FixedClock>,
    catalogue: ConfigCatalogue,
}

fn fixture() -> Fixture {
    let store = Faulty::default();
    let clock = Arc::new(FixedClock(AtomicI64::new(1_507_570_197_290)));
    let repository = ObjectRepository::new("m", Arc::new(store.clone()));
    let ids = Arc::new(CountedIds::default());
    let options = CatalogueOptions::default();
    let catalogue = ConfigCatalogue::new(repository, clock.clone(), ids, options);
    Fixture {
        store,
        clock,
        catalogue,
    }
}

fn config(value: Value) -> CanaryConfig {
    serde_json::from_value(value).unwrap()
}

fn named(name: &str, applications: &[&str]) -> CanaryConfig {
    config(json!({"name": name, "applications": applications}))
}

impl Fixture {
    async fn stored(&self, id: &str) -> Value {
        let object = self.store.inner.load(KIND, id).await.unwrap();
        serde_json::from_slice(&object.bytes).unwrap()
    }

    async fn ids(&self, applications: &[&str]) -> Vec<String> {
        let applications: Vec<String> = applications.iter().map(|&a| a.to_owned()).collect();
        let configs = self.catalogue.list(&applications).await.unwrap();
        configs.into_iter().map(|config| config.id).collect()
    }

    async fn create_error(&self, config: CanaryConfig) -> String {
        let error = self.catalogue.create(config).await.unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Invalid);
        error.message
    }
}

#[tokio::test]
async fn create_stamps_names_and_stores() {
    let fixture = fixture();
    let id = fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
    assert_eq!(id, "id-1");
    let object = fixture.store.inner.load(KIND, &id).await.unwrap();
    assert_eq!(object.summary.filename, "one.json");
    assert_eq!(
        std::str::from_utf8(&object.bytes).unwrap(),
        "{\"createdTimestamp\":1507570197290,\"updatedTimestamp\":1507570197290,\
         \"createdTimestampIso\":\"2017-10-09T17:29:57.290Z\",\
         \"updatedTimestampIso\":\"2017-10-09T17:29:57.290Z\",\"name\":\"one\",\"id\":\"id-1\",\
         \"applications\":[\"app\"],\"metrics\":[],\"templates\":{}}"
    );
    assert_eq!(fixture.catalogue.get(&id).await.unwrap().id, Some(id));
}

#[tokio::test]
async fn a_client_s_id_is_kept_and_absent_collections_stay_absent() {
    let fixture = fixture();
    let own = config(json!({"id": "my.id", "name": "one", "applications": ["app"]}));
    assert_eq!(
        fixture.catalogue.create(own.clone()).await.unwrap(),
        "my.id"
    );
    let stored = fixture.stored("my.id").await;
    assert!(stored.get("metrics").is_none() && stored.get("templates").is_none());
    assert_eq!(
        fixture.create_error(own).await,
        "Canary config 'my.id' already exists."
    );
    let prefix = config(json!({"id": "my", "name": "two", "applications": ["app"]}));
    fixture.catalogue.create(prefix).await.unwrap();
    let slash = config(json!({"id": "a/b", "name": "x", "applications": ["app"]}));
    assert_eq!(
        fixture.create_error(slash).await,
        "Canary config id 'a/b' cannot be part of a path."
    );
}

#[tokio::test]
async fn names_are_unique_within_applications() {
    let fixture = fixture();
    fixture
        .catalogue
        .create(named("n", &["a", "b"]))
        .await
        .unwrap();
    assert_eq!(
        fixture.create_error(named("n", &["b", "c"])).await,
        "Canary config with name 'n' already exists in the scope of applications [b, c]."
    );
    fixture.catalogue.create(named("N", &["a"])).await.unwrap();
    let other = fixture.catalogue.create(named("n", &["c"])).await.unwrap();
    let error = fixture
        .catalogue
        .update(&other, named("n", &["c", "a"]))
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "Canary config with name 'n' already exists in the scope of applications [c, a]."
    );
    fixture
        .catalogue
        .update(&other, named("n", &["c", "d"]))
        .await
        .unwrap();
}

/// C-STORE-03.
#[tokio::test]
async fn update_renames_carries_creation_over_and_forces_the_id() {
    let fixture = fixture();
    let id = fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
    fixture.clock.0.store(1_507_570_198_000, Ordering::Relaxed);
    let body = config(json!({"id": "elsewhere", "name": "two", "applications": ["app"]}));
    assert_eq!(fixture.catalogue.update(&id, body).await.unwrap(), id);
    assert_eq!(
        fixture.stored(&id).await,
        json!({
            "createdTimestamp": 1_507_570_197_290_i64,
            "updatedTimestamp": 1_507_570_198_000_i64,
            "createdTimestampIso": "2017-10-09T17:29:57.290Z",
            "updatedTimestampIso": "2017-10-09T17:29:58Z",
            "name": "two", "id": id, "applications": ["app"],
        })
    );
    let list = fixture.catalogue.list(&[]).await.unwrap();
    assert_eq!((list.len(), list[0].name.as_str()), (1, "two"));
    fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_update_with_an_expectation_replaces_nothing_else() {
    let fixture = fixture();
    let id = fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
    let seen = fixture.catalogue.get(&id).await.unwrap();
    let expects = |seen: CanaryConfig| move |stored: &CanaryConfig| *stored == seen;
    let change = named("two", &["app"]);
    fixture
        .catalogue
        .update_if(&id, change, expects(seen.clone()))
        .await
        .unwrap();
    let error = fixture
        .catalogue
        .update_if(&id, named("three", &["app"]), expects(seen))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Conflict);
    assert_eq!(fixture.stored(&id).await["name"], "two");
}

#[tokio::test]
async fn update_and_removal_of_nothing() {
    let fixture = fixture();
    let error = fixture
        .catalogue
        .update("nope", named("one", &["app"]))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (
            StorageErrorKind::Invalid,
            "Canary config 'nope' does not exist."
        )
    );
    let error = fixture.catalogue.delete("nope").await.unwrap_err();
    assert_eq!(error.message, "Does not exist");
    assert!(error.is_not_found());
    let error = fixture.catalogue.get("nope").await.unwrap_err();
    assert_eq!(error.message, "No such object named nope");
    let id = fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
    fixture.catalogue.delete(&id).await.unwrap();
    assert!(fixture.ids(&[]).await.is_empty());
}

#[tokio::test]
async fn an_outage_is_no_absence() {
    let fixture = fixture();
    let id = fixture
        .catalogue
        .create(named("one", &["app"]))
        .await
        .unwrap();
    for _ in 0..2 {
        let fault = Fault::Refuse(StorageErrorKind::Unavailable);
        fixture.store.faults.lock().unwrap().push_back(fault);
        let error = fixture
            .catalogue
            .update(&id, named("one", &["app"]))
            .await
            .unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        fixture.store.faults.lock().unwrap().push_back(fault);
        let error = fixture
            .catalogue
            .create(named("two", &["app"]))
            .await
            .unwrap_err();
        assert_eq!(error.kind, StorageErrorKind::Unavailable);
        fixture.store.faults.lock().unwrap().push_back(fault);
        assert!(fixture.catalogue.list(&[]).await.is_err());
    }
    assert_eq!(fixture.ids(&[]).await, [id]);
}

#[tokio::test]
async fn lists_by_application_in_order_of_name() {
    let fixture = fixture();
    for (name, applications) in [
        ("c", &["a", "b"][..]),
        ("a", &["b"]),
        ("b", &["c"]),
        ("B", &["a"]),
    ] {
        fixture
            .catalogue
            .create(named(name, applications))
            .await
            .unwrap();
    }
    assert_eq!(fixture.ids(&[]).await, ["id-4", "id-2", "id-3", "id-1"]);
    assert_eq!(fixture.ids(&["a"]).await, ["id-4", "id-1"]);
    assert_eq!(fixture.ids(&["b", "c"]).await, ["id-2", "id-3", "id-1"]);
    assert!(fixture.ids(&["x"]).await.is_empty());
    let summary = &fixture.catalogue.list(&["c".to_owned()]).await.unwrap()[0];
    let object = fixture.store.inner.load(KIND, "id-3").await.unwrap();
    let millis = object.summary.updated.timestamp_millis();
    assert_eq!(
        serde_json::to_string(summary).unwrap(),
        format!(
            "{{\"id\":\"id-3\",\"name\":\"b\",\"updatedTimestamp\":{millis},\
             \"updatedTimestampIso\":\"{}\",\"applications\":[\"c\"]}}",
            kayenta_model::time::iso_millis(millis)
        )
    );
}

#[tokio::test]
async fn only_changed_configs_are_read_again() {
    let fixture = fixture();
    for i in 0..50 {
        let name = format!("n{i}");
        fixture
            .catalogue
            .create(named(&name, &["app"]))
            .await
            .unwrap();
    }
    let reads = || fixture.store.count("load");
    let before = reads();
    assert_eq!(fixture.ids(&[]).await.len(), 50);
    assert_eq!(reads() - before, 50);
    fixture.ids(&[]).await;
    assert_eq!(reads() - before, 50, "nothing changed");
    fixture
        .catalogue
        .update("id-7", named("n6", &["other"]))
        .await
        .unwrap();
    let before = reads();
    assert_eq!(fixture.ids(&["other"]).await, ["id-7"]);
    assert_eq!(reads() - before, 1);
    fixture.catalogue.delete("id-7").await.unwrap();
    assert_eq!(fixture.ids(&[]).await.len(), 49);
}

#[tokio::test]
async fn foreign_objects_are_left_out_and_do_not_hide_the_others() {
    let fixture = fixture();
    fixture
        .catalogue
        .create(named("good", &["app"]))
        .await
        .unwrap();
    for (key, text) in [
        ("broken", "{\"applications\": [\"app\""),
        ("none", "{\"name\": \"none\"}"),
        ("empty", "{\"name\": \"empty\", \"applications\": []}"),
        ("nothing", ""),
        ("list", "[]"),
    ] {
        let bytes = Bytes::from_static(text.as_bytes());
        let filename = format!("{key}.json");
        fixture
            .store
            .inner
            .store(KIND, key, Some(&filename), bytes, WriteCondition::Always)
            .await
            .unwrap();
    }
    assert_eq!(fixture.ids(&[]).await, ["id-1"]);
    let error = fixture.catalogue.get("broken").await.unwrap_err();
    assert_eq!(error.kind, StorageErrorKind::Corrupt);
    assert_eq!(error.message, "Unable to deserialize object (key: broken)");
    // C-STORE-04: it can be put right again.
    fixture
        .catalogue
        .update("broken", named("broken", &["app"]))
        .await
        .unwrap();
    assert_eq!(fixture.ids(&["app"]).await, ["broken", "id-1"]);
}

#[tokio::test]
async fn a_copied_file_is_listed_by_its_file_s_name() {
    let fixture = fixture();
    let bytes = Bytes::from_static(b"{\"name\":\"inside\",\"applications\":[\"app\"]}");
    fixture
        .store
        .inner
        .store(
            KIND,
            "k",
            Some("outside.json"),
            bytes,
            WriteCondition::Absent,
        )
        .await
        .unwrap();
    assert_eq!(
        fixture.catalogue.list(&[]).await.unwrap()[0].name,
        "outside"
    );
}

#[tokio::test]
async fn metric_name_validation_can_be_switched_off() {
    let repository = ObjectRepository::new("m", Arc::new(Faulty::default()));
    let twice = config(json!({
        "name": "n", "applications": ["a"], "metrics": [{"name": "mem"}, {"name": "mem"}]
    }));
    for check_metric_names in [true, false] {
        let catalogue = ConfigCatalogue::new(
            repository.clone(),
            Arc::new(FixedClock(AtomicI64::new(0))),
            Arc::new(CountedIds::default()),
            CatalogueOptions {
                check_metric_names,
                ..CatalogueOptions::default()
            },
        );
        let created = catalogue.create(twice.clone()).await;
        assert_eq!(created.is_err(), check_metric_names);
    }
}

async fn one_of_many_wins(catalogues: &[ConfigCatalogue]) {
    let creations = (0..24).map(|i| {
        let catalogue = &catalogues[i % catalogues.len()];
        let id = (i % 3 == 0).then(|| format!("own-{i}"));
        let application = format!("app-{i}");
        let body = json!({"id": id, "name": "same", "applications": ["shared", application]});
        async move { catalogue.create(config(body)).await }
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 23));
    for error in lost.into_iter().filter_map(Result::err) {
        assert!(
            error.message.starts_with(
                "Canary config with name 'same' already exists in the scope of applications [shared, "
            ),
            "{error}"
        );
    }
    let same_id = (0..12).map(|i| {
        let catalogue = &catalogues[i % catalogues.len()];
        let body = json!({"id": "fixed", "name": format!("name-{i}"), "applications": ["x"]});
        async move { catalogue.create(config(body)).await }
    });
    let won = join_all(same_id).await.into_iter().filter(Result::is_ok);
    assert_eq!(won.count(), 1);
    assert_eq!(catalogues[0].list(&[]).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_of_one_name_exactly_one_wins() {
    let fixture = fixture();
    one_of_many_wins(&[fixture.catalogue.clone(), fixture.catalogue]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_on_one_disk_exactly_one_wins() {
    let root = tempfile::tempdir().unwrap();
    let mut catalogues = Vec::new();
    for process in 0..3 {
        let store = DiskStore::open(root.path(), Durability::PowerLoss)
            .await
            .unwrap();
        catalogues.push(ConfigCatalogue::new(
            ObjectRepository::new(format!("process-{process}"), Arc::new(store)),
            Arc::new(FixedClock(AtomicI64::new(0))),
            Arc::new(RandomIds),
            CatalogueOptions::default(),
        ));
    }
    one_of_many_wins(&catalogues).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_leaves_no_half_write() {
    let fixture = fixture();
    let creation = fixture.catalogue.create(named("one", &["app"]));
    {
        tokio::pin!(creation);
        assert!(futures::poll!(&mut creation).is_pending());
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(fixture.ids(&[]).await, ["id-1"]);
}

use kayenta_graphite::{GraphiteAccount, GraphiteStore};
use kayenta_http::{HttpSettings, Transport};
use kayenta_testkit::FakeMetricStores;
use serde_json::{Value, json};

pub(crate) use kayenta_testkit::fetch_once as fetch;

pub(crate) fn store_with(base_url: &str, transport: &Transport) -> GraphiteStore {
    let account = GraphiteAccount {
        name: "test".to_owned(),
        base_url: base_url.parse().unwrap(),
    };
    GraphiteStore::new(account, transport).unwrap()
}

/// A store on the fake back end, with the folder of its certificates.
pub(crate) async fn on_fake() -> (GraphiteStore, FakeMetricStores, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeMetricStores::start(folder.path()).await.unwrap();
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let store = store_with(&format!("{}/graphite/", fake.base_url()), &transport);
    (store, fake, folder)
}

/// A metric called `m` that is this target.
pub(crate) fn metric(target: &str) -> Value {
    json!({"name": "m", "query": {"type": "graphite", "metricName": target}})
}

pub(crate) fn ten_minutes() -> Value {
    json!({"scope": "web", "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z"})
}

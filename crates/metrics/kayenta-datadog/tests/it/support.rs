use std::{sync::Arc, time::Duration};

use kayenta_datadog::{DatadogAccount, DatadogStore};
use kayenta_http::{HttpSettings, Transport};
use kayenta_model::Clock;
use kayenta_testkit::{FakeMetricStores, ManualClock};
use serde_json::{Value, json};

pub(crate) use kayenta_testkit::fetch_once as fetch;

/// Keys no error text may show.
pub(crate) const KEYS: [&str; 2] = ["the-api-key", "the-application-key"];

pub(crate) fn store_with(
    base_url: &str,
    transport: &Transport,
    clock: Arc<dyn Clock>,
) -> DatadogStore {
    let account = DatadogAccount {
        name: "test".to_owned(),
        base_url: base_url.parse().unwrap(),
        api_key: Some(KEYS[0].into()),
        application_key: Some(KEYS[1].into()),
        metadata_interval: Duration::from_secs(900),
    };
    DatadogStore::new(account, transport, clock).unwrap()
}

/// A store on the fake back end, with the folder of its certificates.
pub(crate) async fn on_fake() -> (DatadogStore, FakeMetricStores, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeMetricStores::start(folder.path()).await.unwrap();
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let base_url = format!("{}/datadog/", fake.base_url());
    let store = store_with(&base_url, &transport, Arc::new(ManualClock::default()));
    (store, fake, folder)
}

/// A metric called `m` that is this query.
pub(crate) fn metric(text: &str) -> Value {
    json!({"name": "m", "query": {"type": "datadog", "customInlineTemplate": text}})
}

pub(crate) fn ten_minutes() -> Value {
    json!({"scope": "*", "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60})
}

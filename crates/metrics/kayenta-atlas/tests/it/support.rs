use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, Utc};
use kayenta_atlas::{AtlasAccount, AtlasStore};
use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::{FetchError, MetricQuery, MetricsStore};
use kayenta_model::{CanaryConfig, CanaryScope, Clock, IdSource, MetricConfig, MetricSet, Sleep};
use kayenta_testkit::FakeMetricStores;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nobody has to wait.
#[derive(Debug)]
pub(crate) struct Instantly;

impl Clock for Instantly {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
    fn sleep_until(&self, _: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(ready(()))
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
pub(crate) struct Counted(AtomicUsize);

impl IdSource for Counted {
    fn uuid(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
    fn ulid(&self, _: i64) -> String {
        self.uuid()
    }
}

pub(crate) fn store_with(lists: &str, transport: &Transport, clock: Arc<dyn Clock>) -> AtlasStore {
    let account = AtlasAccount {
        name: "test".to_owned(),
        backends_json_base_url: lists.parse().unwrap(),
        fetch_id: Some("kayenta-test".to_owned()),
    };
    AtlasStore::new(account, transport, clock, Arc::new(Counted::default())).unwrap()
}

/// A store on the fake back end.
pub(crate) async fn on_fake() -> (AtlasStore, FakeMetricStores, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeMetricStores::start(folder.path()).await.unwrap();
    let transport = Transport::new(&HttpSettings {
        extra_ca_pem: vec![fake.authority_pem().as_bytes().to_vec()],
        ..HttpSettings::default()
    })
    .unwrap();
    let lists = format!("{}/atlas", fake.base_url());
    let store = store_with(&lists, &transport, Arc::new(Instantly));
    (store, fake, folder)
}

pub(crate) fn metric(q: &str) -> Value {
    json!({"name": "cpu", "query": {"type": "atlas", "q": q}})
}

pub(crate) fn ten_minutes() -> Value {
    json!({
        "scope": "web-main", "location": "us-east-1.main", "step": 60,
        "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z"
    })
}

pub(crate) async fn fetch(
    store: &AtlasStore,
    metric: Value,
    scope: Value,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric: MetricConfig = serde_json::from_value(metric).unwrap();
    let scope: CanaryScope = serde_json::from_value(scope).unwrap();
    let config: CanaryConfig = serde_json::from_value(json!({"name": "config-1"})).unwrap();
    let query = MetricQuery {
        config: &config,
        metric: &metric,
        scope: &scope,
    };
    store.fetch(&query).await
}

/// The requests for data.
pub(crate) fn fetches(fake: &FakeMetricStores) -> Vec<String> {
    fake.seen()
        .into_iter()
        .filter(|seen| seen.path.ends_with("/api/v2/fetch"))
        .map(|seen| format!("{} {}", seen.scheme, seen.raw))
        .collect()
}

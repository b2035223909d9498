//! Lists of metrics of several accounts, one of which dies.

use std::time::Duration;

use kayenta_testkit::{FakeMetricStores, Fault, FaultProxy, Service, eventually};
use serde_json::Value;

use crate::samples::serving;

/// How long the ages are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many metrics an account lists, and how old the list is in seconds.
async fn listed(service: &Service, account: &str) -> (usize, u64) {
    let url = format!(
        "{}/metadata/metricsService?metricsAccountName={account}",
        service.base_url()
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let age = answer
        .headers()
        .get("age")
        .map(|age| age.to_str().unwrap().parse().unwrap());
    let entries: Vec<Value> = answer.json().await.unwrap();
    (entries.len(), age.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn c_meta_01_a_dead_account_keeps_its_list_and_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let stores = FakeMetricStores::start(folder.path()).await.unwrap();
    let proxy = FaultProxy::start(stores.address()).await.unwrap();
    let account = |name: &str, base_url: String| {
        format!(
            "      - name: {name}\n        apiKey: k\n        applicationKey: a\n        \
             endpoint: {{baseUrl: '{base_url}'}}\n"
        )
    };
    let config = format!(
        "ok-http-client.readTimeoutMs: 500\nkayenta:\n  datadog:\n    enabled: true\n    \
         metadataCachingIntervalMS: 1000\n    accounts:\n{}{}",
        account("dying", proxy.base_url()),
        account("alive", stores.base_url()),
    );
    let service = serving(config).await;
    assert_eq!(listed(&service, "dying").await.0, 4);
    assert_eq!(listed(&service, "alive").await.0, 4);

    // From now on the server takes requests and never answers.
    proxy.set(Fault::Swallow);
    let (dead_age, live_age) = eventually("the dead list ages", PATIENCE, async || {
        let (dead_count, dead_age) = listed(&service, "dying").await;
        let (live_count, live_age) = listed(&service, "alive").await;
        assert_eq!(
            (dead_count, live_count),
            (4, 4),
            "a list outlives its server"
        );
        match dead_age >= 3 && live_age < dead_age {
            true => Ok((dead_age, live_age)),
            false => Err((dead_age, live_age, service.log())),
        }
    })
    .await;
    println!("the dead account's list is {dead_age} s old, the other's {live_age} s");
}

use std::sync::Arc;

use kayenta_influxdb::{InfluxDbCredentials, InfluxDbStore};
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};
use serde_json::json;

use crate::requests::{account, temperature, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let healthy = json!({"results": [{"series": [{"columns": ["time", "a"], "values": [
        ["2020-11-20T23:00:00Z", 1], ["2020-11-20T23:01:00Z", 2],
    ]}]}]});
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            let credentials = InfluxDbCredentials::Token("in-token".into());
            Arc::new(InfluxDbStore::new(account(base_url, credentials), transport).unwrap())
        },
        metric: temperature(),
        scope: ten_minutes(),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: Vec::new(),
        secrets: &["in-token"],
    })
    .await;
}

use std::sync::Arc;

use kayenta_http_json::HttpJsonStore;
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};
use serde_json::json;

use crate::support::{account, now, points};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            let account = account(format!("{base_url}/query?q=${{query}}"));
            Arc::new(HttpJsonStore::new(account, transport, now()).unwrap())
        },
        metric: json!({"name": "m", "query": {"type": "http-json", "metricName": "cpu"}}),
        scope: json!({"scope": "web", "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60}),
        healthy: Stored::json(points().to_string()),
        preliminaries: Vec::new(),
        secrets: &["hj-token"],
    })
    .await;
}

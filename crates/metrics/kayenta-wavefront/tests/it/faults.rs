use std::sync::Arc;

use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};
use kayenta_wavefront::WavefrontStore;
use serde_json::json;

use crate::requests::{account, cpu, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    let healthy =
        json!({"timeseries": [{"tags": {}, "data": [[1_605_913_200, 1], [1_605_913_260, 2]]}]});
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            Arc::new(WavefrontStore::new(account(base_url), transport).unwrap())
        },
        metric: cpu(),
        scope: ten_minutes(json!(60)),
        healthy: Stored::json(healthy.to_string()),
        preliminaries: Vec::new(),
        secrets: &["wf-api-token"],
    })
    .await;
}

use std::sync::Arc;

use kayenta_newrelic::NewRelicStore;
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_bad_back_ends_are_reported};

use crate::requests::{account, answer, count, ten_minutes};

#[tokio::test]
async fn bad_back_ends_are_reported() {
    assert_bad_back_ends_are_reported(BadBackEnds {
        store: &|base_url, transport| {
            Arc::new(NewRelicStore::new(account(base_url), transport).unwrap())
        },
        metric: count(),
        scope: ten_minutes(60),
        healthy: Stored::json(answer()),
        preliminaries: Vec::new(),
        secrets: &["nr-query-key", "12/345", "12%2F345"],
    })
    .await;
}

//! One metric fetched while the caller waits.

use kayenta_engine::{EngineErrorKind, FetchOneMetric, FetchOutcome};
use kayenta_model::MetricSet;
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, config, read},
};

fn request(dry_run: bool) -> FetchOneMetric {
    FetchOneMetric {
        metrics_account: None,
        storage_account: None,
        config: config(&["cpu"]),
        metric_index: 0,
        scope: read(json!({
            "scope": "base",
            "start": "2025-04-08T08:00:00Z",
            "end": "2025-04-08T09:00:00Z",
            "step": 60,
        })),
        dry_run,
    }
}

#[tokio::test]
async fn a_dry_run_only_tells_the_query() {
    let world = World::new();
    let reported = world.engine().fetch(request(true)).await.unwrap();
    assert_eq!(reported, FetchOutcome::Query("cpu{base}".to_owned()));
    assert!(world.metrics.calls().is_empty());
}

#[tokio::test]
async fn a_fetch_is_stored() {
    let world = World::new();
    let FetchOutcome::Stored(id) = world.engine().fetch(request(false)).await.unwrap() else {
        panic!("not stored");
    };
    let sets: Vec<MetricSet> = world
        .repository()
        .load(ObjectKind::MetricSetList, &id)
        .await
        .unwrap();
    assert_eq!(sets[0].name.as_deref(), Some("cpu"));
}

#[tokio::test]
async fn the_remote_status_is_relayed_as_data() {
    let world = World::new();
    world.metrics.answer("cpu", "base", [Answer::Status(403)]);
    let error = world.engine().fetch(request(false)).await.unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::Upstream { status: Some(403) });
    assert!(error.message.starts_with("Status: 403, URL: "), "{error}");

    let mut wrong = request(false);
    wrong.metric_index = 1;
    let error = world.engine().fetch(wrong).await.unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::InvalidRequest);
}

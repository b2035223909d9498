//! Lists of runs by application.

use std::time::Duration;

use kayenta_engine::CanaryListing;
use kayenta_model::ExecutionStatus;
use kayenta_queue::ExecutionStore;
use serde_json::json;

use crate::world::{World, analysis, config, start};

fn listing(application: &str) -> CanaryListing {
    CanaryListing {
        application: Some(application.to_owned()),
        statuses: Vec::new(),
        page: 1,
        limit: 20,
        storage_account: None,
    }
}

/// C-API-16.
#[tokio::test]
async fn runs_come_newest_first_in_pages_and_by_status() {
    let world = World::new();
    let engine = world.engine();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let mut request = start(config(&["cpu"]));
        request.application = Some("app".to_owned());
        ids.push(engine.start_canary(request).await.unwrap());
        world.clock.advance(Duration::from_secs(60));
    }
    ids.reverse();
    engine.cancel(&ids[1]).await.unwrap();
    let reported = async |listing: CanaryListing| -> Vec<String> {
        engine
            .list_canaries(listing)
            .await
            .unwrap()
            .into_iter()
            .map(|run| run.pipeline_id.unwrap())
            .collect()
    };
    assert_eq!(reported(listing("app")).await, ids);
    assert!(reported(listing("other")).await.is_empty());
    assert!(
        reported(CanaryListing {
            limit: 0,
            ..listing("app")
        })
        .await
        .is_empty()
    );
    let canceled = CanaryListing {
        statuses: vec![ExecutionStatus::Canceled],
        ..listing("app")
    };
    assert_eq!(reported(canceled).await, ids[1..2]);
    // C-ENG-07: pages from 1, anything lower is the first.
    for (page, wanted) in [
        (0, &ids[..2]),
        (1, &ids[..2]),
        (2, &ids[2..4]),
        (3, &ids[4..]),
        (4, &[]),
    ] {
        let page = CanaryListing {
            page,
            limit: 2,
            ..listing("app")
        };
        assert_eq!(reported(page).await, wanted);
    }
    let error = engine
        .list_canaries(CanaryListing {
            storage_account: Some("prom".to_owned()),
            ..listing("app")
        })
        .await
        .unwrap_err();
    assert_eq!(error.message, "Unable to resolve storage service prom.");
}

#[tokio::test]
async fn c_eng_08_an_unreadable_record_is_left_out() {
    let world = World::new();
    let engine = world.engine();
    let good = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let bad = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let (mut record, version) = world.store.get(&bad).await.unwrap().unwrap();
    record.body = b"{}".as_slice().into();
    world.store.save(&record, version).await.unwrap();
    let reported = engine.list_canaries(listing("ad-hoc")).await.unwrap();
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].pipeline_id.as_deref(), Some(good.as_str()));
    // Its job is buried, not tried for ever.
    let process = world.process();
    world
        .soon("it is buried", async || {
            engine.depth().await.unwrap().dead == 1
        })
        .await;
    world.canary_end(&engine, &good).await;
    process.stop().await;
}

#[tokio::test]
async fn runs_of_an_analysis_are_listed_and_the_analysis_is_no_run() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_analysis(analysis(
            json!({"lifetimeDurationMins": 10, "analysisIntervalMins": 5}),
        ))
        .await
        .unwrap();
    world.analysis_end(engine, &id).await;
    let reported = engine.list_canaries(listing("app")).await.unwrap();
    assert_eq!(reported.len(), 2);
    let error = engine.canary_status(&id, None).await.unwrap_err();
    assert_eq!(
        error.message,
        "Only named pipelines of 'Standard Canary Pipeline' can be converted to a CanaryExecutionStatusResponse object, 'Standalone Canary Analysis Pipeline' received"
    );
    let raw = json!(engine.pipeline(&id).await.unwrap());
    let stages = raw["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 6);
    assert_eq!(stages[0]["context"]["waitTime"], 300);
    assert_eq!(stages[0]["parentStageId"], stages[4]["id"]);
    assert_eq!(
        stages[5]["outputs"]["canaryAnalysisExecutionResult"]["didPassThresholds"],
        true
    );
    assert_eq!(
        raw["pipelineConfigId"],
        "app-canary-analysis-referee-pipeline"
    );
    process.stop().await;
}

//! One pair list, two judges; and one judged while the caller waits.

use kayenta_engine::{EngineErrorKind, JudgeStoredPairs, StartComparison};
use kayenta_model::{MetricSetPair, Thresholds};
use kayenta_storage::{ObjectKind, WriteCondition};
use serde_json::json;

use crate::world::{World, config, read, start};

const THRESHOLDS: Thresholds = Thresholds {
    pass: Some(95.0),
    marginal: Some(75.0),
};

async fn prepare(world: &World) {
    let pairs: Vec<MetricSetPair> = read(json!([{
        "name": "cpu", "id": "pair-1", "tags": {},
        "values": {"control": [1.0, 2.0, 3.0, 2.5, 1.5], "experiment": [1.0, 2.0, 3.0, 2.5, 1.5]},
    }]));
    let objects = world.repository();
    objects
        .store(
            ObjectKind::MetricSetPairList,
            "pairs",
            None,
            pairs,
            WriteCondition::Always,
        )
        .await
        .unwrap();
    objects
        .store(
            ObjectKind::CanaryConfig,
            "cfg",
            None,
            config(&["cpu"]),
            WriteCondition::Always,
        )
        .await
        .unwrap();
}

fn comparison(second: Option<&str>) -> StartComparison {
    StartComparison {
        configuration_account: None,
        storage_account: None,
        config_id: "cfg".to_owned(),
        pair_list_id: "pairs".to_owned(),
        override_judge_1: None,
        override_judge_2: second.map(str::to_owned),
        thresholds: THRESHOLDS,
    }
}

#[tokio::test]
async fn both_verdicts_are_reported() {
    let world = World::new();
    prepare(&world).await;
    let process = world.process();
    let engine = &process.engine;
    world.judge.say([42.0]);
    let id = engine
        .start_comparison(comparison(Some("scripted")))
        .await
        .unwrap();
    world
        .soon("it ends", async || {
            engine.comparison_status(&id).await.unwrap() != Default::default()
        })
        .await;
    let status = engine.comparison_status(&id).await.unwrap();
    assert!(status.exceptions.is_none());
    let reported = serde_json::to_value(&status).unwrap();
    let result = &reported["comparisonResult"];
    assert_eq!(result["judge1Result"]["judgeName"], "NetflixACAJudge-v1.0");
    assert_eq!(result["judge1Result"]["score"]["score"], 100.0);
    assert_eq!(result["judge2Result"]["score"]["score"], 42.0);
    // C-ENG-02: it is no canary run and says so.
    let error = engine.canary_status(&id, None).await.unwrap_err();
    assert!(
        error
            .message
            .contains("'Judge Comparison Pipeline' received"),
        "{error}"
    );
    world.quiet(engine).await;
    assert!(
        world
            .objects
            .writes(ObjectKind::CanaryResultArchive)
            .is_empty()
    );
    process.stop().await;
}

#[tokio::test]
async fn an_unknown_judge_ends_it_with_an_exception_by_stage_name() {
    let world = World::new();
    prepare(&world).await;
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_comparison(comparison(Some("nope")))
        .await
        .unwrap();
    world
        .soon("it ends", async || {
            engine.comparison_status(&id).await.unwrap() != Default::default()
        })
        .await;
    let status = engine.comparison_status(&id).await.unwrap();
    assert!(status.comparison_result.is_none());
    let exceptions = status.exceptions.unwrap();
    assert_eq!(
        exceptions["Perform Analysis with Judge 2"].details["errors"],
        json!(["Unable to resolve canary judge 'nope'."])
    );
    process.stop().await;
}

#[tokio::test]
async fn only_comparisons_have_a_comparison_status() {
    let world = World::new();
    let engine = world.engine();
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let error = engine.comparison_status(&id).await.unwrap_err();
    assert_eq!(
        error.message,
        format!("Unable to find StageExecution 'compareJudgeResults' in pipeline ID '{id}'")
    );
}

#[tokio::test]
async fn stored_pairs_are_judged_while_the_caller_waits() {
    let world = World::new();
    prepare(&world).await;
    let engine = world.engine();
    let request = |config_id: &str, pair_list_id: &str| JudgeStoredPairs {
        configuration_account: None,
        storage_account: None,
        config_id: config_id.to_owned(),
        pair_list_id: pair_list_id.to_owned(),
        thresholds: THRESHOLDS,
    };
    let verdict = engine
        .judge_stored_pairs(request("cfg", "pairs"))
        .await
        .unwrap();
    assert_eq!(verdict.total(), Some(100.0));
    for (config_id, pairs) in [("absent", "pairs"), ("cfg", "absent")] {
        let error = engine
            .judge_stored_pairs(request(config_id, pairs))
            .await
            .unwrap_err();
        assert_eq!(error.kind, EngineErrorKind::NotFound);
    }
    let mut unknown = config(&["cpu"]);
    unknown.judge = read(json!({"name": "nope"}));
    world
        .repository()
        .store(
            ObjectKind::CanaryConfig,
            "unknown",
            None,
            unknown,
            WriteCondition::Always,
        )
        .await
        .unwrap();
    let error = engine
        .judge_stored_pairs(request("unknown", "absent"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, EngineErrorKind::InvalidRequest);
    assert_eq!(error.message, "Unable to resolve canary judge 'nope'.");
}

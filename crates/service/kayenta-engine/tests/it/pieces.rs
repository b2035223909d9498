//! Large runs, whose metrics are fetched, mixed and judged some after the others.

use std::sync::{Arc, atomic::Ordering};

use kayenta_engine::Account;
use kayenta_model::{AccountType, CanaryConfig, CanaryStatusResponse};
use kayenta_storage::{
    DiskStore, Durability, ObjectKind, ObjectRepository, ObjectStore, UPLOAD_PART,
};
use serde_json::{Value, json};

use crate::{
    scripted::Answer,
    world::{World, config, errors, read, start},
};

/// Bytes that a metric of the tests takes at most.
const METRIC: u64 = 8_500;

/// A world in which a run is in pieces of at most so many metrics.
fn world(metrics_of_a_piece: u64) -> World {
    let mut world = World::new();
    world.options.piece_bytes = metrics_of_a_piece * METRIC;
    world
}

fn many(count: usize) -> CanaryConfig {
    let names: Vec<String> = (0..count).map(|n| format!("m{n}")).collect();
    config(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs the config to its end.
async fn run(world: &World, config: CanaryConfig) -> CanaryStatusResponse {
    let process = world.process();
    let engine = &process.engine;
    let id = engine.start_canary(start(config)).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    world.quiet(engine).await;
    process.stop().await;
    status
}

/// The text of the pair list that a run has stored; ids, which differ from run to run, are numbered.
async fn pair_list(world: &World, status: &CanaryStatusResponse) -> String {
    let id = status.metric_set_pair_list_id.as_deref().unwrap();
    let stored = world.repository();
    let stored = stored.load_bytes(ObjectKind::MetricSetPairList, id).await;
    let mut text = String::from_utf8(stored.unwrap().bytes.to_vec()).unwrap();
    let pairs: Vec<Value> = serde_json::from_str(&text).unwrap();
    for (number, pair) in pairs.iter().enumerate() {
        text = text.replace(pair["id"].as_str().unwrap(), &format!("pair-{number}"));
    }
    text
}

/// The verdict of a run, without the ids of its pairs.
fn verdict(status: &CanaryStatusResponse) -> Value {
    let mut result = serde_json::to_value(&status.result).unwrap();
    for result in result["judgeResult"]["results"].as_array_mut().unwrap() {
        assert!(result["id"].take().is_string());
    }
    result
}

#[tokio::test]
async fn a_run_in_pieces_writes_and_says_what_one_as_a_whole_does() {
    for judge in ["NetflixACAJudge-v1.0", "StaticLimitJudge-v1.0"] {
        let mut found = Vec::new();
        for (metrics_of_a_piece, fetches_at_once) in [(100, 16), (3, 6), (1, 2)] {
            let world = world(metrics_of_a_piece);
            let pods = |pods: &[&'static str]| {
                let series = pods.iter().map(|pod| (*pod, vec![20.0; 60]));
                [Answer::Tagged(series.collect())]
            };
            world.metrics.answer("m1", "next", pods(&["a", "b", "c"]));
            world.metrics.answer("m1", "base", pods(&["b", "d"]));
            world.metrics.answer("m4", "next", pods(&["a", "b"]));
            world
                .metrics
                .answer("m5", "next", [Answer::Values(vec![900.0; 60])]);
            world
                .metrics
                .answer("m6", "base", [Answer::Values(Vec::new())]);
            let mut config = many(10);
            config.judge = read(json!({"name": judge}));
            for metric in config.metrics.as_mut().unwrap() {
                let settings = json!({"canary": {
                    "direction": "increase", "staticLimit": {"upper": 15, "statistic": "mean"},
                }});
                metric.analysis_configurations = read(settings);
            }
            let status = run(&world, config).await;
            assert_eq!(status.status.as_deref(), Some("succeeded"), "{status:?}");
            assert_eq!(world.metrics.most_underway(), fetches_at_once);
            assert_eq!(world.objects.writes(ObjectKind::MetricSetList).len(), 20);
            let writes = world.objects.writes(ObjectKind::MetricSetPairList);
            assert_eq!(writes.len(), 1);
            found.push((
                pair_list(&world, &status).await,
                verdict(&status),
                status.stage_status,
            ));
        }
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0], found[2]);
        assert!(found[0].0.contains("pair-13"), "{}", found[0].0);
    }
}

#[tokio::test]
async fn a_large_pair_list_goes_to_the_disk_in_parts_and_is_what_a_store_of_wholes_gets() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(root.path(), Durability::ProcessCrash);
    let mut disk: Option<Arc<dyn ObjectStore>> = Some(Arc::new(disk.await.unwrap()));
    let mut found = Vec::new();
    for metrics_of_a_piece in [1, 100] {
        let world = world(metrics_of_a_piece);
        if let Some(disk) = disk.take() {
            let mut account = Account::new("mem", "disk");
            account.supported_types =
                vec![AccountType::ObjectStore, AccountType::ConfigurationStore];
            account.objects = Some(Arc::new(ObjectRepository::new("mem", disk)));
            world.accounts.add(account);
        }
        let mut config = many(8);
        config.judge = read(json!({"name": "StaticLimitJudge-v1.0"}));
        let settings = json!({"canary": {
            "direction": "increase", "staticLimit": {"upper": 15, "statistic": "mean"},
        }});
        for (number, metric) in config.metrics.as_mut().unwrap().iter_mut().enumerate() {
            metric.analysis_configurations = read(settings.clone());
            for side in ["base", "next"] {
                let values = (0..20_000).map(|n| 10.125 + f64::from(n) / 65_536.0);
                let name = format!("m{number}");
                let values = [Answer::Values(values.collect())];
                world.metrics.answer(&name, side, values);
            }
        }
        let status = run(&world, config).await;
        assert_eq!(status.status.as_deref(), Some("succeeded"), "{status:?}");
        found.push((pair_list(&world, &status).await, verdict(&status)));
    }
    assert!(found[0] == found[1], "the lists differ");
    let length = found[0].0.len();
    assert!(length > UPLOAD_PART, "{length} bytes");
    // Such an object is a file of its own, and nothing else lies beside the packs.
    let folder = root.path().join(ObjectKind::MetricSetPairList.group());
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    assert_eq!(
        std::fs::read_dir(root.path().join("tmp")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_run_in_pieces_fails_as_one_as_a_whole_does() {
    type Break = fn(&World, &mut CanaryConfig);
    let breaks: [(&str, Break); 3] = [
        ("mixMetrics", |world, _| {
            world.metrics.answer("m2", "base", [Answer::NoSets]);
        }),
        ("judge", |_, config| config.classifier = None),
        ("judge", |_, config| {
            let settings = json!({"canary": {"effectSize": {"allowedIncrease": "much"}}});
            config.metrics.as_mut().unwrap()[1].analysis_configurations = read(settings);
        }),
    ];
    for (stage, breaks) in breaks {
        let mut found = Vec::new();
        for metrics_of_a_piece in [100, 1] {
            let world = world(metrics_of_a_piece);
            let mut config = many(5);
            breaks(&world, &mut config);
            let status = run(&world, config).await;
            assert_eq!(status.status.as_deref(), Some("terminal"), "{stage}");
            let stages = status.stage_status.unwrap();
            assert_eq!(stages[stage], "terminal");
            assert_eq!(world.metrics.calls().len(), 10);
            let lists = world.objects.writes(ObjectKind::MetricSetPairList).len();
            assert_eq!(lists, usize::from(stage == "judge"));
            found.push((stages, errors(&status.exception)));
        }
        assert_eq!(found[0], found[1]);
    }
}

#[tokio::test]
async fn a_fetch_that_fails_ends_a_run_in_pieces_before_later_metrics_are_fetched() {
    let world = world(1);
    world.metrics.answer("m1", "next", [Answer::Status(404)]);
    let status = run(&world, many(4)).await;
    assert_eq!(status.status.as_deref(), Some("terminal"));
    let stages = status.stage_status.unwrap();
    assert_eq!(stages["fetchControl0"], "succeeded");
    assert_eq!(stages["fetchExperiment1"], "terminal");
    for later in ["fetchControl2", "fetchExperiment3", "mixMetrics", "judge"] {
        assert_eq!(stages[later], "not_started", "{later}");
    }
    assert_eq!(world.objects.writes(ObjectKind::MetricSetPairList).len(), 0);
}

#[tokio::test]
async fn metrics_of_one_name_and_judges_of_all_pairs_keep_a_run_whole() {
    for whole in ["names", "judge", "explanation"] {
        let world = world(1);
        let mut config = many(4);
        match whole {
            "names" => config.metrics.as_mut().unwrap()[3].name = Some("m0".to_owned()),
            "judge" => config.judge = read(json!({"name": "scripted"})),
            _ => {
                let settings = json!({"explain": true});
                config.judge =
                    read(json!({"name": "NetflixACAJudge-v1.0", "judgeConfigurations": settings}));
            }
        }
        let status = run(&world, config).await;
        assert_eq!(status.status.as_deref(), Some("succeeded"), "{whole}");
        assert_eq!(world.metrics.most_underway(), 8, "{whole}");
    }
}

#[tokio::test]
async fn a_run_in_pieces_goes_on_where_a_dead_process_stopped() {
    let mut world = world(1);
    world.options.progress_interval = std::time::Duration::ZERO;
    world.metrics.answer("m2", "next", [Answer::Gate]);
    let first = world.process();
    let start = start(many(4));
    let id = first.engine.start_canary(start).await.unwrap();
    let engine = world.engine();
    world
        .soon("five of eight are fetched", async || {
            let status = engine.canary_status(&id, None).await.unwrap();
            let stages = status.stage_status.unwrap();
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
                && stages
                    .values()
                    .filter(|stage| *stage == "succeeded")
                    .count()
                    == 6
        })
        .await;
    first.crash();
    let values = vec![10.0; 60];
    world.metrics.answer("m2", "next", [Answer::Values(values)]);
    let second = world.process();
    world
        .pressing("the run ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    // Only what was missing has been fetched again.
    assert_eq!(world.metrics.calls().len(), 9);
    assert!(pair_list(&world, &status).await.contains("pair-3"));
    second.stop().await;
}

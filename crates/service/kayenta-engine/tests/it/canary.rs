//! Canary runs from submission to archive.

use std::{sync::atomic::Ordering, time::Duration};

use kayenta_model::{CanaryStatusResponse, MetricSet, MetricSetPair};
use kayenta_storage::ObjectKind;
use serde_json::json;

use crate::{
    scripted::Answer,
    world::{World, config, errors, read, scripted_config, start},
};

#[tokio::test]
async fn a_run_fetches_mixes_judges_and_archives() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_canary(start(config(&["cpu", "errors"])))
        .await
        .unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(status.application.as_deref(), Some("ad-hoc"));
    assert_eq!(status.canary_config_id.as_deref(), Some("ad-hoc"));
    assert_eq!(status.storage_account_name.as_deref(), Some("mem"));
    assert_eq!(status.metrics_account_name.as_deref(), Some("prom"));
    assert_eq!(status.configuration_account_name, None);
    assert_eq!(
        status.build_time_iso.as_deref(),
        Some("2025-04-08T10:00:00Z")
    );
    assert_eq!(status.end_time_millis, status.start_time_millis);
    let stages = status.stage_status.clone().unwrap();
    assert_eq!(
        stages.keys().collect::<Vec<_>>(),
        [
            "setupContext",
            "fetchControl0",
            "fetchExperiment0",
            "fetchControl1",
            "fetchExperiment1",
            "mixMetrics",
            "judge"
        ]
    );
    assert!(
        stages.values().all(|stage| stage == "succeeded"),
        "{stages:?}"
    );
    let result = status.result.clone().unwrap();
    assert_eq!(result.canary_duration.unwrap().to_string(), "PT1H");
    let judged = result.judge_result.unwrap();
    assert_eq!(judged.total(), Some(100.0));
    // Templates are returned escaped.
    let reported = serde_json::to_value(&status.config).unwrap();
    assert_eq!(
        reported["metrics"][0]["query"]["customInlineTemplate"],
        "x{v=\"$\\{scope}\"}"
    );

    let pairs: Vec<MetricSetPair> = world
        .repository()
        .load(
            ObjectKind::MetricSetPairList,
            status.metric_set_pair_list_id.as_ref().unwrap(),
        )
        .await
        .unwrap();
    let names: Vec<_> = pairs
        .iter()
        .map(|pair| pair.name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["cpu", "errors"]);
    let ids: Vec<_> = judged.results.unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(
        ids,
        pairs.iter().map(|pair| pair.id.clone()).collect::<Vec<_>>()
    );
    assert_eq!(world.objects.writes(ObjectKind::MetricSetList).len(), 4);

    world.quiet(engine).await;
    let archived: CanaryStatusResponse = world
        .repository()
        .load(ObjectKind::CanaryResultArchive, &id)
        .await
        .unwrap();
    assert_eq!(archived, status);
    // Forgotten, it is read from the archive.
    engine.delete(&id).await.unwrap();
    assert_eq!(engine.canary_status(&id, None).await.unwrap(), status);
    process.stop().await;
}

#[tokio::test]
async fn progress_is_reported_while_a_fetch_takes_long() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("slow", "next", [Answer::Gate]);
    let id = engine
        .start_canary(start(config(&["quick", "slow"])))
        .await
        .unwrap();
    world
        .soon("a fetch waits", async || {
            world.metrics.at_gate.load(Ordering::SeqCst) == 1
        })
        .await;
    let before = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(before.status.as_deref(), Some("not_started"));
    world.clock.advance(Duration::from_millis(100));
    world
        .soon("progress is reported", async || {
            let status = engine.canary_status(&id, None).await.unwrap();
            status.status.as_deref() == Some("running")
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert!(!status.complete && status.metric_set_pair_list_id.is_none());
    assert_eq!(
        json!(status.stage_status),
        json!({
            "setupContext": "succeeded",
            "fetchControl0": "succeeded",
            "fetchExperiment0": "succeeded",
            "fetchControl1": "succeeded",
            "fetchExperiment1": "running",
            "mixMetrics": "not_started",
            "judge": "not_started",
        })
    );
    world.metrics.gate.add_permits(1);
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    process.stop().await;
}

/// C-ENG-12.
#[tokio::test]
async fn a_failed_fetch_ends_the_run_at_once_and_settles_its_siblings() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("bad", "base", [Answer::Status(400)]);
    world.metrics.answer("slow", "next", [Answer::Gate]);
    let id = engine
        .start_canary(start(config(&["good", "bad", "slow"])))
        .await
        .unwrap();
    world
        .soon("all have been asked", async || {
            world.metrics.calls().len() == 6
        })
        .await;
    // The siblings have a short time to end, no more.
    world
        .pressing("the run ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(
        json!(status.stage_status),
        json!({
            "setupContext": "succeeded",
            "fetchControl0": "succeeded",
            "fetchExperiment0": "succeeded",
            "fetchControl1": "terminal",
            "fetchExperiment1": "succeeded",
            "fetchControl2": "succeeded",
            "fetchExperiment2": "canceled",
            "mixMetrics": "not_started",
            "judge": "not_started",
        })
    );
    assert_eq!(status.status.as_deref(), Some("terminal"));
    assert!(status.result.is_none());
    let exception = status.exception.clone().unwrap();
    assert_eq!(exception["operation"], "prometheusFetch");
    assert_eq!(exception["exceptionType"], "SpinnakerHttpException");
    let text = "Status: 400, URL: http://metrics/bad/base, Message: Out of order";
    assert_eq!(exception["details"]["error"], text);
    // C-ENG-18: which metric, of whom, how often; for people and for programs.
    let errors = errors(&status.exception);
    assert_eq!(errors[0], text);
    assert!(
        errors[1].starts_with("Metric 'bad' of account prom, 1 try"),
        "{errors:?}"
    );
    assert_eq!(exception["details"]["metric"], "bad");
    assert_eq!(exception["details"]["metricsAccountName"], "prom");
    assert_eq!(exception["details"]["attempts"], 1);
    world.quiet(engine).await;
    let archived: CanaryStatusResponse = world
        .repository()
        .load(ObjectKind::CanaryResultArchive, &id)
        .await
        .unwrap();
    assert_eq!(archived, status);
    process.stop().await;
}

#[tokio::test]
async fn both_sides_of_a_bad_query_read_terminal() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let text = "Custom filter template 'absent' was referenced, but no templates were defined.";
    world
        .metrics
        .answer("bad", "base", [Answer::BadTemplate(text)]);
    world
        .metrics
        .answer("bad", "next", [Answer::BadTemplate(text)]);
    let id = engine.start_canary(start(config(&["bad"]))).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    let stages = status.stage_status.unwrap();
    assert_eq!(stages["fetchControl0"], "terminal");
    assert_eq!(stages["fetchExperiment0"], "terminal");
    let exception = status.exception.clone().unwrap();
    assert_eq!(exception["exceptionType"], "IllegalArgumentException");
    assert_eq!(exception["details"]["error"], "Unexpected Task Failure");
    assert_eq!(
        errors(&status.exception),
        [text, "Metric 'bad' of account prom was not queried"]
    );
    assert_eq!(exception["shouldRetry"], false);
    process.stop().await;
}

#[tokio::test]
async fn a_failing_store_is_asked_again_with_doubling_pauses() {
    let world = World::with_lease(std::time::Duration::from_secs(3600));
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer(
        "cpu",
        "base",
        [
            Answer::Status(500),
            Answer::Refused,
            Answer::Values(vec![1.0; 60]),
        ],
    );
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world
        .pressing("the run ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert_eq!(world.metrics.calls().len(), 4);
    let took = status.end_time_millis.unwrap() - status.start_time_millis.unwrap();
    assert!(took >= 3000, "{took}");
    // One second, as others wait too, and then two. On a busy machine the clock may have moved further.
    let mut pauses = world.clock.waits();
    pauses.retain(|pause| (2..60).contains(&pause.as_secs()));
    assert_eq!(pauses, [std::time::Duration::from_secs(2)]);

    // A store that stays away: the underlying error is reported, not a timeout.
    world.metrics.answer("cpu", "base", [Answer::Refused]);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world
        .pressing("the run ends", async || {
            engine.canary_status(&id, None).await.unwrap().complete
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("terminal"));
    let exception = status.exception.unwrap();
    assert_eq!(exception["exceptionType"], "SpinnakerNetworkException");
    assert_eq!(exception["details"]["kind"], "NETWORK");
    process.stop().await;
}

#[tokio::test]
async fn mixing_failures_end_the_run() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.metrics.answer("cpu", "base", [Answer::NoSets]);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("terminal"));
    assert_eq!(status.stage_status.unwrap()["mixMetrics"], "terminal");
    assert_eq!(status.metric_set_pair_list_id, None);
    let exception = status.exception.clone().unwrap();
    assert_eq!(exception["operation"], "metricSetMixer");
    assert_eq!(
        errors(&status.exception),
        ["No control metrics found for cpu and the metric service did not create a placeholder."]
    );
    process.stop().await;
}

#[tokio::test]
async fn tagged_series_become_pairs_of_one_tag_each() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let series = Answer::Tagged(vec![("a", vec![1.0; 60]), ("b", vec![2.0; 60])]);
    world.metrics.answer("cpu", "base", [series.clone()]);
    world.metrics.answer("cpu", "next", [series]);
    let id = engine
        .start_canary(start(scripted_config(&["cpu"])))
        .await
        .unwrap();
    let status = world.canary_end(engine, &id).await;
    let results = status
        .result
        .unwrap()
        .judge_result
        .unwrap()
        .results
        .unwrap();
    assert_eq!(results.len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn judge_errors_are_reported_and_judge_bugs_do_not_kill_the_process() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;

    let mut unknown = config(&["cpu"]);
    unknown.judge = read(json!({"name": "no-judge"}));
    let id = engine.start_canary(start(unknown)).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("terminal"));
    assert_eq!(status.stage_status.as_ref().unwrap()["judge"], "terminal");
    assert!(status.metric_set_pair_list_id.is_some());
    assert_eq!(
        errors(&status.exception),
        ["Unable to resolve canary judge 'no-judge'."]
    );
    let exception = status.exception.unwrap();
    assert_eq!(exception["exceptionType"], "IllegalArgumentException");
    assert_eq!(exception["operation"], "canaryJudge");

    let mut wrong = config(&["cpu"]);
    wrong.metrics.as_mut().unwrap()[0].analysis_configurations =
        read(json!({"canary": {"critical": "true"}}));
    let id = engine.start_canary(start(wrong)).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(
        status.exception.unwrap()["exceptionType"],
        "ClassCastException"
    );

    *world.judge.panics.lock().unwrap() = true;
    let id = engine
        .start_canary(start(scripted_config(&["cpu"])))
        .await
        .unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(errors(&status.exception), ["judge 'scripted' panicked"]);
    process.stop().await;
}

#[tokio::test]
async fn an_account_of_the_wrong_kind_fails_the_run_not_the_submission() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let mut wrong = start(config(&["cpu"]));
    wrong.metrics_account = Some("mem".to_owned());
    let id = engine.start_canary(wrong).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(
        errors(&status.exception),
        ["Unable to resolve metrics service mem."]
    );

    let mut wrong = start(config(&["cpu"]));
    wrong.storage_account = Some("prom".to_owned());
    let id = engine.start_canary(wrong).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(
        errors(&status.exception),
        ["Unable to resolve storage service prom."]
    );
    // It cannot be archived either, and does not keep a job for it.
    world.quiet(engine).await;
    assert_eq!(engine.depth().await.unwrap().delayed, 0);
    process.stop().await;
}

/// C-ENG-14.
#[tokio::test]
async fn a_failing_object_store_fails_the_fetch_and_the_archive_is_written_later() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    world.objects.fail(ObjectKind::MetricSetList, true);
    world.objects.fail(ObjectKind::CanaryResultArchive, true);
    let id = engine.start_canary(start(config(&["cpu"]))).await.unwrap();
    world
        .pressing("the archive is put off", async || {
            engine.depth().await.unwrap().delayed == 1
        })
        .await;
    let status = engine.canary_status(&id, None).await.unwrap();
    assert_eq!(status.status.as_deref(), Some("terminal"));
    assert_eq!(errors(&status.exception), ["the store is out of order"]);
    assert!(
        world
            .objects
            .writes(ObjectKind::CanaryResultArchive)
            .is_empty()
    );
    world.objects.fail(ObjectKind::CanaryResultArchive, false);
    world
        .until("the archive is there", async || {
            world.objects.writes(ObjectKind::CanaryResultArchive) == [id.as_str()]
        })
        .await;
    process.stop().await;
}

#[tokio::test]
async fn fetches_are_bounded_per_run_and_in_total() {
    let mut world = World::new();
    world.options.fetches_per_run = 3;
    let process = world.process();
    let metrics: Vec<String> = (0..8).map(|i| format!("m{i}")).collect();
    let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
    let id = process
        .engine
        .start_canary(start(config(&metrics)))
        .await
        .unwrap();
    world.canary_end(&process.engine, &id).await;
    assert_eq!(world.metrics.calls().len(), 16);
    assert!(
        world.metrics.most_underway() <= 3,
        "{}",
        world.metrics.most_underway()
    );
    process.stop().await;

    let mut world = World::new();
    world.options.fetches_total = 2;
    let process = world.process();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(
            process
                .engine
                .start_canary(start(config(&metrics)))
                .await
                .unwrap(),
        );
    }
    for id in &ids {
        world.canary_end(&process.engine, id).await;
    }
    assert!(
        world.metrics.most_underway() <= 2,
        "{}",
        world.metrics.most_underway()
    );
    process.stop().await;
}

#[tokio::test]
async fn c_eng_10_a_step_of_zero_or_none_is_a_minute_for_the_store_and_stays_in_the_echo() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let mut asked = start(config(&["cpu"]));
    let scopes = asked.request.as_mut().unwrap().scopes.as_mut().unwrap();
    let pair = scopes["default"].as_mut().unwrap();
    pair.control_scope.as_mut().unwrap().step = Some(0);
    pair.experiment_scope.as_mut().unwrap().step = None;
    let id = engine.start_canary(asked.clone()).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    assert_eq!(status.status.as_deref(), Some("succeeded"));
    assert!(
        world
            .metrics
            .calls()
            .iter()
            .all(|(_, scope)| scope.step == Some(60))
    );
    assert_eq!(status.canary_execution_request, asked.request);
    process.stop().await;
}

#[tokio::test]
async fn c_eng_06_a_broken_unused_scope_costs_nothing_but_its_length() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let mut asked = start(config(&["cpu"]));
    let scopes = asked.request.as_mut().unwrap().scopes.as_mut().unwrap();
    scopes.insert(
        "unused".to_owned(),
        read(json!({"controlScope": {"scope": "x"}})),
    );
    scopes.insert("null".to_owned(), None);
    let id = engine.start_canary(asked).await.unwrap();
    let status = world.canary_end(engine, &id).await;
    let duration = status.result.unwrap().canary_duration.unwrap();
    assert_eq!(duration.to_string(), "PT1H");
    process.stop().await;
}

/// C-ENG-15.
#[tokio::test]
async fn expressions_in_names_are_plain_text() {
    let world = World::new();
    let process = world.process();
    let engine = &process.engine;
    let id = engine
        .start_canary(start(config(&["m ${1+1}"])))
        .await
        .unwrap();
    let status = world.canary_end(engine, &id).await;
    let results = status
        .result
        .unwrap()
        .judge_result
        .unwrap()
        .results
        .unwrap();
    assert_eq!(results[0].name.as_deref(), Some("m ${1+1}"));
    assert!(status.exception.is_none());
    process.stop().await;
}

#[tokio::test]
async fn stored_lists_are_what_the_store_gave() {
    let world = World::new();
    let process = world.process();
    let id = process
        .engine
        .start_canary(start(config(&["cpu"])))
        .await
        .unwrap();
    world.canary_end(&process.engine, &id).await;
    let raw = json!(process.engine.pipeline(&id).await.unwrap());
    let stages = raw["stages"].as_array().unwrap();
    let fetch = stages
        .iter()
        .find(|s| s["refId"] == "fetchExperiment0")
        .unwrap();
    let key = fetch["outputs"]["metricSetListId"].as_str().unwrap();
    let sets: Vec<MetricSet> = world
        .repository()
        .load(ObjectKind::MetricSetList, key)
        .await
        .unwrap();
    assert_eq!(
        sets[0].values.as_deref(),
        Some(crate::scripted::default_values().as_slice())
    );
    assert_eq!(raw["name"], "Standard Canary Pipeline");
    assert_eq!(raw["type"], "PIPELINE");
    assert_eq!(raw["status"], "SUCCEEDED");
    assert_eq!(raw["pipelineConfigId"], "ad-hoc-standard-canary-pipeline");
    assert_eq!(raw, json!(process.engine.pipeline(&id).await.unwrap()));
    process.stop().await;
}

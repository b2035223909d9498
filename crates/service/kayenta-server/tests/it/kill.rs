//! `kill -9` at random moments: what was accepted ends exactly once, with the same score.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kayenta_testkit::FakePrometheus;
use serde_json::{Value, json};

use crate::{
    dice::Dice,
    requests::{Caller, End, WINDOW, analysis, canary, canary_score, config, metric},
    samples::embedded_service,
};

const KILLS: usize = 55;

fn bodies() -> [(&'static str, Value); 2] {
    let metrics = [
        metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#),
        metric("latency", "Latency", r#"latency{v="${scope}"}"#),
        metric("load", "Load", r#"load{v="${scope}"}"#),
    ];
    let config = config(
        "kill",
        &metrics,
        json!({"Errors": 50, "Latency": 30, "Load": 20}),
    );
    [
        ("/canary", canary(&config, "baseline", "canary", WINDOW)),
        (
            "/standalone_canary_analysis",
            analysis(&config, "baseline", "canary", WINDOW, 30),
        ),
    ]
}

/// Starts `count` of either sort as long as the service lives; returns the paths of those accepted.
async fn start_some(caller: Caller, count: usize) -> Vec<String> {
    let mut accepted = Vec::new();
    for (path, body) in bodies().iter().cycle().take(count) {
        match caller.start(path, body).await {
            Ok(id) => accepted.push(format!("{path}/{id}")),
            // Killed under the request: not acknowledged, hence not promised.
            Err(_) => break,
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_run_ends_exactly_once_through_random_kills() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let mut service = embedded_service(&prometheus.base_url(), "").await;
    let caller = Caller::new(service.base_url());

    let mut undisturbed = BTreeMap::new();
    for (path, body) in &bodies() {
        let id = caller.start(path, body).await.unwrap();
        let path_of_id = format!("{path}/{id}");
        let answer = caller.complete(&path_of_id, Duration::from_secs(20)).await;
        undisturbed.insert(*path, End::of(&path_of_id, &answer).score);
    }
    assert_eq!(undisturbed["/canary"], json!(50.0));

    // Fetches take a moment, so that kills meet every stage.
    prometheus.delay_answers(Duration::from_millis(40));
    let started = Instant::now();
    let mut dice = Dice::seeded();
    let mut accepted: Vec<String> = Vec::new();
    let mut ended: BTreeMap<String, End> = BTreeMap::new();
    let mut under_way = 0;
    for _ in 0..KILLS {
        let starting = tokio::spawn(start_some(caller.clone(), 4));
        // From the first microsecond of a start to well after the last answer.
        tokio::time::sleep(Duration::from_micros(dice.below(180_000))).await;
        for path in accepted.iter().rev().take(6) {
            let Ok((_, answer)) = caller.get(path).await else {
                break;
            };
            if answer["complete"] == json!(true) {
                ended
                    .entry(path.clone())
                    .or_insert_with(|| End::of(path, &answer));
            }
        }
        service.kill().await.unwrap();
        let started_now = starting.await.unwrap();
        service.restart().await.unwrap();
        for path in &started_now {
            let (_, answer) = caller.get(path).await.unwrap();
            under_way += usize::from(answer["complete"] != json!(true));
        }
        accepted.extend(started_now);
    }
    let killing = started.elapsed();

    let recovering = Instant::now();
    for path in &accepted {
        let answer = caller.complete(path, Duration::from_secs(60)).await;
        let end = End::of(path, &answer);
        let kind = path.rsplit_once('/').unwrap().0;
        assert_eq!(end.score, undisturbed[kind], "{path}");
        if let Some(before) = ended.get(path) {
            assert_eq!(*before, end, "{path} ended twice");
        }
        ended.insert(path.clone(), end);
    }
    let recovered = recovering.elapsed();
    // A restart more, and everything is still as reported, in record and archive.
    service.kill().await.unwrap();
    service.restart().await.unwrap();
    for (path, end) in &ended {
        let (_, answer) = caller.get(path).await.unwrap();
        assert_eq!(End::of(path, &answer), *end, "{path} changed after its end");
        if let Some(id) = path.strip_prefix("/canary/") {
            let (status, archived) = caller
                .get(&format!("/canaryResultArchive/{id}"))
                .await
                .unwrap();
            assert_eq!(status, 200, "{path}: {archived}");
            assert_eq!(canary_score(&archived), &end.score, "{path}");
        }
    }
    println!(
        "{KILLS} kills in {killing:.1?}: {} runs accepted, {under_way} of them under way when killed, the \
         last ended within {recovered:.1?} of the last start; every one ended once with the undisturbed \
         score",
        accepted.len(),
    );
    assert!(
        under_way >= KILLS / 2,
        "too few kills met a run to mean anything"
    );
    assert!(
        accepted.len() >= KILLS,
        "too few runs were accepted to mean anything"
    );
}

//! Any replica answers for all: status, listing, cancel; and one that was paused lets go of what others took.

use std::time::{Duration, Instant};

use kayenta_testkit::{Signal, until};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers, one_analysis, one_canary};
use crate::requests::{Caller, canary_score};

async fn status(caller: &Caller, path: &str) -> Value {
    let (status, answer) = caller.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Ids of a listing.
async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    let listed = status(caller, &format!("/canary/executions?{query}")).await;
    let ids = listed.as_array().unwrap().iter();
    ids.map(|run| run["pipelineId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn runs_are_started_listed_and_canceled_through_any_replica() {
    let shared = Surroundings::start().await;
    let services = shared.replicas(2, "").await;
    let [one, other] = &callers(&services)[..] else {
        panic!("two replicas");
    };
    let (path, body) = one_canary("canary");
    let mut ended = Vec::new();
    for caller in [one, other, one] {
        let id = caller
            .start(&format!("{path}?application=shop"), &body)
            .await
            .unwrap();
        one.complete(&format!("{path}/{id}"), Duration::from_secs(20))
            .await;
        ended.push(id);
    }
    ended.reverse();

    // Each query takes longer than this test: its worker has to be notified.
    shared.prometheus.delay_answers(Duration::from_secs(60));
    let (analysis, analysis_body) = one_analysis("canary");
    let running = one
        .start(&format!("{path}?application=shop"), &body)
        .await
        .unwrap();
    let analyses = [one.start(analysis, &analysis_body).await.unwrap()];
    for path in [
        format!("{path}/{running}"),
        format!("{analysis}/{}", analyses[0]),
    ] {
        until("it runs", Duration::from_secs(20), async || {
            status(other, &path).await["status"] == json!("running")
        })
        .await;
    }
    for caller in [one, other] {
        let answer = status(caller, &format!("{path}/{running}")).await;
        assert_eq!(answer["status"], json!("running"), "{answer}");
        assert_eq!(
            listed(caller, "application=shop&statuses=running").await,
            std::slice::from_ref(&running)
        );
        assert_eq!(
            listed(caller, "application=shop&statuses=SUCCEEDED").await,
            ended
        );
        assert_eq!(
            listed(caller, "application=shop&statuses=SUCCEEDED&limit=2").await,
            ended[..2]
        );
        let second = "application=shop&statuses=SUCCEEDED&limit=2&page=2";
        assert_eq!(listed(caller, second).await, ended[2..]);
        assert_eq!(listed(caller, "application=shop").await.len(), 4);
        assert_eq!(listed(caller, "application=other").await, [""; 0]);
    }

    // Canceled through one, reported by the other; the worker, whichever it is, lets go.
    let begun = Instant::now();
    for id in [&running, &analyses[0]] {
        assert_eq!(
            other
                .put(&format!("/pipelines/{id}/cancel"))
                .await
                .unwrap()
                .0,
            202
        );
    }
    let answer = status(one, &format!("{path}/{running}")).await;
    assert_eq!(
        (&answer["status"], &answer["complete"]),
        (&json!("canceled"), &json!(true))
    );
    let answer = status(one, &format!("{analysis}/{}", analyses[0])).await;
    assert_eq!(answer["status"], json!("canceled"), "{answer}");
    for stage in answer["stageStatus"].as_array().unwrap() {
        if let Some(id) = stage["executionId"].as_str() {
            let run = status(other, &format!("{path}/{id}")).await;
            assert_eq!(run["complete"], json!(true), "{run}");
        }
    }
    for caller in [one, other] {
        caller
            .has_no_active_execution(Duration::from_secs(30))
            .await;
    }
    println!(
        "canceled through another replica; no replica works on them {:.1?} later (the gauge is \
         refreshed every 10 s)",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn a_paused_replica_lets_go_of_what_another_took_over() {
    let shared = Surroundings::start().await;
    let services = shared.replicas(2, "kayenta.engine.lease: 2s\n").await;
    let callers = callers(&services);
    shared
        .prometheus
        .delay_answers(Duration::from_millis(1_500));
    // Enough that both have some.
    let (path, body) = one_canary("canary");
    let mut runs = Vec::new();
    for number in 0..24 {
        runs.push(callers[number % 2].start(path, &body).await.unwrap());
    }
    // As a process of a machine that is overloaded, moved, or suspended.
    services[0].signal(Signal::STOP).unwrap();
    let paused = Instant::now();
    let mut ends = Vec::new();
    for id in &runs {
        let answer = callers[1]
            .complete(&format!("{path}/{id}"), Duration::from_secs(30))
            .await;
        assert_eq!(answer["status"], json!("succeeded"), "{answer}");
        assert_eq!(canary_score(&answer), &json!(50.0));
        ends.push(answer);
    }
    let taken_over = paused.elapsed();
    services[0].signal(Signal::CONT).unwrap();
    let let_go = || {
        let log = services[0].log();
        log.matches("lost the lease on an execution").count()
            + log
                .matches("could not report the outcome of a job to the queue")
                .count()
    };
    until(
        "the paused replica lets go of a run",
        Duration::from_secs(20),
        async || let_go() > 0,
    )
    .await;
    callers[0]
        .has_no_active_execution(Duration::from_secs(20))
        .await;
    for (id, end) in runs.iter().zip(&ends) {
        for caller in &callers {
            let now = status(caller, &format!("{path}/{id}")).await;
            assert_eq!(now, *end, "{id} changed after its end");
        }
        let archived = status(&callers[0], &format!("/canaryResultArchive/{id}")).await;
        assert_eq!(archived["endTimeMillis"], end["endTimeMillis"], "{id}");
    }
    let (_, letters) = callers[0].get("/admin/deadLetters").await.unwrap();
    assert_eq!(letters, json!([]));
    println!(
        "one of two replicas paused: all {} runs ended after {taken_over:.1?}; awake again it let go of {}, \
         and nothing changed",
        runs.len(),
        let_go()
    );
}

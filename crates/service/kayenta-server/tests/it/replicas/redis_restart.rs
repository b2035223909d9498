//! Redis ends and comes back, with what it held and without.

use std::time::{Duration, Instant};

use kayenta_testkit::{RedisServer, redis_server::RedisOptions, until};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers, one_analysis, one_canary, three_metrics};
use crate::{
    operations_page,
    requests::{Caller, analysis_scores, canary_score},
};

const SETTINGS: &str = "kayenta.engine.lease: 2s\n";
/// How long Redis is away.
const AWAY: Duration = Duration::from_secs(2);

/// Starts so many runs and a tenth as many analyses; their paths.
async fn start_some(callers: &[Caller], count: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for number in 0..count {
        let (path, body) = match number % 10 {
            9 => one_analysis("canary"),
            _ => one_canary("canary"),
        };
        let caller = &callers[number % callers.len()];
        paths.push(format!(
            "{path}/{}",
            caller.start(path, &body).await.unwrap()
        ));
    }
    paths
}

/// An analysis that first lets ten minutes pass.
async fn start_waiting(caller: &Caller) -> String {
    let body = json!({
        "canaryConfig": three_metrics("waiting"),
        "executionRequest": {
            "scopes": [{
                "scopeName": "default", "controlScope": "baseline", "experimentScope": "canary", "step": 60,
            }],
            "beginAfterMins": 10,
            "lifetimeDurationMins": 60,
            "analysisIntervalMins": 30,
            "thresholds": {"pass": 95, "marginal": 10},
        },
    });
    let path = "/standalone_canary_analysis";
    format!("{path}/{}", caller.start(path, &body).await.unwrap())
}

/// Which score it ended with.
fn score<'a>(path: &str, answer: &'a Value) -> &'a Value {
    assert_eq!(answer["status"], json!("succeeded"), "{path}: {answer}");
    if path.starts_with("/canary/") {
        canary_score(answer)
    } else {
        analysis_scores(answer)
    }
}

fn expected(path: &str) -> Value {
    if path.starts_with("/canary/") {
        json!(50.0)
    } else {
        json!(["50.0", "50.0"])
    }
}

/// The scores as text, however they are written.
fn same_score(found: &Value, wanted: &Value) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| item.to_string().replace('"', ""))
                .collect(),
            other => vec![other.to_string().replace('"', "")],
        }
    };
    texts(found) == texts(wanted)
}

/// While Redis is away nothing is accepted and nothing hangs.
async fn is_reported(caller: &Caller) {
    let (path, body) = one_canary("canary");
    let (status, answer) = caller.post(path, &body).await.unwrap();
    assert_eq!(status, 503, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("Redis at 127.0.0.1:"), "{message}");
    assert_eq!(caller.get("/health/readiness").await.unwrap().0, 503);
    assert_eq!(caller.get("/health/liveness").await.unwrap().0, 200);
}

/// Until the replica can be used again.
async fn is_back(caller: &Caller) -> Duration {
    let began = Instant::now();
    until("it is ready", Duration::from_secs(20), async || {
        caller.get("/health/readiness").await.unwrap().0 == 200
    })
    .await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn a_redis_that_keeps_its_data_loses_nothing_in_a_crash() {
    let redis = RedisServer::start_with(RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    });
    let mut shared = Surroundings::with_redis(redis.await.unwrap()).await;
    let services = shared.replicas(2, SETTINGS).await;
    let callers = callers(&services);
    shared.prometheus.delay_answers(Duration::from_millis(800));
    let paths = start_some(&callers, 30).await;
    let waiting = start_waiting(&callers[0]).await;
    shared.more_queries_than(0).await;
    shared.redis.kill().await.unwrap();
    tokio::time::sleep(AWAY).await;
    is_reported(&callers[0]).await;
    shared.redis.restart().await.unwrap();
    let back = is_back(&callers[1]).await;
    let began = Instant::now();
    for (number, path) in paths.iter().enumerate() {
        let answer = callers[number % 2]
            .complete(path, Duration::from_secs(40))
            .await;
        assert!(
            same_score(score(path, &answer), &expected(path)),
            "{path}: {answer}"
        );
    }
    let ended = began.elapsed();
    let (status, answer) = callers[1].get(&waiting).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["complete"], json!(false), "{answer}");
    let (_, letters) = callers[0].get("/admin/deadLetters").await.unwrap();
    assert_eq!(letters, json!([]));
    println!(
        "Redis killed and restarted with its data: ready after {back:.1?}, the last of {} runs ended \
         {ended:.1?} later, all with their scores; a waiting analysis waits on",
        paths.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn c_eng_16_a_redis_that_comes_back_empty_is_reported_run_by_run() {
    let mut shared = Surroundings::start().await;
    let services = shared.replicas(2, SETTINGS).await;
    let callers = callers(&services);
    let finished = start_some(&callers, 12).await;
    let mut before = Vec::new();
    for path in &finished {
        before.push(callers[0].complete(path, Duration::from_secs(30)).await);
    }
    // An archive is written a moment after the end of its run.
    for path in finished
        .iter()
        .filter_map(|path| path.strip_prefix("/canary/"))
    {
        let archive = format!("/canaryResultArchive/{path}");
        until("it is archived", Duration::from_secs(10), async || {
            callers[0].get(&archive).await.unwrap().0 == 200
        })
        .await;
    }
    shared.prometheus.delay_answers(Duration::from_secs(3));
    let before_these = shared.queries();
    let mut lost = start_some(&callers, 20).await;
    lost.push(start_waiting(&callers[1]).await);
    shared.more_queries_than(before_these).await;
    shared.redis.kill().await.unwrap();
    tokio::time::sleep(AWAY).await;
    is_reported(&callers[1]).await;
    shared.redis.restart().await.unwrap();
    let back = is_back(&callers[0]).await;

    for (number, (path, before)) in finished.iter().zip(&before).enumerate() {
        let (status, answer) = callers[number % 2].get(path).await.unwrap();
        assert_eq!(
            (status, &answer),
            (200, before),
            "{path} is read from its archive"
        );
    }
    let began = Instant::now();
    let mut exception = Value::Null;
    for (number, path) in lost.iter().enumerate() {
        let (status, answer) = callers[number % 2].get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        assert_eq!(answer["complete"], json!(true), "{path}: {answer}");
        assert_eq!(answer["status"], json!("terminal"), "{path}: {answer}");
        let error = answer["exception"]["details"]["errors"][0]
            .as_str()
            .unwrap();
        assert!(error.contains("was lost"), "{error}");
        let id = path.rsplit('/').next().unwrap();
        assert!(error.contains(id), "{error}");
        exception = answer["exception"].clone();
    }
    let reported = began.elapsed();
    // Its workers stop; a lost run never becomes a finished one later.
    shared.prometheus.delay_answers(Duration::ZERO);
    let again = start_some(&callers, 10).await;
    for path in &again {
        let answer = callers[0].complete(path, Duration::from_secs(30)).await;
        assert!(
            same_score(score(path, &answer), &expected(path)),
            "{path}: {answer}"
        );
    }
    for caller in &callers {
        caller
            .has_no_active_execution(Duration::from_secs(20))
            .await;
    }
    for path in &lost {
        let (_, answer) = callers[0].get(path).await.unwrap();
        assert_eq!(answer["status"], json!("terminal"), "{path}: {answer}");
    }
    // What never was is still not there.
    for unknown in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "no-such-run"] {
        let (status, answer) = callers[1].get(&format!("/canary/{unknown}")).await.unwrap();
        assert_eq!(status, 404, "{answer}");
    }
    let log = || services.iter().map(|service| service.log()).collect();
    operations_page::check("Redis lost its data", log, &exception).await;
    println!(
        "Redis killed and restarted empty: ready after {back:.1?}; {} finished runs read from the archive, \
         {} unfinished ones reported as lost in {reported:.1?}, {} new ones ended",
        finished.len(),
        lost.len(),
        again.len()
    );
}

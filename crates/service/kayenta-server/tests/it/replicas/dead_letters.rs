//! Jobs that could not be finished: seen and put back over HTTP, on both queues.

use std::{sync::Arc, time::Duration};

use kayenta_model::ExecutionStatus;
use kayenta_queue::{
    EmbeddedSettings, EmbeddedStore, ExecutionRecord, ExecutionStore, Job, SystemClock, WorkQueue,
};
use kayenta_redis::{RedisStore, RedisStoreOptions};
use kayenta_settings::RedisSettings;
use kayenta_testkit::{ServiceBuilder, eventually};
use serde_json::{Value, json};

use super::fleet::Surroundings;
use crate::{operations_page, requests::Caller, samples::BINARY};

const ID: &str = "01JRAW4P5ZK8Q9W2M7D3N6X0TV";

/// Queues an execution whose record cannot be read.
async fn break_one(store: &(impl ExecutionStore + WorkQueue)) {
    let record = ExecutionRecord {
        id: ID.to_owned(),
        group: "shop-standard-canary-pipeline".to_owned(),
        status: ExecutionStatus::Running,
        build_time_millis: 1,
        has_job: true,
        body: "of a version to come".into(),
        parts: Vec::new(),
        summary: bytes::Bytes::new(),
    };
    store.create(&record).await.unwrap();
    let job = Job {
        execution_id: ID.to_owned(),
    };
    store.push(&job, None).await.unwrap();
}

/// The letters, once there are so many.
async fn letters(caller: &Caller, count: usize) -> Vec<Value> {
    let what = format!("there are {count} dead letters");
    eventually(what, Duration::from_secs(10), async || {
        let (status, answer) = caller.get("/admin/deadLetters").await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let letters = answer.as_array().unwrap().clone();
        if letters.len() == count {
            Ok(letters)
        } else {
            Err(answer)
        }
    })
    .await
}

fn put_back(letter: &Value) -> String {
    format!(
        "/admin/deadLetters/{}/putBack",
        letter["id"].as_str().unwrap()
    )
}

/// Looks at the letter through one replica and puts it back through another, before and after the
/// record is repaired by `repair`.
async fn look_and_put_back(one: &Caller, other: &Caller, repair: impl AsyncFnOnce()) {
    let letter = letters(one, 1).await.remove(0);
    assert_eq!(letter["executionId"], json!(ID));
    assert_eq!(
        letter["reason"],
        json!(format!("the record of execution {ID} cannot be read"))
    );
    assert!(letter["givenUpTimeMillis"].as_i64().unwrap() > 1_700_000_000_000);
    let (_, text) = other.get("/prometheus").await.unwrap();
    assert!(
        text.as_str().unwrap().contains("queue_dead_depth"),
        "{text}"
    );

    // Still broken: another letter comes of it.
    assert_eq!(other.put(&put_back(&letter)).await.unwrap().0, 202);
    let again = async {
        loop {
            let now = letters(one, 1).await.remove(0);
            if now["id"] != letter["id"] {
                return now;
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(10), again)
        .await
        .unwrap();
    let (status, answer) = other.put(&put_back(&letter)).await.unwrap();
    assert_eq!(status, 404, "put back twice: {answer}");

    repair().await;
    assert_eq!(one.put(&put_back(&again)).await.unwrap().0, 202);
    letters(other, 0).await;
    // And stays so: the worker found nothing wrong, which has no moment to wait for.
    tokio::time::sleep(Duration::from_millis(500)).await;
    letters(other, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn c_queue_01_dead_letters_on_redis_are_seen_and_put_back_through_any_replica() {
    let shared = Surroundings::start().await;
    let services = shared.replicas(2, "").await;
    let redis = RedisSettings::single("127.0.0.1", shared.redis.port());
    let store = RedisStore::new(RedisStoreOptions::new(redis, "test")).unwrap();
    break_one(&store).await;
    let [one, other] = &super::fleet::callers(&services)[..] else {
        panic!("two replicas");
    };
    look_and_put_back(one, other, async || store.delete(ID).await.unwrap()).await;
    let log = || services[0].log() + &services[1].log();
    operations_page::check("dead letter", log, &Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_queue_01_dead_letters_of_the_embedded_queue_are_seen_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(
        folder.path(),
        EmbeddedSettings::default(),
        Arc::new(SystemClock),
    )
    .await
    .unwrap();
    break_one(&store).await;
    store.shut_down().await;
    let mut service = ServiceBuilder::new(BINARY)
        .data_dir(folder.path())
        .config("management.endpoints.web.exposure.include: '*'\nserver.port: 8090\n")
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    // Only its own process can repair the record: the API offers to forget it.
    let forget = async || {
        assert!(service.terminate().await.unwrap().success());
        let store = EmbeddedStore::open(
            folder.path(),
            EmbeddedSettings::default(),
            Arc::new(SystemClock),
        )
        .await
        .unwrap();
        store.delete(ID).await.unwrap();
        store.shut_down().await;
        service.restart().await.unwrap();
    };
    look_and_put_back(&caller, &caller, forget).await;
}

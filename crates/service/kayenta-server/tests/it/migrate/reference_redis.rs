//! A Redis as the Java service leaves it: execution records, queue, config index, heartbeat.

use kayenta_testkit::redis_server::RedisServer;

const SUCCEEDED: &str = "01M84DYRFKP3P7ZK48Z6Y5FX75";
const RUNNING: &str = "01M84DYRFKP3P7ZK48Z6Y5FX76";
const WAITING: &str = "01M84DYRFKP3P7ZK48Z6Y5FX77";
const CANCELED: &str = "01M84DYRFKP3P7ZK48Z6Y5FX78";

/// Fills it with four executions, of which one runs, one waits, one succeeded and one was canceled.
pub(super) async fn fill(redis: &RedisServer) {
    for (id, status, name, build_time) in [
        (
            SUCCEEDED,
            "SUCCEEDED",
            "Standard Canary Pipeline",
            "1605910869000",
        ),
        (
            RUNNING,
            "RUNNING",
            "Standalone Canary Analysis Pipeline",
            "1605910870250",
        ),
        (
            WAITING,
            "NOT_STARTED",
            "Standard Canary Pipeline",
            "1605910871000",
        ),
        (
            CANCELED,
            "CANCELED",
            "Standard Canary Pipeline",
            "1605910872000",
        ),
    ] {
        let record = format!("pipeline:{id}");
        let canceled = (status == "CANCELED").to_string();
        let stage = "stage.01M84DYRFKP3P7ZK48Z6Y5FX99";
        let (kind, ref_id) = (format!("{stage}.type"), format!("{stage}.refId"));
        command(
            redis,
            &[
                "HSET",
                &record,
                "application",
                "shop",
                "status",
                status,
                "name",
                name,
                "buildTime",
                build_time,
                "canceled",
                &canceled,
                "limitConcurrent",
                "false",
                "pipelineConfigId",
                "shop-standard-canary-pipeline",
                "origin",
                "unknown",
                "trigger",
                r#"{"type":"none"}"#,
                &kind,
                "setupCanary",
                &ref_id,
                "setupContext",
            ],
        )
        .await;
        let index = format!("{record}:stageIndex");
        command(redis, &["RPUSH", &index, "01M84DYRFKP3P7ZK48Z6Y5FX99"]).await;
        command(redis, &["SADD", "allJobs:pipeline", id]).await;
        command(redis, &["SADD", "pipeline:app:shop", id]).await;
        let by_config = "pipeline:executions:shop-standard-canary-pipeline";
        command(redis, &["ZADD", by_config, build_time, id]).await;
    }
    let queue = "keiko.queue";
    let message = r#"{"kind":"runTask","executionType":"PIPELINE","application":"shop"}"#;
    for (set, fingerprint) in [("queue", "f1"), ("unacked", "f2")] {
        let key = format!("{queue}.{set}");
        command(redis, &["ZADD", &key, "1605910880000", fingerprint]).await;
        let messages = format!("{queue}.messages");
        command(redis, &["HSET", &messages, fingerprint, message]).await;
        let attempts = format!("{queue}.attempts");
        command(redis, &["HSET", &attempts, fingerprint, "1"]).await;
    }
    let dead = format!("{queue}.deadLetters.messages");
    command(redis, &["ZADD", &dead, "1605910000000", message]).await;
    let index = "kayenta:azure:canary-storage:canaryConfig";
    let by_application = format!("{index}:by-application");
    command(redis, &["HSET", &by_application, "shop", "[]"]).await;
    let pending = format!("{index}:pending-updates");
    command(
        redis,
        &["RPUSH", &pending, "1605910880000:UPDATE:start:c1:{}"],
    )
    .await;
    command(
        redis,
        &["SET", "kayenta:heartbeat:7d1c@pod-1", "1605910880000"],
    )
    .await;
    // Somebody else's.
    command(redis, &["SET", "session:1", "x"]).await;
}

async fn command(redis: &RedisServer, words: &[&str]) {
    redis.cli(words).await.unwrap();
}

/// Changes with every write: how many there were, and every key with its content.
pub(super) async fn fingerprint(redis: &RedisServer) -> Vec<String> {
    let info = redis.cli(&["INFO", "persistence"]).await.unwrap();
    let writes = info
        .lines()
        .find(|line| line.starts_with("rdb_changes_since_last_save"))
        .unwrap();
    let mut keys: Vec<String> = redis
        .cli(&["KEYS", "*"])
        .await
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    keys.sort();
    let mut fingerprint = vec![writes.to_owned()];
    for key in keys {
        let content = redis.cli(&["DUMP", &key]).await.unwrap();
        fingerprint.push(format!("{key} {content}"));
    }
    fingerprint
}

/// The commands Redis was given since its statistics were reset.
pub(super) async fn commands(redis: &RedisServer) -> Vec<String> {
    let info = redis.cli(&["INFO", "commandstats"]).await.unwrap();
    info.lines()
        .filter_map(|line| line.strip_prefix("cmdstat_"))
        .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
        .collect()
}

//! What a Java service left in this Redis, for `kayenta migrate check`. Nothing here writes.

use std::collections::HashSet;

use kayenta_queue::QueueError;
use kayenta_settings::RedisTopology;
use redis::{Pipeline, Value, cmd, from_redis_value_ref};

use crate::{link::Link, options::RedisStoreOptions};

/// Keys or records that one round trip asks about.
const BATCH: usize = 500;

/// Keys of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceKeys {
    /// What they are.
    pub kind: &'static str,
    /// The pattern that finds them.
    pub pattern: String,
    /// How many there are.
    pub count: u64,
}

/// An execution of the reference that has not ended, as its record tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceRun {
    /// Its id.
    pub id: String,
    /// Its name, which tells a canary run from a standalone analysis.
    pub name: String,
    /// The application it runs for.
    pub application: String,
    /// `RUNNING`, `NOT_STARTED`, …
    pub status: String,
    /// When it was accepted, in milliseconds since 1970, where the record says so.
    pub build_time: Option<i64>,
}

/// Everything the reference keeps in a Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceState {
    /// Its keys by kind, also of the kinds that have none.
    pub keys: Vec<ReferenceKeys>,
    /// Executions that have not ended, oldest first.
    pub unfinished: Vec<ReferenceRun>,
    /// Messages of its queue that wait or are being worked on.
    pub messages: u64,
}

/// Looks at the keys the reference uses. A cluster has none: the reference cannot use one.
///
/// # Errors
/// When Redis cannot be reached or refuses.
pub async fn reference_state(options: &RedisStoreOptions) -> Result<ReferenceState, QueueError> {
    let link = Link::new(options)?;
    if matches!(options.server.topology, RedisTopology::Cluster { .. }) {
        link.command::<String>("reach Redis", &cmd("PING")).await?;
        return Ok(ReferenceState::default());
    }
    let queue = &options.queue_name;
    let dead_letters = format!("{}.messages", options.dead_letter_name);
    let pipelines = scan(&link, "pipeline:*").await?;
    let (index, records): (Vec<_>, Vec<_>) = pipelines.into_iter().partition(|key| {
        key.starts_with("pipeline:app:")
            || key.starts_with("pipeline:executions:")
            || key.ends_with(":stageIndex")
    });
    let mut keys = vec![
        found("execution records", "pipeline:<id>", records.len()),
        found(
            "lists of executions",
            "pipeline:app:*, pipeline:executions:*, pipeline:*:stageIndex",
            index.len(),
        ),
    ];
    let patterns = [
        ("index of executions", "allJobs:pipeline".to_owned()),
        ("message queue", format!("{}.*", escaped(queue))),
        ("dead letters", escaped(&dead_letters)),
        (
            "buffered executions",
            format!("{}:buffered:*", escaped(queue)),
        ),
        ("waiting executions", "orca.pipeline.queue.*".to_owned()),
        ("active executions", "monitor.active-executions".to_owned()),
        ("config index", "kayenta:*:canaryConfig:*".to_owned()),
        ("indexing lock", "kayenta:indexing-instance".to_owned()),
        ("heartbeats", "kayenta:heartbeat:*".to_owned()),
    ];
    for (kind, pattern) in patterns {
        let mut matching = scan(&link, &pattern).await?;
        if kind == "message queue" {
            // Dead letters share the beginning of the name and are counted on their own.
            matching.remove(&dead_letters);
        }
        keys.push(found(kind, pattern, matching.len()));
    }
    let mut messages = 0;
    for set in ["queue", "unacked"] {
        let mut command = cmd("ZCARD");
        command.arg(format!("{queue}.{set}"));
        messages += link.command::<u64>("count messages", &command).await?;
    }
    Ok(ReferenceState {
        keys,
        unfinished: unfinished(&link, &records).await?,
        messages,
    })
}

fn found(kind: &'static str, pattern: impl Into<String>, count: usize) -> ReferenceKeys {
    ReferenceKeys {
        kind,
        pattern: pattern.into(),
        count: count as u64,
    }
}

/// A name as the part of a pattern that matches it alone.
fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let special = matches!(c, '*' | '?' | '[' | ']' | '\\');
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

/// The keys that match; a scan may return one more than once.
async fn scan(link: &Link, pattern: &str) -> Result<HashSet<String>, QueueError> {
    let (mut cursor, mut matching) = (0_u64, HashSet::new());
    loop {
        let mut command = cmd("SCAN");
        command
            .arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(1000);
        let (next, keys): (u64, Vec<Vec<u8>>) =
            link.command("look through the keys", &command).await?;
        matching.extend(
            keys.into_iter()
                .map(|key| String::from_utf8_lossy(&key).into_owned()),
        );
        if next == 0 {
            return Ok(matching);
        }
        cursor = next;
    }
}

/// The records among `keys` whose status is none of those an execution ends with.
async fn unfinished(link: &Link, keys: &[String]) -> Result<Vec<ReferenceRun>, QueueError> {
    const ENDED: [&str; 6] = [
        "SUCCEEDED",
        "FAILED_CONTINUE",
        "TERMINAL",
        "CANCELED",
        "STOPPED",
        "SKIPPED",
    ];
    let mut runs = Vec::new();
    for batch in keys.chunks(BATCH) {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        // A key of another type than the reference's is an error of its own, not of the batch.
        pipeline.ignore_errors();
        for key in batch {
            pipeline
                .cmd("HMGET")
                .arg(key)
                .arg("status")
                .arg("name")
                .arg("application")
                .arg("buildTime");
        }
        let answers: Vec<Value> = link.pipeline("read execution records", &pipeline).await?;
        for (key, answer) in batch.iter().zip(&answers) {
            let Ok((Some(status), name, application, build_time)) = from_redis_value_ref::<(
                Option<String>,
                Option<String>,
                Option<String>,
                Option<String>,
            )>(answer) else {
                continue;
            };
            if ENDED.contains(&status.as_str()) {
                continue;
            }
            runs.push(ReferenceRun {
                id: key.trim_start_matches("pipeline:").to_owned(),
                name: name.unwrap_or_default(),
                application: application.unwrap_or_default(),
                status,
                build_time: build_time.and_then(|text| text.parse().ok()),
            });
        }
    }
    runs.sort_by(|a, b| (a.build_time, &a.id).cmp(&(b.build_time, &b.id)));
    Ok(runs)
}

//! What a Java service left in this Redis, for `kayenta migrate check`. Nothing here writes.

use kayenta_queue::QueueError;
use redis::cmd;

use crate::{link::Link, settings::RedisSettings};

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

/// Counts the keys the reference uses, by kind.
///
/// # Errors
/// When Redis cannot be reached or refuses.
pub async fn reference_keys(settings: &RedisSettings) -> Result<Vec<ReferenceKeys>, QueueError> {
    let link = Link::new(settings)?;
    let queue = &settings.queue_name;
    let patterns = [
        ("execution records", "pipeline:*".to_owned()),
        ("index of executions", "allJobs:pipeline".to_owned()),
        ("message queue", format!("{queue}.*")),
        ("buffered executions", format!("{queue}:buffered:*")),
        (
            "dead letters",
            format!("{}.messages", settings.dead_letter_name),
        ),
        ("config index", "kayenta:*:canaryConfig:*".to_owned()),
        ("indexing lock", "kayenta:indexing-instance".to_owned()),
        ("heartbeats", "kayenta:heartbeat:*".to_owned()),
        ("active executions", "monitor.active-executions".to_owned()),
    ];
    let mut found = Vec::new();
    for (kind, pattern) in patterns {
        let mut keys = count(&link, &pattern).await?;
        if kind == "message queue" {
            // Dead letters share the beginning of the name and are counted on their own.
            keys = keys.saturating_sub(
                count(&link, &format!("{}.messages", settings.dead_letter_name)).await?,
            );
        }
        found.push(ReferenceKeys {
            kind,
            pattern,
            count: keys,
        });
    }
    Ok(found)
}

async fn count(link: &Link, pattern: &str) -> Result<u64, QueueError> {
    let (mut cursor, mut total) = (0_u64, 0);
    loop {
        let mut command = cmd("SCAN");
        command
            .arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(1000);
        let (next, keys): (u64, Vec<String>) =
            link.command("look through the keys", &command).await?;
        total += keys.len() as u64;
        if next == 0 {
            return Ok(total);
        }
        cursor = next;
    }
}

//! Whether Redis does what the service needs of it, for health.

use std::time::Duration;

use kayenta_queue::{QueueError, QueueErrorKind};
use redis::{Value, cmd};

use crate::{Inner, script};

/// The longest wait for the answer to a ping, and for that to a probe.
const LONGEST_ANSWER: Duration = Duration::from_millis(600);

impl Inner {
    /// C-HEALTH-05: whether Redis answers, takes a write, reads it back, and holds every key as the type it should
    /// have. Asked on behalf of health probes, which do not wait long: an answer that is late counts as
    /// none, and the next one is asked for on a new connection.
    pub(crate) async fn probe(&self) -> Result<(), QueueError> {
        let limit = self.options.server.timeout.min(LONGEST_ANSWER);
        let (key, kinds) = (self.keys.probe(&self.options.consumer), self.keys.kinds());
        let mut keys = vec![key];
        let mut arguments: Vec<&[u8]> = vec![b"1"];
        for (name, kind) in kinds {
            keys.push(name.to_owned());
            arguments.push(kind.as_bytes());
        }
        let attempted = "write and read";
        let ping = cmd("PING");
        // All at once: one after the other they would take three times as long where Redis is far away.
        let (reached, probed, ()) = tokio::join!(
            self.link
                .command_within::<String>("reach Redis", &ping, limit),
            tokio::time::timeout(
                limit,
                self.link
                    .script(attempted, &script::PROBE, &keys, &arguments)
            ),
            self.look_at_policy(),
        );
        reached?;
        let wrong: String = probed.unwrap_or_else(|_| {
            let message = format!(
                "cannot {attempted}: Redis did not answer within {} ms",
                limit.as_millis()
            );
            Err(QueueError::new(QueueErrorKind::Unavailable, message))
        })?;
        if !wrong.is_empty() {
            let message = format!(
                "{wrong}. Another program uses it: delete the key, or choose another keiko.queue.redis.queueName"
            );
            return Err(QueueError::new(QueueErrorKind::Corrupt, message));
        }
        Ok(())
    }

    /// Finds out whether Redis may throw work away, and logs it when that is news.
    pub(crate) async fn look_at_policy(&self) {
        // Unlike CONFIG, INFO is allowed by providers of Redis too.
        let mut command = cmd("INFO");
        command.arg("memory");
        let limit = self.options.server.timeout.min(LONGEST_ANSWER);
        let asked = self
            .link
            .command_within::<Value>("look at Redis", &command, limit);
        let Ok(answer) = asked.await else { return };
        let warning = policy(&text(&answer)).map(|policy| {
            format!(
                "Redis has maxmemory-policy {policy}: when its memory is full, it throws accepted runs \
                 away. Set it to noeviction"
            )
        });
        let before = self.eviction.send_replace(warning.clone());
        if let Some(warning) = warning.filter(|warning| before.as_ref() != Some(warning)) {
            tracing::warn!("{warning}");
        }
    }
}

/// The text of an answer to `INFO`; a cluster answers with one for each node.
fn text(answer: &Value) -> String {
    match answer {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Array(nodes) => nodes.iter().map(text).collect(),
        Value::Map(nodes) => nodes.iter().map(|(_, node)| text(node)).collect(),
        _ => String::new(),
    }
}

/// A policy under which keys are thrown away.
fn policy(info: &str) -> Option<&str> {
    info.lines()
        .filter_map(|line| line.trim().strip_prefix("maxmemory_policy:"))
        .find(|policy| *policy != "noeviction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_policy_that_evicts_is_found() {
        let info =
            |policy: &str| format!("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:{policy}\r\n");
        assert_eq!(policy(&info("noeviction")), None);
        assert_eq!(policy(&info("allkeys-lru")), Some("allkeys-lru"));
        let nodes = info("noeviction") + &info("volatile-ttl");
        assert_eq!(policy(&nodes), Some("volatile-ttl"));
        assert_eq!(policy(""), None);
    }
}

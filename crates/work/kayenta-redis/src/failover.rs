//! What Redis acknowledges its replicas may not have yet: a master that dies takes it along. Where
//! sentinels replace masters, a new record therefore counts as kept only when a replica has it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kayenta_queue::{QueueError, QueueErrorKind};
use kayenta_settings::RedisTopology;
use redis::{cmd, pipe};

use crate::Inner;

/// How long a master found without replicas is taken to have none.
const ALONE: Duration = Duration::from_secs(10);

/// What is known of the master's replicas.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    none_at: Mutex<Option<Instant>>,
}

impl Inner {
    /// Returns once a replica has the record of an execution that was just created. At once where no
    /// sentinel watches, and where there is no replica to fail over to.
    pub(crate) async fn outlives_a_failover(&self, id: &str) -> Result<(), QueueError> {
        if !matches!(self.options.server.topology, RedisTopology::Sentinel { .. })
            || self.replicas.none()
        {
            return Ok(());
        }
        let limit = self.options.server.timeout / 2;
        let mut commands = pipe();
        // Waiting is for what this connection has done; if it is a new one, to another master, the
        // record is no longer there.
        commands
            .cmd("EXISTS")
            .arg(self.keys.record(id))
            .cmd("WAIT")
            .arg(1)
            .arg(limit.as_millis() as u64);
        let (there, replicas): (bool, u64) =
            self.link.pipeline("keep an execution", &commands).await?;
        let lost = |why: &str| {
            QueueError::new(
                QueueErrorKind::Unavailable,
                format!("cannot keep execution {id}: {why}"),
            )
        };
        match (there, replicas) {
            (true, 1..) => Ok(()),
            (true, 0) if self.has_no_replicas().await? => {
                self.replicas.found_none();
                tracing::warn!(
                    "the Redis master has no replica: executions accepted now would be lost with it"
                );
                Ok(())
            }
            (true, 0) => Err(lost(&format!(
                "no replica of the Redis master has it after {} ms",
                limit.as_millis()
            ))),
            (false, _) => Err(lost("the Redis master was replaced meanwhile")),
        }
    }

    async fn has_no_replicas(&self) -> Result<bool, QueueError> {
        let mut command = cmd("INFO");
        command.arg("replication");
        let text: String = self
            .link
            .command("ask for the replicas of the master", &command)
            .await?;
        Ok(text
            .lines()
            .any(|line| line.trim_end() == "connected_slaves:0"))
    }
}

impl Replicas {
    fn none(&self) -> bool {
        self.none_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|at| at.elapsed() < ALONE)
    }

    fn found_none(&self) {
        *self.none_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

//! The queue.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kayenta_queue::{
    DeadLetter, Job, Lease, LeasedJob, QueueDepth, QueueError, QueueErrorKind, WorkQueue,
};
use redis::{Script, cmd, pipe, streams::StreamRangeReply};

use crate::{Inner, RedisStore, script};

/// Executions whose jobs are looked up by one command, which Redis answers in less than a millisecond.
const LOOKED_UP_AT_ONCE: usize = 1_000;

/// Milliseconds of a due time, rounded up so that nothing comes early; 0 for at once.
fn due_millis(due: Option<DateTime<Utc>>) -> i64 {
    due.map_or(0, |due| {
        let rest = i64::from(!due.timestamp_subsec_nanos().is_multiple_of(1_000_000));
        due.timestamp_millis().saturating_add(rest)
    })
}

fn lost(lease: &Lease) -> QueueError {
    QueueError::new(
        QueueErrorKind::LeaseLost,
        format!("the lease on execution {} has ended", lease.execution_id),
    )
}

impl Inner {
    /// Runs a script that answers 0 when the lease no longer holds.
    async fn with_lease(
        &self,
        attempted: &str,
        script: &Script,
        lease: &Lease,
        argument: Option<&[u8]>,
    ) -> Result<(), QueueError> {
        let mut arguments = vec![lease.execution_id.as_bytes(), lease.token.as_bytes()];
        arguments.extend(argument);
        let held: i64 = self
            .link
            .script(attempted, script, self.keys.queue(), &arguments)
            .await?;
        if held == 1 { Ok(()) } else { Err(lost(lease)) }
    }

    pub(crate) async fn put_off_lease(&self, lease: &Lease, due: i64) -> Result<(), QueueError> {
        let text = due.to_string();
        self.with_lease(
            "put a job off",
            &script::PUT_OFF,
            lease,
            Some(text.as_bytes()),
        )
        .await?;
        if due > 0 {
            self.sooner.notify_one();
        }
        Ok(())
    }
}

#[async_trait]
impl WorkQueue for RedisStore {
    async fn push(&self, job: &Job, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        let due = due_millis(due);
        let (id, text) = (job.execution_id.as_bytes(), due.to_string());
        let inner = &self.inner;
        let _: i64 = inner
            .link
            .script(
                "queue a job",
                &script::PUSH,
                inner.keys.queue(),
                &[id, text.as_bytes()],
            )
            .await?;
        if due > 0 {
            inner.sooner.notify_one();
        }
        Ok(())
    }

    async fn take(&self) -> Result<LeasedJob, QueueError> {
        let closed = || QueueError::new(QueueErrorKind::Closed, "the queue is closed");
        if self.inner.closed.is_cancelled() {
            return Err(closed());
        }
        let given = self.inner.reader.wait();
        tokio::select! {
            biased;
            job = given => job.map_err(|_| closed()),
            () = self.inner.closed.cancelled() => Err(closed()),
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<(), QueueError> {
        let millis = self.inner.options.lease.as_millis().to_string();
        self.inner
            .with_lease(
                "renew a lease",
                &script::RENEW,
                lease,
                Some(millis.as_bytes()),
            )
            .await
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        self.inner
            .with_lease("complete a job", &script::COMPLETE, lease, None)
            .await
    }

    async fn put_off(&self, lease: &Lease, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        self.inner.put_off_lease(lease, due_millis(due)).await
    }

    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        self.inner
            .with_lease("bury a job", &script::BURY, lease, Some(reason.as_bytes()))
            .await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let mut command = cmd("XREVRANGE");
        command
            .arg(self.inner.keys.dead())
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(limit);
        let reply: StreamRangeReply = self
            .inner
            .link
            .command("list dead letters", &command)
            .await?;
        let letters = reply.ids.into_iter().filter_map(|entry| {
            let millis = entry.id.split('-').next()?.parse().ok()?;
            Some(DeadLetter {
                job: Job {
                    execution_id: entry.get("id")?,
                },
                reason: entry.get("reason")?,
                at: DateTime::from_timestamp_millis(millis)?,
                id: entry.id,
            })
        });
        Ok(letters.collect())
    }

    async fn put_back(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        let unknown = || {
            QueueError::new(
                QueueErrorKind::NotFound,
                format!("there is no dead letter {dead_letter_id}"),
            )
        };
        // Redis refuses anything but `<millis>-<number>` as the name of an entry.
        let parts = dead_letter_id.split_once('-').ok_or_else(unknown)?;
        if parts.0.parse::<u64>().is_err() || parts.1.parse::<u64>().is_err() {
            return Err(unknown());
        }
        let inner = &self.inner;
        let arguments: &[&[u8]] = &[dead_letter_id.as_bytes()];
        let found: i64 = inner
            .link
            .script(
                "put a dead letter back",
                &script::PUT_BACK,
                inner.keys.queue(),
                arguments,
            )
            .await?;
        if found == 1 { Ok(()) } else { Err(unknown()) }
    }

    async fn without_job(&self, execution_ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        let inner = &self.inner;
        let mut without = Vec::new();
        for ids in execution_ids.chunks(LOOKED_UP_AT_ONCE) {
            let mut command = cmd("HMGET");
            command.arg(inner.keys.places()).arg(ids);
            let places: Vec<Option<Vec<u8>>> = inner
                .link
                .command("look for executions without a job", &command)
                .await?;
            let placed = ids.iter().zip(places);
            without.extend(placed.filter_map(|(id, place)| place.is_none().then(|| id.clone())));
        }
        Ok(without)
    }

    async fn depth(&self) -> Result<QueueDepth, QueueError> {
        let keys = self.inner.keys.queue();
        let mut commands = pipe();
        commands
            .cmd("XLEN")
            .arg(&keys[0])
            .cmd("ZCARD")
            .arg(&keys[1])
            .cmd("ZCARD")
            .arg(&keys[3]);
        commands.cmd("XLEN").arg(&keys[6]);
        let (entries, delayed, leased, dead): (u64, u64, u64, u64) =
            self.inner.link.pipeline("count jobs", &commands).await?;
        // A leased job's entry stays in the stream until the lease is given up.
        Ok(QueueDepth {
            ready: entries.saturating_sub(leased),
            delayed,
            leased,
            dead,
        })
    }

    async fn oldest_due(&self) -> Result<Option<Duration>, QueueError> {
        let inner = &self.inner;
        let millis: i64 = inner
            .link
            .script(
                "find the oldest job",
                &script::OLDEST,
                inner.keys.queue(),
                &[],
            )
            .await?;
        // Negative when there is none.
        Ok(u64::try_from(millis).ok().map(Duration::from_millis))
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.inner.probe().await
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.eviction.borrow().iter().cloned().collect()
    }

    fn close(&self) {
        self.inner.closed.cancel();
    }
}

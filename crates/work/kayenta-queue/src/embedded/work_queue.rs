//! The queue of jobs: kept in memory, every change handed to the writer in the same order.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use super::{
    EmbeddedStore, blocking,
    jobs::{Lost, Millis, RowChange},
    shared::State,
    writer::{Change, Reply},
};
use crate::{DeadLetter, Job, Lease, LeasedJob, QueueDepth, QueueError, QueueErrorKind, WorkQueue};

/// Longest reason kept with a dead letter, in bytes.
const LONGEST_REASON: usize = 4_096;

/// Executions whose jobs are looked up while others wait for the queue: less than a millisecond.
const LOOKED_UP_AT_ONCE: usize = 1_000;

impl EmbeddedStore {
    /// Changes the jobs in memory and hands the change to the writer in the same order.
    async fn change_jobs<T>(
        &self,
        change: impl FnOnce(&mut State, Millis) -> Result<(T, Change), QueueError>,
        reply: Reply,
    ) -> Result<T, QueueError> {
        let permit = self.place().await?;
        let shared = self.shared();
        let now = shared.now();
        let mut state = shared.state();
        state.jobs.advance(now);
        let before = state.jobs.next_event();
        let (value, change) = change(&mut state, now)?;
        self.send(permit, change, reply)?;
        let wake = state.jobs.has_ready() || state.jobs.next_event() != before;
        drop(state);
        if wake {
            shared.wake.notify_one();
        }
        Ok(value)
    }

    /// The same, returning once the change is on disk.
    async fn change_jobs_durably(
        &self,
        change: impl FnOnce(&mut State, Millis) -> Result<Change, QueueError>,
    ) -> Result<(), QueueError> {
        let (sender, receiver) = oneshot::channel();
        self.change_jobs(
            |state, now| change(state, now).map(|change| ((), change)),
            Reply::Durable(sender),
        )
        .await?;
        receiver
            .await
            .map_err(|_| self.shared().unavailable())?
            .map(drop)
    }

    /// Takes a ready job, or tells when to look again at the latest.
    fn try_take(&self, permit: OwnedSemaphorePermit) -> Result<Attempt, QueueError> {
        let shared = self.shared();
        let now = shared.now();
        let mut state = shared.state();
        state.jobs.advance(now);
        let before = state.jobs.next_event();
        let Some((taken, change)) = state.jobs.take(now) else {
            return Ok(Attempt::Wait(before));
        };
        self.send(permit, Change::Job(change), Reply::None)?;
        // Another caller may have work, or has to know of the end of this lease.
        let wake = state.jobs.has_ready() || state.jobs.next_event() != before;
        drop(state);
        if wake {
            shared.wake.notify_one();
        }
        let execution_id = taken.id.to_string();
        Ok(Attempt::Taken(LeasedJob {
            job: Job {
                execution_id: execution_id.clone(),
            },
            lease: Lease {
                execution_id,
                token: taken.token.to_string(),
                duration: shared.settings.lease,
            },
            delivery: taken.delivery,
        }))
    }
}

enum Attempt {
    Taken(LeasedJob),
    Wait(Option<Millis>),
}

/// Passes the duty to watch the time on when a waiting `take` is dropped.
struct PassOn<'a> {
    wake: &'a Notify,
    armed: bool,
}

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.wake.notify_one();
        }
    }
}

fn lost(lease: &Lease) -> QueueError {
    QueueError::new(
        QueueErrorKind::LeaseLost,
        format!(
            "the lease of the job of execution {} has ended",
            lease.execution_id
        ),
    )
}

fn token(lease: &Lease) -> Result<u64, QueueError> {
    lease.token.parse().map_err(|_| lost(lease))
}

/// Rounded up, so that a job is never taken before it is due.
fn due_millis(due: DateTime<Utc>) -> Millis {
    let whole = due.timestamp_millis();
    whole.saturating_add(i64::from(
        !due.timestamp_subsec_nanos().is_multiple_of(1_000_000),
    ))
}

#[async_trait]
impl WorkQueue for EmbeddedStore {
    async fn push(&self, job: &Job, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        self.change_jobs_durably(|state, now| {
            let due = due.map_or(now, due_millis);
            let change = state.jobs.push(&job.execution_id, due, now);
            // A job that is queued already may not be on disk yet.
            Ok(change.map_or(Change::Barrier, Change::Job))
        })
        .await
    }

    async fn take(&self) -> Result<LeasedJob, QueueError> {
        let shared = self.shared();
        loop {
            let mut woken = pin!(shared.wake.notified());
            // Counts as waiting from here on, so that nothing pushed after the look below is missed.
            woken.as_mut().enable();
            if shared.is_closed() {
                return Err(QueueError::new(
                    QueueErrorKind::Closed,
                    "the queue is closed",
                ));
            }
            let permit = self.place().await?;
            let next = match self.try_take(permit)? {
                Attempt::Taken(job) => return Ok(job),
                Attempt::Wait(next) => next.and_then(DateTime::from_timestamp_millis),
            };
            let mut watch = PassOn {
                wake: &shared.wake,
                armed: true,
            };
            match next {
                Some(next) => {
                    tokio::select! {
                        () = woken => {}
                        () = shared.clock.sleep_until(next) => {}
                    }
                }
                None => woken.await,
            }
            watch.armed = false;
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<(), QueueError> {
        let token = token(lease)?;
        let shared = self.shared();
        shared
            .state()
            .jobs
            .renew(&lease.execution_id, token, shared.now())
            .map_err(|Lost| lost(lease))
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        let token = token(lease)?;
        // The caller need not wait for the disk: after a crash the job is delivered once more,
        // which harms nothing.
        self.change_jobs(
            |state, now| {
                let change = state.jobs.complete(&lease.execution_id, token, now);
                Ok(((), Change::Job(change.map_err(|Lost| lost(lease))?)))
            },
            Reply::None,
        )
        .await
    }

    async fn put_off(&self, lease: &Lease, due: Option<DateTime<Utc>>) -> Result<(), QueueError> {
        let token = token(lease)?;
        // As with `complete`: at worst the job is due too early after a crash.
        self.change_jobs(
            |state, now| {
                let due = due.map_or(now, due_millis);
                let change = state.jobs.put_off(&lease.execution_id, token, due, now);
                Ok(((), Change::Job(change.map_err(|Lost| lost(lease))?)))
            },
            Reply::None,
        )
        .await
    }

    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        let token = token(lease)?;
        let most = self.shared().settings.max_dead_letters.max(1);
        let at = self.shared().clock.now();
        self.change_jobs_durably(|state, now| {
            let job = state
                .jobs
                .complete(&lease.execution_id, token, now)
                .map_err(|Lost| lost(lease))?;
            let number = state.next_dead;
            state.next_dead += 1;
            let letter = DeadLetter {
                id: number.to_string(),
                job: Job {
                    execution_id: lease.execution_id.clone(),
                },
                reason: reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned(),
                at,
            };
            state.dead.insert(number, letter.clone());
            let mut forgotten = Vec::new();
            while state.dead.len() > most {
                forgotten.extend(state.dead.pop_first().map(|(number, _)| number));
            }
            Ok(Change::Bury {
                number,
                letter,
                job,
                forgotten,
            })
        })
        .await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let state = self.shared().state();
        Ok(state.dead.values().rev().take(limit).cloned().collect())
    }

    async fn put_back(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        self.change_jobs_durably(|state, now| {
            let (number, letter) = dead_letter_id
                .parse()
                .ok()
                .and_then(|number| state.dead.remove_entry(&number))
                .ok_or_else(|| {
                    QueueError::new(
                        QueueErrorKind::NotFound,
                        format!("there is no dead letter {dead_letter_id:?}"),
                    )
                })?;
            let job: Option<RowChange> = state.jobs.push(&letter.job.execution_id, now, now);
            Ok(Change::PutBack { number, job })
        })
        .await
    }

    async fn without_job(&self, execution_ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        let mut without = Vec::new();
        for ids in execution_ids.chunks(LOOKED_UP_AT_ONCE) {
            {
                let state = self.shared().state();
                without.extend(ids.iter().filter(|id| !state.jobs.has(id)).cloned());
            }
            tokio::task::yield_now().await;
        }
        Ok(without)
    }

    async fn depth(&self) -> Result<QueueDepth, QueueError> {
        let shared = self.shared();
        let mut state = shared.state();
        state.jobs.advance(shared.now());
        let counts = state.jobs.counts();
        let depth = QueueDepth {
            ready: counts.ready,
            delayed: counts.delayed,
            leased: counts.leased,
            dead: state.dead.len() as u64,
        };
        drop(state);
        if depth.ready > 0 {
            shared.wake.notify_one();
        }
        Ok(depth)
    }

    async fn oldest_due(&self) -> Result<Option<Duration>, QueueError> {
        let shared = self.shared();
        let now = shared.now();
        let mut state = shared.state();
        state.jobs.advance(now);
        let due = state.jobs.oldest_due();
        let wake = state.jobs.has_ready();
        drop(state);
        if wake {
            shared.wake.notify_one();
        }
        Ok(due.map(|due| Duration::from_millis(u64::try_from(now - due).unwrap_or_default())))
    }

    async fn check(&self) -> Result<(), QueueError> {
        let shared = Arc::clone(&self.inner.shared);
        match shared.failure() {
            None if shared.database().is_some() => blocking(move || shared.check_room()).await,
            _ => Err(shared.unavailable()),
        }
    }

    fn close(&self) {
        let shared = self.shared();
        shared.closed.store(true, Ordering::Release);
        shared.wake.notify_waiters();
    }
}

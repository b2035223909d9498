//! The queue of jobs: leased, renewed, delayed, dead-lettered.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::QueueError;

/// A wish that a worker looks at an execution. Its identity is the execution id: at most one job per
/// execution is queued, delayed or leased at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The execution that wants attention.
    pub execution_id: String,
}

/// The right to work on a job until it ends or is renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The execution the job is for.
    pub execution_id: String,
    /// Opaque to all but the queue that gave it.
    pub token: String,
    /// How long it holds without renewal.
    pub duration: Duration,
}

/// A job and the right to work on it.
#[derive(Clone, Debug)]
pub struct LeasedJob {
    /// What to do.
    pub job: Job,
    /// The right to do it.
    pub lease: Lease,
    /// 1 on first delivery; grows with each worker that died on the job: its lease ended, or its
    /// process did, and it was never heard of again. Not when a job was put back, and not when a
    /// worker speaks too late ([`QueueErrorKind::LeaseLost`](crate::QueueErrorKind::LeaseLost)).
    pub delivery: u32,
}

/// A job that could not be finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Opaque name of the entry, for [`WorkQueue::put_back`].
    pub id: String,
    /// The job.
    pub job: Job,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Ready to be taken.
    pub ready: u64,
    /// Waiting for their time.
    pub delayed: u64,
    /// Being worked on.
    pub leased: u64,
    /// Given up.
    pub dead: u64,
}

/// A queue of jobs shared by any number of workers and processes.
///
/// A job that has lost two workers or more is handed out to a process only while that process has no other
/// such job, so that a job that ends its processes is distinguished from those that were under way beside it:
///
/// * A process ends as a whole. Its end says that one of the jobs it had may be the cause, and nothing of the jobs that
///   other processes had. So it costs no knowledge if several processes have such a job at once.
/// * Of *n* jobs that a process had, each is the cause with a chance of one in *n* at most, and an end from outside (the
///   system, an operator) is the fault of none. So the first two losses, with anything beside, are no proof.
/// * A job that ends its processes can have taken up to two workers from any other: the two that it loses itself before it
///   is known to have lost two. From then on no other job that has lost two is beside it. So an innocent job has at
///   most two of the five losses after which it is given up from each guilty one.
/// * Losses from outside do not become more by this: a job that waits loses no worker.
/// * A job that ends several processes at once, such as those of one machine without limits of memory, takes a worker from
///   one such job in each of them.
///
/// Within a process, the jobs that have lost the fewest are handed out first where the queue knows their order. Several
/// of them at once would need a loss that counts as a part of one, which neither the work file nor other versions know.
/// A worker whose store was away has to speak for its lease as soon as the store is back ([`WorkQueue::complete`],
/// [`WorkQueue::put_off`]), even if the lease has ended: its silence would count as its death.
#[async_trait]
pub trait WorkQueue: Send + Sync + std::fmt::Debug {
    /// Queues a job, to be taken at once or no earlier than `due`. `Ok` means it is durable.
    ///
    /// A job already queued or delayed for the execution gets the earlier of both times. If the job
    /// is leased now, it is made ready again when that lease is completed, so that no wish is lost.
    ///
    /// # Errors
    /// When the queue cannot keep it.
    async fn push(&self, job: &Job, due: Option<DateTime<Utc>>) -> Result<(), QueueError>;

    /// Waits for a ready job and leases it. Costs nothing while idle (no polling of a shared store
    /// but blocking reads). Cancel-safe: a dropped call loses no job (its lease, if any, ends).
    ///
    /// # Errors
    /// [`Closed`](crate::QueueErrorKind::Closed) after [`WorkQueue::close`], or when the store fails.
    async fn take(&self) -> Result<LeasedJob, QueueError>;

    /// Holds the lease for another [`Lease::duration`].
    ///
    /// # Errors
    /// [`LeaseLost`](crate::QueueErrorKind::LeaseLost): stop working on the job at once.
    async fn renew(&self, lease: &Lease) -> Result<(), QueueError>;

    /// The job is done; removes it (or makes it ready again if it was pushed meanwhile).
    ///
    /// # Errors
    /// [`LeaseLost`](crate::QueueErrorKind::LeaseLost) when another worker has it by now.
    async fn complete(&self, lease: &Lease) -> Result<(), QueueError>;

    /// Gives the job back to be taken again no earlier than `due` (at once when `None`). Not counted
    /// as a failed delivery.
    ///
    /// # Errors
    /// [`LeaseLost`](crate::QueueErrorKind::LeaseLost) when another worker has it by now.
    async fn put_off(&self, lease: &Lease, due: Option<DateTime<Utc>>) -> Result<(), QueueError>;

    /// Gives the job up with a reason.
    ///
    /// # Errors
    /// [`LeaseLost`](crate::QueueErrorKind::LeaseLost) when another worker has it by now.
    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError>;

    /// The newest dead letters, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError>;

    /// Makes a dead letter's job ready again and removes the letter.
    ///
    /// # Errors
    /// [`NotFound`](crate::QueueErrorKind::NotFound) when there is no such letter.
    async fn put_back(&self, dead_letter_id: &str) -> Result<(), QueueError>;

    /// Those of the executions that have no job: none that is ready, delayed or leased.
    ///
    /// # Errors
    /// When the store fails.
    async fn without_job(&self, execution_ids: Vec<String>) -> Result<Vec<String>, QueueError>;

    /// How many jobs there are.
    ///
    /// # Errors
    /// When the store fails.
    async fn depth(&self) -> Result<QueueDepth, QueueError>;

    /// How long the job has waited that has been due for longest; `None` when no job is due.
    ///
    /// # Errors
    /// When the store fails.
    async fn oldest_due(&self) -> Result<Option<Duration>, QueueError>;

    /// Whether the back end answers, for `/health`.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), QueueError>;

    /// What an operator should know of the back end although it answers: it may lose what it was given.
    /// As of the last [`WorkQueue::check`].
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Lets every pending and later [`WorkQueue::take`] return
    /// [`Closed`](crate::QueueErrorKind::Closed); everything else goes on working.
    fn close(&self);
}

//! Queue and execution records in one file of this process: nothing to install, nothing lost when
//! the process is killed.
//!
//! Which job is ready, delayed or leased is kept in memory; every change also goes to the file, in
//! order, through one writer thread that commits whatever has gathered meanwhile in one transaction.
//! A process that finds the file after a crash sees some prefix of those changes that contains
//! everything acknowledged as durable. Leases live in memory only, as the workers do: after a crash
//! every job that was being worked on is ready at once.

mod jobs;
mod shared;
mod tables;
mod writer;

use std::{
    fmt,
    path::Path,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kayenta_model::{ExecutionStatus, clock::Clock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use self::{
    jobs::{Lost, Millis, RowChange},
    shared::{Shared, State},
    tables::Records,
    writer::{Answer, Change, Reply, Write},
};
use crate::{
    DeadLetter, ExecutionFilter, ExecutionRecord, ExecutionStore, Job, Lease, LeasedJob,
    QueueDepth, QueueError, QueueErrorKind, RecordVersion, WorkQueue,
};

/// Name of the file within the data directory.
const FILE_NAME: &str = "work.redb";
/// How many changes may wait for the writer; further callers wait for a place.
const PLACES: usize = 4_096;
/// Longest reason kept with a dead letter, in bytes.
const LONGEST_REASON: usize = 4_096;

/// What an [`EmbeddedStore`] can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// How long a lease holds without renewal.
    pub lease: Duration,
    /// How long a completed record is kept.
    pub retention: Duration,
    /// How many completed records are kept at most; the oldest go first.
    pub max_completed: u64,
    /// How many dead letters are kept at most; the oldest go first.
    pub max_dead_letters: usize,
}

impl Default for EmbeddedSettings {
    /// Leases of 10 s; records for 30 days, at most 20,000; 10,000 dead letters.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            max_completed: 20_000,
            max_dead_letters: 10_000,
        }
    }
}

/// A [`WorkQueue`] and an [`ExecutionStore`] in one file used by one process. Clones are the same
/// store; the file is let go when the last of them is dropped or after [`EmbeddedStore::shut_down`].
#[derive(Clone)]
pub struct EmbeddedStore {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    writer: Mutex<Option<(SyncSender<Write>, JoinHandle<()>)>>,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("settings", &self.inner.shared.settings)
            .finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens or creates `work.redb` in the directory, creating the directory if it is missing. Jobs
    /// that were being worked on when the last process ended are ready at once.
    ///
    /// # Errors
    /// [`Unavailable`](QueueErrorKind::Unavailable) when another process uses the file or it cannot
    /// be opened, [`Corrupt`](QueueErrorKind::Corrupt) when it is not what it should be.
    pub async fn open(
        data_dir: &Path,
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        let path = data_dir.join(FILE_NAME);
        let directory = data_dir.to_owned();
        blocking(move || {
            std::fs::create_dir_all(&directory).map_err(|error| {
                let attempt = format!("cannot create the directory {}", directory.display());
                QueueError::new(QueueErrorKind::Unavailable, format!("{attempt}: {error}"))
                    .caused_by(error)
            })?;
            let database = shared::open(&path)?;
            let restored = tables::prepare(&database)?;
            Self::start(Shared::new(Some(path), database, restored, settings, clock))
        })
        .await
    }

    /// A store that is gone with the process, for tests.
    ///
    /// # Errors
    /// When the writer thread cannot be started.
    pub fn in_memory(
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        let database = shared::open_in_memory()?;
        let restored = tables::prepare(&database)?;
        Self::start(Shared::new(None, database, restored, settings, clock))
    }

    /// Brings every change to disk and lets the file go, so that another process may open it.
    /// Everything asked of the store afterwards fails with [`Closed`](QueueErrorKind::Closed).
    pub async fn shut_down(&self) {
        self.close();
        let writer = self.lock_writer().take();
        if let Some((sender, thread)) = writer {
            drop(sender);
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("the writer of the work file ended abnormally");
            }
        }
    }

    fn start(shared: Shared) -> Result<Self, QueueError> {
        let shared = Arc::new(shared);
        let (sender, receiver) = mpsc::sync_channel(PLACES);
        let thread = std::thread::Builder::new()
            .name("work-file".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || writer::run(&shared, &receiver)
            })
            .map_err(|error| {
                let message = format!("cannot start the writer of the work file: {error}");
                QueueError::new(QueueErrorKind::Unavailable, message).caused_by(error)
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                places: Arc::new(Semaphore::new(PLACES)),
                writer: Mutex::new(Some((sender, thread))),
            }),
        })
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    fn lock_writer(
        &self,
    ) -> std::sync::MutexGuard<'_, Option<(SyncSender<Write>, JoinHandle<()>)>> {
        self.inner
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place in the writer's queue.
    async fn place(&self) -> Result<OwnedSemaphorePermit, QueueError> {
        Arc::clone(&self.inner.places)
            .acquire_owned()
            .await
            .map_err(|_| closed())
    }

    /// Hands a change to the writer. Never waits: the permit stands for a free place.
    fn send(
        &self,
        permit: OwnedSemaphorePermit,
        change: Change,
        reply: Reply,
    ) -> Result<(), QueueError> {
        let write = Write {
            change,
            reply,
            permit,
        };
        self.lock_writer()
            .as_ref()
            .ok_or_else(closed)?
            .0
            .try_send(write)
            .map_err(|_| self.shared().unavailable())
    }

    /// Makes a change to the records and waits for its answer.
    async fn write(
        &self,
        change: Change,
        reply: impl FnOnce(oneshot::Sender<Answer>) -> Reply,
    ) -> Answer {
        let permit = self.place().await?;
        let (sender, receiver) = oneshot::channel();
        self.send(permit, change, reply(sender))?;
        receiver.await.map_err(|_| self.shared().unavailable())?
    }

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

    /// Makes sure that a read of the record sees every change already answered for.
    async fn settle(&self, id: &str) -> Result<(), QueueError> {
        if self.shared().is_in_progress(id) {
            self.write(Change::Barrier, Reply::Durable).await?;
        }
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Records) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let shared = Arc::clone(&self.inner.shared);
        blocking(move || {
            let database = shared.database().ok_or_else(|| shared.unavailable())?;
            let horizon = shared.horizon(shared.now());
            read(&Records::new(&database, horizon)?)
        })
        .await
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueueError> + Send + 'static,
) -> Result<T, QueueError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        QueueError::new(
            QueueErrorKind::Unavailable,
            "reading the work file was broken off",
        )
        .caused_by(error)
    })?
}

fn closed() -> QueueError {
    QueueError::new(QueueErrorKind::Closed, "the work file is closed")
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
        // Nobody has to wait for the disk: after a crash the job is delivered once more, which
        // harms nothing.
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

    async fn check(&self) -> Result<(), QueueError> {
        let shared = self.shared();
        match shared.failure() {
            None if shared.database().is_some() => Ok(()),
            _ => Err(shared.unavailable()),
        }
    }

    fn close(&self) {
        let shared = self.shared();
        shared.closed.store(true, Ordering::Release);
        shared.wake.notify_waiters();
    }
}

#[async_trait]
impl ExecutionStore for EmbeddedStore {
    async fn create(&self, record: &ExecutionRecord) -> Result<RecordVersion, QueueError> {
        self.write(Change::Create(record.clone()), Reply::Durable)
            .await
            .map(RecordVersion)
    }

    async fn get(&self, id: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        self.settle(id).await?;
        let id = id.to_owned();
        self.read(move |records| records.get(&id)).await
    }

    async fn save(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.write(Change::Save(record.clone(), version.0), Reply::Durable)
            .await
            .map(RecordVersion)
    }

    async fn save_progress(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        self.shared().begin_progress(&record.id);
        self.write(Change::Save(record.clone(), version.0), Reply::Applied)
            .await
            .map(RecordVersion)
    }

    async fn status(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError> {
        self.settle(id).await?;
        let id = id.to_owned();
        self.read(move |records| records.status(&id)).await
    }

    async fn delete(&self, id: &str) -> Result<(), QueueError> {
        self.write(Change::Delete(id.to_owned()), Reply::Durable)
            .await
            .map(drop)
    }

    async fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError> {
        let group = group.to_owned();
        let filter = filter.clone();
        self.read(move |records| records.list(&group, &filter))
            .await
    }

    async fn ids(&self) -> Result<Vec<String>, QueueError> {
        self.read(Records::ids).await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError> {
        self.read(move |records| records.unfinished(limit)).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        WorkQueue::check(self).await
    }
}

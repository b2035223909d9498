//! The one thread that writes the work file. Whatever callers ask for while a commit is under way
//! goes into the next transaction together, so a hundred callers share one flush to disk.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use redb::{Database, StorageError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    jobs::RowChange,
    shared::Shared,
    tables::{Tables, failed, prepare},
};
use crate::{DeadLetter, ExecutionRecord, QueueError, QueueErrorKind};

/// How long a write without a waiting caller may be delayed to be committed with others.
const LINGER: Duration = Duration::from_millis(50);
/// How many changes one transaction takes at most.
const LARGEST_BATCH: usize = 1_024;
/// How much time of the clock passes between two sweeps of old records.
const SWEEP_EVERY_MILLIS: i64 = 60_000;
/// How long to wait before the file is opened again after a failed write.
const REOPEN_AFTER: Duration = Duration::from_millis(500);

/// The answer to a write: the record's new version, 0 where there is none.
pub(super) type Written = Result<u64, QueueError>;

/// A change to the work file.
#[derive(Debug)]
pub(super) enum Change {
    /// Changes nothing; its answer means that everything before it is on disk.
    Barrier,
    Create(ExecutionRecord),
    Save(ExecutionRecord, u64),
    Delete(String),
    Job(RowChange),
    Bury {
        number: u64,
        letter: DeadLetter,
        job: RowChange,
        /// Letters pushed out by this one.
        forgotten: Vec<u64>,
    },
    PutBack {
        number: u64,
        job: Option<RowChange>,
    },
}

/// When the caller is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// No caller waits; the change may be delayed.
    None,
    /// Once the change is part of the open transaction; it may linger.
    Applied(oneshot::Sender<Written>),
    /// Once it is on disk.
    Durable(oneshot::Sender<Written>),
}

/// One entry of the writer's queue. The permit is a place in it, given up when the change is done.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) change: Change,
    pub(super) reply: Reply,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Runs until every sender is gone, then closes the file.
pub(super) fn run(shared: &Shared, writes: &Receiver<Write>) {
    let mut last_sweep = i64::MIN;
    while let Ok(first) = writes.recv() {
        let Some(db) = shared.database() else {
            refuse(first.reply, "the work file is closed");
            continue;
        };
        let mut waiting = Vec::new();
        match transact(shared, &db, writes, first, &mut last_sweep, &mut waiting) {
            Ok(progress) => {
                shared.end_progress(&progress);
                shared.set_failure(None);
                for (reply, answer) in waiting {
                    // A caller that has gone away needs no answer.
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "cannot write the work file; reopening it");
                for (reply, _) in waiting {
                    let _ = reply.send(Err(repeat(&error)));
                }
                shared.set_failure(Some(error.message));
                drop(db);
                reopen(shared, writes);
            }
        }
    }
    shared.close_database();
}

type Waiting = Vec<(oneshot::Sender<Written>, Written)>;

/// Collects changes into one transaction and commits it. `waiting` receives the callers to answer
/// once the outcome is known. Returns the records whose changes were answered for beforehand.
fn transact(
    shared: &Shared,
    db: &Arc<Database>,
    writes: &Receiver<Write>,
    first: Write,
    last_sweep: &mut i64,
    waiting: &mut Waiting,
) -> Result<Vec<String>, QueueError> {
    let attempt = "cannot write the work file";
    let mut progress = Vec::new();
    let mut urgent = false;
    let mut next = Some(first);
    let mut applied = 0;
    let started = Instant::now();
    let txn = match db.begin_write() {
        Ok(txn) => txn,
        Err(error) => {
            let error = failed(attempt, error);
            if let Some(write) = next {
                park(write.reply, waiting);
            }
            return Err(error);
        }
    };
    {
        let mut tables = match Tables::open(&txn) {
            Ok(tables) => tables,
            Err(error) => {
                if let Some(write) = next {
                    park(write.reply, waiting);
                }
                return Err(error);
            }
        };
        while let Some(write) = next.take() {
            urgent |= matches!(write.reply, Reply::Durable(_));
            if let (Change::Save(record, _), Reply::Applied(_)) = (&write.change, &write.reply) {
                progress.push(record.id.clone());
            }
            match apply(shared, &mut tables, write.change) {
                Ok(answer) => match write.reply {
                    Reply::None => {}
                    Reply::Applied(reply) => {
                        let _ = reply.send(answer);
                    }
                    Reply::Durable(reply) => waiting.push((reply, answer)),
                },
                Err(error) => {
                    park(write.reply, waiting);
                    return Err(failed(attempt, error));
                }
            }
            drop(write.permit);
            applied += 1;
            if applied == LARGEST_BATCH {
                break;
            }
            next = if urgent {
                writes.try_recv().ok()
            } else {
                let left = LINGER.saturating_sub(started.elapsed());
                writes.recv_timeout(left).ok()
            };
        }
        let now = shared.now();
        if now >= last_sweep.saturating_add(SWEEP_EVERY_MILLIS) {
            let more = tables
                .sweep(shared.horizon(now))
                .map_err(|error| failed(attempt, error))?;
            if !more {
                *last_sweep = now;
            }
        }
    }
    txn.commit().map_err(|error| failed(attempt, error))?;
    Ok(progress)
}

fn apply(
    shared: &Shared,
    tables: &mut Tables<'_>,
    change: Change,
) -> Result<Written, StorageError> {
    let now = shared.now();
    let horizon = shared.horizon(now);
    match change {
        Change::Barrier => {}
        Change::Create(record) => {
            return match shared.check_room() {
                Ok(()) => tables.create(&record, now, horizon),
                Err(full) => Ok(Err(full)),
            };
        }
        Change::Save(record, version) => return tables.save(&record, version, now, horizon),
        Change::Delete(id) => tables.delete(&id)?,
        Change::Job(job) => tables.set_job(&job.id, job.row)?,
        Change::Bury {
            number,
            letter,
            job,
            forgotten,
        } => {
            tables.bury(number, &letter)?;
            for number in forgotten {
                tables.unbury(number)?;
            }
            tables.set_job(&job.id, job.row)?;
        }
        Change::PutBack { number, job } => {
            tables.unbury(number)?;
            if let Some(job) = job {
                tables.set_job(&job.id, job.row)?;
            }
        }
    }
    Ok(Ok(0))
}

/// Remembers a caller whose change cannot be made, to report the reason to it.
fn park(reply: Reply, waiting: &mut Waiting) {
    match reply {
        Reply::None => {}
        Reply::Applied(reply) | Reply::Durable(reply) => waiting.push((reply, Ok(0))),
    }
}

fn refuse(reply: Reply, why: &str) {
    match reply {
        Reply::None => {}
        Reply::Applied(reply) | Reply::Durable(reply) => {
            let _ = reply.send(Err(QueueError::new(QueueErrorKind::Unavailable, why)));
        }
    }
}

fn repeat(error: &QueueError) -> QueueError {
    QueueError::new(error.kind, error.message.clone())
}

/// After a failed write the database refuses further ones until it is opened anew. What memory says
/// of the jobs may be ahead of the disk by then, so it is read again: every lease is lost, every
/// job that was being worked on is due at once.
#[expect(
    clippy::disallowed_methods,
    reason = "the writer's own thread, which serves no requests"
)]
fn reopen(shared: &Shared, writes: &Receiver<Write>) {
    loop {
        thread::sleep(REOPEN_AFTER);
        loop {
            match writes.try_recv() {
                Ok(write) => refuse(write.reply, &shared.unavailable().message),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let reopened = shared
            .reopen_database()
            .and_then(|db| Ok((prepare(&db)?, db)));
        match reopened {
            Ok((restored, db)) => {
                shared.take_over(db, restored, || {
                    while let Ok(write) = writes.try_recv() {
                        refuse(write.reply, "the work file was opened again");
                    }
                });
                shared.set_failure(None);
                tracing::info!("the work file is open again");
                return;
            }
            Err(error) => shared.set_failure(Some(error.message)),
        }
    }
}

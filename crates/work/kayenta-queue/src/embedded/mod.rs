//! Queue and execution records in one file of this process: nothing to install, nothing lost when
//! the process is killed.
//!
//! Which job is ready, delayed or leased is kept in memory; every change also goes to the file, in
//! order, through one writer thread that commits whatever has gathered meanwhile in one transaction.
//! A process that finds the file after a crash sees some prefix of those changes that contains
//! everything acknowledged as durable. Leases live in memory only, as the workers do: after a crash
//! the jobs that were being worked on are ready at once. Those that have lost several workers are
//! handed out one at a time, the least suspicious first, until it is known which of them ends the
//! process.

mod execution_store;
mod jobs;
mod left_alone;
mod shared;
mod tables;
mod work_queue;
mod writer;

use std::{
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use kayenta_model::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::{
    shared::Shared,
    writer::{Change, Reply, Write},
};
use crate::{QueueError, QueueErrorKind, WorkQueue};

/// Name of the file within the data directory.
const FILE_NAME: &str = "work.redb";
/// How many changes may wait for the writer; further callers wait for a place.
const PLACES: usize = 4_096;

/// Options of an [`EmbeddedStore`].
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

/// A [`WorkQueue`] and an [`ExecutionStore`](crate::ExecutionStore) in one file used by one process. Clones are the same
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

    /// Whether [`open`](Self::open) can read the file in the directory, without changing anything. A file that another
    /// process uses is not looked at. Blocks.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), about what is in the file.
    pub fn check_file(data_dir: &Path) -> Result<(), QueueError> {
        match shared::open_to_read(&data_dir.join(FILE_NAME))? {
            Some(database) => tables::read(&database).map(drop),
            None => Ok(()),
        }
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

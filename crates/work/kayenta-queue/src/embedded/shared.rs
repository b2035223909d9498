//! What the callers and the writer thread of the embedded pair both see.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use kayenta_model::clock::Clock;
use redb::{Database, DatabaseError, backends::InMemoryBackend};
use tokio::sync::Notify;

use super::{
    EmbeddedSettings,
    jobs::{Holder, Jobs, Millis},
    left_alone::LeftAlone,
    tables::{Horizon, Restored, failed},
};
use crate::{DeadLetter, QueueError, QueueErrorKind};

/// How long an opening waits for another process (one that is just ending) to let go of the file.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(2);
/// How much memory the database may use for pages it has read or is about to write.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The queue's memory.
#[derive(Debug)]
pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) dead: BTreeMap<u64, DeadLetter>,
    pub(super) next_dead: u64,
}

/// Everything both sides see.
pub(super) struct Shared {
    pub(super) settings: EmbeddedSettings,
    pub(super) clock: Arc<dyn Clock>,
    /// Wakes one caller of `take`, or all of them on close.
    pub(super) wake: Notify,
    pub(super) closed: AtomicBool,
    path: Option<PathBuf>,
    database: RwLock<Option<Arc<Database>>>,
    state: Mutex<State>,
    failure: Mutex<Option<String>>,
    /// Records with changes that are answered for but not committed yet, and how many.
    in_progress: Mutex<HashMap<String, usize>>,
}

impl Shared {
    pub(super) fn new(
        path: Option<PathBuf>,
        database: Database,
        restored: Restored,
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let lease_millis = Millis::try_from(settings.lease.as_millis()).unwrap_or(Millis::MAX);
        let mut state = State {
            jobs: Jobs::new(lease_millis.max(1)),
            dead: BTreeMap::new(),
            next_dead: 1,
        };
        state.restore(restored, Holder::EarlierProcess, clock.now_millis());
        Self {
            settings,
            clock,
            wake: Notify::new(),
            closed: AtomicBool::new(false),
            path,
            database: RwLock::new(Some(Arc::new(database))),
            state: Mutex::new(state),
            failure: Mutex::new(None),
            in_progress: Mutex::new(HashMap::new()),
        }
    }

    /// The current time of the store's clock.
    pub(super) fn now(&self) -> Millis {
        self.clock.now_millis()
    }

    /// The queue's memory. Held for map operations only, never across a wait.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open database, or `None` while it is closed.
    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.database
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Which records are past their time at `now`.
    pub(super) fn horizon(&self, now: Millis) -> Horizon {
        let retention = Millis::try_from(self.settings.retention.as_millis());
        Horizon {
            completed_before: now.saturating_sub(retention.unwrap_or(Millis::MAX)),
            max_completed: self.settings.max_completed,
        }
    }

    /// Remembers why the last write failed, or that it did not.
    pub(super) fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Why the last write failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes that a change to the record will be answered for before it is committed.
    pub(super) fn begin_progress(&self, id: &str) {
        *self.lock_progress().entry(id.to_owned()).or_default() += 1;
    }

    /// Notes that such changes are committed.
    pub(super) fn end_progress(&self, ids: &[String]) {
        let mut in_progress = self.lock_progress();
        for id in ids {
            if let Some(count) = in_progress.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    in_progress.remove(id);
                }
            }
        }
    }

    /// Whether a change to the record may be answered for and not committed.
    pub(super) fn is_in_progress(&self, id: &str) -> bool {
        self.lock_progress().contains_key(id)
    }

    fn lock_progress(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.in_progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of an operation on a file that is not open.
    pub(super) fn unavailable(&self) -> QueueError {
        let why = self
            .failure()
            .unwrap_or_else(|| "the work file is closed".to_owned());
        QueueError::new(QueueErrorKind::Unavailable, why)
    }

    /// Whether there is room for new work. Blocks.
    pub(super) fn check_room(&self) -> Result<(), QueueError> {
        let Some(directory) = self.path.as_deref().and_then(Path::parent) else {
            return Ok(());
        };
        kayenta_limits::check_room(directory).map_err(|full| {
            QueueError::new(QueueErrorKind::Unavailable, full.to_string()).caused_by(full)
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets go of the file once the last reader is done.
    pub(super) fn close_database(&self) {
        drop(
            self.database
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Closes the file and opens it again.
    pub(super) fn reopen_database(&self) -> Result<Database, QueueError> {
        self.close_database();
        match &self.path {
            Some(path) => open(path),
            None => Err(QueueError::new(
                QueueErrorKind::Unavailable,
                "the work kept in memory is lost",
            )),
        }
    }

    /// Puts a database opened anew in place, with the jobs it holds. `drain` is called while nobody
    /// can change the jobs, to refuse changes that were made to the memory given up here.
    pub(super) fn take_over(&self, database: Database, restored: Restored, drain: impl FnOnce()) {
        let mut state = self.state();
        drain();
        state.restore(restored, Holder::ThisProcess, self.now());
        self.lock_progress().clear();
        *self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(database));
        drop(state);
        self.wake.notify_one();
    }
}

impl State {
    fn restore(&mut self, restored: Restored, holder: Holder, now: Millis) {
        self.jobs.restore(restored.jobs, holder, now);
        self.dead = restored.dead.into_iter().collect();
        let newest = self.dead.last_key_value().map_or(0, |(number, _)| *number);
        self.next_dead = self.next_dead.max(newest + 1);
    }
}

/// Opens or creates the file, waiting a little for a process that is just ending.
#[expect(
    clippy::disallowed_methods,
    reason = "called on a thread that may block"
)]
pub(super) fn open(path: &Path) -> Result<Database, QueueError> {
    let started = Instant::now();
    loop {
        let opened = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create(path);
        match opened {
            Ok(database) => return Ok(database),
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                if started.elapsed() > WAIT_FOR_LOCK {
                    return Err(QueueError::new(
                        QueueErrorKind::Unavailable,
                        format!("{} is in use by another kayenta process", path.display()),
                    ));
                }
                thread::sleep(Duration::from_millis(25));
            }
            Err(error) => {
                let attempt = format!("cannot open the work file {}", path.display());
                return Err(failed(&attempt, error));
            }
        }
    }
}

/// Opens what is in the file as a start does, without changing the file; `None` if there is none yet, or another process
/// uses it.
pub(super) fn open_to_read(path: &Path) -> Result<Option<Database>, QueueError> {
    let attempt = || format!("cannot open the work file {}", path.display());
    let fail = |error: io::Error| failed(&attempt(), redb::Error::Io(error));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(fail(error)),
    }
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(LeftAlone::new(file).map_err(fail)?)
        .map(Some)
        .map_err(|error| failed(&attempt(), error))
}

/// A database that is gone with the process.
pub(super) fn open_in_memory() -> Result<Database, QueueError> {
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(InMemoryBackend::new())
        .map_err(|error| failed("cannot set up work in memory", error))
}

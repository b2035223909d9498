//! Which executions this process is working on, so that a cancel that comes in here takes effect at
//! once instead of at the next look at the record.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

/// The executions being worked on here.
#[derive(Debug, Default)]
pub(crate) struct Board {
    entries: Mutex<HashMap<String, Entry>>,
    serial: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    changed: CancellationToken,
}

/// As long as it lives, the execution counts as worked on here.
#[derive(Debug)]
pub(crate) struct Attendance {
    board: Arc<Board>,
    id: String,
    serial: u64,
    /// Cancelled when the record was changed from here.
    pub(crate) changed: CancellationToken,
}

impl Board {
    /// Notes that the execution is worked on.
    pub(crate) fn attend(self: &Arc<Self>, id: &str) -> Attendance {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let changed = CancellationToken::new();
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                id.to_owned(),
                Entry {
                    serial,
                    changed: changed.clone(),
                },
            );
        Attendance {
            board: Arc::clone(self),
            id: id.to_owned(),
            serial,
            changed,
        }
    }

    /// Tells whoever works on the execution that its record was changed.
    pub(crate) fn changed(&self, id: &str) {
        if let Some(entry) = self
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
        {
            entry.changed.cancel();
        }
    }

    /// Whether it is worked on here.
    pub(crate) fn attends(&self, id: &str) -> bool {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(id)
    }

    /// How many are.
    pub(crate) fn len(&self) -> usize {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut entries = self
            .board
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if entries
            .get(&self.id)
            .is_some_and(|entry| entry.serial == self.serial)
        {
            entries.remove(&self.id);
        }
    }
}

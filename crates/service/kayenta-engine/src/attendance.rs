//! Which executions this process is working on, so that a cancel that comes in here takes effect at
//! once instead of at the next look at the record.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

/// The executions being worked on here.
#[derive(Debug, Default)]
pub(crate) struct AttendedExecutions {
    by_id: Mutex<HashMap<String, Attended>>,
    serial: AtomicU64,
}

#[derive(Debug)]
struct Attended {
    serial: u64,
    changed: CancellationToken,
}

/// As long as it lives, the execution counts as worked on here.
#[derive(Debug)]
pub(crate) struct Attendance {
    executions: Arc<AttendedExecutions>,
    id: String,
    serial: u64,
    /// Cancelled when the record was changed from here.
    pub(crate) changed: CancellationToken,
}

impl AttendedExecutions {
    /// Notes that the execution is worked on.
    pub(crate) fn attend(self: &Arc<Self>, id: &str) -> Attendance {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let changed = CancellationToken::new();
        self.lock().insert(
            id.to_owned(),
            Attended {
                serial,
                changed: changed.clone(),
            },
        );
        Attendance {
            executions: Arc::clone(self),
            id: id.to_owned(),
            serial,
            changed,
        }
    }

    /// Notifies the worker of the execution that its record was changed.
    pub(crate) fn announce_change(&self, id: &str) {
        if let Some(attended) = self.lock().get(id) {
            attended.changed.cancel();
        }
    }

    /// Whether it is worked on here.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// How many are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Attended>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut by_id = self.executions.lock();
        if by_id
            .get(&self.id)
            .is_some_and(|attended| attended.serial == self.serial)
        {
            by_id.remove(&self.id);
        }
    }
}

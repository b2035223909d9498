//! Long executions that wait, as they were last recorded: an analysis of thousands of runs is not read anew for each of
//! them.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kayenta_limits::{Reserved, largest_reservation, try_reserve};
use kayenta_queue::RecordVersion;

use crate::{memory, record::Execution};

/// The share of the budget of bytes that they may take.
const SHARE: u64 = 16;
/// How many bytes they may take where there is no budget.
const WITHOUT_BUDGET: usize = 16 << 20;

/// An execution at a version of its record, and the memory it takes.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) execution: Execution,
    pub(crate) version: RecordVersion,
    /// How long the body of its record is.
    pub(crate) length: usize,
    pub(crate) reserved: Reserved,
    bytes: usize,
}

/// The newest executions that this process has put off, as many as there is room for.
#[derive(Debug, Default)]
pub(crate) struct WaitingExecutions {
    /// The oldest first.
    kept: Mutex<VecDeque<Waiting>>,
}

impl WaitingExecutions {
    /// Keeps an execution if it is a long one. One that finds no room is read again when its time comes.
    pub(crate) fn keep(&self, execution: Execution, version: RecordVersion, length: usize) {
        if !execution.stages.are_in_parts() {
            return;
        }
        let bytes = memory::of_execution(&execution, length);
        let most = largest_reservation().map_or(WITHOUT_BUDGET, |budget| {
            usize::try_from(budget / SHARE).unwrap_or(WITHOUT_BUDGET)
        });
        if bytes > most {
            return;
        }
        let mut kept = self.lock();
        let mut all = bytes + kept.iter().map(|other| other.bytes).sum::<usize>();
        while all > most
            && let Some(oldest) = kept.pop_front()
        {
            all -= oldest.bytes;
        }
        if let Some(reserved) = try_reserve(bytes) {
            kept.push_back(Waiting {
                execution,
                version,
                length,
                reserved,
                bytes,
            });
        }
    }

    /// The execution, if it is here. Whether it is still what its record says, the version tells.
    pub(crate) fn take(&self, id: &str) -> Option<Waiting> {
        let mut kept = self.lock();
        let position = kept.iter().position(|waiting| waiting.execution.id == id)?;
        kept.remove(position)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Who may call a receiver now, and when the others should come again. A receiver that is slow gets a bounded number of calls at a
//! time; a notice that finds them all taken is given a later time instead of waiting, each a little after the one before.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls of one receiver at a time.
pub(crate) const AT_ONCE: u32 = 8;
/// Between two of those who were sent away.
const LEAST_STEP: Duration = Duration::from_millis(20);
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// The calls of one receiver.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
struct Pace {
    /// When the last one who was sent away comes again.
    last: DateTime<Utc>,
    /// How long a call takes of late.
    typical: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(AT_ONCE as usize)),
            pace: Mutex::new(Pace {
                last: DateTime::<Utc>::MIN_UTC,
                typical: Duration::ZERO,
            }),
        }
    }
}

impl Turns {
    /// A turn, or when to ask again.
    pub(crate) fn take(&self, now: DateTime<Utc>) -> Result<OwnedSemaphorePermit, DateTime<Utc>> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let step = (pace.typical / AT_ONCE).clamp(LEAST_STEP, LONGEST_STEP);
            pace.last = pace.last.max(now) + step;
            pace.last
        })
    }

    /// Notes how long a call took.
    pub(crate) fn took(&self, time: Duration) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.typical = (4 * pace.typical + time) / 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_find_all_turns_taken_come_again_one_after_the_other() {
        let turns = Turns::default();
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let taken: Vec<_> = (0..AT_ONCE).map(|_| turns.take(now).unwrap()).collect();
        for _ in 0..50 {
            turns.took(Duration::from_secs(8));
        }
        let later: Vec<_> = (0..3)
            .map(|_| (turns.take(now).unwrap_err() - now).num_milliseconds())
            .collect();
        assert!(later[0] > 900 && later[0] <= 1_000, "{later:?}");
        assert!(later.is_sorted() && later[2] > 2_700, "{later:?}");
        drop(taken);
        assert!(turns.take(now).is_ok());
    }
}

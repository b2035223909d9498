//! A clock that stands still until a test moves it.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chrono::{DateTime, Utc};
use kayenta_model::clock::{Clock, Sleep};

/// A [`Clock`] moved by hand: [`ManualClock::advance`] wakes whoever waits for a time that has
/// come by then. Clones show the same time.
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    now: DateTime<Utc>,
    next_sleeper: u64,
    sleepers: BTreeMap<(DateTime<Utc>, u64), Waker>,
    waits: Vec<Duration>,
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("sleepers", &state.sleepers.len())
            .finish()
    }
}

impl Default for ManualClock {
    /// Stands at 2024-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(DateTime::from_timestamp(1_704_067_200, 0).unwrap_or_default())
    }
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now,
                next_sleeper: 0,
                sleepers: BTreeMap::new(),
                waits: Vec::new(),
            })),
        }
    }

    /// Moves the clock forward and wakes everyone whose time has come.
    pub fn advance(&self, by: Duration) {
        let now = self.lock().now;
        let by = chrono::Duration::from_std(by).unwrap_or(chrono::Duration::MAX);
        self.set(
            now.checked_add_signed(by)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        );
    }

    /// Sets the clock and wakes everyone whose time has come.
    pub fn set(&self, now: DateTime<Utc>) {
        let mut state = self.lock();
        state.now = now;
        let mut woken = Vec::new();
        while let Some(first) = state.sleepers.first_entry() {
            if first.key().0 > now {
                break;
            }
            woken.push(first.remove());
        }
        drop(state);
        for waker in woken {
            waker.wake();
        }
    }

    /// The earliest time anyone waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<DateTime<Utc>> {
        self.lock().sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Moves the clock to the earliest time anyone waits for. `false` when nobody waits.
    pub fn advance_to_next(&self) -> bool {
        match self.next_deadline() {
            Some(deadline) => {
                let now = self.lock().now;
                self.set(deadline.max(now));
                true
            }
            None => false,
        }
    }

    /// How many wait for a time to come.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    /// How long each wait so far was meant to last, in the order in which they began. The clock may
    /// have moved further before a waiter noticed.
    #[must_use]
    pub fn waits(&self) -> Vec<Duration> {
        self.lock().waits.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.lock().now
    }

    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
        let number = {
            let mut state = self.lock();
            let wait = (deadline - state.now).to_std().unwrap_or_default();
            state.waits.push(wait);
            state.next_sleeper += 1;
            state.next_sleeper
        };
        Box::pin(Sleeper {
            clock: self,
            key: (deadline, number),
        })
    }
}

struct Sleeper<'a> {
    clock: &'a ManualClock,
    key: (DateTime<Utc>, u64),
}

impl Future for Sleeper<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.key.0 {
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn advancing_wakes_those_whose_time_has_come() {
        let clock = ManualClock::default();
        let start = clock.now();
        let waits: Vec<_> = [1, 3]
            .map(|hours| {
                let clock = clock.clone();
                tokio::spawn(async move {
                    clock
                        .sleep_until(start + chrono::Duration::hours(hours))
                        .await;
                    clock.now()
                })
            })
            .into();
        while clock.sleepers() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(clock.advance_to_next());
        assert_eq!(clock.now(), start + chrono::Duration::hours(1));
        clock.advance(Duration::from_secs(3 * 3600));
        let mut ends = Vec::new();
        for wait in waits {
            ends.push(wait.await.unwrap());
        }
        assert!(ends[0] >= start + chrono::Duration::hours(1));
        assert_eq!(ends[1], start + chrono::Duration::hours(4));
        assert_eq!(clock.waits(), [1, 3].map(Duration::from_hours));
        assert_eq!(clock.sleepers(), 0);
        assert!(!clock.advance_to_next());
    }

    #[tokio::test]
    async fn a_dropped_wait_is_forgotten() {
        let clock = ManualClock::default();
        let wait = clock.sleep_until(clock.now() + chrono::Duration::seconds(1));
        let outcome = tokio::time::timeout(Duration::from_millis(5), wait).await;
        assert!(outcome.is_err());
        assert_eq!(clock.sleepers(), 0);
    }
}

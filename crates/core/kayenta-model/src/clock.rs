//! The seams through which time and randomness enter: a three-hour analysis runs in milliseconds
//! in a test because nothing reads a clock or draws an id but through these.

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// The future a [`Clock`] hands out for waiting.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Wall-clock time and waiting.
pub trait Clock: Send + Sync + Debug {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;

    /// Completes once [`Clock::now`] has reached `deadline`; at once when it already has.
    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_>;

    /// Completes once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let deadline = TimeDelta::from_std(duration)
            .ok()
            .and_then(|duration| self.now().checked_add_signed(duration))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.sleep_until(deadline)
    }

    /// The current time in milliseconds since 1970, the unit of every `*Millis` field.
    fn now_millis(&self) -> i64 {
        self.now().timestamp_millis()
    }
}

/// Where new identifiers come from.
pub trait IdSource: Send + Sync + Debug {
    /// A random UUID in lower case with dashes (metric set lists, pair lists, configs).
    fn uuid(&self) -> String;

    /// A ULID in upper case whose time part is `now_millis` (executions and stages).
    fn ulid(&self, now_millis: i64) -> String;
}

//! Which statuses are worth another attempt, and how long to wait before it.

use std::time::Duration;

use crate::status::{StatusSeries, is_named};

/// Longest wait between two attempts, whatever the policy or the server asks for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How often a call is made, what it is made again for, and the waits in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all; 0 and 1 both mean one.
    pub attempts: u32,
    /// The wait after the first failure; each further wait is twice the one before.
    pub multiplier: Duration,
    /// Series of statuses that are tried again.
    pub series: Vec<StatusSeries>,
    /// Single statuses that are tried again.
    pub statuses: Vec<u16>,
}

/// Ten attempts, waits of 1, 2, 4, … seconds, for every 5xx, 408 and 429.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            multiplier: Duration::from_secs(1),
            series: vec![StatusSeries::ServerError],
            statuses: vec![408, 429],
        }
    }
}

impl RetryPolicy {
    /// Whether a call that this status answered is made again. A status without a
    /// [name](crate::NAMED_STATUSES) never is, whatever its series.
    #[must_use]
    pub fn retries_status(&self, status: u16) -> bool {
        is_named(status)
            && (self.statuses.contains(&status)
                || StatusSeries::of(status).is_some_and(|series| self.series.contains(&series)))
    }

    /// How long to wait after the `failures`-th failure (from 1): `2^(failures-1) · multiplier`, or
    /// what the server asked for when that is longer, never more than [`LONGEST_WAIT`].
    #[must_use]
    pub fn wait(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = 2_u32
            .checked_pow(failures.saturating_sub(1))
            .and_then(|factor| self.multiplier.checked_mul(factor))
            .unwrap_or(LONGEST_WAIT);
        doubled.max(asked.unwrap_or_default()).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_statuses_of_the_policy_are_tried_again() {
        let policy = RetryPolicy::default();
        for (status, again) in [
            (500, true),
            (503, true),
            (408, true),
            (429, true),
            (404, false),
            (301, false),
            // Not named, whatever their series.
            (520, false),
            (599, false),
        ] {
            assert_eq!(policy.retries_status(status), again, "{status}");
        }
    }

    #[test]
    fn waits_double_and_respect_the_server_up_to_ten_minutes() {
        let policy = RetryPolicy::default();
        let seconds = |failures, asked: Option<u64>| {
            policy
                .wait(failures, asked.map(Duration::from_secs))
                .as_secs()
        };
        assert_eq!(
            [1, 2, 3, 9].map(|failures| seconds(failures, None)),
            [1, 2, 4, 256]
        );
        assert_eq!(seconds(1, Some(30)), 30);
        assert_eq!(seconds(9, Some(30)), 256);
        assert_eq!(seconds(1, Some(1_000_000)), 600);
        assert_eq!(seconds(u32::MAX, None), 600);
    }
}

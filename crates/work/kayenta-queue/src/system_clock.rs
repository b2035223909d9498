//! Time as the machine tells it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kayenta_model::clock::{Clock, Sleep};

/// The longest single wait: after it the wall clock is looked at again, so that a clock set forward
/// or a machine woken from sleep does not hold a due job back for longer.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The machine's wall clock, waiting on tokio's timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the machine's time enters here")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the machine's time enters here")]
    fn sleep_until(&self, deadline: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(async move {
            while let Ok(left) = (deadline - Utc::now()).to_std() {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_NAP)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_past_deadline_is_reached_at_once_and_a_future_one_later() {
        let clock = SystemClock;
        let before = std::time::Instant::now();
        clock
            .sleep_until(clock.now() - chrono::Duration::hours(1))
            .await;
        assert!(before.elapsed() < Duration::from_millis(20));
        let deadline = clock.now() + chrono::Duration::milliseconds(30);
        clock.sleep_until(deadline).await;
        assert!(clock.now() >= deadline);
    }
}

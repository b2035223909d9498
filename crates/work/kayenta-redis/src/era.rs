//! Notices that Redis has lost its data: an era begins with an empty Redis, and a process that remembers the
//! one before says so there, for every process and for later.

use std::sync::{Mutex, PoisonError};

use kayenta_queue::QueueError;

use crate::{Inner, generation::next_generation, script};

/// What this process knows of eras.
#[derive(Debug, Default)]
pub(crate) struct Era {
    known: Mutex<Option<String>>,
}

impl Inner {
    /// Reads the current era; the time in milliseconds since 1970 before which everything is lost,
    /// if that has ever happened.
    pub(crate) async fn look_at_era(&self) -> Result<Option<i64>, QueueError> {
        let known = self.era.known();
        let fresh = format!("{}:{}", self.options.consumer, next_generation());
        let (name, lost): (String, i64) = self
            .link
            .script(
                "ask whether Redis has lost its data",
                &script::ERA,
                &[self.keys.era()],
                &[known.as_deref().unwrap_or("").as_bytes(), fresh.as_bytes()],
            )
            .await?;
        if self.era.now_is(name) {
            tracing::error!(
                "Redis has lost its data: executions in progress are lost and end as terminal; \
                 finished ones are read from the archive. Set appendonly yes if that matters."
            );
        }
        Ok((lost > 0).then_some(lost))
    }
}

impl Era {
    fn known(&self) -> Option<String> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers the era; whether another one was known before.
    fn now_is(&self, name: String) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.replace(name);
        before.is_some() && before != *known
    }
}

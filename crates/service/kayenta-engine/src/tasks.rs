//! Tasks that repeat: of all processes that share the queue, one does each round, under the lease of a job. Its worker may die: the
//! lease ends, and another process begins the round again.

use std::{fmt, time::Duration};

use async_trait::async_trait;

/// What the ids of the jobs of tasks begin with. No execution has such an id.
const PREFIX: &str = "task:";

/// A task that repeats.
#[async_trait]
pub trait PeriodicTask: Send + Sync + fmt::Debug {
    /// Its name among the tasks.
    fn name(&self) -> &'static str;

    /// Time from the end of one round to the next.
    fn interval(&self) -> Duration;

    /// One round. It may be dropped at any await, and is then begun again elsewhere.
    async fn round(&self);
}

/// The id of the job of a task.
pub(crate) fn job_id(task: &dyn PeriodicTask) -> String {
    format!("{PREFIX}{}", task.name())
}

/// Whether an id in the queue belongs to a task.
pub(crate) fn is_task(id: &str) -> bool {
    id.starts_with(PREFIX)
}

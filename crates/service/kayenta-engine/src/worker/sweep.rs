//! Queues what has no job although it should: a process may have died between keeping a record and
//! queueing its job.

use chrono::DateTime;
use tokio_util::sync::CancellationToken;

use super::Workers;
use crate::error::EngineError;

/// Most executions one sweep looks at.
const SWEEP_LIMIT: usize = 200_000;
/// Sweeps at every interval until `shutdown`. Reads only the records of executions that have no job, so that those that
/// wait cost no more than a look into the queue, also when a process starts.
pub(super) async fn sweep(workers: &Workers, shutdown: &CancellationToken) {
    loop {
        if workers.is_enabled() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                swept = sweep_once(workers) => {
                    if let Err(error) = swept {
                        tracing::warn!(%error, "could not look for executions without a job");
                    }
                }
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = workers.clock.sleep(workers.sweep_interval) => {}
        }
    }
}

async fn sweep_once(workers: &Workers) -> Result<(), EngineError> {
    let executions = &workers.executions;
    let mut pushed = 0_u64;
    for id in executions.without_job(SWEEP_LIMIT).await? {
        if executions.attends(&id) {
            continue;
        }
        let Some(execution) = executions.find(&id).await.unwrap_or_default() else {
            continue;
        };
        if execution.is_complete() {
            continue;
        }
        let now = workers.clock.now_millis();
        let due = execution.due().filter(|due| *due > now);
        executions
            .queue_job(&id, due.and_then(DateTime::from_timestamp_millis))
            .await?;
        pushed += 1;
    }
    tracing::debug!(pushed, "looked for executions without a job");
    Ok(())
}

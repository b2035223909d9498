//! Queues what has no job although it should: a process may have died between keeping a record and
//! queueing its job.

use std::collections::HashMap;

use chrono::DateTime;
use tokio_util::sync::CancellationToken;

use super::Workers;
use crate::error::EngineError;

/// Most executions one sweep looks at.
const SWEEP_LIMIT: usize = 200_000;
/// A job this long overdue is taken for lost, in milliseconds.
const OVERDUE_MS: i64 = 60_000;

/// When each execution that is known to wait is due, in milliseconds since 1970.
type DueTimes = HashMap<String, i64>;

/// Sweeps at every interval until `shutdown`. Cheap in the long run: what is known to wait is not
/// looked at again before its time has come and gone.
pub(super) async fn sweep(workers: &Workers, shutdown: &CancellationToken) {
    let mut known = DueTimes::new();
    loop {
        if workers.is_enabled() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                swept = sweep_once(workers, &mut known) => {
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

async fn sweep_once(workers: &Workers, known: &mut DueTimes) -> Result<(), EngineError> {
    let executions = &workers.executions;
    let unfinished = executions.unfinished(SWEEP_LIMIT).await?;
    let before = std::mem::take(known);
    let mut after = DueTimes::with_capacity(unfinished.len());
    let mut pushed = 0_u64;
    for id in unfinished {
        let now = workers.clock.now_millis();
        if executions.attends(&id) {
            continue;
        }
        if let Some(due) = before.get(&id)
            && due.saturating_add(OVERDUE_MS) > now
        {
            after.insert(id, *due);
            continue;
        }
        let Some(execution) = executions.find(&id).await.unwrap_or_default() else {
            continue;
        };
        if execution.is_complete() {
            continue;
        }
        let due = execution.due().filter(|due| *due > now);
        executions
            .queue_job(&id, due.and_then(DateTime::from_timestamp_millis))
            .await?;
        pushed += 1;
        after.insert(id, due.unwrap_or(now));
    }
    tracing::debug!(
        unfinished = after.len(),
        pushed,
        "looked for executions without a job"
    );
    *known = after;
    Ok(())
}

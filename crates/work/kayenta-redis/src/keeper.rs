//! Moves delayed jobs and ended leases when their time has come, and forgets old records.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{Inner, script};

/// The longest sleep: how late a job may be if its process died and no other process tracks it.
const LONGEST: Duration = Duration::from_secs(1);

/// The shortest time between two looks: what becomes due in between is moved together.
const APART: Duration = Duration::from_millis(10);

/// The longest sleep while there is nothing to wait for. No lease that begins meanwhile ends sooner.
const IDLE: Duration = Duration::from_secs(10);

/// Between sweeps of old records.
const SWEEP: Duration = Duration::from_secs(30);

/// The most jobs or records moved by one script.
const BATCH: &[u8] = b"1000";

pub(crate) async fn run(inner: Weak<Inner>, ended: CancellationToken) {
    let mut swept: Option<Instant> = None;
    let mut looked = None;
    let mut looked_at_policy = false;
    while let Some(store) = inner.upgrade() {
        let next = tokio::time::Instant::now() + APART;
        let sleep = keep(&store).await;
        // Redis cannot lose its data in a restart without breaking the connection.
        let connection = store.link.generation().await;
        if connection.is_some() && connection != looked && store.look_at_era().await.is_ok() {
            looked = connection;
            if !looked_at_policy {
                store.look_at_policy().await;
                looked_at_policy = true;
            }
        }
        // Short retention is swept as often as it is short.
        let sweep_every = SWEEP.min(store.options.retention);
        if swept.is_none_or(|at| at.elapsed() >= sweep_every) {
            sweep(&store).await;
            swept = Some(Instant::now());
        }
        let sleep = sleep.min(sweep_every);
        let sooner = store.sooner.notified();
        tokio::select! {
            () = sooner => tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = ended.cancelled() => return,
            },
            () = tokio::time::sleep(sleep.max(APART)) => {}
            () = ended.cancelled() => return,
        }
    }
}

/// Moves what is due; how long nothing will be.
async fn keep(store: &Inner) -> Duration {
    let lease = store.options.lease.as_millis().to_string();
    loop {
        let kept: Result<(i64, i64), _> = store
            .link
            .script(
                "move due jobs",
                &script::KEEP,
                store.keys.queue(),
                &[lease.as_bytes(), BATCH],
            )
            .await;
        return match kept {
            // A full batch: there may be more.
            Ok((moved, _)) if moved >= 1000 => continue,
            Ok((_, soonest)) if soonest < 0 => IDLE.min(store.options.lease),
            Ok((_, soonest)) => Duration::from_millis(soonest.unsigned_abs() + 1).min(LONGEST),
            Err(error) => {
                tracing::debug!(error = %error.message, "could not move due jobs; retrying");
                LONGEST
            }
        };
    }
}

async fn sweep(store: &Inner) {
    loop {
        let swept: Result<i64, _> = store
            .link
            .script(
                "forget old records",
                &script::SWEEP,
                store.keys.records(),
                &[store.keys.tag().as_bytes(), BATCH],
            )
            .await;
        match swept {
            Ok(count) if count >= 1000 => continue,
            Ok(0) | Err(_) => return,
            Ok(count) => {
                tracing::debug!(count, "removed old execution records");
                return;
            }
        }
    }
}

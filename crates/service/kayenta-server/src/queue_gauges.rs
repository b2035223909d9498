//! How much waits and for how long, how much is under way: sampled now and then, since asking a queue costs something.

use std::time::Duration;

use kayenta_engine::Engine;
use metrics::gauge;
use tokio_util::sync::CancellationToken;

/// Between two looks.
pub(crate) const PERIOD: Duration = Duration::from_secs(10);

/// Samples until `shutdown`.
pub(crate) async fn keep(engine: Engine, shutdown: CancellationToken) {
    loop {
        gauge!("executions.active").set(engine.attended() as f64);
        match engine.depth().await {
            Ok(depth) => {
                gauge!("queue.depth").set(depth.delayed as f64);
                gauge!("queue.ready.depth").set(depth.ready as f64);
                gauge!("queue.unacked.depth").set(depth.leased as f64);
                gauge!("queue.dead.depth").set(depth.dead as f64);
            }
            Err(error) => tracing::debug!(%error, "could not read the queue depths"),
        }
        match engine.oldest_due().await {
            Ok(age) => gauge!("queue.age").set(age.unwrap_or_default().as_secs_f64()),
            Err(error) => tracing::debug!(%error, "could not read the age of the queue"),
        }
        if shutdown
            .run_until_cancelled(tokio::time::sleep(PERIOD))
            .await
            .is_none()
        {
            return;
        }
    }
}

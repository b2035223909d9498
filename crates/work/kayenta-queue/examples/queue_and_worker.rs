//! A queue and two workers, without the rest of the service: ten jobs, of which one fails for good.
//!
//! ```sh
//! cargo run -p kayenta-queue --example queue_and_worker
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use kayenta_queue::{EmbeddedSettings, EmbeddedStore, Job, QueueError, SystemClock, WorkQueue};

/// Takes jobs until the queue is closed.
async fn work(name: &str, queue: &impl WorkQueue) -> Result<(), QueueError> {
    while let Ok(taken) = queue.take().await {
        let id = &taken.job.execution_id;
        if id == "job-7" {
            println!("{name}: {id} cannot be done");
            queue.bury(&taken.lease, "an example of a failure").await?;
        } else {
            println!("{name}: {id}");
            // Until here the job is this worker's; had it died, the lease would have ended.
            queue.complete(&taken.lease).await?;
        }
        let depth = queue.depth().await?;
        if depth.ready + depth.leased + depth.delayed == 0 {
            queue.close();
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let settings = EmbeddedSettings::default();
    let queue = EmbeddedStore::open(folder.path(), settings, Arc::new(SystemClock)).await?;
    for number in 0..10 {
        let execution_id = format!("job-{number}");
        queue.push(&Job { execution_id }, None).await?;
    }
    let (one, other) = tokio::join!(work("one", &queue), work("other", &queue));
    one.and(other)?;
    for letter in queue.dead_letters(10).await? {
        println!("given up: {}, {}", letter.job.execution_id, letter.reason);
    }
    Ok(())
}

//! Hands ready jobs to waiting workers: one blocking read at a time for the whole process.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use kayenta_queue::{Job, Lease, LeasedJob, QueueError, QueueErrorKind};
use redis::{cmd, streams::StreamReadReply};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{Inner, keys::GROUP, link::Link, script};

/// How long one blocking read waits; only so that a dead connection is noticed.
const BLOCK: Duration = Duration::from_secs(10);

/// Between attempts while Redis does not answer.
const PAUSE: Duration = Duration::from_millis(250);

/// The most jobs of one read.
const BATCH: usize = 32;

type Waiter = oneshot::Sender<LeasedJob>;

/// The workers that wait.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    waiters: Mutex<VecDeque<Waiter>>,
    arrived: Notify,
}

impl Reader {
    /// A job for a worker, some time.
    pub(crate) fn wait(&self) -> oneshot::Receiver<LeasedJob> {
        let (sender, receiver) = oneshot::channel();
        self.waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(sender);
        self.arrived.notify_one();
        receiver
    }

    /// How many still wait.
    fn waiting(&self) -> usize {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.len()
    }

    /// Gives a job to a worker that still waits; back when there is none.
    fn give(&self, mut job: LeasedJob) -> Result<(), LeasedJob> {
        loop {
            let waiter = self
                .waiters
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(waiter) = waiter else {
                return Err(job);
            };
            match waiter.send(job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back,
            }
        }
    }
}

/// Reads as long as someone waits, until the store is gone.
pub(crate) async fn run(inner: Weak<Inner>, link: Link, ended: CancellationToken) {
    let mut quiet = false;
    while let Some(store) = inner.upgrade() {
        if store.closed.is_cancelled() {
            return;
        }
        let waiting = store.reader.waiting();
        if waiting == 0 {
            let arrived = store.reader.arrived.notified();
            tokio::select! {
                () = arrived => {}
                () = ended.cancelled() => return,
                () = store.closed.cancelled() => return,
                // The handle is let go now and then, so that a dropped store can end.
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            continue;
        }
        let read = {
            let ready = store.keys.ready().to_owned();
            let consumer = store.options.consumer.clone();
            let closed = store.closed.clone();
            let mut broken = store.link.broken();
            drop(store);
            tokio::select! {
                read = read(&link, &ready, &consumer, waiting.min(BATCH)) => read,
                // A blocking read is the last to notice that its connection is dead, too. What it may
                // have been given is found again by the keeper.
                Ok(()) = broken.changed() => {
                    link.renew().await;
                    continue;
                }
                () = ended.cancelled() => return,
                // What Redis may have handed out already is found again by the keeper.
                () = closed.cancelled() => return,
            }
        };
        let Some(store) = inner.upgrade() else { return };
        let outcome = match read {
            Ok(Some(entries)) => hand_out(&store, entries).await,
            // Without its group Redis is empty: new, or emptied.
            Ok(None) => store.look_at_era().await.map(drop),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => quiet = false,
            Err(error) => {
                if !quiet {
                    tracing::warn!(error = %error.message, "no jobs can be taken until Redis answers again");
                    quiet = true;
                }
                drop(store);
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = ended.cancelled() => return,
                }
            }
        }
    }
}

/// The entry ids and execution ids of new entries; `None` when the consumer group had to be made.
async fn read(
    link: &Link,
    ready: &str,
    consumer: &str,
    count: usize,
) -> Result<Option<Vec<(String, String)>>, QueueError> {
    let mut command = cmd("XREADGROUP");
    command
        .arg("GROUP")
        .arg(GROUP)
        .arg(consumer)
        .arg("COUNT")
        .arg(count);
    command
        .arg("BLOCK")
        .arg(BLOCK.as_millis() as u64)
        .arg("STREAMS")
        .arg(ready)
        .arg(">");
    let reply: Result<Option<StreamReadReply>, QueueError> = link
        .command_within("take a job", &command, BLOCK + Duration::from_secs(5))
        .await;
    let reply = match reply {
        Err(error) if error.message.contains("NOGROUP") => {
            create_group(link, ready).await?;
            return Ok(None);
        }
        other => other?,
    };
    let entries = reply
        .into_iter()
        .flat_map(|reply| reply.keys)
        .flat_map(|key| key.ids);
    Ok(Some(
        entries
            .filter_map(|entry| Some((entry.id.clone(), entry.get("id")?)))
            .collect(),
    ))
}

/// From the beginning of the stream: jobs may be there already.
async fn create_group(link: &Link, ready: &str) -> Result<(), QueueError> {
    let mut command = cmd("XGROUP");
    command
        .arg("CREATE")
        .arg(ready)
        .arg(GROUP)
        .arg("0")
        .arg("MKSTREAM");
    match link
        .command::<()>("create the consumer group", &command)
        .await
    {
        Err(error) if !error.message.contains("BUSYGROUP") => Err(error),
        _ => Ok(()),
    }
}

/// Leases what was read, and gives it to the workers that wait; what no worker waits for goes
/// back.
async fn hand_out(store: &Arc<Inner>, entries: Vec<(String, String)>) -> Result<(), QueueError> {
    if entries.is_empty() {
        return Ok(());
    }
    let millis = store.options.lease.as_millis().to_string();
    // The entry's own id is unique; with the consumer's name it tells two holders apart.
    let tokens: Vec<String> = entries
        .iter()
        .map(|(entry, _)| format!("{}:{entry}", store.options.consumer))
        .collect();
    let mut arguments: Vec<&[u8]> = vec![millis.as_bytes()];
    for ((entry, id), token) in entries.iter().zip(&tokens) {
        arguments.extend([id.as_bytes(), entry.as_bytes(), token.as_bytes()]);
    }
    let deliveries: Vec<u32> = store
        .link
        .script("lease jobs", &script::LEASE, store.keys.queue(), &arguments)
        .await?;
    for (((_, execution_id), token), delivery) in entries.into_iter().zip(tokens).zip(deliveries) {
        if delivery == 0 {
            continue;
        }
        let lease = Lease {
            execution_id: execution_id.clone(),
            token,
            duration: store.options.lease,
        };
        let job = LeasedJob {
            job: Job { execution_id },
            lease,
            delivery,
        };
        if let Err(unwanted) = store.reader.give(job) {
            match store.put_off_lease(&unwanted.lease, 0).await {
                Ok(()) => {}
                Err(error) if error.kind == QueueErrorKind::LeaseLost => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

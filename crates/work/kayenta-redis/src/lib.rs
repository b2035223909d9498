//! `WorkQueue` and `ExecutionStore` on Redis, shared by any number of processes.
//!
//! * Ready jobs are entries of a stream that a consumer group reads with blocking reads; delayed jobs
//!   lie in a sorted set by their time; leases in another by their end, by Redis' own clock.
//! * Every change of a job's place is one Lua script, so a job is in exactly one place, and one round
//!   trip. Every lease has a token that renewing and completing must show.
//! * All keys share one hash tag, so that Redis Cluster runs the scripts. They begin with
//!   `{<queueName>:rs}` and never meet the reference's own keys.
//! * A connection is made when first needed and made anew when it breaks; a call that met a broken
//!   one is tried once more.
//!
//! What Redis acknowledges is as durable as Redis is: with `appendonly yes` it survives a restart,
//! without it a restart loses what runs (finished results are in the object store). A process that
//! lives through such a loss notices it, and every process can tell from then on.
//!
//! ```
//! use kayenta_queue::WorkQueue;
//! use kayenta_redis::{RedisStore, RedisStoreOptions};
//! use kayenta_settings::RedisSettings;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // No server listens here. Nothing is sent before it is needed, so that the store can be made.
//! let redis = RedisSettings::single("127.0.0.1", 1);
//! let store = RedisStore::new(RedisStoreOptions::new(redis, "this-process"))?;
//! let error = store.check().await.unwrap_err();
//! assert!(error.message.contains("127.0.0.1:1"), "{}", error.message);
//! # Ok(())
//! # }
//! ```

mod dial;
mod era;
mod execution_store;
mod failover;
mod failure;
mod generation;
mod keeper;
mod keys;
mod link;
mod options;
mod probe;
mod reader;
mod reference_keys;
mod script;
mod work_queue;

use std::sync::Arc;

use kayenta_queue::QueueError;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{era::Era, failover::Replicas, keys::Keys, link::Link, reader::Reader};

pub use options::RedisStoreOptions;
pub use reference_keys::{ReferenceKeys, ReferenceRun, ReferenceState, reference_state};

/// Queue and execution records on one Redis. Cloning shares it.
#[derive(Clone, Debug)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Link,
    keys: Keys,
    options: RedisStoreOptions,
    reader: Reader,
    era: Era,
    replicas: Replicas,
    /// Tells the keeper that something is due sooner than it thinks.
    sooner: Notify,
    /// Why Redis may throw work away, if it may.
    eviction: watch::Sender<Option<String>>,
    closed: CancellationToken,
    /// Ends the tasks when the last handle is gone.
    ended: CancellationToken,
}

impl RedisStore {
    /// Prepares everything and connects to nothing: Redis may come later. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot work with any Redis.
    pub fn new(options: RedisStoreOptions) -> Result<Self, QueueError> {
        let link = Link::new(&options)?;
        let reading = Link::new(&options)?;
        let keys = Keys::new(&options.queue_name, &options.dead_letter_name);
        let inner = Arc::new(Inner {
            link,
            keys,
            options,
            reader: Reader::default(),
            era: Era::default(),
            replicas: Replicas::default(),
            sooner: Notify::new(),
            eviction: watch::Sender::new(None),
            closed: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        tokio::spawn(reader::run(
            Arc::downgrade(&inner),
            reading,
            inner.ended.clone(),
        ));
        tokio::spawn(keeper::run(Arc::downgrade(&inner), inner.ended.clone()));
        Ok(Self { inner })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

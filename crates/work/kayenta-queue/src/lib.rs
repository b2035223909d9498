//! The work seam: the queue of jobs and the store of execution records, and the embedded pair that
//! needs nothing installed.
//!
//! A job is no more than the name of an execution that wants attention at some time. All state is
//! in the execution record, so a job may be delivered twice without harm, and pushing a job whose
//! execution is queued already changes nothing but its due time.
//!
//! It is not a message queue: a job carries no payload, has no topic and no order among jobs. It is not
//! a database either: a record is an opaque body under an id, with a version and a status.
//! `examples/queue_and_worker.rs` runs two workers on one queue.
//!
//! ```
//! use std::sync::Arc;
//! use kayenta_queue::{EmbeddedSettings, EmbeddedStore, Job, SystemClock, WorkQueue};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let settings = EmbeddedSettings::default();
//! let queue = EmbeddedStore::open(folder.path(), settings, Arc::new(SystemClock)).await?;
//! queue.push(&Job { execution_id: "01ARZ3NDEK".to_owned() }, None).await?;
//!
//! // The lease makes it this worker's; a worker that dies lets its lease end, and another takes over.
//! let taken = queue.take().await?;
//! assert_eq!((taken.job.execution_id.as_str(), taken.delivery), ("01ARZ3NDEK", 1));
//! queue.complete(&taken.lease).await?;
//! assert_eq!(queue.depth().await?.ready, 0);
//! # Ok(())
//! # }
//! ```

mod embedded;
mod error;
mod execution_store;
mod system_clock;
mod work_queue;

pub use embedded::{EmbeddedSettings, EmbeddedStore};
pub use error::{QueueError, QueueErrorKind};
pub use execution_store::{
    ExecutionFilter, ExecutionRecord, ExecutionStore, ListedExecution, ListingPlace,
    NoListingPlace, RecordVersion,
};
pub use system_clock::SystemClock;
pub use work_queue::{DeadLetter, Job, Lease, LeasedJob, QueueDepth, WorkQueue};

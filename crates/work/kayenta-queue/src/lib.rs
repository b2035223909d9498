//! The work seam: the queue of jobs and the store of execution records, and the embedded pair that
//! needs nothing installed.
//!
//! A job is no more than the name of an execution that wants attention at some moment. All state is
//! in the execution record, so a job may be delivered twice without harm, and pushing a job whose
//! execution is queued already changes nothing but its due time.

mod embedded;
mod error;
mod execution_store;
mod system_clock;
mod work_queue;

pub use embedded::{EmbeddedSettings, EmbeddedStore};
pub use error::{QueueError, QueueErrorKind};
pub use execution_store::{ExecutionFilter, ExecutionRecord, ExecutionStore, RecordVersion};
pub use system_clock::SystemClock;
pub use work_queue::{DeadLetter, Job, Lease, LeasedJob, QueueDepth, WorkQueue};

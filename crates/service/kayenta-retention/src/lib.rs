//! Retention: objects older than `kayenta.retention.*` says are removed, account by account and kind by kind.
//!
//! What is older goes, unless something that stays may refer to it. An execution refers to nothing that was written before it was
//! accepted, so everything written since the oldest of these was accepted stays: the executions that are not complete, and the
//! archives that are younger than the age of the kind. The pair lists that comparisons of judges are reading stay, too. Canary
//! configs are never removed.
//!
//! A round needs no state: it lists, and continues where an interrupted one stopped. [`Retention`] is a
//! [`PeriodicTask`](kayenta_engine::PeriodicTask): of all replicas, one does each round.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use kayenta_retention::expired;
//! use kayenta_storage::{MemoryStore, ObjectKind, ObjectStore, WriteCondition};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::default();
//! let kind = ObjectKind::MetricSetList;
//! store.store(kind, "series", None, "[]".into(), WriteCondition::Always).await?;
//! let written = store.list(kind).await?[0].updated;
//!
//! let day = Duration::from_secs(86_400);
//! let later = written + chrono::TimeDelta::days(2);
//! assert_eq!(expired(&store, kind, day, later, None).await?.keys, ["series"]);
//! // An execution accepted before the object was written may still read it.
//! let accepted = Some(written - chrono::TimeDelta::hours(1));
//! assert!(expired(&store, kind, day, later, accepted).await?.keys.is_empty());
//! # Ok(())
//! # }
//! ```

mod expired;
mod plan;
mod retention;

pub use expired::{Expired, expired};
pub use plan::PlannedRemoval;
pub use retention::{Removed, Retention, RetentionError};

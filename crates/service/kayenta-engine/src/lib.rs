//! Canary runs and standalone canary analyses: plan, steps, state, archive.
//!
//! An execution is one durable record and one job on the queue. A worker takes the job under a lease
//! it keeps renewing, drives the execution from its last recorded step, and completes the job or puts
//! it off until the execution wants attention again. Every object a run writes has a key chosen when
//! it was planned, so a step done twice overwrites itself; every write of a record is bound to the
//! version last seen, so a cancel always wins.
//!
//! The crate knows seams only: metric stores, object stores, judges, queue, records, clock and ids
//! come in through [`EngineParts`]. It knows no HTTP: errors carry an [`EngineErrorKind`].
//!
//! ```no_run
//! # async fn example(parts: kayenta_engine::EngineParts) -> Result<(), kayenta_engine::EngineError> {
//! use kayenta_engine::{Engine, EngineOptions};
//! use tokio_util::sync::CancellationToken;
//!
//! let engine = Engine::new(parts, EngineOptions::default());
//! let shutdown = CancellationToken::new();
//! let workers = tokio::spawn({
//!     let (engine, shutdown) = (engine.clone(), shutdown.clone());
//!     async move { engine.run(shutdown).await }
//! });
//! let status = engine.canary_status("01CYZCD53RBX2KR2Q9GY0218TV", None).await?;
//! println!("{:?}", status.status);
//! # Ok(())
//! # }
//! ```

mod account;
mod archiver;
mod attendance;
mod computing;
mod documents;
mod engine;
mod error;
mod execution_query;
mod executions;
mod explainer;
mod failure;
mod fetcher;
mod ids;
mod judge_runner;
mod lost_execution;
mod memory;
mod notices;
mod options;
mod pieces;
mod pipeline;
mod plan;
mod record;
mod request;
mod result_meters;
mod run;
mod session;
mod status;
mod tasks;
mod traces;
mod waiting_executions;
mod worker;

pub use account::{Account, Accounts};
pub use engine::Engine;
pub use error::{EngineError, EngineErrorKind};
pub use execution_query::ExecutionQuery;
pub use executions::{ExecutionPage, UnfinishedWork};
pub use explainer::{CanaryEvidence, StageProgress};
pub use ids::{RandomIds, accepted_millis};
pub use notices::{
    Delivered, ExecutionHistory, JudgedLook, NoNoticeId, NoticeBoard, NoticeDelivery, NoticeId,
};
pub use options::{EngineOptions, EngineParts};
pub use request::{
    CanaryListing, CancelOutcome, ConfigSource, FetchOneMetric, FetchOutcome, JudgePairs,
    JudgeStoredPairs, StartAnalysis, StartCanary, StartComparison,
};
pub use tasks::PeriodicTask;
pub use traces::{TraceCarrier, TraceContext};
pub use worker::SideWork;

//! The judges through their public seam: recorded judgements, batches, selection, failures.

#![allow(clippy::unwrap_used, reason = "tests panic on purpose")]

mod batch;
mod beyond;
mod golden;
mod judgement;
mod selection;
mod static_limit;
mod traps;
mod worked_example;

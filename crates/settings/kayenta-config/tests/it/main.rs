//! The loader from the outside: files on a disk of its own, variables and arguments of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod broken;
mod guide;
mod hostile;
mod operations;
mod ours;
mod precedence;
mod secrets;
mod sources;
mod support;
mod table;
mod tracing;
mod values;

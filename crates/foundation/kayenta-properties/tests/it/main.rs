//! The loader and the binder from the outside: files on a disk of its own, variables and arguments of
//! its own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod hostile;

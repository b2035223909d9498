//! The store against an emulator, and against answers made up here.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod answers;
mod catalogue;
mod conformance;
mod failures;
mod support;
mod uploads;

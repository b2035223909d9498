//! The store against servers: clusters found in lists, answers that fail in Atlas' ways, back ends that
//! misbehave.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod faults;
mod lists;
mod support;

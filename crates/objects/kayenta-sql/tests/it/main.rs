//! The store against real databases.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod catalogue;
mod conformance;
mod failures;
mod settings;
mod support;
mod the_reference;

//! The store against a ConfigBin that keeps what it is given.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod contract;

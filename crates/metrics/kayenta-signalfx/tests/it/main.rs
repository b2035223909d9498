//! The store against servers: what it sends, what it makes of streams, and streams that misbehave.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod faults;
mod streams;
mod support;

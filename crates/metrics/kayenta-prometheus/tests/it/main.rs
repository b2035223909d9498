//! The store against servers: what the reference sent and made of the answers, and what it left out.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod faults;
mod fuzz;
mod managed;
mod recorded;
mod support;

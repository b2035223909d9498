//! The store against real servers: what is sent, what is found, what is refused.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod faults;
mod requests;
mod support;

//! Settings of a connection, and requests that are made with them.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod identities;
mod reading;
mod support;

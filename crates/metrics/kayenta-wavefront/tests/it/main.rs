//! The store against servers: what is sent, what is made of the answers, what of bad ones.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod faults;
mod requests;

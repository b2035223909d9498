//! The store against servers: what it sends, what it makes of answers, and where its tokens come from.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod credentials;
mod fetching;
mod support;

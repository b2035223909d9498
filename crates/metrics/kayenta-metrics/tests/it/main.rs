//! The seam's machinery against servers that answer, break off and never stop.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod events;
mod http;
mod metadata;
mod retry;
mod support;

//! The seam's machinery against stores that fail, and against time.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod metadata;
mod retry;
mod support;

//! Pictures of judged canaries.

#![allow(clippy::unwrap_used, reason = "tests panic on purpose")]

mod judged;
mod pages;

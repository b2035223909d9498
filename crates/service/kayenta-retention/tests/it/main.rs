//! Retention on stores in memory and on disk, and a clock that only moves when a test moves it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod failing_store;
mod rounds;

//! The engine on its seams: a scripted metric store, memory stores, and a clock that only moves when
//! a test moves it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod analysis;
mod canary;
mod cancel;
mod comparison;
mod explanations;
mod faults;
mod fetch;
mod listing;
mod pieces;
mod planning;
mod resume;
mod scale;
mod scripted;
mod sequential;
mod side_work;
mod static_limits;
mod submit;
mod world;

//! A back end that misbehaves, and the suite every metric store has to pass against it: whatever the
//! back end does ends in an error that a person can act on, within bounds of time and size, without a
//! secret in it; what may pass by itself is tried again.

mod server;
mod suite;

pub use server::{Behaviour, MisbehavingStore, Stored};
pub use suite::{
    BadBackEnds, assert_bad_back_ends_are_reported, assert_broken_answers_are_reported,
};

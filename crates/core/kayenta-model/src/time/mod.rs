//! Timestamps and durations as Java's `java.time` reads and prints them, and the two forms in which JSON
//! holds them.

mod duration;
mod form;
mod instant;
mod instant_text;
mod json_times;

pub use self::{
    duration::IsoDuration,
    instant::{ErrorTimestamp, Instant, iso_millis, offset_timestamp},
    instant_text::InstantError,
    json_times::JsonTimes,
};

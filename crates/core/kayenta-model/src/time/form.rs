//! How timestamps and durations offer both of their forms to whatever writes them.
//!
//! They are written as a newtype of one of the names here. Ordinary serializers pass over the name and
//! get the text, at no cost; the one of [`JsonTimes`](super::JsonTimes) knows the names and asks for the
//! number, by saying that it is not for human readers.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// Name of a timestamp.
pub(super) const DATE: &str = "kayenta::Date";
/// Name of a duration.
pub(super) const DURATION: &str = "kayenta::Duration";

/// The text, or the number of milliseconds where the serializer is not human-readable.
pub(super) struct TextOrMillis<T> {
    pub(super) text: T,
    pub(super) millis: i64,
}

impl<T: Display> Serialize for TextOrMillis<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.text)
        } else {
            serializer.serialize_i64(self.millis)
        }
    }
}

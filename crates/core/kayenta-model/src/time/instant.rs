//! Timestamps as `java.time.Instant` reads and prints them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{
    form::{self, TextOrMillis},
    instant_text::{self, InstantError},
};

/// A point in time in UTC. Prints no fraction if it has none, else 3, 6 or 9 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub DateTime<Utc>);

impl Instant {
    /// From milliseconds since 1970; `None` outside the calendar's range.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).map(Self)
    }

    /// Milliseconds since 1970, cut off.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Reads a JSON value: text in ISO-8601, integers (also as text) as epoch milliseconds, decimals
    /// (also as text) as epoch seconds.
    ///
    /// # Errors
    /// A text saying what is wrong, for values that are no instant.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let out_of_range = || format!("{value} is outside the range of instants");
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(millis) => Self::from_millis(millis).ok_or_else(out_of_range),
                None => number
                    .as_f64()
                    .and_then(Self::from_seconds)
                    .ok_or_else(out_of_range),
            },
            Value::String(text) => {
                let text = text.trim();
                if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
                    return text
                        .parse()
                        .ok()
                        .and_then(Self::from_millis)
                        .ok_or_else(out_of_range);
                }
                let decimal = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if decimal && text.matches('.').count() == 1 && text.len() > 1 {
                    return text
                        .parse()
                        .ok()
                        .and_then(Self::from_seconds)
                        .ok_or_else(out_of_range);
                }
                let normalised = text
                    .strip_suffix("+0000")
                    .or_else(|| text.strip_suffix("+00:00"))
                    .or_else(|| text.strip_suffix("+00"))
                    .map(|front| format!("{front}Z"));
                normalised
                    .as_deref()
                    .unwrap_or(text)
                    .parse()
                    .map_err(|e: InstantError| {
                        InstantError {
                            text: text.to_owned(),
                            ..e
                        }
                        .to_string()
                    })
            }
            _ => Err("expected an ISO-8601 instant or milliseconds since 1970".to_owned()),
        }
    }

    fn from_seconds(seconds: f64) -> Option<Self> {
        let whole = seconds.floor();
        let nanos = ((seconds - whole) * 1e9).round().min(999_999_999.0);
        DateTime::from_timestamp(whole as i64, nanos as u32).map(Self)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// `Instant.parse` of Java 17.
impl FromStr for Instant {
    type Err = InstantError;

    fn from_str(text: &str) -> Result<Self, InstantError> {
        instant_text::parse(text).map(Self)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let forms = TextOrMillis {
            text: self,
            millis: self.millis(),
        };
        serializer.serialize_newtype_struct(form::DATE, &forms)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Milliseconds since 1970 in ISO-8601, the text of every `*Iso` field.
#[must_use]
pub fn iso_millis(millis: i64) -> String {
    Instant::from_millis(millis)
        .map(|instant| instant.to_string())
        .unwrap_or_default()
}

/// When an error was answered, in milliseconds since 1970; written in the form of
/// [`offset_timestamp`] unless [`JsonTimes`](super::JsonTimes) wants numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorTimestamp(pub i64);

impl Serialize for ErrorTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let forms = TextOrMillis {
            text: &offset_timestamp(self.0),
            millis: self.0,
        };
        serializer.serialize_newtype_struct(form::DATE, &forms)
    }
}

/// `2025-04-08T12:34:56.789+00:00`, the form of error timestamps.
#[must_use]
pub fn offset_timestamp(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instants_are_read_as_the_reference_reads_them() {
        for (input, wanted) in [
            (json!("2020-11-20T23:01:09Z"), "2020-11-20T23:01:09Z"),
            (json!(" 2020-11-20t23:01:09.z "), "2020-11-20T23:01:09Z"),
            (json!("2020-11-20T23:01:09.3Z"), "2020-11-20T23:01:09.300Z"),
            (
                json!("2020-11-20T23:01:09.123456789Z"),
                "2020-11-20T23:01:09.123456789Z",
            ),
            (json!("2020-11-20T23:01:09+02:00"), "2020-11-20T21:01:09Z"),
            (json!("2020-11-20T23:01:09+0000"), "2020-11-20T23:01:09Z"),
            (json!("2020-11-20T24:00:00Z"), "2020-11-21T00:00:00Z"),
            (json!("2020-11-20T23:59:60Z"), "2020-11-20T23:59:59Z"),
            (json!(1605913269000_i64), "2020-11-20T23:01:09Z"),
            (json!("1605913269000"), "2020-11-20T23:01:09Z"),
            (json!(1605913269.5), "2020-11-20T23:01:09.500Z"),
            (json!("1605913269.5"), "2020-11-20T23:01:09.500Z"),
            (json!(-1000), "1969-12-31T23:59:59Z"),
        ] {
            let instant = Instant::from_json(&input).unwrap_or_else(|e| panic!("{input}: {e}"));
            assert_eq!(instant.to_string(), wanted, "{input}");
        }
    }

    #[test]
    fn refused_instants_name_the_index_the_reference_names() {
        for (text, index) in [
            ("2020-11-20T23:01:09.3NZ", 21),
            ("2020-11-20T23:01:09", 19),
            ("2020-11-20T23:01:09+0200", 19),
            ("2020-11-20T23:01Z", 16),
            ("2020-11-20", 10),
            ("2020-11-20T23:01:09.1234567890Z", 29),
            ("x", 0),
            ("", 0),
        ] {
            assert_eq!(text.parse::<Instant>().unwrap_err().index, index, "{text}");
        }
        for text in [
            "2020-11-20 23:01:09Z",
            "2020-02-30T00:00:00Z",
            "now",
            "-5",
            "+5",
        ] {
            assert!(Instant::from_json(&json!(text)).is_err(), "{text}");
        }
    }
}

//! Instants and durations as Java's `java.time` reads and prints them.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

static DATES_AS_NUMBERS: AtomicBool = AtomicBool::new(false);
static DURATIONS_AS_NUMBERS: AtomicBool = AtomicBool::new(false);

/// How timestamps and durations are written in JSON, in responses and in stored objects alike
/// (`kayenta.serialization.*`). Both forms are read whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonTimes {
    /// Timestamps as milliseconds since 1970 instead of ISO-8601 text.
    pub dates_as_numbers: bool,
    /// Durations as milliseconds instead of ISO-8601 text.
    pub durations_as_numbers: bool,
}

impl JsonTimes {
    /// Sets the form for the whole process, as the reference's mapper has it; to be called once, at start.
    pub fn set_for_process(self) {
        DATES_AS_NUMBERS.store(self.dates_as_numbers, Ordering::Relaxed);
        DURATIONS_AS_NUMBERS.store(self.durations_as_numbers, Ordering::Relaxed);
    }
}

/// A point in time in UTC. Prints no fraction if it has none, else 3, 6 or 9 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub DateTime<Utc>);

/// A text that is no instant, in the words of the reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Text '{text}' could not be parsed at index {index}")]
pub struct InstantError {
    /// The text.
    pub text: String,
    /// Where reading stopped, in characters.
    pub index: usize,
}

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

/// Milliseconds since 1970 in ISO-8601, the text of every `*Iso` field.
#[must_use]
pub fn iso_millis(millis: i64) -> String {
    Instant::from_millis(millis)
        .map(|instant| instant.to_string())
        .unwrap_or_default()
}

/// When an error was answered, in milliseconds since 1970; written in the form of
/// [`offset_timestamp`], or as the number where dates are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorTimestamp(pub i64);

impl Serialize for ErrorTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if DATES_AS_NUMBERS.load(Ordering::Relaxed) {
            serializer.serialize_i64(self.0)
        } else {
            serializer.serialize_str(&offset_timestamp(self.0))
        }
    }
}

/// `2025-04-08T12:34:56.789+00:00`, the form of error timestamps.
#[must_use]
pub fn offset_timestamp(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// `Instant.parse` of Java 17: `yyyy-MM-ddTHH:mm:ss[.n{0,9}]` with `Z` or `±HH:mm[:ss]`; the error
/// tells the index Java tells.
impl FromStr for Instant {
    type Err = InstantError;

    fn from_str(text: &str) -> Result<Self, InstantError> {
        let mut reader = Reader {
            bytes: text.as_bytes(),
            at: 0,
        };
        reader.instant().map_err(|index| InstantError {
            text: text.to_owned(),
            index,
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<(), usize> {
        match self.peek() {
            Some(found) if found.eq_ignore_ascii_case(&wanted) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.at),
        }
    }

    fn digits(&mut self, count: usize) -> Result<u32, usize> {
        let start = self.at;
        let slice = self.bytes.get(start..start + count).ok_or(start)?;
        if !slice.iter().all(u8::is_ascii_digit) {
            return Err(start);
        }
        self.at += count;
        Ok(slice
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn instant(&mut self) -> Result<Instant, usize> {
        let start = self.at;
        let year = self.digits(4)?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        self.expect(b'T')?;
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        self.expect(b':')?;
        let second = self.digits(2)?;
        let nanos = self.fraction();
        let offset = self.offset()?;
        if self.at != self.bytes.len() {
            return Err(self.at);
        }
        let year = i32::try_from(year).map_err(|_| start)?;
        let date = NaiveDate::from_ymd_opt(year, month, day).ok_or(start)?;
        let end_of_day = hour == 24 && minute == 0 && second == 0 && nanos == 0;
        let leap = hour == 23 && minute == 59 && second == 60;
        let (hour, second, extra_days) = match (end_of_day, leap) {
            (true, _) => (0, 0, 1),
            (_, true) => (hour, 59, 0),
            _ => (hour, second, 0),
        };
        let local = date
            .and_hms_nano_opt(hour, minute, second, nanos)
            .ok_or(start)?;
        let moment = local + TimeDelta::days(extra_days) - TimeDelta::seconds(offset);
        Ok(Instant(moment.and_utc()))
    }

    /// `.` and up to nine digits; what follows them is the offset's to judge.
    fn fraction(&mut self) -> u32 {
        if self.peek() != Some(b'.') {
            return 0;
        }
        self.at += 1;
        let mut nanos = 0;
        let mut scale = 100_000_000;
        while scale > 0 && self.peek().is_some_and(|b| b.is_ascii_digit()) {
            nanos += u32::from(self.bytes[self.at] - b'0') * scale;
            scale /= 10;
            self.at += 1;
        }
        nanos
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Result<i64, usize> {
        let start = self.at;
        let sign = match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Ok(0);
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(start),
        };
        self.at += 1;
        let mut parse = || {
            let hours = self.digits(2)?;
            self.expect(b':')?;
            let minutes = self.digits(2)?;
            let seconds = if self.peek() == Some(b':') {
                self.at += 1;
                self.digits(2)?
            } else {
                0
            };
            Ok::<_, usize>((hours, minutes, seconds))
        };
        let (hours, minutes, seconds) = parse().map_err(|_| start)?;
        if hours > 18 || minutes > 59 || seconds > 59 {
            return Err(start);
        }
        Ok(sign * i64::from(hours * 3600 + minutes * 60 + seconds))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if DATES_AS_NUMBERS.load(Ordering::Relaxed) {
            serializer.serialize_i64(self.millis())
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A duration in nanoseconds; prints as `PT1H30M`, hours the largest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct IsoDuration(pub i128);

const SECOND: i128 = 1_000_000_000;

impl IsoDuration {
    /// The time from `start` to `end`, negative when `end` is earlier.
    #[must_use]
    pub fn between(start: Instant, end: Instant) -> Self {
        let nanos = |i: Instant| {
            i128::from(i.0.timestamp()) * SECOND + i128::from(i.0.timestamp_subsec_nanos())
        };
        Self(nanos(end) - nanos(start))
    }
}

/// `Duration.toString` of Java.
impl fmt::Display for IsoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("PT0S");
        }
        let whole = self.0 / SECOND;
        let fraction = self.0 % SECOND;
        let (hours, minutes, seconds) = (whole / 3600, whole % 3600 / 60, whole % 60);
        f.write_str("PT")?;
        if hours != 0 {
            write!(f, "{hours}H")?;
        }
        if minutes != 0 {
            write!(f, "{minutes}M")?;
        }
        if seconds != 0 || fraction != 0 {
            let sign = if self.0 < 0 { "-" } else { "" };
            write!(f, "{sign}{}", seconds.abs())?;
            if fraction != 0 {
                let digits = format!("{:09}", fraction.abs());
                write!(f, ".{}", digits.trim_end_matches('0'))?;
            }
            f.write_str("S")?;
        }
        Ok(())
    }
}

impl FromStr for IsoDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not an ISO-8601 duration such as PT1H30M");
        let upper = text.trim().to_ascii_uppercase();
        let (negative, rest) = match upper.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, upper.strip_prefix('+').unwrap_or(&upper)),
        };
        let rest = rest.strip_prefix('P').ok_or_else(wrong)?;
        let (mut total, mut number, mut in_time, mut parts) = (0_i128, String::new(), false, 0);
        for c in rest.chars() {
            if c == 'T' {
                in_time = true;
                continue;
            }
            let unit = match (c, in_time) {
                ('D', false) => 86_400,
                ('H', true) => 3600,
                ('M', true) => 60,
                ('S', true) => 1,
                _ => {
                    number.push(c);
                    continue;
                }
            };
            let value: f64 = number.parse().map_err(|_| wrong())?;
            let whole = value.trunc();
            total += (whole as i128) * unit * SECOND
                + ((value - whole) * 1e9 * unit as f64).round() as i128;
            number.clear();
            parts += 1;
        }
        if parts == 0 || !number.is_empty() {
            return Err(wrong());
        }
        Ok(Self(if negative { -total } else { total }))
    }
}

impl Serialize for IsoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if DURATIONS_AS_NUMBERS.load(Ordering::Relaxed) {
            let millis = self.0.div_euclid(1_000_000);
            serializer.serialize_i64(i64::try_from(millis).unwrap_or(i64::MAX))
        } else {
            serializer.collect_str(self)
        }
    }
}

/// ISO text, integer milliseconds, or decimal seconds (old archives).
impl<'de> Deserialize<'de> for IsoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().map_err(de::Error::custom),
            Value::Number(number) => match number.as_i64() {
                Some(millis) => Ok(Self(i128::from(millis) * 1_000_000)),
                None => Ok(Self(
                    (number.as_f64().unwrap_or_default() * 1e9).round() as i128
                )),
            },
            _ => Err(de::Error::custom("expected an ISO-8601 duration")),
        }
    }
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

    #[test]
    fn durations_print_and_read_as_java_does() {
        for (seconds, text) in [
            (3600.0, "PT1H"),
            (300.0, "PT5M"),
            (3661.0, "PT1H1M1S"),
            (0.5, "PT0.5S"),
            (0.0, "PT0S"),
            (90_000.0, "PT25H"),
            (-300.0, "PT-5M"),
            (-1.5, "PT-1.5S"),
        ] {
            let duration = IsoDuration((seconds * 1e9) as i128);
            assert_eq!(duration.to_string(), text);
            assert_eq!(text.parse::<IsoDuration>().unwrap(), duration, "{text}");
        }
        assert_eq!(
            serde_json::from_str::<IsoDuration>("3600.000000000")
                .unwrap()
                .to_string(),
            "PT1H"
        );
    }
}

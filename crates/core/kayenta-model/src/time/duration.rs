//! Durations as `java.time.Duration` reads and prints them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{
    form::{self, TextOrMillis},
    instant::Instant,
};

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
        let millis = self.0.div_euclid(1_000_000);
        let forms = TextOrMillis {
            text: self,
            millis: i64::try_from(millis).unwrap_or(i64::MAX),
        };
        serializer.serialize_newtype_struct(form::DURATION, &forms)
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
    use super::*;

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

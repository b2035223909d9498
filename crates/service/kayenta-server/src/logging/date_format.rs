//! Time stamps of log lines.

use std::fmt;

use chrono::{DateTime, FixedOffset, Local, TimeZone, Utc};
use chrono_tz::Tz;

/// Spring's default, in chrono's letters.
const DEFAULT: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// How the timestamp of a log line is written.
#[derive(Clone, Debug)]
pub(super) struct DateFormat {
    pattern: String,
    zone: Zone,
}

/// The time zone of the timestamps.
#[derive(Clone, Copy, Debug)]
enum Zone {
    Machine,
    Offset(FixedOffset),
    /// Of the time zone database.
    Named(Tz),
}

impl DateFormat {
    /// From a Java date pattern and a time zone (`Europe/Berlin`, `UTC`, `GMT+02:00`, `+02:00`). A
    /// pattern that means nothing here gives the default; an unknown zone is GMT, as in Java.
    pub(super) fn new(java_pattern: Option<&str>, zone: Option<&str>) -> Self {
        Self {
            pattern: java_pattern
                .and_then(translate)
                .unwrap_or_else(|| DEFAULT.to_owned()),
            zone: zone.map_or(Zone::Machine, Zone::called),
        }
    }

    /// Writes the timestamp.
    pub(super) fn write(&self, time: DateTime<Utc>, to: &mut dyn fmt::Write) -> fmt::Result {
        match self.zone {
            Zone::Machine => self.write_in(&Local, time, to),
            Zone::Offset(offset) => self.write_in(&offset, time, to),
            Zone::Named(zone) => self.write_in(&zone, time, to),
        }
    }

    fn write_in<Z>(&self, zone: &Z, time: DateTime<Utc>, to: &mut dyn fmt::Write) -> fmt::Result
    where
        Z: TimeZone<Offset: fmt::Display>,
    {
        let time = time.with_timezone(zone);
        write!(to, "{}", time.format(&self.pattern))
    }
}

impl Zone {
    fn called(name: &str) -> Self {
        if let Some(offset) = offset(name) {
            Self::Offset(offset)
        } else {
            Self::Named(name.parse().unwrap_or(Tz::GMT))
        }
    }
}

fn offset(zone: &str) -> Option<FixedOffset> {
    let rest = zone
        .strip_prefix("GMT")
        .or_else(|| zone.strip_prefix("UTC"))
        .or_else(|| zone.strip_prefix("Etc/UTC"))
        .unwrap_or(zone);
    if rest.is_empty() || zone == "Z" {
        return FixedOffset::east_opt(0);
    }
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: Vec<&str> = rest[1..].split(':').collect();
    let (hours, minutes): (i32, i32) = match digits.as_slice() {
        [hours, minutes] => (hours.parse().ok()?, minutes.parse().ok()?),
        [both] if both.len() == 4 => (both[..2].parse().ok()?, both[2..].parse().ok()?),
        [hours] => (hours.parse().ok()?, 0),
        _ => return None,
    };
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

/// Chrono's letters for a Java pattern; `None` when it has a letter without a counterpart.
fn translate(java: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut letters = java.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            let quoted: String = letters.by_ref().take_while(|c| *c != '\'').collect();
            pattern.push_str(if quoted.is_empty() { "'" } else { &quoted });
            continue;
        }
        let mut count = 1;
        while letters.next_if_eq(&letter).is_some() {
            count += 1;
        }
        let translated = match (letter, count) {
            ('y' | 'u', 4) => "%Y",
            ('y' | 'u', 2) => "%y",
            ('M', 2) => "%m",
            ('M', 3) => "%b",
            ('d', 2) => "%d",
            ('H', 2) => "%H",
            ('h', 2) => "%I",
            ('m', 2) => "%M",
            ('s', 2) => "%S",
            ('S', 3) => "%3f",
            ('S', 6) => "%6f",
            ('S', 9) => "%9f",
            ('a', _) => "%p",
            ('E', 1..=3) => "%a",
            ('Z', 1..=3) => "%z",
            ('X' | 'x', 3) => "%:z",
            ('%', _) => "%%",
            (c, _) if c.is_ascii_alphabetic() => return None,
            (c, count) => {
                pattern.extend(std::iter::repeat_n(c, count));
                continue;
            }
        };
        pattern.push_str(translated);
    }
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(pattern: Option<&str>, zone: &str) -> String {
        let mut text = String::new();
        let time = DateTime::parse_from_rfc3339("2025-04-08T12:00:00.123Z")
            .unwrap()
            .to_utc();
        DateFormat::new(pattern, Some(zone))
            .write(time, &mut text)
            .unwrap();
        text
    }

    #[test]
    fn the_default_is_springs_and_java_patterns_are_understood() {
        assert_eq!(write(None, "UTC"), "2025-04-08 12:00:00.123");
        assert_eq!(write(None, "GMT+02:00"), "2025-04-08 14:00:00.123");
        assert_eq!(
            write(Some("yyyy-MM-dd'T'HH:mm:ss.SSSXXX"), "UTC"),
            "2025-04-08T12:00:00.123+00:00"
        );
    }

    #[test]
    fn zones_have_names_and_an_unknown_one_is_gmt() {
        assert_eq!(write(None, "Europe/Berlin"), "2025-04-08 14:00:00.123");
        assert_eq!(write(Some("HH:mm XXX"), "America/New_York"), "08:00 -04:00");
        assert_eq!(write(None, "Mars/Olympus"), "2025-04-08 12:00:00.123");
    }

    #[test]
    fn a_pattern_without_counterpart_falls_back() {
        assert_eq!(write(Some("QQQ"), "UTC"), "2025-04-08 12:00:00.123");
    }
}

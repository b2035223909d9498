//! Numbers and times as people read them.

use chrono::{DateTime, Utc};

/// A number with four significant digits and no zeros at its end: `450.9`, `0.0001235`, `12346`, `1.23e20`.
#[must_use]
pub fn number(value: f64) -> String {
    const SIGNIFICANT: i32 = 4;
    if value.is_nan() {
        return "—".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let rounded = format!("{value:.*e}", SIGNIFICANT as usize - 1);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let text = if (-5..9).contains(&exponent) {
        let decimals = usize::try_from(SIGNIFICANT - 1 - exponent).unwrap_or_default();
        without_final_zeros(&format!("{value:.decimals$}")).to_owned()
    } else {
        format!("{}e{exponent}", without_final_zeros(mantissa))
    };
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) => format!("−{digits}"),
        Some(_) => "0".to_owned(),
        None => text,
    }
}

/// The same with its sign: `+12`, `−3.5`, `0`.
#[must_use]
pub fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 && text != "0" {
        format!("+{text}")
    } else {
        text
    }
}

/// A percentage: whole from 10 on, one decimal below.
#[must_use]
pub fn percent(value: f64) -> String {
    let decimals = usize::from(value.abs() < 9.95);
    let text = format!("{value:.decimals$}");
    let text = without_final_zeros(&text);
    match text.strip_prefix('-') {
        Some("0") => "0 %".to_owned(),
        Some(digits) => format!("−{digits} %"),
        None => format!("{text} %"),
    }
}

/// A score: two decimals at most.
#[must_use]
pub fn score(value: f64) -> String {
    if value.is_nan() {
        return "—".to_owned();
    }
    without_final_zeros(&format!("{value:.2}")).to_owned()
}

fn without_final_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// A timestamp as pages show it and as machines read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// `2026-11-29 09:05`, with seconds where they matter and there are any.
    pub text: String,
    /// ISO-8601.
    pub iso: String,
}

impl Timestamp {
    /// From milliseconds since 1970; `None` outside the calendar.
    #[must_use]
    pub fn of(millis: i64) -> Option<Self> {
        Self::written(millis, millis % 60_000 != 0)
    }

    /// The same without its seconds, for a column of a table; those who read by machine get them.
    #[must_use]
    pub fn to_the_minute(millis: i64) -> Option<Self> {
        Self::written(millis, false)
    }

    fn written(millis: i64, seconds: bool) -> Option<Self> {
        let time: DateTime<Utc> = DateTime::from_timestamp_millis(millis)?;
        let form = match seconds {
            true => "%Y-%m-%d %H:%M:%S",
            false => "%Y-%m-%d %H:%M",
        };
        Some(Self {
            text: time.format(form).to_string(),
            iso: time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
    }
}

/// A length of time in its two largest units: `1 h 5 min`, `40 s`, `3 d`.
#[must_use]
pub fn duration(millis: i64) -> String {
    if millis.abs() < 1000 {
        return format!("{millis} ms");
    }
    let mut rest = millis / 1000;
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits_and_no_noise() {
        for (value, text) in [
            (100.000_000_000_01, "100"),
            (450.94, "450.9"),
            (12345.6, "12346"),
            (0.000_123_456, "0.0001235"),
            (-2.5, "−2.5"),
            (1.2345e20, "1.234e20"),
            (1e-9, "1e-9"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::NAN, "—"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(
            (signed(3.0), signed(-3.0), signed(0.0)),
            ("+3".into(), "−3".into(), "0".into())
        );
        assert_eq!(
            (percent(54.4), percent(5.04), percent(-0.01)),
            ("54 %".into(), "5 %".into(), "0 %".into())
        );
        assert_eq!((score(66.67), score(100.0)), ("66.67".into(), "100".into()));
    }

    #[test]
    fn times_and_durations_are_short() {
        let time = Timestamp::of(1_764_407_100_000).unwrap();
        assert_eq!(
            (&*time.text, &*time.iso),
            ("2025-11-29 09:05", "2025-11-29T09:05:00Z")
        );
        assert_eq!(Timestamp::of(1_500).unwrap().text, "1970-01-01 00:00:01");
        let short = Timestamp::to_the_minute(61_500).unwrap();
        assert_eq!(
            (&*short.text, &*short.iso),
            ("1970-01-01 00:01", "1970-01-01T00:01:01Z")
        );
        assert_eq!(Timestamp::of(i64::MAX), None);
        for (millis, text) in [
            (40, "40 ms"),
            (40_000, "40 s"),
            (3_900_000, "1 h 5 min"),
            (3_600_000, "1 h"),
            (90_061_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }
}

//! Texts to values, as Spring converts them.

use std::time::Duration;

/// A boolean: `true`, `on`, `yes`, `1` and their opposites, any case.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// An integer: decimal, or hexadecimal after `0x` or `#`; blanks around it do not matter.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = ["0x", "0X", "#"]
        .iter()
        .find_map(|prefix| digits.strip_prefix(prefix));
    let (digits, radix) = match hex {
        Some(hex) => (hex, 16),
        None => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A double, as Java reads one.
#[must_use]
pub fn double(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        number => {
            let number = number.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(number);
            let plain = number
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
            plain.then(|| number.parse().ok()).flatten()
        }
    }
}

/// A duration: `500ms`, `10s`, `5m`, `1h`, `1d`, ISO 8601 (`PT10S`, `P1DT2H`), or a bare number of
/// milliseconds.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return iso_duration(&text.to_uppercase());
    }
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let nanoseconds: u64 = match text[digits..].to_lowercase().as_str() {
        "ns" => 1,
        "us" => 1_000,
        "ms" | "" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let total = u128::from(number) * u128::from(nanoseconds);
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    bounded(Duration::new(seconds, (total % 1_000_000_000) as u32))
}

fn iso_duration(text: &str) -> Option<Duration> {
    let body = text.strip_prefix('P')?;
    let (days, time) = match body.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (body, ""),
    };
    let mut total = 0.0_f64;
    let mut any = false;
    for (part, units) in [(days, "D"), (time, "HMS")] {
        let mut rest = part;
        let mut allowed = units;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let number: f64 = rest[..end].parse().ok().filter(|n: &f64| *n >= 0.0)?;
            let unit = rest[end..].chars().next()?;
            let at = allowed.find(unit)?;
            allowed = &allowed[at + 1..];
            if unit != 'S' && rest[..end].contains('.') {
                return None;
            }
            total += number
                * match unit {
                    'D' => 86_400.0,
                    'H' => 3_600.0,
                    'M' => 60.0,
                    _ => 1.0,
                };
            any = true;
            rest = &rest[end + 1..];
        }
    }
    if !any {
        return None;
    }
    Duration::try_from_secs_f64(total).ok().and_then(bounded)
}

/// This many units of time.
#[must_use]
pub fn units(number: i64, unit: Duration) -> Option<Duration> {
    let millis = u128::try_from(number).ok()?.checked_mul(unit.as_millis())?;
    bounded(Duration::from_millis(u64::try_from(millis).ok()?))
}

/// No setting is longer than a century; a longer one is a mistake, and timers overflow.
fn bounded(duration: Duration) -> Option<Duration> {
    (duration.as_secs() <= 100 * 366 * 86_400).then_some(duration)
}

/// A data size in bytes: `10MB`, `8KB`, `512B`, or a bare number of bytes. Units are powers of 1024.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim().to_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1_u64 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// The values of a closed set with their names.
///
/// ```
/// use kayenta_properties::convert::{Choices, choice};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Fruit {
///     Apple,
///     BloodOrange,
/// }
/// const FRUITS: &Choices<Fruit> =
///     &[("APPLE", Fruit::Apple), ("BLOOD_ORANGE", Fruit::BloodOrange)];
///
/// assert_eq!(choice(FRUITS, "blood-orange"), Some(Fruit::BloodOrange));
/// assert_eq!(choice(FRUITS, "pear"), None);
/// ```
pub type Choices<T> = [(&'static str, T)];

/// The value of a name; case and everything but letters and digits do not matter. `true` and `false`
/// stand for `ON` and `OFF`, which YAML turns into them.
#[must_use]
pub fn choice<T: Copy>(names: &Choices<T>, text: &str) -> Option<T> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(text);
    let find = |wanted: &str| {
        names
            .iter()
            .find(|(name, _)| plain(name) == wanted)
            .map(|(_, value)| *value)
    };
    find(&wanted).or_else(|| match wanted.as_str() {
        "true" => find("on"),
        "false" => find("off"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_convert_as_spring_converts_them() {
        assert_eq!(boolean(" ON "), Some(true));
        assert_eq!(boolean("maybe"), None);
        assert_eq!(integer("0x1F"), Some(31));
        assert_eq!(integer("#10"), Some(16));
        assert_eq!(integer(" 0777 "), Some(777));
        assert_eq!(integer("-3"), Some(-3));
        assert_eq!(integer("abc"), None);
        assert_eq!(integer("99999999999999999999"), None);
        assert_eq!(double("1.5e3"), Some(1500.0));
        assert_eq!(double("inf"), None);
        assert_eq!(size("10MB"), Some(10 << 20));
        assert_eq!(size("8 KB"), Some(8192));
        assert_eq!(size("5XB"), None);
    }

    #[test]
    fn durations_have_units_or_are_iso_or_milliseconds() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1500", Some(1_500)),
            ("PT5M", Some(300_000)),
            ("PT1H1.5S", Some(3_601_500)),
            ("P1DT1S", Some(86_401_000)),
            ("PT", None),
            ("P", None),
            ("5 minutes", None),
            ("-5s", None),
            ("999999999999999999d", None),
        ] {
            let expected = millis.map(Duration::from_millis);
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}

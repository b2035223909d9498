//! YAML 1.1 scalars, and the text Java makes of them.

/// What kind of value a text was before it became one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Text,
    Boolean,
    Integer,
    Float,
}

/// A value, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) kind: ScalarKind,
}

impl Scalar {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: ScalarKind::Text,
        }
    }

    fn of(kind: ScalarKind, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind,
        }
    }

    /// What a plain (unquoted) scalar means by YAML 1.1.
    pub(crate) fn plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::text(""),
            "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::of(ScalarKind::Boolean, "true");
            }
            "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::of(ScalarKind::Boolean, "false");
            }
            _ => {}
        }
        if let Some(integer) = integer(text) {
            return Self::of(ScalarKind::Integer, integer);
        }
        if let Some(float) = float(text) {
            return Self::of(ScalarKind::Float, java_double(float));
        }
        Self::text(text)
    }

    /// The value as JSON, with its type.
    pub(crate) fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self.kind {
            ScalarKind::Boolean => Value::Bool(self.text == "true"),
            ScalarKind::Integer => self
                .text
                .parse::<i64>()
                .map_or_else(|_| Value::String(self.text.clone()), Value::from),
            ScalarKind::Float => self
                .text
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map_or_else(|| Value::String(self.text.clone()), Value::Number),
            ScalarKind::Text => Value::String(self.text.clone()),
        }
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// A YAML 1.1 integer as decimal text. One too large for 128 bits stays text.
fn integer(text: &str) -> Option<String> {
    let (negative, digits) = split_sign(text);
    let plain = |digits: &str| digits.replace('_', "");
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        all(binary, |b| matches!(b, b'0' | b'1'))?;
        i128::from_str_radix(&plain(binary), 2).ok()?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        all(hex, |b| b.is_ascii_hexdigit())?;
        i128::from_str_radix(&plain(hex), 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        all(&digits[1..], |b| matches!(b, b'0'..=b'7'))?;
        i128::from_str_radix(&plain(&digits[1..]), 8).ok()?
    } else if digits.contains(':') {
        sexagesimal(digits)?
    } else {
        if !digits.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        all(digits, |b| b.is_ascii_digit())?;
        plain(digits).parse().ok()?
    };
    Some(if negative { -value } else { value }.to_string())
}

/// `Some` when there is at least one digit and nothing but digits and underscores.
fn all(text: &str, digit: impl Fn(u8) -> bool) -> Option<()> {
    let bytes = text.as_bytes();
    (bytes.iter().any(|b| digit(*b)) && bytes.iter().all(|b| *b == b'_' || digit(*b))).then_some(())
}

fn sexagesimal(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    if !matches!(first.as_bytes().first(), Some(b'1'..=b'9')) {
        return None;
    }
    all(first, |b| b.is_ascii_digit())?;
    let mut value: i128 = first.replace('_', "").parse().ok()?;
    for part in parts {
        let digits = part.as_bytes();
        let fits = match digits {
            [d] => d.is_ascii_digit(),
            [t, d] => matches!(t, b'0'..=b'5') && d.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return None;
        }
        value = value
            .checked_mul(60)?
            .checked_add(part.parse::<i128>().ok()?)?;
    }
    Some(value)
}

/// A YAML 1.1 float (sexagesimal ones left out: no setting is one).
fn float(text: &str) -> Option<f64> {
    let (negative, rest) = split_sign(text);
    let signed = |value: f64| if negative { -value } else { value };
    match rest {
        ".inf" | ".Inf" | ".INF" => return Some(signed(f64::INFINITY)),
        _ => {}
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    if let Some(exponent) = exponent {
        let (_, digits) = split_sign(exponent);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let starts_with_digit = |text: &str| text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let shaped = match mantissa.split_once('.') {
        Some(("", fraction)) => text == rest && starts_with_digit(fraction) && digits(fraction),
        Some((whole, fraction)) => starts_with_digit(whole) && digits(whole) && digits(fraction),
        None => exponent.is_some() && starts_with_digit(mantissa) && digits(mantissa),
    };
    if !shaped {
        return None;
    }
    rest.replace('_', "").parse().ok().map(signed)
}

/// `Double.toString` of Java: `1.0E10` from ten million, `1.0E-4` below a thousandth.
pub(crate) fn java_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if value != 0.0 && !(1e-3..1e7).contains(&magnitude) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) if mantissa.contains('.') => {
                format!("{mantissa}E{exponent}")
            }
            Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
            None => text,
        };
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_become_the_text_java_makes_of_them() {
        for (written, text) in [
            ("on", "true"),
            ("NO", "false"),
            ("y", "y"),
            ("0777", "511"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("0o17", "0o17"),
            ("1_000", "1000"),
            ("1:30", "90"),
            ("1e3", "1000.0"),
            ("1.0e+3", "1000.0"),
            ("1.50", "1.5"),
            (".5", "0.5"),
            ("~", ""),
            ("null", ""),
            ("2020-01-02", "2020-01-02"),
            (".inf", "Infinity"),
            ("-.inf", "-Infinity"),
            (".nan", "NaN"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e10", "1.0E10"),
            ("0.0001", "1.0E-4"),
            ("12.5e7", "1.25E8"),
            ("-17", "-17"),
            ("+17", "17"),
            ("0", "0"),
            ("089", "089"),
            ("-", "-"),
            (".", "."),
            ("_1", "_1"),
            ("1:90", "1:90"),
            ("1.2.3", "1.2.3"),
            ("127.0.0.1", "127.0.0.1"),
            ("redis://a:1", "redis://a:1"),
        ] {
            assert_eq!(Scalar::plain(written).text, text, "{written}");
        }
    }
}

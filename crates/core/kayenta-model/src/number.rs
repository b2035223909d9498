//! Doubles as the reference writes them: always with a fraction or exponent, non-finite values as
//! the strings `"NaN"`, `"Infinity"` and `"-Infinity"`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A 64-bit float with the wire's treatment of non-finite values and numeric strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Double(pub f64);

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<Double> for f64 {
    fn from(value: Double) -> Self {
        value.0
    }
}

/// Java's `Double.toString` as far as a reader of messages can see it: `100.0`, `NaN`, `1.0E10`.
impl fmt::Display for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let magnitude = value.abs();
        if magnitude != 0.0 && !(1e-3..1e7).contains(&magnitude) {
            let text = format!("{value:E}");
            let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
            let fraction = if mantissa.contains('.') { "" } else { ".0" };
            return write!(f, "{mantissa}{fraction}E{exponent}");
        }
        write!(f, "{value:?}")
    }
}

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Double;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a numeric string, \"NaN\" or \"Infinity\"")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Double, E> {
                Ok(Double(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Double, E> {
                Ok(Double(value as f64))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Double, E> {
                Ok(Double(value as f64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Double, E> {
                parse_java_double(text)
                    .map(Double)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads the texts a Java client may send for a double: decimal or exponent form, blanks around it,
/// `NaN`, `Infinity`, `INF` and their negatives.
#[must_use]
pub fn parse_java_double(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" | "INF" | "+INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        // Rust also reads `inf`, `nan` and `infinity` in any case, which Java refuses.
        other if other.bytes().any(|b| b.is_ascii_digit()) => other.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_finite_values_are_strings() {
        let values = vec![
            Double(1.0),
            Double(f64::NAN),
            Double(f64::INFINITY),
            Double(f64::NEG_INFINITY),
        ];
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"[1.0,"NaN","Infinity","-Infinity"]"#);
    }

    #[test]
    fn numeric_strings_and_both_spellings_of_infinity_are_read() {
        let values: Vec<Double> =
            serde_json::from_str(r#"["-INF","INF","2.5"," 60 ",7,1e2]"#).unwrap();
        let floats: Vec<f64> = values.into_iter().map(f64::from).collect();
        assert_eq!(
            floats,
            [f64::NEG_INFINITY, f64::INFINITY, 2.5, 60.0, 7.0, 100.0]
        );
        assert!(serde_json::from_str::<Double>("true").is_err());
        assert!(serde_json::from_str::<Double>("\"nan\"").is_err());
    }

    #[test]
    fn messages_print_doubles_as_java_does() {
        for (value, text) in [
            (100.0, "100.0"),
            (1e10, "1.0E10"),
            (1e-5, "1.0E-5"),
            (66.66666666666667, "66.66666666666667"),
            (12345678.5, "1.23456785E7"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(Double(value).to_string(), text);
        }
    }
}

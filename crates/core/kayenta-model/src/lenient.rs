//! Deserializers with the reference's coercions: strings for numbers, numbers for strings, empty
//! strings for nothing, truncated decimals for integers. Clients such as kayentactl rely on them.
//!
//! Use them with `#[serde(default, deserialize_with = "lenient::…")]`.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{number::parse_java_double, time::Instant};

/// A scalar as text; numbers and booleans are turned into their JSON text. `null` is `None`.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(StringVisitor)
}

struct StringVisitor;

impl<'de> de::Visitor<'de> for StringVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or boolean")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }
    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text))
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // The reference keeps the digits as they were sent; the shortest form equals them for
        // every number a person types (`1.0` stays `1.0`).
        Ok(Some(format!("{value:?}")))
    }
}

/// One string, coerced; a newtype so that lists and maps of strings can share the rule.
#[derive(Clone, Debug)]
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer).map(Text)
    }
}

/// A list of strings; `null` is `None`, and null elements are refused with a clear text.
pub fn strings<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let list = Option::<Vec<Text>>::deserialize(deserializer)?;
    list.map(|items| {
        items
            .into_iter()
            .map(|Text(item)| {
                item.ok_or_else(|| de::Error::custom("null is not allowed in this list"))
            })
            .collect()
    })
    .transpose()
}

/// A map of strings in order; null values are dropped, as the reference drops them on its way out.
pub fn string_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IndexMap<String, String>>, D::Error> {
    let map = Option::<IndexMap<String, Text>>::deserialize(deserializer)?;
    Ok(map.map(|entries| {
        entries
            .into_iter()
            .filter_map(|(key, Text(value))| Some((key, value?)))
            .collect()
    }))
}

/// A map of string to double; null values are dropped.
pub fn double_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IndexMap<String, f64>>, D::Error> {
    let map = Option::<IndexMap<String, OptionalDouble>>::deserialize(deserializer)?;
    Ok(map.map(|entries| {
        entries
            .into_iter()
            .filter_map(|(key, OptionalDouble(value))| Some((key, value?)))
            .collect()
    }))
}

#[derive(Debug)]
struct OptionalDouble(Option<f64>);

impl<'de> Deserialize<'de> for OptionalDouble {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        double(deserializer).map(OptionalDouble)
    }
}

/// A double from a number or numeric string; empty string and `null` are `None`.
pub fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => parse_java_double(&text)
            .map(Some)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a number")),
        other => Err(de::Error::custom(format_args!(
            "expected a number, found {}",
            kind(&other)
        ))),
    }
}

/// A 64-bit integer from a number (decimals are cut off) or an integer string; empty string and
/// `null` are `None`.
pub fn long<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Ok(Some(value)),
            None => match number.as_f64() {
                Some(value) if value.abs() < 9.3e18 => Ok(Some(value as i64)),
                _ => Err(de::Error::custom(format_args!(
                    "{number} does not fit a 64-bit integer"
                ))),
            },
        },
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| de::Error::invalid_value(de::Unexpected::Str(&text), &"an integer")),
        other => Err(de::Error::custom(format_args!(
            "expected an integer, found {}",
            kind(&other)
        ))),
    }
}

/// A boolean from `true`/`false` or their texts; empty string and `null` are `None`.
pub fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value)),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.as_i64() != Some(0)))
        }
        Value::String(text) => match text.trim() {
            "" => Ok(None),
            "true" | "True" | "TRUE" => Ok(Some(true)),
            "false" | "False" | "FALSE" => Ok(Some(false)),
            other => Err(de::Error::invalid_value(
                de::Unexpected::Str(other),
                &"true or false",
            )),
        },
        other => Err(de::Error::custom(format_args!(
            "expected a boolean, found {}",
            kind(&other)
        ))),
    }
}

/// An instant in any of the accepted forms (see [`Instant`]); blank and `null` are `None`.
pub fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        value => Instant::from_json(&value)
            .map(Some)
            .map_err(de::Error::custom),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

//! JSON properties (`SPRING_APPLICATION_JSON`), flattened like YAML.

use kayenta_json::JsonError;
use serde_json::Value;

use crate::properties::scalar::{Scalar, ScalarKind, java_double};

/// Flattens a JSON object.
///
/// # Errors
/// A text for people: the parser's message, or that the value is no object.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Scalar)>, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| JsonError::from(error).to_string())?;
    let Value::Object(_) = &value else {
        return Err("the value is not a JSON object".to_owned());
    };
    let mut entries = Vec::new();
    flatten(&value, String::new(), &mut entries);
    Ok(entries)
}

fn flatten(value: &Value, path: String, entries: &mut Vec<(String, Scalar)>) {
    let scalar = match value {
        Value::Object(members) => {
            for (key, member) in members {
                let name = if path.is_empty() || key.starts_with('[') {
                    format!("{path}{key}")
                } else {
                    format!("{path}.{key}")
                };
                flatten(member, name, entries);
            }
            return;
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, format!("{path}[{index}]"), entries);
            }
            return;
        }
        Value::Array(_) | Value::Null => Scalar::text(""),
        Value::Bool(flag) => Scalar {
            text: flag.to_string(),
            kind: ScalarKind::Boolean,
        },
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Scalar {
                text: java_double(float),
                kind: ScalarKind::Float,
            },
            _ => Scalar {
                text: number.to_string(),
                kind: ScalarKind::Integer,
            },
        },
        Value::String(text) => Scalar::text(text),
    };
    entries.push((path, scalar));
}

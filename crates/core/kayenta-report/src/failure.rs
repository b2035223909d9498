//! Why an execution failed, from the exception it left.

use kayenta_model::JsonMap;
use serde_json::Value;

/// What an exception says first: the first of `details.errors`, else `details.error`; empty when it says nothing.
#[must_use]
pub fn first_error(exception: &Value) -> String {
    let details = exception.get("details");
    let errors = details.and_then(|details| details.get("errors")?.as_array());
    errors
        .and_then(|errors| errors.first()?.as_str())
        .or_else(|| details.and_then(|details| details.get("error")?.as_str()))
        .unwrap_or_default()
        .to_owned()
}

/// A text among the details of an exception.
#[must_use]
pub fn detail(details: &JsonMap, name: &str) -> Option<String> {
    match details.get(name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

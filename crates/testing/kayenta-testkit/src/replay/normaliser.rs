//! Placeholders for what differs from run to run.

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use regex::{Captures, Regex};
use serde_json::Value;

static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static ULID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"));
static ISO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})")
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

const DAY_SECONDS: f64 = 86_400.0;

/// Replaces run-dependent ids and times, numbering ids in order of first appearance within one
/// scenario: `<uuid#1>`, `<ulid#1>`, `<now-iso>`, `<now-millis>`, `<duration>`.
#[derive(Debug, Default)]
pub struct Normaliser {
    uuids: HashMap<String, usize>,
    ulids: HashMap<String, usize>,
}

impl Normaliser {
    /// One for a new scenario.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A text without run-dependent parts. The reference's text for a missing object holds a hash that
    /// differs per process, so any clear text will do for it.
    pub fn text(&mut self, text: &str) -> String {
        let absent = [
            "Could not fetch items from ",
            "No such object",
            "Unable to resolve singular ",
        ];
        if absent.iter().any(|begin| text.starts_with(begin)) {
            return "<object not found>".to_owned();
        }
        let number = |known: &mut HashMap<String, usize>, found: &str| {
            let next = known.len() + 1;
            *known.entry(found.to_owned()).or_insert(next)
        };
        let text = UUID.replace_all(text, |m: &Captures<'_>| {
            format!("<uuid#{}>", number(&mut self.uuids, &m[0]))
        });
        let text = ULID.replace_all(&text, |m: &Captures<'_>| {
            format!("<ulid#{}>", number(&mut self.ulids, &m[0]))
        });
        ISO.replace_all(&text, |m: &Captures<'_>| {
            let near =
                parse_iso(&m[0]).is_some_and(|t| is_near_now(t.timestamp_millis() as f64 / 1e3));
            if near {
                "<now-iso>".to_owned()
            } else {
                m[0].to_owned()
            }
        })
        .into_owned()
    }

    /// Counts the ids of a recorded answer that does not come, so that those of later answers keep
    /// their numbers.
    pub fn missed(&mut self, recorded: &Value) {
        static NUMBERED: LazyLock<Regex> = LazyLock::new(|| pattern(r"<(u[ul]id)#(\d+)>"));
        for found in NUMBERED.captures_iter(&recorded.to_string()) {
            let known = if &found[1] == "uuid" {
                &mut self.uuids
            } else {
                &mut self.ulids
            };
            let number = found[2].parse().unwrap_or(0);
            while known.len() < number {
                known.insert(format!("missed {}", known.len()), known.len() + 1);
            }
        }
    }

    /// A whole answer. `key` is the key the value stands under, empty at the top.
    pub fn value(&mut self, value: &Value, key: &str) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                // A JVM's stack trace is no part of the contract.
                .filter(|(k, _)| *k != "stackTrace")
                .map(|(k, v)| (self.text(k), self.value(v, k)))
                .collect(),
            Value::Array(items) => items.iter().map(|v| self.value(v, key)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => {
                let n = number.as_f64().unwrap_or(f64::NAN);
                if is_near_now(n / 1000.0) || is_near_now(n) {
                    "<now-millis>".into()
                } else if key.contains("Duration") || key.contains("elapsed") {
                    "<duration>".into()
                } else {
                    value.clone()
                }
            }
            _ => value.clone(),
        }
    }
}

fn is_near_now(epoch_seconds: f64) -> bool {
    (epoch_seconds - Utc::now().timestamp_millis() as f64 / 1e3).abs() < DAY_SECONDS
}

fn parse_iso(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z")
        .ok()
        .map(|t| t.to_utc())
}

/// Replaces the parts of `body` that `dotted` names by `<ignored>`.
pub(super) fn ignore(body: &mut Value, dotted: &str) {
    let keys: Vec<&str> = dotted.split('.').collect();
    ignore_keys(body, &keys);
}

fn ignore_keys(value: &mut Value, keys: &[&str]) {
    let Some((key, rest)) = keys.split_first() else {
        *value = "<ignored>".into();
        return;
    };
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                if *key == "*" || *key == i.to_string() {
                    ignore_keys(item, rest);
                }
            }
        }
        Value::Object(fields) => {
            for (k, field) in fields.iter_mut() {
                if *key == "*" || key == k {
                    ignore_keys(field, rest);
                }
            }
        }
        _ => {}
    }
}

/// The part of `body` at a dotted path; list indices may be negative, counted from the end.
pub(super) fn at<'a>(body: &'a Value, dotted: &str) -> Option<&'a Value> {
    dotted
        .split('.')
        .filter(|key| !key.is_empty())
        .try_fold(body, |value, key| match value {
            Value::Array(items) => {
                let index: i64 = key.parse().ok()?;
                let index = if index < 0 {
                    index + items.len() as i64
                } else {
                    index
                };
                items.get(usize::try_from(index).ok()?)
            }
            Value::Object(fields) => fields.get(key),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_numbered_by_first_appearance_and_times_near_now_vanish() {
        let mut normaliser = Normaliser::new();
        let now = Utc::now();
        let body = json!({
            "b": "2f1e4c1e-0000-4000-8000-000000000001",
            "a": "x 2f1e4c1e-0000-4000-8000-000000000002 2f1e4c1e-0000-4000-8000-000000000001",
            "run": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "at": now.to_rfc3339(), "old": "2020-01-01T00:00:00Z",
            "millis": now.timestamp_millis(), "totalDuration": 12, "stackTrace": "…", "n": 1.5,
        });
        assert_eq!(
            normaliser.value(&body, ""),
            json!({
                "b": "<uuid#1>", "a": "x <uuid#2> <uuid#1>", "run": "<ulid#1>",
                "at": "<now-iso>", "old": "2020-01-01T00:00:00Z",
                "millis": "<now-millis>", "totalDuration": "<duration>", "n": 1.5,
            })
        );
    }

    #[test]
    fn paths_reach_into_lists_and_ignore_takes_stars() {
        let mut body = json!({"a": [{"b": 1}, {"b": 2}]});
        assert_eq!(at(&body, "a.-1.b"), Some(&json!(2)));
        assert_eq!(at(&body, "a.7.b"), None);
        ignore(&mut body, "a.*.b");
        assert_eq!(body, json!({"a": [{"b": "<ignored>"}, {"b": "<ignored>"}]}));
    }
}

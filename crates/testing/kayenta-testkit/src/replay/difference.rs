//! Comparison of two JSON values, path by path.

use std::fmt;

use serde_json::Value;

/// One place where the answer is not the recorded one.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where: `status`, `type`, `header:NAME`, or `body` followed by `.key` and `[index]`.
    pub path: String,
    /// What was recorded; `None` when there was nothing.
    pub want: Option<Value>,
    /// What came; `None` when there is nothing.
    pub got: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| match value {
            None => "nothing".to_owned(),
            Some(value) => {
                let text = value.to_string();
                let end = text.floor_char_boundary(400);
                if end < text.len() {
                    format!("{}…", &text[..end])
                } else {
                    text
                }
            }
        };
        write!(
            f,
            "{}: expected {}, got {}",
            self.path,
            show(&self.want),
            show(&self.got)
        )
    }
}

/// Every difference between the recorded value and the one that came, in the recorded order.
#[must_use]
pub fn differences(want: &Value, got: &Value, path: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(want, got, path, &mut found);
    found
}

fn compare(want: &Value, got: &Value, path: &str, found: &mut Vec<Difference>) {
    let differ = |path: String, want: Option<&Value>, got: Option<&Value>| Difference {
        path,
        want: want.cloned(),
        got: got.cloned(),
    };
    match (want, got) {
        (Value::Object(w), Value::Object(g)) => {
            for (key, value) in w {
                let path = format!("{path}.{key}");
                match g.get(key) {
                    Some(other) => compare(value, other, &path, found),
                    None => found.push(differ(path, Some(value), None)),
                }
            }
            for (key, value) in g.iter().filter(|(key, _)| !w.contains_key(*key)) {
                found.push(differ(format!("{path}.{key}"), None, Some(value)));
            }
        }
        (Value::Array(w), Value::Array(g)) => {
            if w.len() != g.len() {
                let count = |items: &[Value]| Value::from(format!("{} items", items.len()));
                found.push(differ(path.to_owned(), Some(&count(w)), Some(&count(g))));
            }
            for (i, (a, b)) in w.iter().zip(g).enumerate() {
                compare(a, b, &format!("{path}[{i}]"), found);
            }
        }
        (Value::Number(w), Value::Number(g)) => {
            let (a, b) = (
                w.as_f64().unwrap_or(f64::NAN),
                g.as_f64().unwrap_or(f64::NAN),
            );
            let close = (a - b).abs() <= 1e-9 * 1.0_f64.max(a.abs()).max(b.abs());
            // The recorder distinguishes `100` and `100.0`, but a client's parser does not.
            if !close {
                found.push(differ(path.to_owned(), Some(want), Some(got)));
            }
        }
        _ if want == got => {}
        _ => found.push(differ(path.to_owned(), Some(want), Some(got))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_unexpected_and_changed_parts_are_distinguished() {
        let found = differences(
            &json!({"a": 1, "b": [1, 2], "c": "x"}),
            &json!({"a": 1.0, "b": [1, 3, 4], "d": null}),
            "body",
        );
        let paths: Vec<_> = found.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["body.b", "body.b[1]", "body.c", "body.d"]);
        assert_eq!(found[2].got, None);
        assert_eq!(found[3].want, None);
    }

    #[test]
    fn numbers_are_equal_within_a_billionth() {
        assert!(differences(&json!(100.0), &json!(100.000_000_01), "body").is_empty());
        assert_eq!(differences(&json!(100.0), &json!(100.001), "body").len(), 1);
    }
}
